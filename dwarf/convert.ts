/** One-call conversion of an ELF file's DWARF to BTF, in this thread. The pipeline runs the same parts over several. */

import { BTF_KIND_NAMES } from '../btf/constants.ts';
import type { Emitted } from '../btf/emit.ts';
import { contentBytes, type ElfFile } from '../elf/elf-file.ts';
import { FormatError } from '../elf/format-error.ts';
import { findDebugSections, RelocatedSections } from '../elf/relocate.ts';
import { assembleBtf } from './assemble.ts';
import { type CollectOptions, type Collection, Collector } from './collect.ts';
import { callingConvention, parameterRegisters } from './locations.ts';
import { joinSections, TYPE_UNITS } from './join.ts';
import { LinkedUnits } from './linked-units.ts';
import { readLtoNote } from './lto-note.ts';
import { DEFAULT_PROFILE, PROFILES, type ProfileName } from './profile.ts';
import { DWARF_SECTION_NAMES, type DwarfSections, type UnitHeader, readUnitHeaders } from './sections.ts';
import { checkSupplement } from './supplement.ts';
import { type ConversionSymbols, readConversionSymbols } from './symbols.ts';
import { UnitLinks } from './unit-links.ts';
import type { VariantOf } from './unit-resolver.ts';

/** What a conversion read and made. */
export interface ConversionStats {
  readonly typesByKind: Record<string, number>;
  readonly typeCount: number;
  readonly stringBytes: number;
  readonly unitCount: number;
  /** Type DIEs before deduplication. */
  readonly typesRead: number;
  /** Bytes of .debug_info. */
  readonly inputBytes: number;
  /** Wall time by phase: read, collect, assemble. */
  readonly milliseconds: Record<string, number>;
}

/** Everything about a file that collecting and assembling need. */
export interface ConversionInput {
  readonly sections: DwarfSections;
  readonly units: readonly UnitHeader[];
  readonly symbols: ConversionSymbols;
  readonly options: CollectOptions;
  /** For units that are read as one: what messages call the supplementary file. Undefined for others. */
  readonly supplementName: string | undefined;
}

/** True when the file has DWARF type information. */
export function hasDwarf(file: ElfFile): boolean {
  return isFilled(file, DWARF_SECTION_NAMES.info) || isFilled(file, TYPE_UNITS);
}

function isFilled(file: ElfFile, name: string): boolean {
  return findDebugSections(file, name).some(({ sizeBytes }) => sizeBytes > 0);
}

const NO_BYTES = new Uint8Array(0);

/** All sections that are read, together: they are held in memory, and may overlap or expand in a hostile file. */
const MAX_TOTAL_BYTES = 0xffff_ffff;

function refuseTooMuch(file: ElfFile): void {
  let total = 0;
  for (const name of [...Object.values(DWARF_SECTION_NAMES), TYPE_UNITS])
    for (const section of findDebugSections(file, name)) total += contentBytes(file, section);
  if (total > MAX_TOTAL_BYTES) {
    throw new FormatError(
      'dwarf-unsupported',
      { format: 'dwarf' },
      `${total} bytes of debug sections exceed ${MAX_TOTAL_BYTES}`,
    );
  }
}

/**
 * Reads the debug sections and symbols of a file; those of an object file or kernel module are relocated.
 * @throws FormatError `dwarf-none` when there is no .debug_info, others as the sections are damaged.
 */
export function readConversionInput(
  file: ElfFile,
  profileName: ProfileName,
  supplement?: ElfFile,
): ConversionInput {
  if (!hasDwarf(file))
    throw new FormatError('dwarf-none', { format: 'dwarf', section: '.debug_info' }, 'the file has no DWARF');
  refuseTooMuch(file);
  const profile = PROFILES[profileName];
  const { unexpectedRegisters } = profile.functions;
  const registers = unexpectedRegisters === 'by-number' ? parameterRegisters(file.machine) : undefined;
  const convention = unexpectedRegisters === 'by-size' ? callingConvention(file.machine) : undefined;
  const hasLocations = registers !== undefined || convention !== undefined;
  const relocated = new RelocatedSections(file);
  const bytesOf = (name: string): Uint8Array => relocated.read(name);
  const sections: DwarfSections = {
    littleEndian: file.littleEndian,
    info: bytesOf(DWARF_SECTION_NAMES.info),
    abbrev: bytesOf(DWARF_SECTION_NAMES.abbrev),
    str: bytesOf(DWARF_SECTION_NAMES.str),
    lineStr: bytesOf(DWARF_SECTION_NAMES.lineStr),
    strOffsets: bytesOf(DWARF_SECTION_NAMES.strOffsets),
    addr: bytesOf(DWARF_SECTION_NAMES.addr),
    loc: hasLocations ? bytesOf(DWARF_SECTION_NAMES.loc) : NO_BYTES,
    locLists: hasLocations ? bytesOf(DWARF_SECTION_NAMES.locLists) : NO_BYTES,
  };
  const symbols = readConversionSymbols(file, profile.functions);
  const input: ConversionInput = {
    sections,
    units: readUnitHeaders(sections),
    supplementName: undefined,
    symbols,
    options: {
      profile,
      perCpu: symbols.perCpu,
      registers,
      convention,
      hasFunctionSymbols: symbols.functions.length > 0,
    },
  };
  // What else makes units depend on each other shows when they are read: see LinkedUnits.
  const isLinked = isFilled(file, TYPE_UNITS) || readLtoNote(file) === true;
  return isLinked ? joinUnits(file, input, supplement) : input;
}

/**
 * The same input with all units to be read as one, after {@link LinkedUnits}.
 * @param supplement the supplementary file that the file names (see readSupplementLink), if it is there
 * @throws FormatError `dwarf-supplement` when it is another file than that.
 */
export function joinUnits(
  file: ElfFile,
  input: ConversionInput,
  supplement: ElfFile | undefined,
): ConversionInput {
  if (supplement !== undefined) checkSupplement(file, supplement);
  return { ...input, ...joinSections(file, input.sections, supplement) };
}

/**
 * Collects units [from, to) one by one.
 * @throws LinkedUnits when they have to be read as one, with {@link joinUnits} and {@link collectJoined}.
 */
export function collectRange(input: ConversionInput, from: number, to: number): Collection {
  const collector = new Collector(input.sections, input.options);
  for (let unit = from; unit < to; unit++) collector.addUnit(input.units[unit], unit);
  return collector.finish();
}

/** Collects all units of a joined input. */
export function collectJoined(input: ConversionInput, variantOf?: VariantOf): Collection {
  const { sections, units, options, supplementName = '' } = input;
  const collector = new Collector(sections, options, new UnitLinks(sections, units, supplementName));
  collector.addJoined(units, variantOf);
  return collector.finish();
}

/**
 * Collects all units in this thread, joined if they have to be.
 * @returns the input that was used in the end, with its collection
 */
export function collectAll(
  file: ElfFile,
  input: ConversionInput,
  supplement?: ElfFile,
): { readonly input: ConversionInput; readonly collection: Collection } {
  let used = input;
  if (used.supplementName === undefined) {
    try {
      return { input, collection: collectRange(input, 0, input.units.length) };
    } catch (thrown) {
      if (!(thrown instanceof LinkedUnits)) throw thrown;
      used = joinUnits(file, input, supplement);
    }
  }
  return { input: used, collection: collectJoined(used) };
}

/**
 * Converts an ELF file's DWARF to BTF.
 * @param supplement the file that `.gnu_debugaltlink` names, for DWARF that dwz -m has taken apart
 * @returns the raw BTF in the file's byte order, as pahole's --btf_encode_detached writes it
 * @throws FormatError located in the section that is malformed, or `btf-unencodable`.
 */
export function convertDwarf(
  file: ElfFile,
  profile: ProfileName = DEFAULT_PROFILE,
  supplement?: ElfFile,
): Emitted {
  const { input, collection } = collectAll(file, readConversionInput(file, profile, supplement), supplement);
  return assembleBtf({ ...input, collections: [collection] });
}

/** Type counts by kind name, kinds that do not occur left out. */
export function kindCountsByName(kindCounts: Int32Array): Record<string, number> {
  const counts: Record<string, number> = {};
  BTF_KIND_NAMES.forEach((name, kind) => {
    const count = kindCounts[kind] ?? 0;
    if (count > 0) counts[name] = count;
  });
  return counts;
}
