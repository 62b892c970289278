import { describe, expect, test } from 'vitest';
import { decodeBtf } from './decode.ts';
import { BtfBuilder } from './encode.ts';
import { checkKernelBtf, validateBtf } from './validate.ts';
import type { Btf } from './view.ts';

/** Type 1 is `int`; `fill` adds from type 2 on. */
function btf(fill: (b: BtfBuilder) => void): Btf {
  const builder = new BtfBuilder();
  builder.addInt('int', 4, 1);
  fill(builder);
  return decodeBtf(builder.build());
}

function problemsOf(fill: (b: BtfBuilder) => void): string[] {
  return validateBtf(btf(fill)).map((problem) => problem.text);
}

/** A BTF with one word of type 2's record replaced. */
function withWord(fill: (b: BtfBuilder) => void, word: number, value: number): Btf {
  const good = btf(fill);
  const bytes = Uint8Array.from(good.bytes);
  // Type 2 lies behind the 24 bytes of header and the 16 of `int`.
  new DataView(bytes.buffer).setUint32(24 + 16 + word * 4, value, true);
  return decodeBtf(bytes);
}

const member = (name: string, type: number, bitOffset: number, bitSize = 0) => ({
  name,
  type,
  bitOffset,
  bitSize,
});

describe('validateBtf', () => {
  test('a BTF with every kind and all that is allowed has no problems', () => {
    const problems = problemsOf((b) => {
      const node = b.addStruct('node', 16, [member('next', b.nextId + 1, 0), member('', b.nextId + 2, 64)]);
      const pointer = b.addPtr(node);
      b.addUnion('', 8, [member('a', 1, 0, 3), member('b', pointer, 0)]);
      b.addStruct('empty', 0, [member('flexible', b.nextId + 1, 0)]);
      b.addArray(1, 1, 0);
      b.addInt('__int128', 16, 1, 128);
      b.addInt('_Bool', 1, 4);
      b.addEnum('', 1, [{ name: 'A', value: 1 }]);
      b.addEnum('later', 4, []);
      b.addEnum64('e', 8, [{ name: 'B', value: 1n << 40n }]);
      b.addFwd('elsewhere', 'union');
      const variadic = b.addFuncProto(0, [
        { name: 'format', type: pointer },
        { name: '', type: 0 },
      ]);
      b.addFuncProto(1, [{ name: '', type: 1 }]);
      const func = b.addFunc('print', variadic);
      const variable = b.addVar('counter.0', 1, 1);
      const other = b.addVar('other', node);
      b.addDatasec('.data..percpu', 64, [
        { variable, offset: 0, size: 4 },
        { variable: other, offset: 48, size: 16 },
      ]);
      b.addFloat('long double', 16);
      b.addDeclTag('bpf_kfunc', func);
      b.addDeclTag('member', node, 1);
      b.addPtr(b.addTypeTag('user', b.addConst(1)));
      b.addTypedef('callback', b.addPtr(variadic));
      b.addVolatile(b.addRestrict(pointer));
      b.addPtr(0);
      b.addConst(0);
    });
    expect(problems).toEqual([]);
  });

  test.each<[string, string, (b: BtfBuilder) => void]>([
    ['an INT wider than its storage', 'INT i: has 9 bits in 1 byte', (b) => b.addInt('i', 1, 0, 9)],
    ['an INT without bits', 'has no bits', (b) => b.addInt('i', 4, 0, 0)],
    ['an INT beyond 128 bits', 'has 136 bits', (b) => b.addInt('i', 32, 0, 136)],
    ['an INT with two encodings', 'has encoding 5', (b) => b.addInt('i', 4, 5)],
    ['an INT without a name', 'has no name', (b) => b.addInt('', 4)],
    ['a FLOAT of 3 bytes', 'has size 3', (b) => b.addFloat('f', 3)],
    ['an ENUM of 3 bytes', 'has size 3', (b) => b.addEnum('e', 3, [])],
    [
      'an enumerator without a name',
      'enumerator 0 has no valid name',
      (b) => b.addEnum('e', 4, [{ name: '', value: 1 }]),
    ],
    ['a typedef without a name', 'has no name', (b) => b.addTypedef('', 1)],
    ['a struct whose name is no identifier', 'no identifier', (b) => b.addStruct('a b', 0, [])],
    ['a name that starts with a digit', 'no identifier', (b) => b.addTypedef('1a', 1)],
    ['a name that is not ASCII', 'no identifier', (b) => b.addTypedef('größe', 1)],
    ['a name of 512 bytes', 'no identifier', (b) => b.addTypedef('n'.repeat(512), 1)],
    ['a member of type void', 'member 0 is of type void', (b) => b.addStruct('s', 4, [member('a', 0, 0)])],
    [
      'a member beyond the end',
      'at bit 40, beyond the 4 bytes',
      (b) => b.addStruct('s', 4, [member('a', 1, 40)]),
    ],
    ['a bitfield over the end', 'beyond the 4 bytes', (b) => b.addStruct('s', 4, [member('a', 1, 30, 3)])],
    [
      'members out of order',
      'member 1 is before member 0',
      (b) => b.addStruct('s', 8, [member('a', 1, 32), member('b', 1, 0)]),
    ],
    ['a union member that is not at 0', 'at bit 32', (b) => b.addUnion('u', 8, [member('a', 1, 32)])],
    [
      'a member that is a function',
      'member 0 is [3], a FUNC',
      (b) => {
        b.addStruct('s', 4, [member('a', 3, 0)]);
        b.addFunc('f', b.nextId + 1);
        b.addFuncProto(0, []);
      },
    ],
    ['an array of void', 'elements of type void', (b) => b.addArray(0, 1, 1)],
    ['an array with a pointer as index', 'has index type [2], no INT', (b) => b.addArray(1, b.addPtr(0), 1)],
    ['a FUNC of a type that is no prototype', 'has type [1], a INT', (b) => b.addFunc('f', 1)],
    ['a FUNC with extern linkage', 'has linkage 2', (b) => b.addFunc('f', b.addFuncProto(0, []), 2)],
    [
      'a FUNC with a nameless parameter',
      'parameter 0 has no name',
      (b) => b.addFunc('f', b.addFuncProto(0, [{ name: '', type: 1 }])),
    ],
    [
      'a parameter of type void before the last',
      'parameter 0 is of type void',
      (b) =>
        b.addFuncProto(0, [
          { name: '', type: 0 },
          { name: 'a', type: 1 },
        ]),
    ],
    [
      'a named parameter of type void',
      'parameter 0 is of type void',
      (b) => b.addFuncProto(0, [{ name: 'a', type: 0 }]),
    ],
    ['a VAR of type void', 'is of type void', (b) => b.addVar('v', 0)],
    ['a VAR with extern linkage', 'has linkage 2', (b) => b.addVar('v', 1, 2)],
    ['a pointer to a VAR', 'refers to [2], a VAR', (b) => b.addPtr(b.addVar('v', 1))],
    ['an empty section', 'has size 0', (b) => b.addDatasec('.data', 0, [])],
    [
      'a section of types',
      'entry 0 is [1], no VAR',
      (b) => b.addDatasec('.data', 8, [{ variable: 1, offset: 0, size: 4 }]),
    ],
    [
      'a section with overlapping entries',
      'entry 1 at byte 2 is not behind',
      (b) => {
        const variable = b.addVar('v', 1);
        b.addDatasec('.data', 8, [
          { variable, offset: 0, size: 4 },
          { variable, offset: 2, size: 4 },
        ]);
      },
    ],
    [
      'a section with an entry over the end',
      'entry 0 ends at byte 12 of 8',
      (b) => {
        b.addDatasec('.data', 8, [{ variable: b.addVar('v', 1), offset: 8, size: 4 }]);
      },
    ],
    [
      'a section entry without size',
      'entry 0 has size 0',
      (b) => {
        b.addDatasec('.data', 8, [{ variable: b.addVar('v', 1), offset: 0, size: 0 }]);
      },
    ],
    ['a tag on a pointer', 'is on [2], a PTR', (b) => b.addDeclTag('t', b.addPtr(1))],
    [
      'a tag on a member that is not there',
      'component 1, which does not exist',
      (b) => {
        b.addDeclTag('t', b.addStruct('s', 4, [member('a', 1, 0)]), 1);
      },
    ],
    [
      'a tag on a component of a typedef',
      'component 0, which does not exist',
      (b) => b.addDeclTag('t', b.addTypedef('d', 1), 0),
    ],
    ['a tag on component -2', 'has component -2', (b) => b.addDeclTag('t', b.addTypedef('d', 1), -2)],
    [
      'a type tag behind a qualifier',
      'type tag behind a qualifier',
      (b) => b.addPtr(b.addConst(b.addTypeTag('user', 1))),
    ],
    ['a typedef of itself', 'TYPEDEF t: refers to itself without', (b) => b.addTypedef('t', b.nextId)],
    ['a ring of pointers', 'refers to itself without', (b) => b.addPtr(b.addPtr(b.nextId + 1))],
    ['a prototype that returns itself', 'refers to itself without', (b) => b.addFuncProto(b.nextId, [])],
    [
      'a struct that contains itself',
      'STRUCT s: contains itself',
      (b) => b.addStruct('s', 4, [member('a', b.nextId, 0)]),
    ],
    [
      'a struct in an array in itself',
      'contains itself',
      (b) => {
        b.addStruct('s', 4, [member('a', b.nextId + 1, 0)]);
        b.addArray(2, 1, 1);
      },
    ],
  ])('finds %s', (_, message, fill) => {
    expect(problemsOf(fill).join('\n')).toContain(message);
  });

  test.each<[string, string, Btf]>([
    ['a pointer with a list', 'has vlen 3', withWord((b) => b.addPtr(1), 1, (2 << 24) | 3)],
    ['a pointer with kind_flag', 'has kind_flag', withWord((b) => b.addPtr(1), 1, 0x8200_0000)],
    ['a pointer with a name', 'has a name', withWord((b) => b.addPtr(1), 0, 1)],
    ['an array with a size', 'has size 8, must be 0', withWord((b) => b.addArray(1, 1, 1), 2, 8)],
    ['a forward with a type', 'has type 1, must be 0', withWord((b) => b.addFwd('f', 'struct'), 2, 1)],
    ['an INT with unknown bits', 'unknown bits', withWord((b) => b.addInt('i', 4), 3, 0x1000_0020)],
  ])('finds %s', (_, message, damaged) => {
    expect(
      validateBtf(damaged)
        .map((problem) => problem.text)
        .join('\n'),
    ).toContain(message);
  });

  test('finds bytes that belong to no section', () => {
    const { bytes } = btf(() => {});
    const longer = new Uint8Array(bytes.length + 3);
    longer.set(bytes);
    expect(validateBtf(decodeBtf(longer))).toEqual([
      { id: 0, message: '3 bytes follow the last section', text: 'BTF: 3 bytes follow the last section' },
    ]);
    const gap = new Uint8Array(bytes.length + 4);
    gap.set(bytes.subarray(0, 24));
    gap.set(bytes.subarray(24), 28);
    const view = new DataView(gap.buffer);
    view.setUint32(8, 4, true);
    view.setUint32(16, view.getUint32(16, true) + 4, true);
    expect(validateBtf(decodeBtf(gap)).map((problem) => problem.message)).toEqual([
      '4 bytes at offset 24 belong to no section',
    ]);
  });

  test('stops counting at 100 problems', () => {
    expect(problemsOf((b) => Array.from({ length: 150 }, () => b.addTypedef('', 1)))).toHaveLength(100);
  });

  test('a chain of a million references ends', () => {
    const builder = new BtfBuilder();
    for (let i = 0; i < 1_000_000; i++) builder.addPtr(builder.nextId + 1);
    builder.addPtr(0);
    expect(validateBtf(decodeBtf(builder.build()))).toEqual([]);
  });
});

function withTask(...sizes: number[]): Btf {
  return btf((b) => {
    for (const size of sizes) b.addStruct('task_struct', size, []);
  });
}

describe('checkKernelBtf', () => {
  test.each([[[9472]], [[1696]], [[8, 9472]]])('accepts task_struct of %j bytes', (sizes) => {
    expect(() => checkKernelBtf(withTask(...sizes))).not.toThrow();
  });

  test.each([
    [[], 'no struct task_struct'],
    [[8], 'struct task_struct of 8 bytes'],
    [[1 << 20], 'struct task_struct of 1048576 bytes'],
  ])('refuses task_struct of %j bytes', (sizes, message) => {
    expect(() => checkKernelBtf(withTask(...sizes))).toThrow(message);
  });

  test('a forward declaration is not enough', () => {
    expect(() => checkKernelBtf(btf((b) => b.addFwd('task_struct', 'struct')))).toThrow(
      'no struct task_struct',
    );
  });
});
