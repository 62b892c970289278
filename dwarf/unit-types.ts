/**
 * What one unit says, as flat arrays: its types in the order pahole numbers them, its functions and its per-CPU
 * variables. References are still offsets of DIEs. The arrays are reused from unit to unit.
 *
 * Types that turned out to be in the pool already while they were read (see unit-nodes.ts) have no record.
 */

import { IntList } from '../btf/int-list.ts';

/** Bits of {@link UnitTypes.flags}. */
export const TYPE_IS_DECLARATION = 4;

/** Bits of {@link UnitTypes.functionFlags}. */
export const FUNCTION_FLAG = { DECLARATION: 1, EXTERNAL: 2, VARIADIC: 4 } as const;

/** Bit of {@link UnitTypes.parameterFlags}: not in the register that it should arrive in. */
export const PARAMETER_UNEXPECTED = 1;

/** Bits of {@link UnitTypes.variableFlags}. */
export const VARIABLE_IS_EXTERNAL = 1;

/** Layout of one type in {@link UnitTypes.records}. */
export const TYPE = {
  /** BTF kind; 0 for DW_TAG_unspecified_type, which is void. */
  KIND: 0,
  /** Raw name. */
  NAME: 1,
  /** Size in bytes; of INT size << 8 | encoding; of ARRAY nelems. */
  SIZE: 2,
  /** FLAG_KIND, FLAG_ENUM64 of btf/type-pool.ts, TYPE_IS_DECLARATION. */
  FLAGS: 3,
  /** Section offset of the DIE that DW_AT_type names, 0 for none. */
  REF: 4,
  /** First int in {@link UnitTypes.entries} and number of entries; each TYPE_TAG there is a type of its own. */
  START: 5,
  COUNT: 6,
  /** Section offset of the DIE. */
  OFFSET: 7,
  /** Number of the type in its unit. */
  ORDINAL: 8,
  /** Of a named struct, union or enum: its place in {@link UnitTypes.instances}. */
  INSTANCE: 9,
} as const;
export const TYPE_INTS = 10;

/** Layout of one entry of {@link UnitTypes.typeTags} and its like. */
export const TAG = {
  /** Section offset of the type's DIE, or number of the function or variable. */
  TARGET: 0,
  /** Raw name. */
  VALUE: 1,
  /** Member or parameter, or -1 for the whole. */
  COMPONENT: 2,
} as const;
export const TAG_INTS = 3;

export class UnitTypes {
  /** Types, {@link TYPE_INTS} each, in the order of their numbers. */
  records = new Int32Array(TYPE_INTS << 10);
  recordCount = 0;
  /** Types of the unit, with a record or without. */
  typeCount = 0;
  /** Per named struct, union and enum in order: its definition, or ~leaf when only declared; open for those with a record. */
  readonly instances = new IntList();

  /**
   * (name, offset word, type's DIE offset) of members, (name, 0, type) of parameters, (name, low, high) of enumerators;
   * one int each for the TYPE_TAGs behind a TYPE_TAG that has a record, the outermost first.
   */
  readonly entries = new IntList(1 << 14);

  readonly functionName = new IntList();
  readonly functionRef = new IntList();
  readonly functionOrigin = new IntList();
  readonly functionSpecification = new IntList();
  readonly functionFlags = new IntList();
  readonly functionStart = new IntList();
  readonly functionCount = new IntList();
  readonly functionOffset = new IntList();

  readonly parameterName = new IntList();
  readonly parameterRef = new IntList();
  readonly parameterOrigin = new IntList();
  readonly parameterOffset = new IntList();
  readonly parameterFlags = new IntList();

  readonly variableRef = new IntList();
  readonly variableName = new IntList();
  readonly variableFlags = new IntList();
  readonly variableOffset = new IntList();
  /** Address relative to the per-CPU section. */
  readonly variableAddress = new IntList();

  /** DIEs that stand for a type elsewhere (DW_AT_signature), and where that is. */
  readonly aliases = new Map<number, number>();
  /** btf_decl_tag annotations, {@link TAG_INTS} each: of types in the order of the types, of functions and variables in theirs. */
  readonly typeTags = new IntList();
  readonly functionTags = new IntList();
  readonly variableTags = new IntList();

  /** Makes room for one more record. */
  growRecords(): void {
    const grown = new Int32Array(this.records.length * 2);
    grown.set(this.records);
    this.records = grown;
  }

  clear(): void {
    this.typeCount = 0;
    this.recordCount = 0;
    this.aliases.clear();
    for (const list of Object.values(this)) if (list instanceof IntList) list.length = 0;
  }
}

// Copies, because V8 folds only a module's own constants into optimized code.
const STRIDE = TYPE_INTS;
const { OFFSET } = TYPE;

/**
 * Finds what a DIE became by its offset. One int per byte of the unit; entries of earlier units are told apart by
 * asking the table whether that index really has that offset.
 */
export class OffsetIndex {
  private slots = new Int32Array(1 << 16);
  private base = 0;

  /** Prepares for offsets in [base, end). */
  reset(base: number, end: number): void {
    this.base = base;
    if (end - base > this.slots.length) this.slots = new Int32Array((end - base) * 2);
  }

  set(offset: number, index: number): void {
    this.slots[offset - this.base] = index;
  }

  /** Number of the record whose DIE is at `offset`, or -1. */
  findType(offset: number, { records, recordCount }: UnitTypes): number {
    const index = this.slots[offset - this.base];
    return index < recordCount && records[index * STRIDE + OFFSET] === offset ? index : -1;
  }

  /** The index in `offsets` whose value is `offset`, or -1. */
  find(offset: number, offsets: IntList): number {
    const index = this.slots[offset - this.base];
    return index < offsets.length && offsets.data[index] === offset ? index : -1;
  }
}
