/**
 * The functions of a run of units that may become a FUNC: defined, named, all parameters named; of equal ones only the
 * first is kept. Which of them do become one is decided when the whole file is known, see choose-functions.ts.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { DoubleList, IntList } from '../btf/int-list.ts';
import { ENTRY_INTS, TypePool } from '../btf/type-pool.ts';
import { NO_NAME } from './names.ts';
import type { FunctionRules } from './profile.ts';
import { ORDINAL_FUNCTIONS } from './stream.ts';
import { type TagArrays, TagList } from './tags.ts';
import type { TypeSizes } from './type-sizes.ts';
import { UNIT_STRIDE, type UnitResolver } from './unit-resolver.ts';
import { FUNCTION_FLAG, type OffsetIndex, PARAMETER_UNEXPECTED, type UnitTypes } from './unit-types.ts';

/** Layout of one function in {@link FunctionArrays.rows}. */
export const FUNCTION = {
  /** Raw name. */
  NAME: 0,
  /** Number of its prototype. */
  PROTO: 1,
  FLAGS: 2,
  UNIT: 3,
} as const;
export const FUNCTION_INTS = 4;

/** Bit of a function's flags: a parameter was found in another register than the ABI says. */
export const FUNCTION_UNEXPECTED = 1;

/** Functions of a collection. */
export interface FunctionArrays {
  /** Places in the stream. Prototype and function stand at key and key + 1, parameter number n at key + n. */
  readonly keys: Float64Array;
  readonly rows: Int32Array;
  /** By number of a prototype: the node of its result, the first int of its parameters and their number. */
  readonly results: Int32Array;
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** Parameters: {@link ENTRY_INTS} ints each, raw name, 0, node. */
  readonly entries: Int32Array;
  readonly tags: TagArrays;
}

/** What of the unit at hand the functions are made from. */
export interface UnitParts {
  readonly types: UnitTypes;
  readonly index: OffsetIndex;
  readonly resolver: UnitResolver;
  readonly sizes: TypeSizes;
}

const NONE = -1;

export class FunctionCollector {
  /** Prototypes alone, referring to nodes of the unit's pool: most of them will never be met in the stream. */
  private readonly prototypes = new TypePool();
  private readonly unit: UnitParts;
  private readonly rules: FunctionRules;
  /** False for a stripped file. */
  private readonly hasSymbols: boolean;
  private readonly keys = new DoubleList();
  private readonly rows = new IntList();
  private readonly tags = new TagList();
  /** By raw name the function met last, and by function the one of its name before it. */
  private readonly latest = new Map<number, number>();
  private readonly earlier = new IntList();
  private entries = new Int32Array(ENTRY_INTS * 64);

  constructor(unit: UnitParts, rules: FunctionRules, hasSymbols: boolean) {
    this.unit = unit;
    this.rules = rules;
    this.hasSymbols = hasSymbols;
  }

  /** Takes over the functions of the unit that was read and resolved last. */
  addUnit(unitIndex: number): void {
    const { rules, hasSymbols } = this;
    if (!hasSymbols && rules.withoutSymbols === 'none') return;
    const { types } = this.unit;
    if (rules.dropUnexpectedRegisters) this.shareParameterFlags();
    const onlyFirst = rules.placement === 'first-in-unit' && hasSymbols;
    let key = unitIndex * UNIT_STRIDE + ORDINAL_FUNCTIONS;
    for (let f = 0; f < types.functionName.length; f++) {
      const flags = types.functionFlags.at(f);
      if ((flags & FUNCTION_FLAG.DECLARATION) !== 0) continue;
      if (!hasSymbols && (flags & FUNCTION_FLAG.EXTERNAL) === 0) continue;
      const origin = this.originOf(types.functionOrigin.at(f));
      const name = this.functionName(f, origin);
      if (name === NO_NAME) continue;
      const last = this.latest.get(name) ?? NONE;
      if (onlyFirst && last !== NONE) continue;
      const count = this.fillEntries(f, (flags & FUNCTION_FLAG.VARIADIC) !== 0);
      if (count < 0) continue;
      const ownType = types.functionRef.at(f);
      const type = ownType === 0 && origin >= 0 ? types.functionRef.at(origin) : ownType;
      const result = this.unit.resolver.nodeAt(type, types.functionOffset.at(f));
      const proto = this.prototypes.list(BTF_KIND.FUNC_PROTO, result, 0, this.entries, 0, count);
      const ownFlags = rules.dropUnexpectedRegisters && this.isUnexpected(f) ? FUNCTION_UNEXPECTED : 0;
      if (this.isKnown(last, proto, ownFlags)) continue;
      const number = this.keys.push(key);
      // Tags stand behind the function, or their values behind the names of its parameters.
      key += Math.max(2, count);
      if (types.functionTags.length > 0) key += this.tags.take(types.functionTags, f, key, number, unitIndex);
      this.rows.push(name);
      this.rows.push(proto);
      this.rows.push(ownFlags);
      this.rows.push(unitIndex);
      this.latest.set(name, this.earlier.push(last));
    }
  }

  finish(): FunctionArrays {
    const { nodeA, nodeStart, nodeCount, entries } = this.prototypes;
    return {
      keys: this.keys.toArray(),
      rows: this.rows.toArray(),
      results: nodeA.toArray(),
      starts: nodeStart.toArray(),
      counts: nodeCount.toArray(),
      entries: entries.toArray(),
      tags: this.tags.toArrays(),
    };
  }

  private isKnown(last: number, proto: number, flags: number): boolean {
    const { rows } = this;
    for (let at = last; at !== NONE; at = this.earlier.at(at)) {
      const row = at * FUNCTION_INTS;
      if (rows.at(row + FUNCTION.PROTO) === proto && rows.at(row + FUNCTION.FLAGS) === flags) return true;
    }
    return false;
  }

  private originOf(offset: number): number {
    const { index, types } = this.unit;
    return offset === 0 ? NONE : index.find(offset, types.functionOffset);
  }

  private functionName(f: number, origin: number): number {
    const { types } = this.unit;
    const own = types.functionName.at(f);
    if (own !== NO_NAME) return own;
    if (origin >= 0) return types.functionName.at(origin);
    const specification = this.originOf(types.functionSpecification.at(f));
    return specification >= 0 ? types.functionName.at(specification) : NO_NAME;
  }

  /** The parameter that this one takes name and type from, or -1. */
  private parameterOrigin(p: number): number {
    const { types, index } = this.unit;
    const origin = types.parameterOrigin.at(p);
    return types.parameterRef.at(p) === 0 && origin !== 0 ? index.find(origin, types.parameterOffset) : NONE;
  }

  /** A function's parameters as entries of its prototype; -1 when one has no name. */
  private fillEntries(f: number, isVariadic: boolean): number {
    const { types, resolver } = this.unit;
    const first = types.functionStart.at(f);
    const count = types.functionCount.at(f);
    const total = count + (isVariadic ? 1 : 0);
    if (total * ENTRY_INTS > this.entries.length) this.entries = new Int32Array(2 * total * ENTRY_INTS);
    const { entries } = this;
    let at = 0;
    for (let p = first; p < first + count; p++) {
      const origin = this.parameterOrigin(p);
      const source = origin >= 0 ? origin : p;
      const name = types.parameterName.at(source);
      if (name === NO_NAME) return NONE;
      entries[at] = name;
      entries[at + 1] = 0;
      entries[at + 2] = resolver.nodeAt(types.parameterRef.at(source), types.parameterOffset.at(p));
      at += ENTRY_INTS;
    }
    // Variadic: a parameter without name and type.
    if (isVariadic) entries.fill(0, at, at + ENTRY_INTS);
    return total;
  }

  /** What was seen of a parameter holds for the one that it refers to, too (dwarves: ftype__recode_dwarf_types). */
  private shareParameterFlags(): void {
    const { parameterFlags } = this.unit.types;
    for (let p = 0; p < parameterFlags.length; p++) {
      if (parameterFlags.at(p) === 0) continue;
      const origin = this.parameterOrigin(p);
      if (origin >= 0) parameterFlags.data[origin] |= parameterFlags.at(p);
    }
  }

  /** Parameters wider than a register take several, which shifts those of the others: then nothing is said. */
  private isUnexpected(f: number): boolean {
    const { types, sizes } = this.unit;
    const first = types.functionStart.at(f);
    const end = first + types.functionCount.at(f);
    let isUnexpected = false;
    for (let p = first; p < end; p++) {
      if ((types.parameterFlags.at(p) & PARAMETER_UNEXPECTED) !== 0) isUnexpected = true;
    }
    if (!isUnexpected) return false;
    for (let p = first; p < end; p++) {
      const origin = this.parameterOrigin(p);
      if (sizes.isStruct(types.parameterRef.at(origin >= 0 ? origin : p))) return false;
    }
    return true;
  }
}
