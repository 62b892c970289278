/**
 * In which register a parameter arrives, as its DW_AT_location says: location expressions (DWARF 5 §2.5), location
 * lists of DWARF 5 (§7.7.3) and before (DWARF 4 §2.6.2). Only what pahole looks at is decoded.
 */

import { EM } from '../elf/constants.ts';
import { FormatError } from '../elf/format-error.ts';
import { DW_LLE, DW_OP } from './constants.ts';
import { operationEnd } from './operations.ts';
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

/** Parameters in registers, by ELF machine (dwarves: arch__nr_register_params). */
const REGISTER_COUNTS: ReadonlyMap<number, number> = new Map<number, number>([
  [EM.S390, 5],
  [EM.SPARC, 6],
  [EM.SPARCV9, 6],
  [EM.X86_64, 6],
  [EM.AARCH64, 8],
  [EM.ARC, 8],
  [EM.ARM, 8],
  [EM.MIPS, 8],
  [EM.PPC, 8],
  [EM.PPC64, 8],
  [EM.RISCV, 8],
]);

/** How a machine passes parameters, as far as pahole 1.32 knows. */
export interface CallingConvention {
  /** Registers that parameters arrive in. */
  readonly count: number;
  /** Their DWARF numbers, empty when they are not known. */
  readonly registers: readonly number[];
  /** Whether a value of two words takes two registers; else it is in memory. */
  readonly usesPairs: boolean;
}

export function callingConvention(machine: number): CallingConvention {
  return {
    count: REGISTER_COUNTS.get(machine) ?? 0,
    registers: REGISTERS.get(machine) ?? [],
    usesPairs: machine !== EM.S390,
  };
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
    const list = this.list(unit, offset);
    let found = NO_REGISTER;
    while (list.next()) {
      const register = registerOf(list.bytes, list.start, list.end, list.isFirst, list.section);
      if (register === expected) return false;
      if (register >= 0) found = register;
    }
    return found >= 0;
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

  /**
   * The register that a parameter arrives in by the expression `bytes[start, end)` of `.debug_info`, -1 when that does
   * not show.
   * @param isPair whether its value takes two registers
   */
  expressionRegister(unit: UnitHeader, start: number, end: number, isPair: boolean): number {
    const found = arrivalRegister(this.sections.info, { start, end, isFirst: true }, unit, isPair);
    return found === DAMAGED ? NO_REGISTER : found;
  }

  /**
   * The same by the list at `offset`: the first entry that shows it counts. An operation that is not known ends the
   * list, as it does for pahole.
   * @throws FormatError when the list runs beyond its section.
   */
  listRegister(unit: UnitHeader, offset: number, isPair: boolean): number {
    const list = this.list(unit, offset);
    while (list.next()) {
      const found = arrivalRegister(list.bytes, list, unit, isPair);
      if (found === DAMAGED) break;
      if (found !== NO_REGISTER) return found;
    }
    return NO_REGISTER;
  }

  private list(unit: UnitHeader, offset: number): LocationList {
    return new LocationList(this.sections, unit, offset, this.spend);
  }

  private readonly spend = (bytes: number, section: string, offset: number): void => {
    this.budget -= bytes;
    if (this.budget < 0)
      fail(section, offset, 'location lists overlap: far more to read than the section has');
  };
}

const LISTS = '.debug_loclists';
const OLD_LISTS = '.debug_loc';

/** Goes through the expressions of a location list. */
class LocationList {
  readonly bytes: Uint8Array;
  readonly section: string;
  /** The expression that {@link next} found. */
  start = 0;
  end = 0;
  isFirst = true;
  private readonly isOld: boolean;
  private readonly littleEndian: boolean;
  private readonly addressBytes: number;
  private readonly cursor: Cursor;
  private readonly spend: (bytes: number, section: string, offset: number) => void;
  private entries = 0;

  constructor(
    sections: DwarfSections,
    { version, addressBytes }: UnitHeader,
    offset: number,
    spend: (bytes: number, section: string, offset: number) => void,
  ) {
    this.isOld = version < 5;
    this.bytes = this.isOld ? sections.loc : sections.locLists;
    this.section = this.isOld ? OLD_LISTS : LISTS;
    this.littleEndian = sections.littleEndian;
    this.addressBytes = addressBytes;
    this.cursor = new Cursor(this.bytes, offset, this.section);
    this.spend = spend;
  }

  /** False at the end of the list. */
  next(): boolean {
    const from = this.cursor.at;
    if (!(this.isOld ? this.nextOld() : this.nextNew())) return false;
    this.end = this.cursor.at;
    this.isFirst = this.entries === 0;
    this.entries++;
    this.spend(this.end - from, this.section, from);
    return true;
  }

  private nextNew(): boolean {
    const { cursor, addressBytes } = this;
    for (;;) {
      const from = cursor.at;
      const kind = cursor.byte();
      switch (kind) {
        case DW_LLE.end_of_list:
          return false;
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
      this.expression(cursor.leb());
      return true;
    }
  }

  private nextOld(): boolean {
    const { bytes, cursor, addressBytes } = this;
    for (;;) {
      const from = cursor.at;
      cursor.skip(2 * addressBytes);
      const begin = bytes.subarray(from, from + addressBytes);
      if (begin.every((byte) => byte === 0xff)) continue;
      if (bytes.subarray(from, cursor.at).every((byte) => byte === 0)) return false;
      const [first, second] = [cursor.byte(), cursor.byte()];
      this.expression(this.littleEndian ? first | (second << 8) : (first << 8) | second);
      return true;
    }
  }

  private expression(length: number): void {
    this.start = this.cursor.at;
    this.cursor.skip(length);
  }
}

interface Expression {
  readonly start: number;
  readonly end: number;
  /** Whether it is that of the list's first entry. */
  readonly isFirst: boolean;
}

/** An expression that cannot be read to its end. */
const DAMAGED = -2;

/** The register that an expression says a parameter is in when the function is entered (dwarves: parameter__decode_location). */
function arrivalRegister(
  bytes: Uint8Array,
  { start, end, isFirst }: Expression,
  unit: UnitHeader,
  isPair: boolean,
): number {
  if (start === end) return NO_REGISTER;
  let count = 0;
  let isValue = false;
  let firstRegister = NO_REGISTER;
  for (let at = start; at < end; count++) {
    const op = bytes[at];
    isValue ||= count > 0 && op === DW_OP.stack_value;
    if (firstRegister === NO_REGISTER && isRegister(op)) firstRegister = op - DW_OP.reg0;
    at = operationEnd(bytes, at, end, unit);
    if (at < 0) return DAMAGED;
  }
  const op = bytes[start];
  const isAlone = count === 1 || (count === 2 && bytes[end - 1] === DW_OP.stack_value && isValue);
  if (isAlone && (op === DW_OP.entry_value || op === DW_OP.GNU_entry_value)) {
    const inner = end - (count === 1 ? 1 : 2);
    return inner === start + 2 && isRegister(bytes[inner]) ? bytes[inner] - DW_OP.reg0 : NO_REGISTER;
  }
  if ((op >= DW_OP.lit0 && op <= DW_OP.lit31) || op === DW_OP.constu || op === DW_OP.consts)
    return NO_REGISTER;
  if (isPair && !isAlone) return firstRegister;
  if (!isFirst) return NO_REGISTER;
  if (isRegister(op)) return op - DW_OP.reg0;
  return isValue && op >= DW_OP.breg0 && op <= DW_OP.breg31 ? op - DW_OP.breg0 : NO_REGISTER;
}

function isRegister(op: number): boolean {
  return op >= DW_OP.reg0 && op <= DW_OP.reg31;
}

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
