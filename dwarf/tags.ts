/** btf_decl_tag annotations of a run of units, and the DECL_TAGs that they become. */

import { DoubleList, IntList } from '../btf/int-list.ts';
import type { EmittedTag } from '../btf/emit.ts';
import type { MergedCollection } from './ambiguity.ts';
import { ORDINAL_TYPE_TAGS } from './stream.ts';
import { UNIT_STRIDE, type UnitResolver } from './unit-resolver.ts';
import { TAG, TAG_INTS, type UnitTypes } from './unit-types.ts';

/** Layout of one tag in {@link TagArrays.rows}. */
export const TAG_ROW = {
  /** Node of the type, or number of the function or variable in its collection. */
  TARGET: 0,
  /** Raw name. */
  VALUE: 1,
  /** Member or parameter, or -1 for the whole. */
  COMPONENT: 2,
  UNIT: 3,
} as const;
export const TAG_ROW_INTS = 4;

/** Tags of a collection's types, functions or variables. */
export interface TagArrays {
  /** Places in the stream. */
  readonly keys: Float64Array;
  readonly rows: Int32Array;
}

/** Gathers tags as rows. */
export class TagList {
  private readonly keys = new DoubleList(16);
  private readonly rows = new IntList(64);
  /** The unit that {@link take} was called for last, and where it goes on among that unit's tags. */
  private unitIndex = -1;
  private next = 0;

  push(key: number, target: number, value: number, component: number, unitIndex: number): void {
    this.keys.push(key);
    this.rows.push(target);
    this.rows.push(value);
    this.rows.push(component);
    this.rows.push(unitIndex);
  }

  /**
   * Takes over the tags on number `index` of a unit's functions or variables; returns how many.
   * @param tags all of the unit's, in the order of what they are on; it must be asked for in that order, too
   * @param key place of the first one
   * @param target number of that function or variable in the collection
   */
  take(tags: IntList, index: number, key: number, target: number, unitIndex: number): number {
    if (unitIndex !== this.unitIndex) {
      this.unitIndex = unitIndex;
      this.next = 0;
    }
    // What was left out has tags as well.
    while (this.next < tags.length && tags.at(this.next + TAG.TARGET) < index) this.next += TAG_INTS;
    let count = 0;
    for (; this.next < tags.length && tags.at(this.next + TAG.TARGET) === index; this.next += TAG_INTS) {
      const value = tags.at(this.next + TAG.VALUE);
      this.push(key + count++, target, value, tags.at(this.next + TAG.COMPONENT), unitIndex);
    }
    return count;
  }

  toArrays(): TagArrays {
    return { keys: this.keys.toArray(), rows: this.rows.toArray() };
  }
}

/** Tags of structs, unions and typedefs. */
export class TypeTagCollector {
  private readonly types: UnitTypes;
  private readonly resolver: UnitResolver;
  private readonly tags = new TagList();

  constructor(types: UnitTypes, resolver: UnitResolver) {
    this.types = types;
    this.resolver = resolver;
  }

  /** Takes over the tags of the unit that was read and resolved last. */
  addUnit(unitIndex: number): void {
    const { typeTags } = this.types;
    const base = unitIndex * UNIT_STRIDE + ORDINAL_TYPE_TAGS;
    for (let i = 0; i < typeTags.length; i += TAG_INTS) {
      const die = typeTags.at(i + TAG.TARGET);
      const node = this.resolver.nodeAt(die, die);
      this.tags.push(base + i, node, typeTags.at(i + TAG.VALUE), typeTags.at(i + TAG.COMPONENT), unitIndex);
    }
  }

  finish(): TagArrays {
    return this.tags.toArrays();
  }
}

/** DECL_TAGs of types, in stream order. */
export function chooseTypeTags(parts: readonly MergedCollection[]): EmittedTag[] {
  const chosen: EmittedTag[] = [];
  for (const { collection, names, map, isCurrent } of parts) {
    const { keys, rows } = collection.typeTags;
    keys.forEach((key, i) => {
      const row = i * TAG_ROW_INTS;
      if (!isCurrent(rows[row + TAG_ROW.UNIT])) return;
      const target = map.nodes[rows[row + TAG_ROW.TARGET]];
      const name = names.id(rows[row + TAG_ROW.VALUE]);
      chosen.push({ key, name, on: 'node', target, component: rows[row + TAG_ROW.COMPONENT] });
    });
  }
  return distinctTags(chosen.sort((a, b) => a.key - b.key));
}

/** The first of each: equal DECL_TAGs are one. Variables are never equal, but that is up to the caller. */
export function distinctTags(tags: readonly EmittedTag[]): EmittedTag[] {
  const seen = new Set<string>();
  return tags.filter(({ on, target, name, component }) => {
    const identity = `${on} ${target} ${name} ${component}`;
    return !seen.has(identity) && seen.add(identity);
  });
}
