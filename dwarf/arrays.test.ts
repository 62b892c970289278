/** Arrays of several dimensions in profile pahole-1.32: one ARRAY for each. As one array: dwarf/types.test.ts. */

import { describe, expect, it } from 'vitest';
import { BTF_KIND_NAMES } from '../btf/index.ts';
import { ATE, type Attributes, type Die, die, form, ref, unit } from '../test/builders/dwarf-writer.ts';
import { convertedLines, convertUnits, typeLines } from '../test/support/conversion.ts';

const PROFILE = 'pahole-1.32';
const INT_LINE = 'INT int: int of 4 bytes, 32 bits, signed';

function int(label = 'int'): Die {
  return die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label);
}

function dimension(attributes: Attributes): Die {
  return die('subrange_type', attributes);
}

/** `element` is a label. */
function arrayOf(element: string, counts: readonly number[], label?: string): Die {
  const dimensions = counts.map((count) => dimension({ upper_bound: form('data1', count - 1) }));
  return die('array_type', { type: form('ref4', ref(element)) }, dimensions, label);
}

function struct(name: string, ...types: readonly string[]): Die {
  const members = types.map((type, i) =>
    die('member', {
      name: form('strp', `m${i}`),
      type: form('ref4', ref(type)),
      data_member_location: form('data1', 8 * i),
    }),
  );
  return die('structure_type', { name: form('strp', name), byte_size: form('data1', 64) }, members);
}

function linesOf(...units: readonly (readonly Die[])[]): string[] {
  return convertedLines(
    units.map((dies) => unit(dies)),
    {},
    {},
    PROFILE,
  );
}

describe('an array', () => {
  it.each<[string, readonly Die[], readonly string[]]>([
    ['one dimension', [dimension({ count: 4 })], ['[4]int']],
    [
      'three dimensions, the innermost first',
      [dimension({ count: 2 }), dimension({ upper_bound: 2 }), dimension({ count: 4 })],
      ['[4]int', '[3][4]int', '[2][3][4]int'],
    ],
    ['flexible of three', [dimension({}), dimension({ upper_bound: 2 })], ['[3]int', '[0][3]int']],
    ['three of none', [dimension({ upper_bound: 2 }), dimension({ count: 0 })], ['[0]int', '[3][0]int']],
    [
      'lengths of variables',
      [dimension({ upper_bound: form('exprloc', Uint8Array.of(0x30)) }), dimension({ count: 3 })],
      ['[3]int', '[0][3]int'],
    ],
    [
      'more elements than 32 bits can count',
      [dimension({ count: 0x1_0000 }), dimension({ count: 0x1_0000 })],
      ['[65536]int', '[65536][65536]int'],
    ],
    [
      'beyond 31 bits',
      [dimension({ count: 0x8000_0001 }), dimension({ count: 0xffff_fffe })],
      ['[4294967294]int', '[2147483649][4294967294]int'],
    ],
    ['no dimension', [], ['[0]int']],
  ])('%s', (_, dimensions, arrays) => {
    const array = die('array_type', { type: ref('int') }, dimensions);
    const expected = [INT_LINE, ...arrays.map((text) => `ARRAY: ${text}`)];
    expect(linesOf([int(), array])).toEqual(expected);
    // The second unit's are looked up, not built.
    const again = die('array_type', { type: ref('int2') }, dimensions);
    expect(linesOf([int(), array], [int('int2'), again])).toEqual(expected);
    expect(linesOf([int()], [int('int2'), again])).toEqual(expected);
    // What comes before its element waits until that is known.
    expect(linesOf([int()], [again, int('int2')])).toEqual(expected);
  });

  it('shares inner arrays with others', () => {
    const arrays = [arrayOf('int', [3, 4]), arrayOf('int', [4]), arrayOf('int', [2, 3, 4])];
    expect(linesOf([int(), ...arrays])).toEqual([
      INT_LINE,
      'ARRAY: [4]int',
      'ARRAY: [3][4]int',
      'ARRAY: [2][3][4]int',
    ]);
  });

  it('of an array that stands behind it', () => {
    expect(linesOf([int(), arrayOf('behind', [5, 6]), arrayOf('int', [7, 8], 'behind')])).toEqual([
      INT_LINE,
      'ARRAY: [6][7][8]int',
      'ARRAY: [5][6][7][8]int',
      'ARRAY: [8]int',
      'ARRAY: [7][8]int',
    ]);
  });
});

describe('in a struct that is known already', () => {
  const first = [int(), arrayOf('int', [2, 3], 'a'), struct('s', 'a')];
  const before = [INT_LINE, 'ARRAY: [3]int', 'ARRAY: [2][3]int'];
  const known = 'STRUCT s: struct of 64 bytes; m0: at bit 0, [2][3]int';

  it('the same array is the same, whether it stands before the struct or behind', () => {
    const second = [int('int2'), struct('s', 'b'), arrayOf('int2', [2, 3], 'b')];
    const third = [int('int3'), arrayOf('int3', [2, 3], 'c'), struct('s', 'c')];
    const fourth = [struct('s', 'd'), arrayOf('int4', [2, 3], 'd'), int('int4')];
    expect(linesOf(first, second, third, fourth)).toEqual([...before, known]);
  });

  it.each<[string, readonly number[], string]>([
    ['one of the other dimensions', [3, 2], '[3][2]int'],
    ['one of fewer dimensions', [6], '[6]int'],
    ['one of more dimensions', [2, 3, 1], '[2][3][1]int'],
    ['one with another inner dimension', [2, 4], '[2][4]int'],
    ['one with another outer dimension', [4, 3], '[4][3]int'],
  ])('%s makes it another struct', (_, counts, text) => {
    const second = [int('int2'), struct('s', 'b'), arrayOf('int2', counts, 'b')];
    const lines = linesOf(first, second);
    expect(lines.filter((line) => line.startsWith('STRUCT'))).toEqual([
      known,
      `STRUCT s: struct of 64 bytes; m0: at bit 0, ${text}`,
    ]);
    expect(lines.filter((line) => line === `ARRAY: ${text}`)).toHaveLength(1);
  });

  it('the elements count, too', () => {
    const long = die('base_type', { name: 'long', byte_size: 8, encoding: ATE.signed }, [], 'long');
    const second = [int('int2'), struct('s', 'b'), arrayOf('long', [2, 3], 'b'), long];
    const btf = convertUnits(
      [first, second].map((dies) => unit(dies)),
      {},
      {},
      PROFILE,
    );
    const kinds = typeLines(btf).map((_, i) => BTF_KIND_NAMES[btf.kind(i + 1)]);
    expect(kinds.filter((kind) => kind === 'STRUCT')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'ARRAY')).toHaveLength(4);
  });
});
