/**
 * Names as ints while types are collected. A name in `.debug_str` is its offset (equal offsets are equal
 * strings; the linker merges the section), so its text is not touched until the end. Names that lie elsewhere are
 * interned by their bytes, but for those of up to three bytes, which are their own int: compilers put a name into
 * `.debug_info` itself when it is no longer than the reference would be.
 *
 * A raw name is 0 for none, offset + 1 for a string of `.debug_str`, ~(SHORT_NAME | bytes) for a short one, the first
 * byte lowest, ~id for an interned one.
 */

import { FormatError } from '../elf/format-error.ts';
import { StringPool } from '../btf/string-pool.ts';
import type { DwarfSections } from './sections.ts';

/** A raw name that stands for no name. */
export const NO_NAME = 0;

/** Raw name of the stand-in for integers that BTF cannot express. */
export const SANITIZED_INT_NAME = 0x7fff_ffff;
const SANITIZED_INT_TEXT = Uint8Array.from('__SANITIZED_FAKE_INT__', (character) => character.charCodeAt(0));

/** Bit of a complemented raw name that holds up to {@link SHORT_NAME_BYTES} bytes of text. */
export const SHORT_NAME = 0x4000_0000;
export const SHORT_NAME_BYTES = 3;

/** Where a name's text is. */
export interface NameText {
  readonly bytes: Uint8Array;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Interns strings that do not come from `.debug_str`. */
export class NameTable {
  private readonly sections: DwarfSections;
  private readonly pool = new StringPool();
  /** Raw names by offset in `.debug_line_str`: many DIEs may have one long name. */
  private readonly lineNames = new Map<number, number>();

  constructor(sections: DwarfSections) {
    this.sections = sections;
  }

  /** Raw name of the `length` bytes at `start` of `.debug_info`. */
  inline(start: number, length: number): number {
    if (length > SHORT_NAME_BYTES) return ~this.pool.add(this.sections.info, start, start + length);
    let bytes = 0;
    for (let i = length - 1; i >= 0; i--) bytes = (bytes << 8) | this.sections.info[start + i];
    return bytes === 0 ? NO_NAME : ~(SHORT_NAME | bytes);
  }

  /**
   * Raw name of the string at `offset` of `.debug_line_str`.
   * @throws FormatError when the offset is outside or the string does not end.
   */
  lineString(offset: number): number {
    let raw = this.lineNames.get(offset);
    if (raw === undefined) {
      const { lineStr } = this.sections;
      const end = terminator(lineStr, offset, '.debug_line_str');
      raw = end === offset ? NO_NAME : ~this.pool.add(lineStr, offset, end);
      this.lineNames.set(offset, raw);
    }
    return raw;
  }

  /** The text behind one of this table's names or a `.debug_str` offset; see {@link nameText}. */
  text(raw: number): NameText {
    if (raw >= 0 || isShortName(raw)) return nameText(this.sections, NO_PLACES, raw);
    const { bytes, start } = this.pool.placeOf(~raw);
    return { bytes, start, end: start + this.pool.byteLength(~raw) };
  }

  /**
   * Start and length of each interned string, two ints by id; a start in `.debug_line_str` is complemented. This is
   * how names travel between threads.
   */
  places(): Int32Array {
    const places = new Int32Array(2 * this.pool.total);
    // Id 0 is the empty string, which is no name.
    for (let id = 1; id < this.pool.total; id++) {
      const { bytes, start } = this.pool.placeOf(id);
      places[2 * id] = bytes === this.sections.lineStr ? ~start : start;
      places[2 * id + 1] = this.pool.byteLength(id);
    }
    return places;
  }
}

const NO_PLACES = new Int32Array(0);

/** True for a raw name (not one of `.debug_str`) that is its own text. */
export function isShortName(raw: number): boolean {
  return raw < 0 && (~raw & SHORT_NAME) !== 0;
}

function shortText(raw: number): NameText {
  const packed = ~raw & ~SHORT_NAME;
  const bytes = Uint8Array.of(packed & 0xff, (packed >> 8) & 0xff, packed >> 16);
  const length = bytes.indexOf(0);
  return { bytes, start: 0, end: length < 0 ? SHORT_NAME_BYTES : length };
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
 * @param places {@link NameTable.places} of the table that made it; not used for `.debug_str`
 * @throws FormatError when a `.debug_str` offset is out of range.
 */
export function nameText(sections: DwarfSections, places: Int32Array, raw: number): NameText {
  if (raw === SANITIZED_INT_NAME)
    return { bytes: SANITIZED_INT_TEXT, start: 0, end: SANITIZED_INT_TEXT.length };
  if (raw > 0)
    return { bytes: sections.str, start: raw - 1, end: terminator(sections.str, raw - 1, '.debug_str') };
  if (isShortName(raw)) return shortText(raw);
  const place = places[2 * ~raw];
  const length = places[2 * ~raw + 1];
  const start = place < 0 ? ~place : place;
  return { bytes: place < 0 ? sections.lineStr : sections.info, start, end: start + length };
}
