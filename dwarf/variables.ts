/** Per-CPU variables of a run of units; which of them become a VAR is decided when the whole file is known. */

import { DoubleList, IntList } from '../btf/int-list.ts';
import type { UnitParts } from './functions.ts';
import { ORDINAL_VARIABLES } from './stream.ts';
import { type TagArrays, TagList } from './tags.ts';
import { UNIT_STRIDE } from './unit-resolver.ts';

/** Layout of one variable in {@link VariableArrays.rows}. */
export const VARIABLE = {
  /** Raw name. */
  NAME: 0,
  TYPE: 1,
  FLAGS: 2,
  /** Bytes from the start of the per-CPU section. */
  OFFSET: 3,
  /** Bytes of its type. */
  SIZE: 4,
  UNIT: 5,
} as const;
export const VARIABLE_INTS = 6;

/** Variables of a collection. */
export interface VariableArrays {
  readonly keys: Float64Array;
  readonly rows: Int32Array;
  readonly tags: TagArrays;
}

export class VariableCollector {
  private readonly unit: UnitParts;
  private readonly keys = new DoubleList();
  private readonly rows = new IntList();
  private readonly tags = new TagList();

  constructor(unit: UnitParts) {
    this.unit = unit;
  }

  /** Takes over the variables of the unit that was read and resolved last. */
  addUnit(unitIndex: number): void {
    const { types, resolver, sizes } = this.unit;
    let key = unitIndex * UNIT_STRIDE + ORDINAL_VARIABLES;
    for (let v = 0; v < types.variableRef.length; v++) {
      const type = types.variableRef.at(v);
      const bytes = sizes.bytes(type);
      const number = this.keys.push(key++);
      if (types.variableTags.length > 0) key += this.tags.take(types.variableTags, v, key, number, unitIndex);
      this.rows.push(types.variableName.at(v));
      this.rows.push(resolver.nodeAt(type, types.variableOffset.at(v)));
      this.rows.push(types.variableFlags.at(v));
      this.rows.push(types.variableAddress.at(v));
      // More than 32 bits count as none: no section is that large.
      this.rows.push(bytes > 0x7fff_ffff ? 0 : bytes);
      this.rows.push(unitIndex);
    }
  }

  finish(): VariableArrays {
    return { keys: this.keys.toArray(), rows: this.rows.toArray(), tags: this.tags.toArrays() };
  }
}
