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

/** One unit of `.debug_info` (DWARF 5 §7.5.1). Offsets are from the start of the section. */
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
}

/** Offsets are kept in int32: a `.debug_info` beyond this is far above any kernel's (0.5 GB for allyesconfig). */
const MAX_SECTION_BYTES = 0x7fff_ffff;

function fail(code: 'dwarf-malformed' | 'dwarf-unsupported', offset: number, what: string): never {
  throw new FormatError(code, { format: 'dwarf', section: '.debug_info', offset }, what);
}

/**
 * The headers of all units, in file order.
 * @throws FormatError for a version outside 2–5, an unknown unit type or a length that leaves the section.
 */
export function readUnitHeaders(sections: Pick<DwarfSections, 'info' | 'littleEndian'>): UnitHeader[] {
  const { info, littleEndian } = sections;
  if (info.length > MAX_SECTION_BYTES)
    fail('dwarf-unsupported', 0, `section of ${info.length} bytes exceeds ${MAX_SECTION_BYTES}`);
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  const units: UnitHeader[] = [];
  let offset = 0;
  while (offset < info.length) {
    const unit = readUnitHeader(view, offset, littleEndian);
    units.push(unit);
    offset = unit.end;
  }
  return units;
}

function readUnitHeader(view: DataView, offset: number, littleEndian: boolean): UnitHeader {
  const size = view.byteLength;
  let at = offset;
  const need = (bytes: number): void => {
    if (at + bytes > size)
      fail('dwarf-malformed', offset, `unit header runs beyond the section of ${size} bytes`);
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
    fail('dwarf-malformed', offset, `reserved unit length 0x${length.toString(16)}`);
  }
  const end = at + length;
  if (end > size)
    fail('dwarf-malformed', offset, `unit of ${length} bytes ends beyond the section of ${size} bytes`);
  need(2);
  const version = view.getUint16(at, littleEndian);
  at += 2;
  if (version < 2 || version > 5)
    fail('dwarf-unsupported', offset, `DWARF version ${version} (2 to 5 are known)`);

  let abbrevOffset = 0;
  let addressBytes = 0;
  const readAbbrevOffset = (): void => {
    need(offsetBytes);
    abbrevOffset = offsetBytes === 8 ? read64(view, at, littleEndian) : view.getUint32(at, littleEndian);
    at += offsetBytes;
  };
  const readAddressBytes = (): void => {
    need(1);
    addressBytes = view.getUint8(at++);
  };
  if (version >= 5) {
    need(1);
    const unitType = view.getUint8(at++);
    readAddressBytes();
    readAbbrevOffset();
    // Type and skeleton units carry 8 more bytes (signature or dwo id), type units also their type's offset.
    if (unitType === DW_UT.skeleton || unitType === DW_UT.split_compile) at += 8;
    else if (unitType === DW_UT.type || unitType === DW_UT.split_type) at += 8 + offsetBytes;
    else if (unitType !== DW_UT.compile && unitType !== DW_UT.partial) {
      fail('dwarf-unsupported', offset, `unknown unit type 0x${unitType.toString(16)}`);
    }
  } else {
    readAbbrevOffset();
    readAddressBytes();
  }
  if (addressBytes !== 4 && addressBytes !== 8)
    fail('dwarf-unsupported', offset, `address size ${addressBytes}`);
  if (at > end) fail('dwarf-malformed', offset, `unit of ${length} bytes is shorter than its header`);
  return { offset, rootOffset: at, end, version, addressBytes, offsetBytes, abbrevOffset };
}

function read64(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
  const high = view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
  return high * 0x1_0000_0000 + low;
}
