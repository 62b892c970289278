/** The debug sections a conversion reads, as bytes, and where a unit lies in them. */

import { FormatError } from '../elf/format-error.ts';
import { DW_UT } from './constants.ts';

/** Contents of the `.debug_*` sections; an absent one is empty. */
export interface DwarfSections {
  readonly littleEndian: boolean;
  readonly info: Uint8Array;
  readonly abbrev: Uint8Array;
  readonly str: Uint8Array;
  readonly lineStr: Uint8Array;
  readonly strOffsets: Uint8Array;
  readonly addr: Uint8Array;
  /** Location lists before DWARF 5 and of DWARF 5; empty unless the profile looks at them. */
  readonly loc: Uint8Array;
  readonly locLists: Uint8Array;
}

/** Names of the sections, in the order of {@link DwarfSections}. */
export const DWARF_SECTION_NAMES = {
  info: '.debug_info',
  abbrev: '.debug_abbrev',
  str: '.debug_str',
  lineStr: '.debug_line_str',
  strOffsets: '.debug_str_offsets',
  addr: '.debug_addr',
  loc: '.debug_loc',
  locLists: '.debug_loclists',
} as const;

/**
 * A stretch of {@link DwarfSections.info} that was a section of its own, and where in the other sections its offsets
 * count from. Normally there is one; files whose units refer to each other across sections are joined (join.ts).
 */
export interface InfoPart {
  /** As messages name it. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** `.debug_types` of DWARF 4, whose units all are type units. */
  readonly isTypes: boolean;
  /** The supplementary file of dwz. */
  readonly isSupplement: boolean;
  /** What DW_FORM_ref_addr means: the `.debug_info` of the same file. */
  readonly refStart: number;
  readonly refEnd: number;
  readonly abbrevStart: number;
  readonly strStart: number;
  readonly strEnd: number;
  readonly lineStrStart: number;
}

/** One unit (DWARF 5 §7.5.1). Offsets are from the start of {@link DwarfSections.info}. */
export interface UnitHeader {
  readonly offset: number;
  /** First byte after the header: the unit's root DIE. */
  readonly rootOffset: number;
  readonly end: number;
  readonly version: number;
  readonly addressBytes: number;
  /** 4 in 32-bit DWARF, 8 in 64-bit DWARF. */
  readonly offsetBytes: number;
  readonly abbrevOffset: number;
  /** Of a type unit: its signature in two halves and where its type is; 0 in other units. */
  readonly signatureLow: number;
  readonly signatureHigh: number;
  readonly typeOffset: number;
  readonly part: InfoPart;
}

/** Offsets are kept in int32: a `.debug_info` beyond this is far above any kernel's (0.5 GB for allyesconfig). */
export const MAX_INFO_BYTES = 0x7fff_ffff;

/** The part that is all there is of a file whose sections are not joined. */
export function wholeInfo({ info, str }: Pick<DwarfSections, 'info' | 'str'>): InfoPart {
  return {
    name: '.debug_info',
    start: 0,
    end: info.length,
    isTypes: false,
    isSupplement: false,
    refStart: 0,
    refEnd: info.length,
    abbrevStart: 0,
    strStart: 0,
    strEnd: str.length,
    lineStrStart: 0,
  };
}

/**
 * The headers of a part's units, by default of all there is, in file order.
 * @throws FormatError for a version outside 2–5, an unknown unit type or a length that leaves the section.
 */
export function readUnitHeaders(
  sections: Pick<DwarfSections, 'info' | 'littleEndian' | 'str'>,
  part: InfoPart = wholeInfo(sections),
): UnitHeader[] {
  const { info, littleEndian } = sections;
  if (info.length > MAX_INFO_BYTES)
    fail(part, 'dwarf-unsupported', 0, `section of ${info.length} bytes exceeds ${MAX_INFO_BYTES}`);
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  const units: UnitHeader[] = [];
  let offset = part.start;
  while (offset < part.end) {
    const unit = readUnitHeader(view, part, offset, littleEndian);
    units.push(unit);
    offset = unit.end;
  }
  return units;
}

function fail(
  part: InfoPart,
  code: 'dwarf-malformed' | 'dwarf-unsupported',
  offset: number,
  what: string,
): never {
  throw new FormatError(code, { format: 'dwarf', section: part.name, offset: offset - part.start }, what);
}

function readUnitHeader(view: DataView, part: InfoPart, offset: number, littleEndian: boolean): UnitHeader {
  const size = part.end;
  let at = offset;
  const sectionBytes = part.end - part.start;
  const need = (bytes: number): void => {
    if (at + bytes > size)
      fail(part, 'dwarf-malformed', offset, `unit header runs beyond the section of ${sectionBytes} bytes`);
  };
  need(4);
  let length = view.getUint32(at, littleEndian);
  let offsetBytes = 4;
  at += 4;
  if (length === 0xffff_ffff) {
    need(8);
    length = read64(view, at, littleEndian);
    offsetBytes = 8;
    at += 8;
  } else if (length >= 0xffff_fff0) {
    fail(part, 'dwarf-malformed', offset, `reserved unit length 0x${length.toString(16)}`);
  }
  const end = at + length;
  if (end > size) {
    const what = `unit of ${length} bytes ends beyond the section of ${sectionBytes} bytes`;
    fail(part, 'dwarf-malformed', offset, what);
  }
  need(2);
  const version = view.getUint16(at, littleEndian);
  at += 2;
  if (version < 2 || version > 5)
    fail(part, 'dwarf-unsupported', offset, `DWARF version ${version} (2 to 5 are known)`);

  let abbrevOffset = 0;
  let addressBytes = 0;
  const readOffset = (): number => {
    need(offsetBytes);
    const value = offsetBytes === 8 ? read64(view, at, littleEndian) : view.getUint32(at, littleEndian);
    at += offsetBytes;
    return value;
  };
  const readAddressBytes = (): void => {
    need(1);
    addressBytes = view.getUint8(at++);
  };
  let isTypeUnit = part.isTypes;
  if (version >= 5) {
    need(1);
    const unitType = view.getUint8(at++);
    readAddressBytes();
    abbrevOffset = readOffset();
    isTypeUnit = unitType === DW_UT.type || unitType === DW_UT.split_type;
    // A skeleton's header ends with the id of its .dwo file.
    if (unitType === DW_UT.skeleton || unitType === DW_UT.split_compile) at += 8;
    else if (!isTypeUnit && unitType !== DW_UT.compile && unitType !== DW_UT.partial) {
      fail(part, 'dwarf-unsupported', offset, `unknown unit type 0x${unitType.toString(16)}`);
    }
  } else {
    abbrevOffset = readOffset();
    readAddressBytes();
  }
  let signatureLow = 0;
  let signatureHigh = 0;
  let typeOffset = 0;
  if (isTypeUnit) {
    need(8);
    signatureLow = view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
    signatureHigh = view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
    at += 8;
    typeOffset = offset + readOffset();
  }
  if (addressBytes !== 4 && addressBytes !== 8)
    fail(part, 'dwarf-unsupported', offset, `address size ${addressBytes}`);
  if (at > end) fail(part, 'dwarf-malformed', offset, `unit of ${length} bytes is shorter than its header`);
  if (isTypeUnit && (typeOffset < at || typeOffset >= end))
    fail(part, 'dwarf-malformed', offset, `the unit's type lies outside of it`);
  return {
    offset,
    rootOffset: at,
    end,
    version,
    addressBytes,
    offsetBytes,
    abbrevOffset: abbrevOffset + part.abbrevStart,
    signatureLow,
    signatureHigh,
    typeOffset,
    part,
  };
}

function read64(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
  const high = view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
  return high * 0x1_0000_0000 + low;
}
