/**
 * Files whose units refer to each other: partial units (dwz), type units, link-time optimisation. Their sections are
 * put one behind the other, so that one offset names every DIE, and all units are read as one; so does pahole for LTO
 * (dwarves: cus__merge_and_process_cu).
 *
 *     info    [.debug_info] [.debug_types] [.debug_info of the supplementary file]
 *     abbrev  [.debug_abbrev]              [.debug_abbrev of the supplementary file]
 *     str, lineStr likewise
 */

import { allocate } from '../elf/byte-source.ts';
import type { ElfFile } from '../elf/elf-file.ts';
import { FormatError } from '../elf/format-error.ts';
import { RelocatedSections } from '../elf/relocate.ts';
import {
  DWARF_SECTION_NAMES,
  type DwarfSections,
  type InfoPart,
  MAX_INFO_BYTES,
  readUnitHeaders,
  type UnitHeader,
  wholeInfo,
} from './sections.ts';
import { readSupplementLink, supplementText } from './supplement.ts';

/** DWARF 4 keeps type units apart (§7.5.1.2). */
export const TYPE_UNITS = '.debug_types';
const SUPPLEMENT_PART = '.debug_info of the supplementary file';

export interface JoinedSections {
  readonly sections: DwarfSections;
  /** By offset. */
  readonly units: readonly UnitHeader[];
  /** What messages call the supplementary file. */
  readonly supplementName: string;
}

/**
 * Puts the sections of a file together.
 * @param plain the file's sections without `.debug_types`
 * @param supplement the supplementary file that the file names, already checked
 * @throws FormatError as the unit headers are damaged or too large.
 */
export function joinSections(
  file: ElfFile,
  plain: DwarfSections,
  supplement: ElfFile | undefined,
): JoinedSections {
  const types = new RelocatedSections(file).read(TYPE_UNITS);
  const alt = supplement === undefined ? NO_SUPPLEMENT : readSupplement(supplement);
  const concat = (...parts: readonly Uint8Array[]): Uint8Array => concatenate(file, parts);
  const sections: DwarfSections = {
    ...plain,
    info: concat(plain.info, types, alt.info),
    abbrev: concat(plain.abbrev, alt.abbrev),
    str: concat(plain.str, alt.str),
    lineStr: concat(plain.lineStr, alt.lineStr),
  };
  const main = wholeInfo(plain);
  const typesEnd = plain.info.length + types.length;
  const parts: InfoPart[] = [
    main,
    { ...main, name: TYPE_UNITS, start: plain.info.length, end: typesEnd, isTypes: true },
    {
      name: SUPPLEMENT_PART,
      start: typesEnd,
      end: sections.info.length,
      isTypes: false,
      isSupplement: true,
      refStart: typesEnd,
      refEnd: sections.info.length,
      abbrevStart: plain.abbrev.length,
      strStart: plain.str.length,
      strEnd: sections.str.length,
      lineStrStart: plain.lineStr.length,
    },
  ];
  const link = readSupplementLink(file);
  return {
    sections,
    units: parts.flatMap((part) => readUnitHeaders(sections, part)),
    supplementName: link === undefined ? 'that it does not name' : supplementText(link),
  };
}

const NO_BYTES = new Uint8Array(0);
const NO_SUPPLEMENT: SupplementSections = {
  info: NO_BYTES,
  abbrev: NO_BYTES,
  str: NO_BYTES,
  lineStr: NO_BYTES,
};

type SupplementSections = Pick<DwarfSections, 'info' | 'abbrev' | 'str' | 'lineStr'>;

function readSupplement(supplement: ElfFile): SupplementSections {
  const relocated = new RelocatedSections(supplement);
  return {
    info: relocated.read(DWARF_SECTION_NAMES.info),
    abbrev: relocated.read(DWARF_SECTION_NAMES.abbrev),
    str: relocated.read(DWARF_SECTION_NAMES.str),
    lineStr: relocated.read(DWARF_SECTION_NAMES.lineStr),
  };
}

/** Memory as the file's source wants it; what is alone is not copied. */
function concatenate({ source }: ElfFile, parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter(({ length }) => length > 0);
  if (filled.length < 2) return filled[0] ?? NO_BYTES;
  const total = filled.reduce((sum, { length }) => sum + length, 0);
  if (total > MAX_INFO_BYTES) {
    const what = `sections of ${total} bytes together exceed ${MAX_INFO_BYTES}`;
    throw new FormatError('dwarf-unsupported', { format: 'dwarf', section: DWARF_SECTION_NAMES.info }, what);
  }
  const joined = allocate(source, total);
  let at = 0;
  for (const part of filled) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The same error with the section that the offset lies in, for one that says an offset of the joined sections. */
export function inItsPart(error: FormatError, units: readonly UnitHeader[]): FormatError {
  const { section, offset } = error.location;
  if (section !== DWARF_SECTION_NAMES.info || offset === undefined) return error;
  const unit = units.find(({ part }) => part.start > 0 && offset >= part.start && offset < part.end);
  if (unit === undefined) return error;
  const { name, start } = unit.part;
  const prefix = `${error.location.format} ${section}+0x${offset.toString(16)}: `;
  const what = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  return new FormatError(error.code, { format: 'dwarf', section: name, offset: offset - start }, what, {
    cause: error,
  });
}
