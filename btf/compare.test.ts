import { describe, expect, test } from 'vitest';
import { compareDeep } from './compare-deep.ts';
import { compareShallow } from './compare-shallow.ts';
import { decodeBtf } from './decode.ts';
import { BtfBuilder } from './encode.ts';
import { findTolerances } from './tolerances.ts';
import type { Btf } from './view.ts';

function btf(fill: (b: BtfBuilder) => void, options?: ConstructorParameters<typeof BtfBuilder>[0]): Btf {
  const builder = new BtfBuilder(options);
  fill(builder);
  return decodeBtf(builder.build(), options?.base);
}

/** A list node that points to itself, and a function over it. */
function list(b: BtfBuilder, o: { valueBits?: number; parameter?: string; extra?: string } = {}): void {
  const int = b.addInt('int', 4, 1, o.valueBits);
  const struct = b.addStruct('node', 16, [
    { name: 'next', type: b.nextId + 1, bitOffset: 0 },
    { name: 'value', type: int, bitOffset: 64 },
    ...(o.extra === undefined ? [] : [{ name: o.extra, type: int, bitOffset: 96 }]),
  ]);
  const pointer = b.addPtr(struct);
  const proto = b.addFuncProto(int, [{ name: o.parameter ?? 'head', type: pointer }]);
  b.addFunc('length', proto);
}

/** The same types with other ids, strings and byte order. */
function shuffledList(b: BtfBuilder): void {
  const first = b.nextId;
  b.addFunc('length', first + 1);
  b.addFuncProto(first + 4, [{ name: 'head', type: first + 2 }]);
  b.addPtr(first + 3);
  b.addStruct('node', 16, [
    { name: 'next', type: first + 2, bitOffset: 0 },
    { name: 'value', type: first + 4, bitOffset: 64 },
  ]);
  b.addInt('int', 4, 1);
}

describe('compareDeep', () => {
  test('ids, string offsets and byte order do not matter', () => {
    const result = compareDeep(btf(list), btf(shuffledList, { littleEndian: false }));
    expect(result).toMatchObject({
      equalTypes: true,
      equalFunctions: true,
      equalVariables: true,
    });
    expect(result.layers.types.common + result.layers.functions.common).toBe(5);
  });

  test('a change spreads to everything that refers to it', () => {
    const result = compareDeep(
      btf(list),
      btf((b) => list(b, { valueBits: 31 })),
    );
    expect(result.equalTypes).toBe(false);
    expect(result.layers.types).toMatchObject({ onlyA: [1, 2, 3], onlyB: [1, 2, 3] });
    expect(result.layers.functions).toMatchObject({ onlyA: [4, 5], onlyB: [4, 5] });
  });

  test('parameter names belong to functions, not to types', () => {
    const result = compareDeep(
      btf(list),
      btf((b) => list(b, { parameter: 'first' })),
    );
    expect(result).toMatchObject({ equalTypes: true, equalFunctions: false });
    expect(result.layers.functions).toMatchObject({ onlyA: [4, 5], onlyB: [4, 5] });
  });

  test('a prototype that a type refers to is a type', () => {
    const result = compareDeep(
      btf(list),
      btf((b) => {
        list(b);
        b.addPtr(b.addFuncProto(1, [{ name: '', type: 3 }]));
      }),
    );
    expect(result).toMatchObject({ equalTypes: false, equalFunctions: true });
    expect(result.layers.types.onlyB).toEqual([6, 7]);
  });

  test('duplicates are counted, and are no difference', () => {
    const result = compareDeep(
      btf(list),
      btf((b) => {
        list(b);
        list(b);
      }),
    );
    expect(result).toMatchObject({ equalTypes: true, equalFunctions: true, duplicatesA: 0, duplicatesB: 5 });
  });

  test('kind_flag of a struct without bitfields is no difference, that of an enum is', () => {
    const struct = (flag: boolean): Btf => {
      const blob = new BtfBuilder();
      blob.addInt('int', 4, 1);
      blob.addStruct('s', 4, [{ name: 'a', type: 1, bitOffset: 0 }]);
      const bytes = blob.build();
      if (flag) bytes[24 + 16 + 7] |= 0x80;
      return decodeBtf(bytes);
    };
    expect(struct(true).kindFlag(2)).toBe(true);
    expect(compareDeep(struct(true), struct(false)).equalTypes).toBe(true);
    const colour = (isSigned: boolean): Btf =>
      btf((b) => b.addEnum('c', 4, [{ name: 'RED', value: 1 }], isSigned));
    expect(compareDeep(colour(true), colour(false)).equalTypes).toBe(false);
  });

  test('the index type of arrays is reported apart', () => {
    const array = (indexName: string): Btf =>
      btf((b) => {
        b.addInt('int', 4, 1);
        b.addInt('long', 8, 1);
        b.addArray(1, indexName === 'int' ? 1 : 2, 3);
      });
    expect(compareDeep(array('int'), array('int')).equalArrayIndexTypes).toBe(true);
    const result = compareDeep(array('int'), array('long'));
    expect(result).toMatchObject({ equalTypes: true, equalArrayIndexTypes: false });
  });

  test.each([
    [
      'member offset',
      (b: BtfBuilder, x: number) => b.addStruct('s', 16, [{ name: 'a', type: 1, bitOffset: x * 32 }]),
    ],
    [
      'member width',
      (b: BtfBuilder, x: number) =>
        b.addStruct('s', 4, [{ name: 'a', type: 1, bitOffset: 0, bitSize: x + 1 }]),
    ],
    ['struct size', (b: BtfBuilder, x: number) => b.addStruct('s', 4 + x, [])],
    ['enumerator value', (b: BtfBuilder, x: number) => b.addEnum('e', 4, [{ name: 'A', value: x }])],
    [
      'upper half of an enumerator',
      (b: BtfBuilder, x: number) => b.addEnum64('e', 8, [{ name: 'A', value: BigInt(x) << 32n }]),
    ],
    ['array length', (b: BtfBuilder, x: number) => b.addArray(1, 1, x)],
    ['forward kind', (b: BtfBuilder, x: number) => b.addFwd('f', x === 0 ? 'struct' : 'union')],
    ['float size', (b: BtfBuilder, x: number) => b.addFloat('f', 4 + 4 * x)],
    ['type tag', (b: BtfBuilder, x: number) => b.addTypeTag(`t${x}`, 1)],
    ['type attribute', (b: BtfBuilder, x: number) => b.addTypeTag('t', 1, x === 1)],
  ])('sees another %s', (_, add) => {
    const build = (x: number): Btf =>
      btf((b) => {
        b.addInt('int', 4, 1);
        add(b, x);
      });
    expect(compareDeep(build(0), build(0)).equalTypes).toBe(true);
    expect(compareDeep(build(0), build(1)).layers.types).toMatchObject({ onlyA: [2], onlyB: [2] });
  });

  test('variables, their sections and tags on them are a layer of their own', () => {
    const build = (offset: number): Btf =>
      btf((b) => {
        b.addInt('int', 4, 1);
        b.addVar('v', 1, 1);
        b.addDatasec('.data..percpu', 16, [{ variable: 2, offset, size: 4 }]);
        b.addDeclTag('percpu', 2);
      });
    const result = compareDeep(build(0), build(8));
    expect(result).toMatchObject({ equalTypes: true, equalVariables: false });
    expect(result.layers.variables).toMatchObject({ common: 2, onlyA: [3], onlyB: [3] });
  });

  test('of split BTFs only their own types are compared', () => {
    const base = btf(list);
    const other = btf((b) => {
      list(b);
      b.addFloat('double', 8);
    });
    const a = btf((b) => b.addPtr(1), { base });
    const b = btf((builder) => builder.addPtr(1), { base: other });
    expect(compareDeep(a, b)).toMatchObject({ equalTypes: true, duplicatesA: 0 });
  });
});

describe('compareShallow', () => {
  test('a change is told once, at the definition that has it', () => {
    const { changed, onlyA, onlyB, differences } = compareShallow(
      btf(list),
      btf((b) => list(b, { extra: 'count' })),
    );
    expect({ changed, onlyA, onlyB }).toEqual({ changed: { STRUCT: 1 }, onlyA: {}, onlyB: {} });
    expect(differences).toEqual([
      { kind: 'STRUCT', name: 'node', what: 'changed', linesA: [], linesB: ['count: at bit 96, int'] },
    ]);
  });

  test('a change inside an anonymous type is told of the type that spells it out', () => {
    const build = (bits: number): Btf =>
      btf((b) => {
        b.addInt('int', 4, 1);
        b.addUnion('', 4, [{ name: 'x', type: 1, bitOffset: 0, bitSize: bits }]);
        b.addStruct('outer', 4, [{ name: '', type: 2, bitOffset: 0 }]);
        b.addPtr(3);
        b.addStruct('user', 8, [{ name: 'o', type: 4, bitOffset: 0 }]);
      });
    const { differences } = compareShallow(build(3), build(4));
    expect(differences.map(({ kind, name, what }) => `${what} ${kind} ${name}`)).toEqual([
      'changed STRUCT outer',
      'changed UNION ',
    ]);
    expect(differences[0].linesA).toEqual([
      '(anonymous): at bit 0, union of 4 bytes { x: at bit 0 width 3, int }',
    ]);
  });

  test('names that only one side has are counted by kind and listed after changes', () => {
    const a = btf((b) => {
      list(b);
      b.addTypedef('gone', 1);
      b.addFunc('gone_too', b.addFuncProto(0, []));
    });
    const { onlyA, differences } = compareShallow(
      a,
      btf((b) => list(b, { extra: 'count' })),
      { max: 2 },
    );
    expect(onlyA).toEqual({ TYPEDEF: 1, FUNC: 1 });
    expect(differences.map((d) => d.name)).toEqual(['node', 'gone']);
  });

  test('a function with another prototype shows both', () => {
    const { differences } = compareShallow(
      btf(list),
      btf((b) => list(b, { parameter: 'first' })),
    );
    expect(differences).toEqual([
      {
        kind: 'FUNC',
        name: 'length',
        what: 'changed',
        linesA: ['static func(head *struct node) int'],
        linesB: ['static func(first *struct node) int'],
      },
    ]);
  });

  test('equal BTFs have no differences', () => {
    expect(compareShallow(btf(list), btf(shuffledList)).differences).toEqual([]);
  });

  test('only the order of members differs: both orders are shown', () => {
    const build = (names: string[]): Btf =>
      btf((b) => {
        b.addInt('int', 4, 1);
        b.addUnion(
          'u',
          4,
          names.map((name) => ({ name, type: 1, bitOffset: 0 })),
        );
      });
    const [difference] = compareShallow(build(['x', 'y']), build(['y', 'x'])).differences;
    expect(difference.linesA).toHaveLength(3);
    expect(difference.linesB).toHaveLength(3);
  });
});

describe('findTolerances', () => {
  const cases: [string, (b: BtfBuilder) => void, (b: BtfBuilder) => void][] = [
    [
      'floatAsInt',
      (b) => {
        b.addInt('double', 8);
        b.addStruct('s', 8, [{ name: 'd', type: 1, bitOffset: 0 }]);
      },
      (b) => {
        b.addFloat('double', 8);
        b.addStruct('s', 8, [{ name: 'd', type: 1, bitOffset: 0 }]);
      },
    ],
    [
      'ignoreTags',
      (b) => {
        b.addStruct('s', 0, []);
        b.addPtr(1);
      },
      (b) => {
        b.addStruct('s', 0, []);
        b.addPtr(b.addTypeTag('user', b.addTypeTag('rcu', 1)));
        b.addDeclTag('note', 1);
      },
    ],
    [
      'resolveForwards',
      (b) => {
        b.addStruct('s', 0, []);
        b.addPtr(1);
      },
      (b) => {
        b.addStruct('s', 0, []);
        b.addPtr(b.addFwd('s', 'struct'));
      },
    ],
    [
      'flattenArrays',
      (b) => {
        b.addInt('int', 4, 1);
        b.addTypedef('t', b.addArray(1, 1, 24));
      },
      (b) => {
        b.addInt('int', 4, 1);
        b.addTypedef('t', b.addArray(b.addArray(b.addArray(1, 1, 4), 1, 3), 1, 2));
      },
    ],
    ['ignoreCharSign', (b) => b.addPtr(b.addInt('char', 1, 1)), (b) => b.addPtr(b.addInt('char', 1, 0))],
    [
      'ignoreEnumKind',
      (b) => {
        b.addEnum64('e', 8, [{ name: 'A', value: 0x1_0000_0002n }]);
        b.addEnum('f', 4, [{ name: 'B', value: -1 }], true);
      },
      (b) => {
        b.addEnum('e', 8, [{ name: 'A', value: 2 }]);
        b.addEnum('f', 4, [{ name: 'B', value: -1 }]);
      },
    ],
  ];

  test.each(cases)('%s: is found, is needed, and makes them equal', (name, ours, theirs) => {
    const [a, b] = [btf(ours), btf(theirs)];
    const { tolerances, reasons } = findTolerances(a, b);
    expect(tolerances).toEqual({ [name]: true });
    expect(reasons).toHaveLength(1);
    expect(compareDeep(a, b).equalTypes).toBe(false);
    expect(compareDeep(a, b, tolerances).equalTypes).toBe(true);
    expect(compareShallow(a, b, { tolerances }).differences).toEqual([]);
  });

  test.each(cases)('%s: does not hide another difference', (_, ours, theirs) => {
    const a = btf((b) => {
      ours(b);
      b.addStruct('other', 4, []);
    });
    const b = btf((builder) => {
      theirs(builder);
      builder.addStruct('other', 8, []);
    });
    const { tolerances } = findTolerances(a, b);
    expect(compareDeep(a, b, tolerances).layers.types).toMatchObject({ onlyA: [a.typeCount - 1] });
    expect(compareShallow(a, b, { tolerances }).changed).toEqual({ STRUCT: 1 });
  });

  test.each(cases)('%s: is not used when both sides have the habit', (_, ours, theirs) => {
    expect(findTolerances(btf(theirs), btf(theirs)).reasons).toEqual([]);
    expect(findTolerances(btf(ours), btf(ours)).reasons).toEqual([]);
  });

  test('a FWD whose name has several definitions stays a FWD', () => {
    const a = btf((b) => {
      b.addStruct('s', 0, []);
      b.addStruct('s', 4, []);
      b.addPtr(b.addFwd('s', 'struct'));
      b.addPtr(b.addFwd('s', 'union'));
    });
    expect(findTolerances(a, a).reasons).toEqual([]);
    expect(compareDeep(a, a, { resolveForwards: true })).toMatchObject({
      duplicatesA: 0,
      layers: { types: { common: 6 } },
    });
  });

  test('an array inside an array that is also used by itself still counts', () => {
    const theirs = btf((b) => {
      b.addInt('int', 4, 1);
      b.addTypedef('row', b.addArray(1, 1, 4));
      b.addTypedef('matrix', b.addArray(2, 1, 3));
    });
    const ours = btf((b) => {
      b.addInt('int', 4, 1);
      b.addTypedef('matrix', b.addArray(1, 1, 12));
    });
    const { layers } = compareDeep(ours, theirs, { flattenArrays: true });
    expect(layers.types).toMatchObject({ common: 3, onlyA: [], onlyB: [2, 3] });
  });
});

test('bits of an INT that no reader looks at make no difference', () => {
  const builder = new BtfBuilder();
  builder.addInt('int', 4, 1);
  const bytes = builder.build();
  const odd = Uint8Array.from(bytes);
  // Bits 8 to 15 of the INT's word: the kernel lets them pass.
  odd[24 + 13] = 0xff;
  const { equalTypes } = compareDeep(decodeBtf(bytes), decodeBtf(odd));
  expect(equalTypes).toBe(true);
});
