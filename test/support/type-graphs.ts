/** Random type graphs as the units of a program, for properties. */

import * as fc from 'fast-check';
import {
  ATE,
  type Attributes,
  type Die,
  die,
  form,
  type PlainValue,
  ref,
  type Unit,
  unit,
} from '../builders/dwarf-writer.ts';

/** A type of a unit. Numbers choose among what the unit has so far; what they mean depends on how much that is. */
export interface Shape {
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

/** Shapes of up to four units. */
export const UNITS = fc.array(fc.array(SHAPE, { maxLength: 12 }), { minLength: 1, maxLength: 4 });
/** What a forward declaration of an ambiguous name means depends on the order of units; an enum without values is one. */
export const UNITS_WITHOUT_FORWARDS = UNITS.map((units) =>
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

/** Types that every unit has beside one for each shape. */
export const BASE_TYPE_COUNT = BASES.length;

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

/** The units as DIEs. */
export function unitsOf(shapes: readonly (readonly Shape[])[]): Unit[] {
  return shapes.map((own, i) => new UnitMaker(`u${i}_`, own).make());
}
