/**
 * In which register a parameter arrives, as its DW_AT_location says: location expressions (DWARF 5 §2.5), location
 * lists of DWARF 5 (§7.7.3) and before (DWARF 4 §2.6.2). Only what pahole looks at is decoded.
 */

import { EM } from '../elf/constants.ts';
import { FormatError } from '../elf/format-error.ts';
import { DW_LLE, DW_OP } from './constants.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';

const UP_TO_7 = [0, 1, 2, 3, 4, 5, 6, 7];
/** By ELF machine (dwarves: arch__set_register_params). */
const REGISTERS: ReadonlyMap<number, readonly number[]> = new Map<number, readonly number[]>([
  [EM.S390, [2, 3, 4, 5, 6]],
  // rdi, rsi, rdx, rcx, r8, r9
  [EM.X86_64, [5, 4, 1, 2, 8, 9]],
  [EM.ARM, UP_TO_7],
  [EM.AARCH64, UP_TO_7],
]);

/** DWARF numbers of the registers that the first parameters arrive in; undefined for an unknown machine. */
export function parameterRegisters(machine: number): readonly number[] | undefined {
  return REGISTERS.get(machine);
}

/** The linker gives every parameter a list of its own, so lists together are no longer than their section. */
const MAX_READ_FACTOR = 8;
const LEAST_BUDGET = 1 << 16;

const NO_REGISTER = -1;

/** Reads locations of parameters. One per thread: it counts what it reads. */
export class ParameterLocations {
  /** False when the file has no location lists left: pahole goes on without them. */
  readonly hasLists: boolean;
  private readonly sections: DwarfSections;
  /** Bytes of lists that may still be read: overlapping lists of a hostile file would take quadratic time. */
  private budget: number;

  constructor(sections: DwarfSections) {
    this.sections = sections;
    const bytes = sections.loc.length + sections.locLists.length;
    this.hasLists = bytes > 0;
    this.budget = LEAST_BUDGET + MAX_READ_FACTOR * bytes;
  }

  /**
   * True when the expression `bytes[start, end)` of `.debug_info` names a register other than `expected`.
   * @throws FormatError when it is cut short.
   */
  expressionDiffers(start: number, end: number, expected: number): boolean {
    const found = registerOf(this.sections.info, start, end, true, '.debug_info');
    return found >= 0 && found !== expected;
  }

  /**
   * True when the list at `offset` names registers, but never `expected`: its first entry is a register, or any entry
   * is the value that a register had on entry.
   * @throws FormatError when the list runs beyond its section.
   */
  listDiffers(unit: UnitHeader, offset: number, expected: number): boolean {
    return unit.version >= 5
      ? this.newListDiffers(unit, offset, expected)
      : this.oldListDiffers(unit, offset, expected);
  }

  /** Where list number `index` of a unit starts, whose lists' offsets are at `base` (DW_FORM_loclistx). */
  indexedList({ offsetBytes }: UnitHeader, base: number, index: number): number {
    const { locLists, littleEndian } = this.sections;
    const entry = base + index * offsetBytes;
    if (entry + offsetBytes > locLists.length) fail(LISTS, entry, `location list ${index} has no offset`);
    const view = new DataView(locLists.buffer, locLists.byteOffset, locLists.byteLength);
    const isWide = offsetBytes === 8;
    const low = view.getUint32(entry + (isWide && !littleEndian ? 4 : 0), littleEndian);
    const high = isWide ? view.getUint32(entry + (littleEndian ? 4 : 0), littleEndian) : 0;
    return base + high * 0x1_0000_0000 + low;
  }

  private newListDiffers({ addressBytes }: UnitHeader, offset: number, expected: number): boolean {
    const bytes = this.sections.locLists;
    const cursor = new Cursor(bytes, offset, LISTS);
    let found = NO_REGISTER;
    let isFirst = true;
    for (;;) {
      const from = cursor.at;
      const kind = cursor.byte();
      switch (kind) {
        case DW_LLE.end_of_list:
          return found >= 0;
        case DW_LLE.base_addressx:
          cursor.leb();
          continue;
        case DW_LLE.base_address:
          cursor.skip(addressBytes);
          continue;
        case DW_LLE.GNU_view_pair:
          cursor.leb();
          cursor.leb();
          continue;
        case DW_LLE.startx_endx:
        case DW_LLE.startx_length:
        case DW_LLE.offset_pair:
          cursor.leb();
          cursor.leb();
          break;
        case DW_LLE.start_end:
          cursor.skip(2 * addressBytes);
          break;
        case DW_LLE.start_length:
          cursor.skip(addressBytes);
          cursor.leb();
          break;
        case DW_LLE.default_location:
          break;
        default:
          fail(LISTS, from, `unknown kind of location list entry 0x${kind.toString(16)}`);
      }
      const length = cursor.leb();
      const start = cursor.at;
      cursor.skip(length);
      this.spend(cursor.at - from, LISTS, from);
      const register = registerOf(bytes, start, cursor.at, isFirst, LISTS);
      if (register === expected) return false;
      if (register >= 0) found = register;
      isFirst = false;
    }
  }

  private oldListDiffers({ addressBytes }: UnitHeader, offset: number, expected: number): boolean {
    const bytes = this.sections.loc;
    const { littleEndian } = this.sections;
    const cursor = new Cursor(bytes, offset, OLD_LISTS);
    let found = NO_REGISTER;
    let isFirst = true;
    for (;;) {
      const from = cursor.at;
      cursor.skip(2 * addressBytes);
      const begin = bytes.subarray(from, from + addressBytes);
      if (begin.every((byte) => byte === 0xff)) continue;
      if (bytes.subarray(from, cursor.at).every((byte) => byte === 0)) return found >= 0;
      const [first, second] = [cursor.byte(), cursor.byte()];
      const start = cursor.at;
      cursor.skip(littleEndian ? first | (second << 8) : (first << 8) | second);
      this.spend(cursor.at - from, OLD_LISTS, from);
      const register = registerOf(bytes, start, cursor.at, isFirst, OLD_LISTS);
      if (register === expected) return false;
      if (register >= 0) found = register;
      isFirst = false;
    }
  }

  private spend(bytes: number, section: string, offset: number): void {
    this.budget -= bytes;
    if (this.budget < 0)
      fail(section, offset, 'location lists overlap: far more to read than the section has');
  }
}

const LISTS = '.debug_loclists';
const OLD_LISTS = '.debug_loc';

function fail(section: string, offset: number, what: string): never {
  throw new FormatError('dwarf-malformed', { format: 'dwarf', section, offset }, what);
}

/**
 * Register number of a location expression that is only a register (when `isFirst`) or only the value that a register
 * had on entry, -1 for any other. Of the latter, an operation that is no register counts as one of another number:
 * pahole compares operations.
 */
function registerOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  isFirst: boolean,
  section: string,
): number {
  if (start === end) return NO_REGISTER;
  const op = bytes[start];
  // A DW_OP_stack_value behind it says that the value is the parameter itself, and not where it lies.
  const isAlone = (at: number): boolean => at === end || (at === end - 1 && bytes[at] === DW_OP.stack_value);
  if (op >= DW_OP.reg0 && op <= DW_OP.reg31) {
    return isFirst && isAlone(start + 1) ? op - DW_OP.reg0 : NO_REGISTER;
  }
  if (op !== DW_OP.entry_value && op !== DW_OP.GNU_entry_value) return NO_REGISTER;
  const cursor = new Cursor(bytes, start + 1, section, end);
  const length = cursor.leb();
  const inner = cursor.at;
  cursor.skip(length);
  if (!isAlone(cursor.at) || length !== 1) return NO_REGISTER;
  const innerOp = bytes[inner];
  return innerOp >= DW_OP.reg0 && innerOp <= DW_OP.reg31 ? innerOp - DW_OP.reg0 : OTHER_OPERATION;
}

/** No register has this number. */
const OTHER_OPERATION = 0xff;

/** Reads within a section, or within one expression of it. */
class Cursor {
  at: number;
  private readonly bytes: Uint8Array;
  private readonly section: string;
  private readonly end: number;

  constructor(bytes: Uint8Array, at: number, section: string, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.section = section;
    this.end = end;
    if (at > end) fail(section, at, `location lies outside the section of ${bytes.length} bytes`);
  }

  byte(): number {
    if (this.at >= this.end) this.runsOut(this.at);
    return this.bytes[this.at++];
  }

  leb(): number {
    const from = this.at;
    let value = 0;
    let scale = 1;
    for (;;) {
      if (scale > Number.MAX_SAFE_INTEGER) fail(this.section, from, 'LEB128 number is too long');
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  skip(count: number): void {
    if (count > this.end - this.at) this.runsOut(this.at);
    this.at += count;
  }

  private runsOut(offset: number): never {
    const whole = this.end === this.bytes.length ? 'the section' : 'its expression';
    return fail(this.section, offset, `location runs beyond ${whole}`);
  }
}
