import { describe, expect, it } from 'vitest';
import { decodeBtf } from './decode.ts';
import { type DiffEntry, diffBtf } from './diff.ts';
import { BtfBuilder } from './encode.ts';
import type { Btf } from './view.ts';

type Fill = (b: BtfBuilder) => unknown;

function build(fill: Fill): ReturnType<typeof decodeBtf> {
  const builder = new BtfBuilder();
  builder.addInt('int', 4, 1);
  builder.addInt('long', 8, 1);
  fill(builder);
  return decodeBtf(builder.build());
}

function diff(a: Fill, b: Fill): DiffEntry[] {
  return diffBtf(build(a), build(b));
}

/** The notes of the only difference. */
function notes(a: Fill, b: Fill): DiffEntry['notes'] {
  const entries = diff(a, b);
  expect(entries).toHaveLength(1);
  expect(entries[0].what).toBe('changed');
  return entries[0].notes;
}

const INT = 1;
const LONG = 2;
const struct =
  (size: number, ...members: [string, number, number, number?][]): Fill =>
  (b) =>
    b.addStruct(
      's',
      size,
      members.map(([name, type, bitOffset, bitSize]) => ({
        name,
        type,
        bitOffset,
        ...(bitSize === undefined ? {} : { bitSize }),
      })),
    );

describe('structs', () => {
  it('that grow in front: what follows moved, in one note', () => {
    const a = struct(12, ['a', INT, 0], ['b', INT, 32], ['c', INT, 64]);
    const b = struct(20, ['x', LONG, 0], ['a', INT, 64], ['b', INT, 96], ['c', INT, 128]);
    expect(notes(a, b)).toEqual([
      { what: 'size', subject: '', from: '12', to: '20' },
      { what: 'member-added', subject: 'x', to: 'long at byte 0' },
      { what: 'members-moved', subject: 'a … c', count: 3, to: '+8 bytes' },
    ]);
  });

  it('whose members are renamed, retyped, removed, or change their width', () => {
    const a = struct(
      16,
      ['a', INT, 0],
      ['b', INT, 32],
      ['f', INT, 64, 3],
      ['g', INT, 67, 2],
      ['gone', INT, 96],
    );
    const b = struct(16, ['new', INT, 0], ['b', LONG, 32], ['f', INT, 64, 4], ['g', INT, 68, 2]);
    expect(notes(a, b)).toEqual([
      { what: 'member-renamed', subject: 'a', to: 'new' },
      { what: 'member-retyped', subject: 'b', from: 'int', to: 'long' },
      { what: 'bit-size', subject: 'f', from: '3 bits', to: '4 bits' },
      { what: 'member-removed', subject: 'gone', from: 'int at byte 12' },
      { what: 'member-moved', subject: 'g', from: 'byte 8, bit 3', to: 'byte 8, bit 4' },
    ]);
  });

  it('in the anonymous parts of another', () => {
    const outer =
      (inner: string, offset: number): Fill =>
      (b) => {
        const union = b.addUnion('', 8, [
          { name: inner, type: INT, bitOffset: 0 },
          { name: 'l', type: LONG, bitOffset: 0 },
        ]);
        const named = b.addStruct('', 4, [{ name: 'deep', type: INT, bitOffset: 0 }]);
        b.addStruct('s', 24, [
          { name: '', type: union, bitOffset: 0 },
          { name: 'part', type: named, bitOffset: offset },
        ]);
      };
    expect(notes(outer('i', 64), outer('j', 96))).toEqual([
      // Two members lie there: which of them `j` was nobody knows.
      { what: 'member-removed', subject: 'i', from: 'int at byte 0' },
      { what: 'member-added', subject: 'j', to: 'int at byte 0' },
      { what: 'member-moved', subject: 'part.deep', from: 'byte 8', to: 'byte 12' },
    ]);
  });

  it('whose members moved on both sides of one that stayed: two moves, not one', () => {
    const a = struct(20, ['a', INT, 0], ['b', INT, 32], ['c', INT, 96], ['d', INT, 128]);
    const b = struct(24, ['a', INT, 32], ['b', INT, 64], ['c', INT, 96], ['d', INT, 160]);
    expect(notes(a, b)).toEqual([
      { what: 'size', subject: '', from: '20', to: '24' },
      { what: 'members-moved', subject: 'a … b', count: 2, to: '+4 bytes' },
      { what: 'member-moved', subject: 'd', from: 'byte 16', to: 'byte 20' },
    ]);
  });

  it('that moved by one byte, or are gone and have but one of something', () => {
    const char: Fill = (b) => b.addInt('char', 1, 1);
    const small =
      (offset: number): Fill =>
      (b) => {
        char(b);
        struct(4, ['a', 3, offset], ['b', 3, offset + 8])(b);
      };
    expect(notes(small(0), small(8))).toEqual([
      { what: 'members-moved', subject: 'a … b', count: 2, to: '+1 byte' },
    ]);
    const typedef: Fill = (b) => b.addTypedef('t', b.addUnion('', 1, []));
    expect(diff(typedef, () => {})[0].summary).toBe('typedef union … t, 1 byte');
    const packed: Fill = (b) => b.addEnum('e', 1, [{ name: 'A', value: 0 }]);
    expect(diff(packed, () => {})[0].summary).toBe('enum e, 1 value');
  });

  it('behind a typedef, and members that merely change places', () => {
    const typedef =
      (size: number): Fill =>
      (b) =>
        b.addTypedef('t', b.addStruct('', size, [{ name: 'a', type: INT, bitOffset: 0 }]));
    expect(notes(typedef(4), typedef(8))).toEqual([{ what: 'size', subject: '', from: '4', to: '8' }]);
    const a = struct(4, ['a', INT, 0], ['b', INT, 0]);
    const b = struct(4, ['b', INT, 0], ['a', INT, 0]);
    expect(notes(a, b)).toEqual([{ what: 'order', subject: '' }]);
  });

  it('that only refer to what changed say nothing', () => {
    const graph =
      (size: number): Fill =>
      (b) => {
        const page = b.addStruct('page', size, []);
        b.addStruct('holder', 16, [{ name: 'page', type: b.nextId + 1, bitOffset: 0 }]);
        b.addPtr(page);
        b.addTypedef('page_t', page);
      };
    const entries = diff(graph(8), graph(16));
    expect(entries.map(({ name }) => name)).toEqual(['page']);
  });
});

it('enums: values, runs of them, size and sign', () => {
  const a: Fill = (b) =>
    b.addEnum('e', 4, [
      { name: 'A', value: 0 },
      { name: 'B', value: 1 },
      { name: 'C', value: 2 },
      { name: 'D', value: 9 },
      { name: 'OLD', value: 7 },
    ]);
  const b: Fill = (builder) =>
    builder.addEnum64(
      'e',
      8,
      [
        { name: 'A', value: 0 },
        { name: 'NEW', value: 1 },
        { name: 'B', value: 2 },
        { name: 'C', value: 3 },
        { name: 'D', value: -9 },
      ],
      true,
    );
  expect(notes(a, b)).toEqual([
    { what: 'size', subject: '', from: '4', to: '8' },
    { what: 'sign', subject: '', from: 'unsigned', to: 'signed 64-bit' },
    { what: 'value-removed', subject: 'OLD', from: '7' },
    { what: 'value-added', subject: 'NEW', to: '1' },
    { what: 'values-changed', subject: 'B … C', count: 2, to: '+1' },
    { what: 'value-changed', subject: 'D', from: '9', to: '-9' },
  ]);
});

it('enums: equal changes on both sides of a value that did not change are no run', () => {
  const values =
    (...list: number[]): Fill =>
    (b) =>
      b.addEnum(
        'e',
        4,
        list.map((value, i) => ({ name: 'ABC'[i], value })),
      );
  expect(notes(values(0, 5, 2), values(1, 5, 3))).toEqual([
    { what: 'value-changed', subject: 'A', from: '0', to: '1' },
    { what: 'value-changed', subject: 'C', from: '2', to: '3' },
  ]);
});

it('functions, variables, tags and sections, each in its group', () => {
  const program =
    (second: boolean): Fill =>
    (b) => {
      const proto = b.addFuncProto(second ? LONG : INT, [{ name: 'n', type: INT }]);
      const func = b.addFunc('f', proto);
      b.addFunc(second ? 'fresh' : 'stale', b.addFuncProto(0, []));
      const counter = b.addVar('counter', second ? LONG : INT);
      const other = b.addVar('other', INT);
      b.addDatasec('.data..percpu', 32, [
        { variable: counter, offset: 0, size: second ? 8 : 4 },
        { variable: other, offset: second ? 8 : 4, size: 4 },
      ]);
      if (second) b.addDeclTag('bpf_kfunc', func);
    };
  expect(diff(program(false), program(true))).toEqual([
    {
      group: 'functions',
      kind: 'FUNC',
      name: 'f',
      what: 'changed',
      summary: '',
      notes: [
        { what: 'definition', subject: '', from: 'int f(int n);', to: 'long f(int n); /* tag: bpf_kfunc */' },
      ],
    },
    {
      group: 'functions',
      kind: 'FUNC',
      name: 'stale',
      what: 'removed',
      summary: 'void stale(void);',
      notes: [],
    },
    {
      group: 'functions',
      kind: 'FUNC',
      name: 'fresh',
      what: 'added',
      summary: 'void fresh(void);',
      notes: [],
    },
    {
      group: 'variables',
      kind: 'DATASEC',
      name: '.data..percpu',
      what: 'changed',
      summary: '',
      notes: [{ what: 'members-moved', subject: '', count: 2 }],
    },
    {
      group: 'variables',
      kind: 'VAR',
      name: 'counter',
      what: 'changed',
      summary: '',
      notes: [{ what: 'definition', subject: '', from: 'int counter;', to: 'long counter;' }],
    },
    {
      group: 'tags',
      kind: 'DECL_TAG',
      name: 'bpf_kfunc',
      what: 'added',
      summary: '',
      notes: [{ what: 'definition-added', subject: '', to: 'on FUNC f' }],
    },
  ]);
});

it('several definitions of one name are a set', () => {
  const a: Fill = (b) => {
    struct(4)(b);
    struct(8)(b);
  };
  const b: Fill = (builder) => {
    struct(8)(builder);
    struct(12)(builder);
    struct(16)(builder);
  };
  expect(notes(a, b)).toEqual([
    { what: 'size', subject: '', from: '4', to: '12' },
    { what: 'definition-added', subject: '', to: 'struct s, 16 bytes' },
  ]);
  expect(diff(a, a)).toEqual([]);
});

it('takes time in proportion to the types, however many are tagged', () => {
  const COUNT = 1000;
  // No `long`, from which the size of a pointer would be known at once.
  const program = (second: boolean): { btf: Btf; lookedAt: () => number } => {
    const b = new BtfBuilder();
    const int = b.addInt('int', 4, 1);
    for (let i = 0; i < COUNT; i++) {
      const name = `f${i}${second ? 'b' : 'a'}`;
      b.addDeclTag('bpf_kfunc', b.addFunc(name, b.addFuncProto(int, [{ name, type: int }])));
    }
    const btf = decodeBtf(b.build());
    const kindOf = btf.kind.bind(btf);
    let count = 0;
    btf.kind = (id) => {
      count++;
      return kindOf(id);
    };
    return { btf, lookedAt: () => count };
  };
  const [a, b] = [program(false), program(true)];
  expect(diffBtf(a.btf, b.btf)).toHaveLength(2 * COUNT + 1);
  for (const { btf, lookedAt } of [a, b]) expect(lookedAt()).toBeLessThan(100 * btf.typeCount);
});
