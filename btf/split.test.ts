import { describe, expect, test } from 'vitest';
import { typeLines } from '../test/support/conversion.ts';
import { indexBase } from './base-index.ts';
import { compareDeep } from './compare-deep.ts';
import { decodeBtf, isSplitBtf } from './decode.ts';
import { BtfBuilder, type BtfMember } from './encode.ts';
import { splitBtf } from './split.ts';
import { validateBtf } from './validate.ts';
import type { Btf } from './view.ts';

type Fill = (b: BtfBuilder) => void;

function build(fill: Fill, littleEndian = true): Btf {
  const builder = new BtfBuilder({ littleEndian });
  fill(builder);
  return decodeBtf(builder.build());
}

/** The module's BTF split from the base's; checked to be sound and to say all that the module says. */
function split(base: Fill, module: Fill, littleEndian = true): Btf {
  const [baseBtf, moduleBtf] = [build(base, littleEndian), build(module, littleEndian)];
  const { bytes, sharedCount } = splitBtf(moduleBtf, indexBase(baseBtf));
  const btf = decodeBtf(bytes, baseBtf);
  expect(validateBtf(btf).map(({ text }) => text)).toEqual([]);
  expect(sharedCount).toBe(moduleBtf.typeCount - 1 - (btf.typeCount - btf.firstId));
  return btf;
}

function ownLines(base: Fill, module: Fill): string[] {
  return typeLines(split(base, module));
}

function member(name: string, type: number, bitOffset = 0): BtfMember {
  return { name, type, bitOffset };
}

/** `struct list { struct list *next; }` */
function addList(b: BtfBuilder): number {
  const list = b.nextId;
  b.addStruct('list', 8, [member('next', list + 1)]);
  b.addPtr(list);
  return list;
}

/** `struct NAME { struct pair *partner; }` and the pointer. */
function addHolder(b: BtfBuilder, name: string, type: number): number {
  return b.addStruct(name, 8, [member('partner', b.addPtr(type))]);
}

describe('splitBtf', () => {
  test('what the base has is left out, the rest continues its ids and strings', () => {
    const base: Fill = (b) => {
      addList(b);
      b.addInt('int', 4, 1);
    };
    const btf = split(base, (b) => {
      const int = b.addInt('int', 4, 1);
      const list = addList(b);
      b.addStruct('item', 16, [member('list', list), member('int', int, 64)]);
    });
    expect(btf.firstId).toBe(4);
    expect(typeLines(btf)).toEqual([
      'STRUCT item: struct of 16 bytes; list: at bit 0, struct list; int: at bit 64, int',
    ]);
    expect(btf.entryType(4, 0)).toBe(1);
    // Only `item` is new text; `list` and `int` stand in the base.
    expect(btf.nameOffset(4)).toBe(btf.base?.strings.length);
    expect(btf.strings.length - (btf.base?.strings.length ?? 0)).toBe('item\0'.length);
  });

  test('a module without types of its own becomes an empty split BTF', () => {
    const btf = split(addList, addList);
    expect(btf.typeCount).toBe(btf.firstId);
    expect(btf.bytes.length).toBe(24);
    expect(isSplitBtf(btf.bytes)).toBe(true);
  });

  test('big-endian, and a module in another byte order than its base', () => {
    const module: Fill = (b) => b.addTypedef('list_t', addList(b));
    const btf = split(addList, module, false);
    expect(btf.bytes.slice(0, 2)).toEqual(Uint8Array.of(0xeb, 0x9f));
    expect(typeLines(btf)).toEqual(['TYPEDEF list_t: struct list']);
    expect(() => splitBtf(build(module), indexBase(build(addList, false)))).toThrow('byte order');
  });

  test.each<[string, Fill, Fill]>([
    ['width of an INT', (b) => b.addInt('int', 4, 1), (b) => b.addInt('int', 4, 1, 31)],
    ['sign of an INT', (b) => b.addInt('int', 4, 1), (b) => b.addInt('int', 4, 0)],
    ['size of a FLOAT', (b) => b.addFloat('real', 4), (b) => b.addFloat('real', 8)],
    [
      'value of an enumerator',
      (b) => b.addEnum('e', 4, [{ name: 'A', value: 1 }]),
      (b) => b.addEnum('e', 4, [{ name: 'A', value: 2 }]),
    ],
    [
      'ENUM and ENUM64',
      (b) => b.addEnum('e', 8, [{ name: 'A', value: 1 }]),
      (b) => b.addEnum64('e', 8, [{ name: 'A', value: 1 }]),
    ],
    ['kind of a FWD', (b) => b.addFwd('f', 'struct'), (b) => b.addFwd('f', 'union')],
    ['length of an ARRAY', arrayOf(3, 0), arrayOf(4, 0)],
    ['index type of an ARRAY', arrayOf(3, 0), arrayOf(3, 1)],
    ['kind_flag of a struct', structWithWidth(0), structWithWidth(32)],
    ['attribute form of a TYPE_TAG', typeTag(false), typeTag(true)],
  ])('two types that differ in %s are two', (_what, base, module) => {
    const btf = split(base, module);
    expect(btf.typeCount).toBeGreaterThan(btf.firstId);
  });

  test('anonymous types and rings through them are recognised', () => {
    const types =
      (extra?: string): Fill =>
      (b) => {
        const int = b.addInt('int', 4, 1);
        const inner = b.addUnion('', 8, [member('self', b.nextId + 2), member('n', int)]);
        const outer = b.addStruct('outer', 8, [member('', inner)]);
        b.addPtr(outer);
        b.addFuncProto(int, [{ name: '', type: outer }]);
        if (extra !== undefined) b.addUnion('', 8, [member('self', outer + 1), member(extra, int)]);
      };
    expect(ownLines(types(), types())).toEqual([]);
    expect(ownLines(types(), types('m'))).toEqual([
      'UNION: union of 8 bytes; self: at bit 0, *struct outer; m: at bit 0, int',
    ]);
  });

  test('a change deep down makes every type that leads to it one of the module', () => {
    const types =
      (bits: number): Fill =>
      (b) => {
        const int = b.addInt('int', 4, 1, bits);
        const a = b.addStruct('a', 16, [member('b', b.nextId + 2), member('n', int, 64)]);
        b.addStruct('b', 8, [member('a', b.nextId + 2)]);
        b.addPtr(a + 1);
        b.addPtr(a);
      };
    expect(ownLines(types(32), types(31))).toHaveLength(5);
  });

  test('counts structs and unions that the base has by another definition', () => {
    const types =
      (size: number): Fill =>
      (b) => {
        const int = b.addInt('int', 4, 1);
        b.addStruct('s', size, [member('x', int)]);
        b.addUnion('u', 4, [member('x', int)]);
        b.addStruct('', size, [member('x', int)]);
        b.addStruct(`only${size}`, 4, [member('x', int)]);
      };
    const result = splitBtf(build(types(8)), indexBase(build(types(4))));
    expect(result).toMatchObject({ sharedCount: 2, redefinedCount: 1 });
  });

  test('of equal types in the base the first is taken', () => {
    const base: Fill = (b) => {
      addList(b);
      addList(b);
    };
    const btf = split(base, (b) => b.addTypedef('list_t', b.addPtr(addList(b))));
    expect(typeLines(btf)).toEqual(['TYPEDEF list_t: *struct list']);
    expect(btf.sizeOrType(btf.firstId)).toBe(2);
  });

  test('functions are one when name, parameters and their names are', () => {
    const functions =
      (...all: [string, string][]): Fill =>
      (b) => {
        const int = b.addInt('int', 4, 1);
        for (const [name, parameter] of all)
          b.addFunc(name, b.addFuncProto(int, [{ name: parameter, type: int }]));
      };
    expect(
      ownLines(functions(['f', 'x'], ['g', 'x']), functions(['f', 'x'], ['g', 'y'], ['h', 'x'])),
    ).toEqual([
      'FUNC_PROTO: func(y int) int',
      'FUNC g: static func(y int) int',
      'FUNC h: static func(x int) int',
    ]);
  });

  test('variables and sections are the module’s own, and so are tags on them', () => {
    const types: Fill = (b) => {
      const int = b.addInt('int', 4, 1);
      const variable = b.addVar('counter', int, 1);
      b.addDeclTag('hot', variable);
      b.addDatasec('.data..percpu', 4, [{ variable, offset: 0, size: 4 }]);
    };
    expect(ownLines(types, types)).toEqual([
      'VAR counter: global int',
      'DECL_TAG hot: tag on VAR counter, component -1',
      'DATASEC .data..percpu: section of 4 bytes; counter: at byte 0, 4 bytes',
    ]);
  });

  test('tags are part of what they are on', () => {
    const types =
      (tag: string): Fill =>
      (b) => {
        const list = addList(b);
        b.addPtr(b.addTypeTag(tag, list));
        b.addDeclTag(tag, list, 0);
      };
    expect(ownLines(types('user'), types('user'))).toEqual([]);
    expect(ownLines(types('user'), types('rcu'))).toEqual([
      'TYPE_TAG rcu: tag(rcu) struct list',
      'PTR: *tag(rcu) struct list',
      'DECL_TAG rcu: tag on struct list, component 0',
    ]);
  });
});

function arrayOf(length: number, indexEncoding: number): Fill {
  return (b) => {
    const element = b.addInt('char', 1);
    b.addArray(element, b.addInt('int', 4, indexEncoding), length);
  };
}

function structWithWidth(bitSize: number): Fill {
  return (b) => {
    const int = b.addInt('int', 4, 1);
    b.addStruct('s', 4, [{ ...member('x', int), bitSize }]);
  };
}

function typeTag(isAttribute: boolean): Fill {
  return (b) => {
    const int = b.addInt('int', 4, 1);
    b.addPtr(b.addTypeTag('tag', int, isAttribute));
  };
}

describe('a declaration in the module', () => {
  const declares: Fill = (b) => {
    addHolder(b, 'holder', b.addFwd('pair', 'struct'));
  };
  const defines = (b: BtfBuilder, name = 'pair', size = 4): number =>
    b.addStruct(name, size, [member('x', b.addInt('int', 4, 1))]);

  test('is the struct that the base has of that name, and what refers to it the same as in the base', () => {
    const base: Fill = (b) => {
      addHolder(b, 'holder', defines(b));
    };
    expect(ownLines(base, declares)).toEqual([]);
  });

  test('stays one where the base declares too, has another kind, or has several', () => {
    expect(ownLines(declares, declares)).toEqual([]);
    const union: Fill = (b) => b.addUnion('pair', 4, [member('x', b.addInt('int', 4, 1))]);
    const twice: Fill = (b) => {
      defines(b);
      b.addStruct('pair', 0, []);
    };
    const both: Fill = (b) => {
      defines(b);
      b.addUnion('pair', 0, []);
    };
    for (const base of [union, twice, both]) {
      expect(ownLines(base, declares)).toEqual([
        'FWD pair: struct pair (forward)',
        'PTR: *struct pair (forward)',
        'STRUCT holder: struct of 8 bytes; partner: at bit 0, *struct pair (forward)',
      ]);
    }
  });

  test('of an enum is the enum', () => {
    const base: Fill = (b) => b.addEnum('mode', 4, [{ name: 'ON', value: 1 }]);
    expect(ownLines(base, (b) => b.addPtr(b.addEnum('mode', 4, [])))).toEqual(['PTR: *enum mode']);
  });
});

describe('a declaration in the base of what the module defines', () => {
  /** Every user leads to `holder`, which leads to `pair`. */
  const types =
    (pair: (b: BtfBuilder) => number, ...users: string[]): Fill =>
    (b) => {
      const pointer = b.addPtr(addHolder(b, 'holder', pair(b)));
      for (const name of users) b.addStruct(name, 8, [member('holder', pointer)]);
    };
  const declared = (b: BtfBuilder): number => b.addFwd('pair', 'struct');
  const defined = (b: BtfBuilder): number => b.addStruct('pair', 4, [member('x', b.addInt('int', 4, 1))]);

  test('costs the definition, the pointers to it and one copy of the first struct that leads to it', () => {
    expect(ownLines(types(declared, 'one', 'two'), types(defined, 'one', 'two', 'three'))).toEqual([
      'INT int: int of 4 bytes, 32 bits, signed',
      'STRUCT pair: struct of 4 bytes; x: at bit 0, int',
      'PTR: *struct pair',
      'STRUCT holder: struct of 8 bytes; partner: at bit 0, *struct pair',
      'PTR: *struct holder',
      'STRUCT three: struct of 8 bytes; holder: at bit 0, *struct holder',
    ]);
  });

  test('of an enum costs no copy', () => {
    const base = types((b) => b.addEnum('pair', 4, []), 'one');
    const module = types((b) => b.addEnum('pair', 4, [{ name: 'ON', value: 1 }]), 'one');
    expect(ownLines(base, module)).toEqual([
      'ENUM pair: unsigned enum of 4 bytes; ON = 1',
      'PTR: *enum pair',
    ]);
  });

  test('and the same types in the base twice', () => {
    const base: Fill = (b) => {
      types(declared, 'one')(b);
      types(declared, 'one')(b);
    };
    const btf = split(base, types(defined, 'one'));
    expect(typeLines(btf).filter((line) => line.includes('struct one'))).toEqual([]);
  });
});

describe('a split BTF', () => {
  test('is told from a whole one, and compares with its base’s types in view', () => {
    const base = build(addList);
    const index = indexBase(base);
    const module =
      (name: string): Fill =>
      (b) =>
        b.addTypedef(name, b.addPtr(addList(b)));
    const [a, b] = ['x', 'y'].map((name) => decodeBtf(splitBtf(build(module(name)), index).bytes, base));
    expect([isSplitBtf(a.bytes), isSplitBtf(base.bytes)]).toEqual([true, false]);
    expect(compareDeep(a, a).equalTypes).toBe(true);
    expect(compareDeep(a, b).layers.types).toMatchObject({ onlyA: [3], onlyB: [3] });
    expect(() => decodeBtf(a.bytes)).toThrow('does not start with the empty string');
  });
});
