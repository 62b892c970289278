/** Finds strings of one string section by content, as libbpf's string set does: whole strings, the first of equal ones. */

import { addByte, finishBytes, type HashKey, hashKey } from './hashing.ts';

const INITIAL_SLOTS = 1 << 10;

export class StringIndex {
  private readonly section: Uint8Array;
  private readonly key = hashKey();
  /** Offset + 1 of the string in a slot, 0 for none. */
  private readonly slots: Uint32Array;

  /** Every string of the section must be terminated, as `decodeBtf` checks. */
  constructor(section: Uint8Array) {
    this.section = section;
    const starts = [...stringStarts(section)];
    let slotCount = INITIAL_SLOTS;
    while (slotCount < starts.length * 2) slotCount *= 2;
    this.slots = new Uint32Array(slotCount);
    const mask = slotCount - 1;
    for (const start of starts) {
      let slot = hashText(section, start, this.key) & mask;
      while (this.slots[slot] !== 0 && !isSameText(section, this.slots[slot] - 1, section, start)) {
        slot = (slot + 1) & mask;
      }
      if (this.slots[slot] === 0) this.slots[slot] = start + 1;
    }
  }

  /** Offset of the string that stands at `offset` of another section; -1 when this section has no such string. */
  find(section: Uint8Array, offset: number): number {
    const mask = this.slots.length - 1;
    let slot = hashText(section, offset, this.key) & mask;
    for (; this.slots[slot] !== 0; slot = (slot + 1) & mask) {
      const start = this.slots[slot] - 1;
      if (isSameText(this.section, start, section, offset)) return start;
    }
    return -1;
  }
}

/** Offset of every string of a section. */
export function* stringStarts(section: Uint8Array): Generator<number> {
  for (let start = 0; start < section.length; start = section.indexOf(0, start) + 1) yield start;
}

function hashText(section: Uint8Array, offset: number, { first, second }: HashKey): number {
  let hash = 0;
  for (let i = offset; section[i] !== 0; i++) hash = addByte(hash, section[i], first);
  return finishBytes(hash, second);
}

function isSameText(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  for (let i = aOffset, j = bOffset; ; i++, j++) {
    if (a[i] !== b[j]) return false;
    if (a[i] === 0) return true;
  }
}
