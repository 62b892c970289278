/** Numbers for strings, equal for equal bytes across several string sections. */

import { addByte, finishBytes, hashKey } from './hashing.ts';

const INITIAL_SLOTS = 1 << 12;

/**
 * Gives every distinct NUL-terminated string one small number, whatever section and offset it stands at.
 * The empty string is number 0. Text is compared as bytes and never decoded.
 */
export class JointStrings {
  private readonly key = hashKey();
  private slots = new Int32Array(INITIAL_SLOTS).fill(-1);
  private readonly sections: Uint8Array[] = [];
  private readonly offsets: number[] = [];
  private readonly hashes: number[] = [];

  constructor() {
    this.find(new Uint8Array(1), 0);
  }

  /**
   * A look-up over one string section. Every string of the section must be terminated, as `decodeBtf` checks.
   * Each offset is hashed once; later look-ups of it are one array read.
   */
  numbering(section: Uint8Array): (offset: number) => number {
    // 0 = not looked up yet, else number + 1.
    const known = new Uint32Array(section.length);
    return (offset) => {
      const seen = known[offset];
      if (seen !== 0) return seen - 1;
      const number = this.find(section, offset);
      known[offset] = number + 1;
      return number;
    };
  }

  private find(section: Uint8Array, offset: number): number {
    const { first, second } = this.key;
    let hash = 0;
    for (let i = offset; section[i] !== 0; i++) hash = addByte(hash, section[i], first);
    hash = finishBytes(hash, second);
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (; this.slots[slot] >= 0; slot = (slot + 1) & mask) {
      const number = this.slots[slot];
      if (
        this.hashes[number] === hash &&
        sameText(this.sections[number], this.offsets[number], section, offset)
      ) {
        return number;
      }
    }
    const number = this.offsets.length;
    this.slots[slot] = number;
    this.sections.push(section);
    this.offsets.push(offset);
    this.hashes.push(hash);
    if (number * 2 > mask) this.grow();
    return number;
  }

  private grow(): void {
    const slots = new Int32Array(this.slots.length * 4).fill(-1);
    const mask = slots.length - 1;
    for (let number = 0; number < this.hashes.length; number++) {
      let slot = this.hashes[number] & mask;
      while (slots[slot] >= 0) slot = (slot + 1) & mask;
      slots[slot] = number;
    }
    this.slots = slots;
  }
}

function sameText(a: Uint8Array, aOffset: number, b: Uint8Array, bOffset: number): boolean {
  for (let i = aOffset, j = bOffset; ; i++, j++) {
    if (a[i] !== b[j]) return false;
    if (a[i] === 0) return true;
  }
}
