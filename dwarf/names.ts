/**
 * Names as ints while types are collected. A name in `.debug_str` is its offset (equal offsets are equal
 * strings; the linker merges the section), so its text is not touched until the end. Names that lie elsewhere are
 * interned by their bytes.
 *
 * A raw name is 0 for none, offset + 1 for a string of `.debug_str`, ~id for an interned one.
 */

import { FormatError } from '../elf/format-error.ts';
import { IntList } from '../btf/int-list.ts';
import type { DwarfSections } from './sections.ts';

/** A raw name that stands for no name. */
export const NO_NAME = 0;

/** Raw name of the stand-in for integers that BTF cannot express. */
export const SANITIZED_INT_NAME = 0x7fff_ffff;
const SANITIZED_INT_TEXT = Uint8Array.from('__SANITIZED_FAKE_INT__', (character) => character.charCodeAt(0));

const EMPTY = -1;

/** Where a name's text is. */
export interface NameText {
  readonly bytes: Uint8Array;
  readonly start: number;
  /** Exclusive; the byte there is NUL. */
  readonly end: number;
}

/** Interns strings that do not come from `.debug_str`. */
export class NameTable {
  private readonly sections: DwarfSections;
  /** Start and length of each interned string, in `.debug_info` or, for negative starts, at ~start in `.debug_line_str`. */
  readonly places = new IntList(1 << 10);
  private hashes = new IntList(1 << 10);
  private buckets = new Int32Array(1 << 11).fill(EMPTY);

  constructor(sections: DwarfSections) {
    this.sections = sections;
  }

  /** Raw name of the `length` bytes at `start` of `.debug_info`. */
  inline(start: number, length: number): number {
    return length === 0 ? NO_NAME : ~this.intern(this.sections.info, start, length, start);
  }

  /**
   * Raw name of the string at `offset` of `.debug_line_str`.
   * @throws FormatError when the offset is outside or the string does not end.
   */
  lineString(offset: number): number {
    const { lineStr } = this.sections;
    const end = terminator(lineStr, offset, '.debug_line_str');
    return end === offset ? NO_NAME : ~this.intern(lineStr, offset, end - offset, ~offset);
  }

  private intern(bytes: Uint8Array, start: number, length: number, place: number): number {
    let hash = length;
    for (let i = 0; i < length; i++) hash = (Math.imul(hash, 0x01000193) ^ bytes[start + i]) | 0;
    hash ^= hash >>> 16;
    const mask = this.buckets.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.buckets[slot];
      if (id === EMPTY) break;
      if (this.hashes.data[id] === hash && this.equals(id, bytes, start, length)) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.hashes.push(hash);
    this.places.push(place);
    this.places.push(length);
    this.buckets[slot] = id;
    if (this.hashes.length * 2 > this.buckets.length) this.grow();
    return id;
  }

  private equals(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.places.at(2 * id + 1) !== length) return false;
    const place = this.places.at(2 * id);
    const own = place < 0 ? this.sections.lineStr : this.sections.info;
    const at = place < 0 ? ~place : place;
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[start + i]) return false;
    return true;
  }

  private grow(): void {
    const buckets = new Int32Array(this.buckets.length * 2).fill(EMPTY);
    const mask = buckets.length - 1;
    for (let id = 0; id < this.hashes.length; id++) {
      let slot = this.hashes.at(id) & mask;
      while (buckets[slot] !== EMPTY) slot = (slot + 1) & mask;
      buckets[slot] = id;
    }
    this.buckets = buckets;
  }
}

/** End of the NUL-terminated string at `offset`. */
function terminator(bytes: Uint8Array, offset: number, section: string): number {
  const end = offset < bytes.length ? bytes.indexOf(0, offset) : -1;
  if (end < 0)
    throw new FormatError(
      'dwarf-malformed',
      { format: 'dwarf', section, offset },
      'string offset out of range',
    );
  return end;
}

/**
 * The text behind a raw name other than 0.
 * @param places {@link NameTable.places} of the table that made it
 * @throws FormatError when a `.debug_str` offset is out of range.
 */
export function nameText(sections: DwarfSections, places: Int32Array, raw: number): NameText {
  if (raw === SANITIZED_INT_NAME)
    return { bytes: SANITIZED_INT_TEXT, start: 0, end: SANITIZED_INT_TEXT.length };
  if (raw > 0)
    return { bytes: sections.str, start: raw - 1, end: terminator(sections.str, raw - 1, '.debug_str') };
  const place = places[2 * ~raw];
  const length = places[2 * ~raw + 1];
  const start = place < 0 ? ~place : place;
  return { bytes: place < 0 ? sections.lineStr : sections.info, start, end: start + length };
}
