import { describe, expect, it } from 'vitest';
import { decodeBtf } from './decode.ts';
import { BtfBuilder } from './encode.ts';
import { findTypes, similarNames } from './find-types.ts';
import { overviewOf } from './overview.ts';
import { pointerBytes, sizeOfType } from './type-size.ts';

function sample(): ReturnType<typeof decodeBtf> {
  const b = new BtfBuilder();
  const int = b.addInt('int', 4, 1);
  const page = b.addStruct('page', 64, []);
  b.addTypedef('page', page);
  const proto = b.addFuncProto(int, []);
  const func = b.addFunc('page', proto);
  b.addFwd('opaque', 'union');
  b.addDeclTag('page', func);
  const variable = b.addVar('counter', int);
  b.addDatasec('.data..percpu', 8, [{ variable, offset: 0, size: 4 }]);
  b.addUnion('list_head', 128, []);
  b.addStruct('', 999, []);
  return decodeBtf(b.build());
}

describe('findTypes', () => {
  it.each([
    ['page', [2, 3, 5]],
    ['struct page', [2]],
    ['typedef  page', [3]],
    ['func page', [5]],
    ['union opaque', [6]],
    ['enum page', []],
    ['Page', []],
    ['struct', []],
    ['', []],
  ])('%j', (query, ids) => {
    expect(findTypes(sample(), query)).toEqual(ids);
  });
});

describe('similarNames', () => {
  it.each([
    ['pgae', ['page']],
    ['struct pages', ['page']],
    ['list', ['list_head', 'int']],
    ['LIST_HEAD', ['list_head']],
    ['zzzzzz', []],
    ['x'.repeat(10_000), []],
  ])('%j', (query, names) => {
    expect(similarNames(sample(), query)).toEqual(names);
  });
});

it('overview', () => {
  const btf = sample();
  expect(overviewOf(btf, 2)).toEqual({
    littleEndian: true,
    headerBytes: 24,
    totalBytes: btf.bytes.length,
    stringBytes: btf.strings.length,
    typeCount: 11,
    baseTypeCount: 0,
    typesByKind: {
      INT: 1,
      STRUCT: 2,
      UNION: 1,
      FWD: 1,
      TYPEDEF: 1,
      FUNC: 1,
      FUNC_PROTO: 1,
      VAR: 1,
      DATASEC: 1,
      DECL_TAG: 1,
    },
    largest: [
      { kind: 'UNION', name: 'list_head', sizeBytes: 128 },
      { kind: 'STRUCT', name: 'page', sizeBytes: 64 },
    ],
    functionNames: 1,
    sections: [{ name: '.data..percpu', sizeBytes: 8, variables: 1 }],
  });
});

it('sizes follow typedefs, qualifiers and arrays; rings have none', () => {
  const b = new BtfBuilder();
  const long = b.addInt('long unsigned int', 4);
  const array = b.addArray(b.addConst(b.addTypedef('t', long)), long, 3);
  const pointer = b.addPtr(array);
  b.addTypedef('ring', b.nextId + 1);
  b.addTypedef('ring', b.nextId - 1);
  const btf = decodeBtf(b.build());
  expect(pointerBytes(btf)).toBe(4);
  expect([0, long, array, pointer, pointer + 1].map((id) => sizeOfType(btf, id, 4))).toEqual([
    undefined,
    4,
    12,
    4,
    undefined,
  ]);
});
