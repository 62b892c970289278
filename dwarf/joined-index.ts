/**
 * What the DIEs of all units became, by offset, for units that are read as one: memory by the number of types, not
 * by the bytes of DWARF as for a single unit.
 */

import type { IntList } from '../btf/int-list.ts';
import { UnitNodes } from './unit-nodes.ts';
import { OffsetIndex, TYPE, TYPE_INTS, type UnitTypes } from './unit-types.ts';

/** Hash table from int to int: open addressing, at most half full. No DIE is at offset 0, so key 0 is free. */
class IntMap {
  private keys = new Int32Array(1 << 12);
  private values = new Int32Array(1 << 12);
  private shift = 20;
  private count = 0;

  clear(): void {
    this.keys.fill(0);
    this.count = 0;
  }

  /** The value of `key`, or -1. */
  get(key: number): number {
    const at = this.place(key);
    return this.keys[at] === key ? this.values[at] : -1;
  }

  set(key: number, value: number): void {
    if (2 * this.count >= this.keys.length) this.grow();
    const at = this.place(key);
    if (this.keys[at] === 0) this.count++;
    this.keys[at] = key;
    this.values[at] = value;
  }

  private place(key: number): number {
    const { keys } = this;
    const mask = keys.length - 1;
    let at = Math.imul(key, 0x9e37_79b1) >>> this.shift;
    while (keys[at] !== key && keys[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  private grow(): void {
    const { keys, values } = this;
    this.keys = new Int32Array(keys.length * 2);
    this.values = new Int32Array(keys.length * 2);
    this.shift--;
    this.count = 0;
    keys.forEach((key, i) => {
      if (key !== 0) this.set(key, values[i]);
    });
  }
}

/** A type that is another one's declaration may stand for one that is a declaration itself, but not endlessly. */
const MAX_ALIASES = 8;

export class JoinedIndex extends OffsetIndex {
  private readonly numbers = new IntMap();

  override reset(): void {
    this.numbers.clear();
  }

  override set(offset: number, index: number): void {
    this.numbers.set(offset, index);
  }

  override findType(offset: number, { records, recordCount, aliases }: UnitTypes): number {
    let at = offset;
    for (let step = 0; step < MAX_ALIASES; step++) {
      const index = this.numbers.get(at);
      if (index >= 0)
        return index < recordCount && records[index * TYPE_INTS + TYPE.OFFSET] === at ? index : -1;
      const target = aliases.get(at);
      if (target === undefined) return -1;
      at = target;
    }
    return -1;
  }

  override find(offset: number, offsets: IntList): number {
    const index = this.numbers.get(offset);
    return index >= 0 && index < offsets.length && offsets.data[index] === offset ? index : -1;
  }
}

/** Nodes by the number of the record; nothing is expected of types here. */
export class JoinedNodes extends UnitNodes {
  private readonly index: OffsetIndex;
  private readonly types: UnitTypes;
  /** Node + 1, 0 while it is not known. */
  private nodes = new Int32Array(0);

  constructor(index: OffsetIndex, types: UnitTypes) {
    super();
    this.index = index;
    this.types = types;
  }

  override reset(): void {
    this.nodes.fill(0);
  }

  override at(offset: number): number {
    const found = this.index.findType(offset, this.types);
    return found < 0 || found >= this.nodes.length ? -1 : this.nodes[found] - 1;
  }

  override set(offset: number, node: number): void {
    const found = this.index.findType(offset, this.types);
    if (found < 0) return;
    if (found >= this.nodes.length) {
      const grown = new Int32Array(this.types.recordCount);
      grown.set(this.nodes);
      this.nodes = grown;
    }
    this.nodes[found] = node + 1;
  }
}
