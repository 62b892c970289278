/** The symbol table (gABI chapter 4, "Symbol Table"): only what BTF needs of it. */

import { ET_REL, SHN_LORESERVE, SHN_XINDEX, SHT_STRTAB, SHT_SYMTAB } from './constants.ts';
import { type ElfFile, type ElfSection, readSection } from './elf-file.ts';
import { FormatError } from './format-error.ts';

/** A symbol table as bytes, read field by field; no object per symbol. */
export interface SymbolTable {
  readonly count: number;
  /** The linked string table. */
  readonly strings: Uint8Array;
  /** Offset of the symbol's name in {@link strings}; checked to be inside. */
  nameOffset(index: number): number;
  /** STT_*. */
  type(index: number): number;
  /** Section index; SHN_XINDEX and other reserved values read as -1. */
  section(index: number): number;
  /** Address in two halves. A relocatable file says where in its section; the section's address is added. */
  valueLow(index: number): number;
  valueHigh(index: number): number;
  /** st_value as it stands, in two halves. */
  rawValueLow(index: number): number;
  rawValueHigh(index: number): number;
  /** st_size, at most 2^53. */
  sizeBytes(index: number): number;
}

function malformed(what: string, offset?: number): FormatError {
  return new FormatError(
    'elf-malformed',
    { format: 'elf', section: '.symtab', ...(offset === undefined ? {} : { offset }) },
    what,
  );
}

/**
 * The file's SHT_SYMTAB with its strings, or undefined when it is stripped.
 * @throws FormatError when sizes, links or name offsets are out of range.
 */
export function readSymbolTable(file: ElfFile): SymbolTable | undefined {
  const section = file.sections.find((candidate) => candidate.type === SHT_SYMTAB);
  if (section === undefined) return undefined;
  const linked = file.sections[section.link];
  if (linked === undefined || linked.type !== SHT_STRTAB) {
    throw malformed(`linked section ${section.link} is not a string table`);
  }
  const bytes = readSection(file, section);
  const strings = readSection(file, linked);
  const { is64, littleEndian } = file;
  const stride = section.entrySize;
  if (stride < (is64 ? 24 : 16)) throw malformed(`entry size ${stride} is too small`);
  if (strings.length > 0 && strings[strings.length - 1] !== 0)
    throw malformed('string table does not end with NUL');
  const count = Math.floor(bytes.length / stride);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const low = littleEndian ? 0 : 4;
  const isRelative = file.type === ET_REL;
  const sectionIndex = (index: number): number => {
    const value = view.getUint16(index * stride + (is64 ? 6 : 14), littleEndian);
    return value >= SHN_LORESERVE && value <= SHN_XINDEX ? -1 : value;
  };
  const sectionOf = (index: number): ElfSection | undefined => file.sections[sectionIndex(index)];
  const rawLow = (index: number): number =>
    view.getUint32(index * stride + (is64 ? 8 + low : 4), littleEndian);
  const rawHigh = (index: number): number =>
    is64 ? view.getUint32(index * stride + 8 + 4 - low, littleEndian) : 0;
  const addressLow = (index: number): number =>
    rawLow(index) + (isRelative ? (sectionOf(index)?.addressLow ?? 0) : 0);

  return {
    count,
    strings,
    nameOffset(index) {
      const offset = view.getUint32(index * stride, littleEndian);
      if (offset >= strings.length)
        throw malformed(`name offset 0x${offset.toString(16)} is outside the strings`, index * stride);
      return offset;
    },
    type(index) {
      return bytes[index * stride + (is64 ? 4 : 12)] & 0xf;
    },
    section: sectionIndex,
    valueLow(index) {
      return addressLow(index) % 0x1_0000_0000;
    },
    valueHigh(index) {
      const high = rawHigh(index);
      const carry = Math.floor(addressLow(index) / 0x1_0000_0000);
      return isRelative ? high + (sectionOf(index)?.addressHigh ?? 0) + carry : high;
    },
    rawValueLow: rawLow,
    rawValueHigh: rawHigh,
    sizeBytes(index) {
      if (!is64) return view.getUint32(index * stride + 8, littleEndian);
      const high = view.getUint32(index * stride + 16 + 4 - low, littleEndian);
      if (high > 0x1f_ffff) throw malformed('symbol size is absurd', index * stride);
      return high * 0x1_0000_0000 + view.getUint32(index * stride + 16 + low, littleEndian);
    },
  };
}
