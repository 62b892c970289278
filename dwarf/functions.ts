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
import { SIGNATURE, type SignatureReader } from './signatures.ts';
import { FUNCTION_FLAG, type OffsetIndex, PARAMETER_UNEXPECTED, type UnitTypes } from './unit-types.ts';

/** Layout of one function in {@link FunctionArrays.rows}. */
export const FUNCTION = {
  /** Raw name. */
  NAME: 0,
  /** Number of its prototype. */
  PROTO: 1,
  /** Bits of SIGNATURE. */
  FLAGS: 2,
  UNIT: 3,
  /** In two halves; 0 when nobody asks. */
  ADDRESS_LOW: 4,
  ADDRESS_HIGH: 5,
} as const;
export const FUNCTION_INTS = 6;

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
  /** Where the profile asks what became of parameters by their size. */
  readonly signatures: SignatureReader | undefined;
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
  private readonly metNames = new NameSet();
  /** The functions that were met. */
  private readonly known = new RowSet();
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
    const { types, signatures } = this.unit;
    if (rules.unexpectedRegisters === 'by-number') this.shareParameterFlags();
    signatures?.addUnit();
    const onlyFirst = rules.placement === 'first-in-unit' && hasSymbols;
    let key = unitIndex * UNIT_STRIDE + ORDINAL_FUNCTIONS;
    for (let f = 0; f < types.functionName.length; f++) {
      const flags = types.functionFlags.at(f);
      if ((flags & FUNCTION_FLAG.DECLARATION) !== 0) continue;
      if (!hasSymbols && (flags & FUNCTION_FLAG.EXTERNAL) === 0) continue;
      const origin = this.originOf(types.functionOrigin.at(f));
      const name = this.functionName(f, origin);
      if (name === NO_NAME) continue;
      if (onlyFirst && this.metNames.has(name)) continue;
      const ownFlags = this.signatureOf(f);
      const isReordered = (ownFlags & SIGNATURE.REORDERED) !== 0;
      const count = this.fillEntries(f, (flags & FUNCTION_FLAG.VARIADIC) !== 0, isReordered);
      if (count < 0) continue;
      const ownType = types.functionRef.at(f);
      const type = ownType === 0 && origin >= 0 ? types.functionRef.at(origin) : ownType;
      const result = this.unit.resolver.nodeAt(type, types.functionOffset.at(f));
      const proto = this.prototypes.list(BTF_KIND.FUNC_PROTO, result, 0, this.entries, 0, count);
      const addressLow = (signatures?.addressLow ?? 0) | 0;
      const addressHigh = (signatures?.addressHigh ?? 0) | 0;
      if (onlyFirst) this.metNames.add(name);
      else if (!this.known.add(name, proto, ownFlags, addressLow, addressHigh)) continue;
      const number = this.keys.push(key);
      // Tags stand behind the function, or their values behind the names of its parameters.
      key += Math.max(2, count);
      if (types.functionTags.length > 0) key += this.tags.take(types.functionTags, f, key, number, unitIndex);
      this.rows.push(name);
      this.rows.push(proto);
      this.rows.push(ownFlags);
      this.rows.push(unitIndex);
      this.rows.push(addressLow);
      this.rows.push(addressHigh);
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

  private signatureOf(f: number): number {
    const { signatures } = this.unit;
    if (signatures !== undefined) return signatures.signatureOf(f);
    return this.rules.unexpectedRegisters === 'by-number' && this.isUnexpected(f) ? SIGNATURE.UNEXPECTED : 0;
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

  /**
   * A function's parameters as entries of its prototype; -1 when one has no name.
   * @param isReordered leave out those that are gone
   */
  private fillEntries(f: number, isVariadic: boolean, isReordered: boolean): number {
    const { types, resolver, signatures } = this.unit;
    const first = types.functionStart.at(f);
    const count = types.functionCount.at(f);
    let total = count + (isVariadic ? 1 : 0);
    if (total * ENTRY_INTS > this.entries.length) this.entries = new Int32Array(2 * total * ENTRY_INTS);
    const { entries } = this;
    let at = 0;
    for (let p = first; p < first + count; p++) {
      const origin = this.parameterOrigin(p);
      const source = origin >= 0 ? origin : p;
      const name = types.parameterName.at(source);
      if (name === NO_NAME) return NONE;
      if (isReordered && signatures?.isGone(p) === true) {
        total--;
        continue;
      }
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

/** A set of raw names: those of `.debug_str`, nearly all, as bits. */
class NameSet {
  private bits = new Uint8Array(1 << 16);
  private readonly others = new Set<number>();

  has(raw: number): boolean {
    if (raw < 0) return this.others.has(raw);
    const at = raw >> 3;
    return at < this.bits.length && (this.bits[at] & (1 << (raw & 7))) !== 0;
  }

  add(raw: number): void {
    if (raw < 0) {
      this.others.add(raw);
      return;
    }
    const at = raw >> 3;
    if (at >= this.bits.length) {
      const grown = new Uint8Array(2 * (at + 1));
      grown.set(this.bits);
      this.bits = grown;
    }
    this.bits[at] |= 1 << (raw & 7);
  }
}

/** Least places of a {@link RowSet}. */
const LEAST_PLACES = 1 << 10;
const ROW_INTS = 5;

/** A set of rows of five ints. */
class RowSet {
  private readonly rows = new IntList();
  /** Number of a row + 1, or 0. */
  private places = new Int32Array(LEAST_PLACES);

  /** False when it was there. */
  add(a: number, b: number, c: number, d: number, e: number): boolean {
    const { rows } = this;
    let place = this.placeOf(a, b, c, d, e);
    for (; this.places[place] !== 0; place = (place + 1) & (this.places.length - 1)) {
      const row = (this.places[place] - 1) * ROW_INTS;
      const { data } = rows;
      if (
        data[row] === a &&
        data[row + 1] === b &&
        data[row + 2] === c &&
        data[row + 3] === d &&
        data[row + 4] === e
      )
        return false;
    }
    for (const value of [a, b, c, d, e]) rows.push(value);
    const count = rows.length / ROW_INTS;
    this.places[place] = count;
    if (2 * count > this.places.length) this.grow();
    return true;
  }

  private placeOf(a: number, b: number, c: number, d: number, e: number): number {
    let hash = Math.imul(a, 0x9e37_79b1) ^ Math.imul(b, 0x85eb_ca6b);
    hash =
      Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d) ^
      Math.imul(d, 0x27d4_eb2f) ^
      Math.imul(e ^ c, 0x1656_67b1);
    return (hash ^ (hash >>> 13)) & (this.places.length - 1);
  }

  private grow(): void {
    const { data, length } = this.rows;
    this.places = new Int32Array(2 * this.places.length);
    for (let row = 0; row < length; row += ROW_INTS) {
      let place = this.placeOf(data[row], data[row + 1], data[row + 2], data[row + 3], data[row + 4]);
      while (this.places[place] !== 0) place = (place + 1) & (this.places.length - 1);
      this.places[place] = row / ROW_INTS + 1;
    }
  }
}
