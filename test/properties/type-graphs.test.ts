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
  type Attributes,
  type Die,
  die,
  type DwarfOptions,
  form,
  type PlainValue,
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

/** Per property; more of them make it a fuzzer: `FUZZ_RUNS=100000 npx vitest run test/properties`. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

/** Far above what any of these files takes, far below a hang. */
const MAX_MS = 2000;

/** A type of a unit. Numbers choose among what the unit has so far; what they mean depends on how much that is. */
interface Shape {
  readonly kind:
    | 'pointer'
    | 'qualifier'
    | 'typedef'
    | 'array'
    | 'composite'
    | 'enum'
    | 'prototype'
    | 'forward';
  readonly variant: number;
  readonly name: number;
  readonly parts: readonly number[];
}

const SHAPE: fc.Arbitrary<Shape> = fc.record({
  kind: fc.constantFrom(
    'pointer',
    'qualifier',
    'typedef',
    'array',
    'composite',
    'composite',
    'composite',
    'enum',
    'prototype',
    'forward',
  ),
  variant: fc.nat(7),
  // Few names, so that they clash; 0 is none.
  name: fc.nat(4),
  parts: fc.array(fc.nat(1000), { maxLength: 4 }),
});

const UNITS = fc.array(fc.array(SHAPE, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
/** What a forward declaration of an ambiguous name means depends on the order of units; an enum without values is one. */
const UNITS_WITHOUT_FORWARDS = UNITS.map((units) =>
  units.map((shapes) =>
    shapes.filter(({ kind, parts }) => kind !== 'forward' && (kind !== 'enum' || parts.length > 0)),
  ),
);

interface Placed {
  readonly label: string;
  /** Undefined for types that have no values: void, functions, forward declarations. */
  readonly sizeBytes: number | undefined;
  readonly isInteger: boolean;
}

const BASES: readonly (readonly [string, number, number])[] = [
  ['int', 4, ATE.signed],
  ['char', 1, ATE.signed_char],
  ['long', 8, ATE.signed],
  ['_Bool', 1, ATE.boolean],
  ['double', 8, ATE.float],
];

class UnitMaker {
  private readonly prefix: string;
  private readonly shapes: readonly Shape[];
  private readonly placed: Placed[] = [];
  private readonly dies: Die[] = [];

  constructor(prefix: string, shapes: readonly Shape[]) {
    this.prefix = prefix;
    this.shapes = shapes;
  }

  make(): Unit {
    for (const [name, byteSize, encoding] of BASES) {
      const label = this.place(byteSize, encoding === ATE.signed);
      this.dies.push(
        die('base_type', { name: form('strp', name), byte_size: byteSize, encoding }, [], label),
      );
    }
    for (const shape of this.shapes) this.add(shape);
    return unit(this.dies);
  }

  private place(sizeBytes: number | undefined, isInteger = false): string {
    const label = `${this.prefix}${this.placed.length}`;
    this.placed.push({ label, sizeBytes, isInteger });
    return label;
  }

  private add({ kind, variant, name, parts }: Shape): void {
    const [first = 0] = parts;
    switch (kind) {
      case 'pointer':
        // To any type at all, later ones too, or void.
        this.push('pointer_type', { byte_size: 8, type: this.anyType(first) }, [], 8);
        return;
      case 'qualifier': {
        const tag = (['const_type', 'volatile_type', 'restrict_type'] as const)[variant % 3];
        const target = this.valued(first);
        this.push(tag, { type: ref(target.label) }, [], target.sizeBytes);
        return;
      }
      case 'typedef': {
        const target = this.valued(first);
        this.push('typedef', { name: `t${name}`, type: ref(target.label) }, [], target.sizeBytes);
        return;
      }
      case 'array': {
        const target = this.valued(first);
        const counts = parts.slice(1).map((count) => count % 4);
        // Without a number it is a flexible array.
        const dimensions =
          counts.length === 0
            ? [die('subrange_type')]
            : counts.map((count) => die('subrange_type', { count }));
        const total = counts.length === 0 ? 0 : counts.reduce((product, count) => product * count, 1);
        this.push('array_type', { type: ref(target.label) }, dimensions, (target.sizeBytes ?? 0) * total);
        return;
      }
      case 'composite':
        this.composite(variant, name, parts);
        return;
      case 'enum': {
        const values = parts.map((part, i) =>
          die('enumerator', {
            name: form('strp', `E${name}_${i}`),
            const_value: part % 3 === 0 ? -part : part,
          }),
        );
        const byteSize = variant === 0 ? 8 : 4;
        this.push('enumeration_type', { ...named('e', name), byte_size: byteSize }, values, byteSize);
        return;
      }
      case 'prototype': {
        const parameters = parts.map((part) =>
          die('formal_parameter', { type: ref(this.valued(part).label) }),
        );
        const dots = variant === 0 ? [die('unspecified_parameters')] : [];
        this.push('subroutine_type', { type: this.anyValue(variant) }, [...parameters, ...dots], undefined);
        return;
      }
      default: {
        const tag = variant % 2 === 0 ? 'structure_type' : 'union_type';
        this.push(tag, { name: `s${name}`, declaration: true }, [], undefined);
      }
    }
  }

  private composite(variant: number, name: number, parts: readonly number[]): void {
    const isUnion = variant === 1;
    let end = 0;
    const members = parts.map((part, i) => {
      const target = this.valued(part);
      const at = isUnion ? 0 : end;
      const memberName = form(variant === 2 ? 'string' : 'strp', `m${i}`);
      const type = form('ref4', ref(target.label));
      const isBitfield = target.isInteger && part % 5 === 0;
      end = isUnion ? Math.max(end, target.sizeBytes ?? 0) : end + (target.sizeBytes ?? 0);
      const place: Attributes = isBitfield
        ? { bit_size: 1 + (part % 4), data_bit_offset: form('udata', at * 8) }
        : { data_member_location: form('udata', at) };
      return die('member', { name: memberName, type, ...place });
    });
    this.push(
      isUnion ? 'union_type' : 'structure_type',
      { ...named('s', name), byte_size: end },
      members,
      end,
    );
  }

  private push(
    tag: Die['tag'],
    attributes: Attributes,
    children: readonly Die[],
    size: number | undefined,
  ): void {
    this.dies.push(die(tag, attributes, children, this.place(size)));
  }

  /** One of the types so far that has values. */
  private valued(choice: number): Placed {
    const all = this.placed.filter(({ sizeBytes }) => sizeBytes !== undefined);
    return all[choice % all.length];
  }

  private anyValue(choice: number): PlainValue | undefined {
    return choice % 3 === 0 ? undefined : ref(this.valued(choice).label);
  }

  private anyType(choice: number): PlainValue | undefined {
    const total = BASES.length + this.shapes.length;
    const at = choice % (total + 1);
    // Only structs may refer to what comes later: without one in the circle it would be none in C either.
    const isLater = at >= this.placed.length;
    const later = isLater ? this.shapes[at - BASES.length] : undefined;
    if (at === total || (isLater && !isNamedComposite(later))) return undefined;
    return ref(`${this.prefix}${at}`);
  }
}

function isNamedComposite(shape: Shape | undefined): boolean {
  return shape?.kind === 'forward' || (shape?.kind === 'composite' && shape.name !== 0);
}

function named(prefix: string, name: number): Attributes {
  return name === 0 ? {} : { name: form('strp', `${prefix}${name}`) };
}

function unitsOf(shapes: readonly (readonly Shape[])[]): Unit[] {
  return shapes.map((own, i) => new UnitMaker(`u${i}_`, own).make());
}

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

describe('random type graphs', () => {
  it('become valid BTF', () => {
    fc.assert(
      fc.property(UNITS, (shapes) => {
        expectSound(convertUnits(unitsOf(shapes)));
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
        const plain = convertUnits(unitsOf(shapes));
        expectSound(plain);
        expectSameClasses(plain, convertUnits(unitsOf(shapes), encoding));
        expectSameClasses(plain, convertUnits(unitsOf(shapes.toReversed())));
      }),
      { numRuns: RUNS },
    );
  });

  it('are the same bytes when every unit comes twice: deduplication is idempotent', () => {
    fc.assert(
      fc.property(UNITS_WITHOUT_FORWARDS, (shapes) => {
        const once = convertBytes(writeDwarfElf({}, unitsOf(shapes)));
        const twice = convertBytes(writeDwarfElf({}, unitsOf([...shapes, ...shapes])));
        expect(Buffer.compare(twice, once)).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('are the same bytes however the units are shared out', () => {
    fc.assert(
      fc.property(UNITS, fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }), (shapes, owners) => {
        const elf = writeDwarfElf({}, unitsOf(shapes));
        const input = readConversionInput(openElf(memorySource(elf)), 'pahole-1.30');
        const whole = collectRange(input, 0, input.units.length);
        const cuts = [0, owners[0] % (input.units.length + 1), input.units.length].sort((a, b) => a - b);
        const parts = [collectRange(input, cuts[0], cuts[1]), collectRange(input, cuts[1], cuts[2])];
        const expected = assembleBtf({ ...input, collections: [whole] }).bytes;
        for (const collections of [parts, parts.toReversed()]) {
          const { bytes } = assembleBtf({ ...input, collections });
          expect(Buffer.compare(bytes, expected)).toBe(0);
        }
        expect(Buffer.compare(convertBytes(elf), expected)).toBe(0);
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
