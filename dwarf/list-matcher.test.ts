import { expect, it } from 'vitest';
import { decodeBtf } from '../btf/index.ts';
import { memorySource, openElf } from '../elf/index.ts';
import { ATE, die, form, ref, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { typeLines } from '../test/support/conversion.ts';
import { assembleBtf, collectRange, DEFAULT_PROFILE, readConversionInput } from './index.ts';

/** Found by the fuzzer: what stood where a name would have been was taken for one. */
it('an enumerator without a name is none that an earlier unit has', () => {
  const DECL_LINE = 0x3b;
  const enumeration = (label: string, first: Parameters<typeof die>[1]) => [
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label),
    die('enumeration_type', { name: form('string', 'state'), byte_size: 4, type: ref(label) }, [
      die('enumerator', first),
    ]),
  ];
  const bytes = writeDwarfElf({}, [
    // `IDLE` is the first text in .debug_str: its offset is 0, and so is the line of the other.
    unit(enumeration('a', { name: form('strp', 'IDLE'), const_value: form('data1', 0) })),
    unit(enumeration('b', { [DECL_LINE]: form('data4', 0), const_value: form('data1', 0) })),
  ]);
  const input = readConversionInput(openElf(memorySource(bytes)), DEFAULT_PROFILE);
  const linesOf = (...ranges: [number, number][]): string[] => {
    const collections = ranges.map(([from, to]) => collectRange(input, from, to));
    return typeLines(decodeBtf(assembleBtf({ ...input, collections }).bytes));
  };
  const whole = linesOf([0, 2]);
  expect(whole.filter((line) => line.startsWith('ENUM state'))).toHaveLength(2);
  expect(linesOf([1, 2], [0, 1])).toEqual(whole);
});
