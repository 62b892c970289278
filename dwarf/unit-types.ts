/**
 * What one unit says, as flat arrays: its types in the order pahole numbers them, its functions and its per-CPU
 * variables. References are still offsets of DIEs. The arrays are reused from unit to unit.
 */

import { IntList } from '../btf/int-list.ts';

/** Bits of {@link UnitTypes.flags}. */
export const TYPE_IS_DECLARATION = 4;

/** Bits of {@link UnitTypes.functionFlags}. */
export const FUNCTION_FLAG = { DECLARATION: 1, EXTERNAL: 2, VARIADIC: 4 } as const;

/** Bits of {@link UnitTypes.variableFlags}. */
export const VARIABLE_IS_EXTERNAL = 1;

export class UnitTypes {
  /** BTF kind; 0 for DW_TAG_unspecified_type, which is void. */
  readonly kind = new IntList();
  /** Raw name. */
  readonly name = new IntList();
  /** Size in bytes; of INT size << 8 | encoding; of ARRAY nelems. */
  readonly size = new IntList();
  /** FLAG_KIND, FLAG_ENUM64 of btf/type-pool.ts, TYPE_IS_DECLARATION; of FUNC_PROTO nothing. */
  readonly flags = new IntList();
  /** Section offset of the DIE that DW_AT_type names, 0 for none. */
  readonly ref = new IntList();
  /** First int in {@link entries} and number of entries. */
  readonly start = new IntList();
  readonly count = new IntList();
  /** Section offset of the DIE. */
  readonly offset = new IntList();

  /** (name, offset word, type's DIE offset) of members, (name, 0, type) of parameters, (name, low, high) of enumerators. */
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

  readonly variableRef = new IntList();
  readonly variableName = new IntList();
  readonly variableFlags = new IntList();
  readonly variableOffset = new IntList();
  /** Address relative to the per-CPU section. */
  readonly variableAddress = new IntList();

  clear(): void {
    for (const list of Object.values(this)) if (list instanceof IntList) list.length = 0;
  }
}

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

  /** The index in `offsets` whose value is `offset`, or -1. */
  find(offset: number, offsets: IntList): number {
    const index = this.slots[offset - this.base];
    return index < offsets.length && offsets.data[index] === offset ? index : -1;
  }
}
