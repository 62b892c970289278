/**
 * Which node of the pool each type of a unit is, by the offset of its DIE, while the unit is still being read.
 *
 * A node can be *expected* of a DIE before it has been met: when a struct's members agree with the definition that
 * its name has already, each member's type is expected to be the node that the definition has there. When the DIE
 * itself is met, its kind and contents are compared with what is expected of it, and its own references are expected
 * to be the node's. As nodes refer only to older nodes, expectations that all come true are exactly what building
 * the types bottom-up would give. When one does not ({@link conflict}), or a DIE of which something is expected
 * never comes, nothing may be concluded, and the unit has to be read again without expectations.
 *
 * One int per byte of the unit. Values of earlier units are lower than any of this one's, so nothing is cleared.
 */

import { IntList } from '../btf/int-list.ts';

/** Above 0, what an untouched slot holds, and {@link PENDING}. */
const FIRST_STAMP = 2;
/** {@link UnitNodes.at} of a DIE that was met but whose node is not known yet. */
export const PENDING = -1;
/** Slots are int32; the stamp starts again before a unit's nodes could exceed that. */
const MAX_STAMP = 0x7000_0000;

export class UnitNodes {
  /** Slot of offset o is o - base; it holds stamp + node. Less than stamp - 1: nothing is known. */
  slots = new Int32Array(1 << 16);
  stamp = FIRST_STAMP;
  base = 0;
  /** DIEs of which a node is expected and that have not been met. */
  open = 0;
  /** Something was not as expected. */
  conflict = false;
  /** (slot, node): what was expected of DIEs met before whose node was not known. */
  private readonly later = new IntList();

  /**
   * Prepares for DIEs at [base, end).
   * @param nodeTotal nodes of the pool, which only grows
   */
  reset(base: number, end: number, nodeTotal: number): void {
    this.base = base;
    this.open = 0;
    this.conflict = false;
    this.later.length = 0;
    this.stamp += nodeTotal + FIRST_STAMP;
    const size = end - base;
    if (size > this.slots.length) {
      this.slots = new Int32Array(size * 2);
      this.stamp = FIRST_STAMP;
    } else if (this.stamp > MAX_STAMP - nodeTotal - size) {
      this.slots.fill(0);
      this.stamp = FIRST_STAMP;
    }
  }

  /** The node of the DIE at `offset` as far as is known, {@link PENDING}, or less when it has not been met. */
  at(offset: number): number {
    return this.slots[offset - this.base] - this.stamp;
  }

  set(offset: number, node: number): void {
    this.slots[offset - this.base] = this.stamp + node;
  }

  /** The DIE at `offset` has to be `node`. */
  expect(offset: number, node: number): void {
    const slot = offset - this.base;
    const known = this.slots[slot] - this.stamp;
    if (known !== node) this.expectNew(slot, known, node);
  }

  /** {@link expect} of a slot whose value is another one. */
  expectNew(slot: number, known: number, node: number): void {
    if (known < PENDING) {
      this.slots[slot] = this.stamp + node;
      this.open++;
    } else if (known === PENDING) {
      this.later.push(slot);
      this.later.push(node);
    } else {
      this.conflict = true;
    }
  }

  /** The DIE at `offset` is met and is `node`. */
  meet(offset: number, node: number): void {
    const slot = offset - this.base;
    const known = this.slots[slot] - this.stamp;
    if (known === node) this.open--;
    else if (known < 0) this.slots[slot] = this.stamp + node;
    else this.conflict = true;
  }

  /** The DIE at `offset` is met, its node will be {@link set} when the unit has been read. */
  postpone(offset: number): void {
    const slot = offset - this.base;
    const known = this.slots[slot] - this.stamp;
    if (known < 0) {
      this.slots[slot] = this.stamp + PENDING;
      return;
    }
    this.open--;
    this.later.push(slot);
    this.later.push(known);
  }

  /** True when everything that was expected came true; for a unit whose DIEs have all got their nodes. */
  isProven(): boolean {
    if (this.conflict || this.open !== 0) return false;
    const { data, length } = this.later;
    for (let i = 0; i < length; i += 2) if (this.slots[data[i]] - this.stamp !== data[i + 1]) return false;
    return true;
  }
}
