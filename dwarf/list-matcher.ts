/**
 * Compares the children of a DIE with a list of the pool that they should equal: the members of a struct whose name
 * has a definition already, the parameters of an expected prototype. Nearly all lists of a kernel are repetitions, so
 * these loops see most of its DIEs; they trade form for speed. They handle plain shapes only and stop in front of
 * anything else, be it the end of the list, a rare layout, damage or a difference: the DIE loop (unit-reader.ts) takes
 * it from there.
 */

import { ENTRY_INTS, type TypePool } from '../btf/type-pool.ts';
import { DIE_CLASS } from './die-classes.ts';
import { SHORT_NAME, SHORT_NAME_BYTES } from './names.ts';
import { LAYOUT, NAME_FORM, NUMBER_FORM, PLACE_MASK } from './plain-shapes.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import { SHAPE } from './shapes.ts';
import type { UnitNodes } from './unit-nodes.ts';

// Copies, because V8 folds only a module's own constants into optimized code.
const { PLAIN_MEMBER, PLAIN_BITFIELD, PLAIN_PARAMETER, PLAIN_ENUMERATOR } = DIE_CLASS;
const { CLASS: SHAPE_CLASS, LAYOUT: SHAPE_LAYOUT, CONSTANT: SHAPE_CONSTANT } = SHAPE;
const { NAME_AT, TYPE_AT, NUMBER_AT, BYTES } = LAYOUT;
const { NUMBER_FORM: NUMBER_FORM_AT, NAME_FORM: NAME_FORM_AT } = LAYOUT;
const PLACE = PLACE_MASK;
const STRIDE = ENTRY_INTS;
const FORM_MASK = 3;
const { CONSTANT, DATA1 } = NUMBER_FORM;
const { NONE, INLINE } = NAME_FORM;
const SHORT_NAME_BIT = SHORT_NAME;
const LONGEST = SHORT_NAME_BYTES;

export class ListMatcher {
  /** Where the list of the pool goes on, after a call. */
  cursor = 0;
  /** A bitfield was among the members of the last call. */
  sawBitfield = false;

  private readonly info: Uint8Array;
  private readonly view: DataView;
  private readonly littleEndian: boolean;
  private readonly strBytes: number;
  private readonly pool: TypePool;
  private readonly known: UnitNodes;
  private codes: Int32Array = new Int32Array(0);
  private shapes: Int32Array = new Int32Array(0);
  private end = 0;
  private unitBytes = 0;
  private unitOffset = 0;

  constructor(sections: DwarfSections, view: DataView, pool: TypePool, known: UnitNodes) {
    this.info = sections.info;
    this.view = view;
    this.littleEndian = sections.littleEndian;
    this.strBytes = sections.str.length;
    this.pool = pool;
    this.known = known;
  }

  open(unit: UnitHeader, codes: Int32Array, shapes: Int32Array): void {
    this.codes = codes;
    this.shapes = shapes;
    this.end = unit.end;
    this.unitBytes = unit.end - unit.offset;
    this.unitOffset = unit.offset;
  }

  /**
   * Members from `from` on, compared with the entries of the pool in [first, last).
   * @returns where the first DIE is that was not taken
   */
  members(from: number, first: number, last: number): number {
    const { info, view, littleEndian, codes, shapes, end, unitBytes, strBytes, known } = this;
    const { slots, stamp } = known;
    const delta = this.unitOffset - known.base;
    const entries = this.pool.entries.data;
    let pos = from;
    let cursor = first;
    let sawBitfield = false;
    while (pos < end && cursor < last) {
      let code = info[pos];
      let at = pos + 1;
      if (code >= 0x80) {
        const high = at < end ? info[at] : 0x80;
        if (high >= 0x80) break;
        code = (code & 0x7f) | (high << 7);
        at++;
      }
      if (code >= codes.length) break;
      const shape = codes[code];
      const dieClass = shapes[shape + SHAPE_CLASS];
      if (dieClass !== PLAIN_MEMBER && dieClass !== PLAIN_BITFIELD) break;
      const layout = shapes[shape + SHAPE_LAYOUT];
      const nameForm = (layout >> NAME_FORM_AT) & FORM_MASK;
      let name = 0;
      if (nameForm === INLINE) {
        let text = 0;
        let length = 0;
        while (length <= LONGEST && at + length < end) {
          const byte = info[at + length];
          if (byte === 0) break;
          text |= byte << (8 * length);
          length++;
        }
        if (length > LONGEST || length === 0) break;
        at += length + 1;
        name = ~(SHORT_NAME_BIT | text);
      }
      const next = at + ((layout >> BYTES) & PLACE);
      if (next > end) break;
      if (nameForm !== INLINE && nameForm !== NONE) {
        const offset = view.getUint32(at + ((layout >> NAME_AT) & PLACE), littleEndian);
        if (offset >= strBytes) break;
        name = offset + 1;
      }
      const type = view.getUint32(at + ((layout >> TYPE_AT) & PLACE), littleEndian);
      if (type >= unitBytes) break;
      const numberAt = at + ((layout >> NUMBER_AT) & PLACE);
      const numberForm = (layout >> NUMBER_FORM_AT) & FORM_MASK;
      let word: number;
      if (numberForm === DATA1) word = info[numberAt];
      else if (numberForm === CONSTANT) word = shapes[shape + SHAPE_CONSTANT];
      else word = view.getUint16(numberAt, littleEndian);
      if (dieClass === PLAIN_MEMBER) {
        word <<= 3;
      } else {
        const bits = info[at + shapes[shape + SHAPE_CONSTANT]];
        if (bits !== 0 || (word & 7) !== 0) {
          word |= bits << 24;
          sawBitfield = true;
        }
      }
      if (entries[cursor] !== name || entries[cursor + 1] !== word) break;
      const node = entries[cursor + 2];
      const slot = type + delta;
      const now = slots[slot] - stamp;
      if (now !== node) known.expectNew(slot, now, node);
      cursor += STRIDE;
      pos = next;
    }
    this.cursor = cursor;
    this.sawBitfield = sawBitfield;
    return pos;
  }

  /** Parameters of a prototype, as {@link members}; C's have no names. */
  parameters(from: number, first: number, last: number): number {
    const { info, view, littleEndian, codes, shapes, end, unitBytes, known } = this;
    const { slots, stamp } = known;
    const delta = this.unitOffset - known.base;
    const entries = this.pool.entries.data;
    let pos = from;
    let cursor = first;
    while (pos < end && cursor < last) {
      let code = info[pos];
      let at = pos + 1;
      if (code >= 0x80) {
        const high = at < end ? info[at] : 0x80;
        if (high >= 0x80) break;
        code = (code & 0x7f) | (high << 7);
        at++;
      }
      if (code >= codes.length) break;
      const shape = codes[code];
      if (shapes[shape + SHAPE_CLASS] !== PLAIN_PARAMETER) break;
      const layout = shapes[shape + SHAPE_LAYOUT];
      const next = at + ((layout >> BYTES) & PLACE);
      if (next > end) break;
      const type = view.getUint32(at + ((layout >> TYPE_AT) & PLACE), littleEndian);
      if (type >= unitBytes || entries[cursor] !== 0) break;
      const node = entries[cursor + 2];
      const slot = type + delta;
      const now = slots[slot] - stamp;
      if (now !== node) known.expectNew(slot, now, node);
      cursor += STRIDE;
      pos = next;
    }
    this.cursor = cursor;
    return pos;
  }

  /** Enumerators of an enumeration of up to 32 bits, as {@link members}. */
  enumerators(from: number, first: number, last: number): number {
    const { info, view, littleEndian, codes, shapes, end, strBytes } = this;
    const entries = this.pool.entries.data;
    let pos = from;
    let cursor = first;
    while (pos < end && cursor < last) {
      let code = info[pos];
      let at = pos + 1;
      if (code >= 0x80) {
        const high = at < end ? info[at] : 0x80;
        if (high >= 0x80) break;
        code = (code & 0x7f) | (high << 7);
        at++;
      }
      if (code >= codes.length) break;
      const shape = codes[code];
      if (shapes[shape + SHAPE_CLASS] !== PLAIN_ENUMERATOR) break;
      const layout = shapes[shape + SHAPE_LAYOUT];
      // An inline enumerator is rare: names of three letters. One without a name is damage.
      const nameForm = (layout >> NAME_FORM_AT) & FORM_MASK;
      if (nameForm === INLINE || nameForm === NONE) break;
      const next = at + ((layout >> BYTES) & PLACE);
      if (next > end) break;
      const name = view.getUint32(at + ((layout >> NAME_AT) & PLACE), littleEndian);
      if (name >= strBytes) break;
      const numberAt = at + ((layout >> NUMBER_AT) & PLACE);
      const numberForm = (layout >> NUMBER_FORM_AT) & FORM_MASK;
      let value: number;
      if (numberForm === DATA1) value = info[numberAt];
      else if (numberForm === CONSTANT) value = shapes[shape + SHAPE_CONSTANT];
      else value = view.getUint16(numberAt, littleEndian);
      if (entries[cursor] !== name + 1 || entries[cursor + 1] !== value || entries[cursor + 2] !== 0) break;
      cursor += STRIDE;
      pos = next;
    }
    this.cursor = cursor;
    return pos;
  }
}
