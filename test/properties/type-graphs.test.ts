/**
 * Random type graphs over several units: what comes out is what a kernel takes, says nothing twice, and does not
 * depend on byte order, DWARF format, the order of units or how they are shared out.
 */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Btf, compareDeep, decodeBtf, validateBtf } from '../../btf/index.ts';
import { assembleBtf, collectRange, readConversionInput } from '../../dwarf/index.ts';
import { FormatError, memorySource, openElf } from '../../elf/index.ts';
import {
  ATE,
  die,
  type DwarfOptions,
  form,
  ref,
  type Unit,
  unit,
  writeDwarf,
  writeDwarfElf,
} from '../builders/dwarf-writer.ts';
import { convertBytes, convertUnits } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf, paholeGivesProfile124 } from '../support/pahole.ts';
import { tempDirForTest } from '../support/temp.ts';
import { needs, needsTool } from '../support/tools.ts';
import { UNITS, UNITS_WITHOUT_FORWARDS, unitsOf } from '../support/type-graphs.ts';

/** Per property; more of them make it a fuzzer: `FUZZ_RUNS=100000 npx vitest run test/properties`. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

/** Far above what any of these files takes, far below a hang. */
const MAX_MS = 2000;

function expectSound(btf: Btf): void {
  expect(validateBtf(btf).map(({ text }) => text)).toEqual([]);
}

/** All classes equal, each there once. */
function expectSameClasses(a: Btf, b: Btf): void {
  const { equalTypes, duplicatesA, duplicatesB } = compareDeep(a, b);
  expect({ equalTypes, duplicatesA, duplicatesB }).toEqual({
    equalTypes: true,
    duplicatesA: 0,
    duplicatesB: 0,
  });
}

describe.each(['pahole-1.30', 'pahole-1.32'] as const)('random type graphs, profile %s', (profile) => {
  const convert = (units: readonly Unit[], encoding: DwarfOptions = {}): Btf =>
    convertUnits(units, encoding, {}, profile);

  it('become valid BTF', () => {
    fc.assert(
      fc.property(UNITS, (shapes) => {
        expectSound(convert(unitsOf(shapes)));
      }),
      { numRuns: RUNS },
    );
  });

  it('without forward declarations: as many types as classes, in every encoding, in any order of units', () => {
    const encodings: readonly DwarfOptions[] = [
      { littleEndian: false },
      { version: 4 },
      { format: 64 },
      { bits: 32, littleEndian: false, version: 3, format: 64 },
    ];
    fc.assert(
      fc.property(UNITS_WITHOUT_FORWARDS, fc.constantFrom(...encodings), (shapes, encoding) => {
        const plain = convert(unitsOf(shapes));
        expectSound(plain);
        expectSameClasses(plain, convert(unitsOf(shapes), encoding));
        expectSameClasses(plain, convert(unitsOf(shapes.toReversed())));
      }),
      { numRuns: RUNS },
    );
  });

  it('are the same bytes when every unit comes twice: deduplication is idempotent', () => {
    fc.assert(
      fc.property(UNITS_WITHOUT_FORWARDS, (shapes) => {
        const once = convertBytes(writeDwarfElf({}, unitsOf(shapes)), profile);
        const twice = convertBytes(writeDwarfElf({}, unitsOf([...shapes, ...shapes])), profile);
        expect(Buffer.compare(twice, once)).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('are the same bytes however the units are shared out', () => {
    fc.assert(
      fc.property(UNITS, fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }), (shapes, owners) => {
        const elf = writeDwarfElf({}, unitsOf(shapes));
        const input = readConversionInput(openElf(memorySource(elf)), profile);
        const whole = collectRange(input, 0, input.units.length);
        const cuts = [0, owners[0] % (input.units.length + 1), input.units.length].sort((a, b) => a - b);
        const parts = [collectRange(input, cuts[0], cuts[1]), collectRange(input, cuts[1], cuts[2])];
        const expected = assembleBtf({ ...input, collections: [whole] }).bytes;
        for (const collections of [parts, parts.toReversed()]) {
          const { bytes } = assembleBtf({ ...input, collections });
          expect(Buffer.compare(bytes, expected)).toBe(0);
        }
        expect(Buffer.compare(convertBytes(elf, profile), expected)).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

describe.skipIf(needsTool('pahole') || needs(paholeGivesProfile124(), 'pahole is none of 1.24 to 1.27'))(
  'random type graphs beside pahole',
  () => {
    it('are the same bytes', async () => {
      const folder = await tempDirForTest('type-graphs');
      await fc.assert(
        fc.asyncProperty(UNITS_WITHOUT_FORWARDS, async (shapes) => {
          const elf = writeDwarfElf({}, unitsOf(shapes));
          const file = join(folder, 'program');
          await writeFile(file, elf);
          expectSameBytes(convertBytes(elf, 'pahole-1.24'), await paholeBtf(file));
        }),
        { numRuns: Math.ceil(RUNS / 3) },
      );
    });
  },
);

describe('damaged sections', () => {
  /** Uses every form that the reader knows, which no compiler does in one file. */
  const SECTIONS = writeDwarf({}, [
    unit([
      die(
        'base_type',
        { name: form('strx1', 'int'), byte_size: form('indirect', 4), encoding: ATE.signed },
        [],
        'int',
      ),
      die(
        'structure_type',
        { name: form('strx', 's'), byte_size: form('udata', 16) },
        [
          die('member', { name: form('strp', 'a'), type: ref('int'), data_member_location: 0 }),
          die('member', {
            name: 'b',
            type: form('ref_udata', ref('e')),
            data_member_location: form('block1', Uint8Array.of(0x23, 4)),
          }),
          die('member', {
            name: form('line_strp', 'c'),
            type: form('ref1', ref('int')),
            bit_size: 3,
            data_bit_offset: form('sdata', 64),
          }),
          die('member', {
            name: 'd',
            type: form('ref8', ref('p')),
            data_member_location: form('implicit_const', 12),
          }),
        ],
        's',
      ),
      die(
        'enumeration_type',
        { name: form('strx2', 'e'), byte_size: 4 },
        [
          die('enumerator', { name: form('strp', 'A'), const_value: form('implicit_const', -5) }),
          die('enumerator', { name: form('strx4', 'B'), const_value: form('data8', 7) }),
        ],
        'e',
      ),
      die('pointer_type', { type: form('ref2', ref('s')) }, [], 'p'),
      die('array_type', { type: ref('p') }, [
        die('subrange_type', { upper_bound: form('exprloc', Uint8Array.of(0x30)) }),
      ]),
      die('subprogram', { name: form('strx3', 'f'), external: true, type: ref('int') }, [
        die('formal_parameter', { name: 'x', type: ref('p') }),
        die('unspecified_parameters'),
      ]),
    ]),
    unit([
      die('structure_type', { name: form('strp', 's'), byte_size: 0 }, [], 'other'),
      die('typedef', { name: 't', type: form('ref_addr', ref('other')) }),
    ]),
    unit([die('structure_type', { name: form('strp', 's'), declaration: true })], { version: 4, format: 64 }),
  ]).sections;

  it('end in well-formed BTF or a FormatError, soon', () => {
    const damage = fc.record({
      section: fc.constantFrom(...Object.keys(SECTIONS)),
      at: fc.nat(0xffff),
      byte: fc.nat(255),
      isCut: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    });
    let values = 0;
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (all) => {
        const sections: Record<string, Uint8Array> = { ...SECTIONS };
        for (const { section, at, byte, isCut } of all) {
          const offset = at % (sections[section].length + 1);
          sections[section] = isCut ? sections[section].slice(0, offset) : Uint8Array.from(sections[section]);
          if (!isCut && offset < sections[section].length) sections[section][offset] = byte;
        }
        const elf = { sections: Object.entries(sections).map(([name, data]) => ({ name, data })) };
        const start = performance.now();
        try {
          decodeBtf(convertBytes(writeDwarfElf({}, [], elf)));
          values += 1;
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
          expect(error.location.section ?? error.location.format).toMatch(/^\.?\w+$/u);
          expect(error.location.offset ?? 0).toBeGreaterThanOrEqual(0);
        }
        expect(performance.now() - start).toBeLessThan(MAX_MS);
      }),
      { numRuns: 4 * RUNS },
    );
    expect(values).toBeGreaterThan(RUNS / 10);
    expect(values).toBeLessThan(4 * RUNS);
  });
});
