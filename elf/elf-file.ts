/**
 * ELF header and section header table (gABI chapter 4), both classes and byte orders.
 * Only headers are read here; section contents are read one by one on request.
 */

import type { ByteSource } from './byte-source.ts';
import {
  ELFCLASS32,
  ELFCLASS64,
  ELFDATA2LSB,
  ELFDATA2MSB,
  ET_REL,
  SHN_XINDEX,
  SHT_NOBITS,
} from './constants.ts';
import { compressionOf, decompress, type ZstdDecompressor, zstdOfNode } from './compression.ts';
import { FormatError } from './format-error.ts';
import { layOutSections } from './layout.ts';

/** One section header (gABI chapter 4), names resolved. */
export interface ElfSection {
  readonly index: number;
  readonly name: string;
  /** SHT_*. */
  readonly type: number;
  /** SHF_* (low 32 bits). */
  readonly flags: number;
  /**
   * Virtual address in two halves; the allocated sections of a relocatable file have the addresses that
   * {@link layOutSections} gives them.
   */
  readonly addressLow: number;
  readonly addressHigh: number;
  /** Byte offset in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** sh_link. */
  readonly link: number;
  /** sh_info. */
  readonly info: number;
  readonly entrySize: number;
  /** sh_addralign (low 32 bits). */
  readonly alignment: number;
}

/** An opened ELF file: its header and section headers, both byte orders and word sizes. Contents are read on request. */
export interface ElfFile {
  readonly source: ByteSource;
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** ET_*. */
  readonly type: number;
  /** EM_*. */
  readonly machine: number;
  readonly sections: readonly ElfSection[];
  /** For sections compressed with zstd; undefined when this Node has none and none was given. */
  readonly zstd: ZstdDecompressor | undefined;
}

/** What reading a file's sections may need from outside. */
export interface OpenElfOptions {
  /** Default: Node's own (from 22.15 on). */
  readonly zstd?: ZstdDecompressor | undefined;
}

/** More sections than any real kernel or module has (the largest seen is below 100 000, with -ffunction-sections). */
const MAX_SECTIONS = 1 << 20;
/** Offsets into sections are kept in int32; allyesconfig's .debug_info is a quarter of this. */
const MAX_SECTION_BYTES = 0x7fff_ffff;
/** Section names are short; a name table beyond this is damage. */
const MAX_NAME_TABLE_BYTES = 64 << 20;
/**
 * Without its NUL. Sections of single functions have the longest names: the kernel's symbols end at 512 bytes
 * (KSYM_NAME_LEN), and prefixes like `.rela.text.unlikely.` come on top.
 */
const MAX_NAME_BYTES = 4096;
/** All names together, by bytes of their table: linkers share ends (`.text` in `.rela.text`), but not many times over. */
const MAX_NAME_REUSE = 8;

function malformed(what: string, offset?: number, section?: string): FormatError {
  return new FormatError(
    'elf-malformed',
    {
      format: 'elf',
      ...(section === undefined ? {} : { section }),
      ...(offset === undefined ? {} : { offset }),
    },
    what,
  );
}

function readExactly(source: ByteSource, offset: number, length: number, what: string): Uint8Array {
  if (offset < 0 || length < 0 || offset + length > source.size) {
    throw malformed(`${what} (${length} bytes) lies outside the file of ${source.size} bytes`, offset);
  }
  return source.read(offset, length);
}

/** A 64-bit file offset or size as a number; `base` is where the view starts in the file. */
function wide(view: DataView, at: number, littleEndian: boolean, what: string, base: number): number {
  const low = view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
  const high = view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
  if (high > 0x1f_ffff) {
    const value = `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;
    throw malformed(`${what} ${value} is absurd`, base + at);
  }
  return high * 0x1_0000_0000 + low;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Reads the ELF header and section headers.
 * @throws FormatError `elf-malformed` when the bytes are not a well-formed ELF file.
 */
export function openElf(source: ByteSource, { zstd = zstdOfNode }: OpenElfOptions = {}): ElfFile {
  const ident = readExactly(source, 0, Math.min(16, source.size), 'identification');
  if (ident.length < 16 || ident[0] !== 0x7f || ident[1] !== 0x45 || ident[2] !== 0x4c || ident[3] !== 0x46) {
    throw malformed('not an ELF file (no \\x7fELF at the start)', 0);
  }
  const [, , , , elfClass, data] = ident;
  if (elfClass !== ELFCLASS32 && elfClass !== ELFCLASS64) throw malformed(`unknown class ${elfClass}`, 4);
  if (data !== ELFDATA2LSB && data !== ELFDATA2MSB) throw malformed(`unknown byte order ${data}`, 5);
  const is64 = elfClass === ELFCLASS64;
  const littleEndian = data === ELFDATA2LSB;

  const header = viewOf(readExactly(source, 0, is64 ? 64 : 52, 'ELF header'));
  const type = header.getUint16(16, littleEndian);
  const machine = header.getUint16(18, littleEndian);
  const tableOffset = is64
    ? wide(header, 40, littleEndian, 'section table offset', 0)
    : header.getUint32(32, littleEndian);
  const entrySize = header.getUint16(is64 ? 58 : 46, littleEndian);
  const declaredCount = header.getUint16(is64 ? 60 : 48, littleEndian);
  const declaredNames = header.getUint16(is64 ? 62 : 50, littleEndian);
  const file = { source, is64, littleEndian, type, machine, zstd };
  if (tableOffset === 0) return { ...file, sections: [] };

  const minimumEntry = is64 ? 64 : 40;
  if (entrySize < minimumEntry)
    throw malformed(`section header size ${entrySize} is below ${minimumEntry}`, is64 ? 58 : 46);
  // Section counts of 0xff00 and more live in section 0 (gABI: e_shnum, e_shstrndx escape values).
  const first = rawSection(
    viewOf(readExactly(source, tableOffset, minimumEntry, 'first section header')),
    0,
    is64,
    littleEndian,
    tableOffset,
  );
  const count = declaredCount === 0 ? first.sizeBytes : declaredCount;
  if (count > MAX_SECTIONS) throw malformed(`${count} sections are more than ${MAX_SECTIONS}`, tableOffset);
  const namesIndex = declaredNames === SHN_XINDEX ? first.link : declaredNames;

  const table = viewOf(readExactly(source, tableOffset, count * entrySize, 'section header table'));
  const raw = Array.from({ length: count }, (_, index) =>
    rawSection(table, index * entrySize, is64, littleEndian, tableOffset),
  );
  const names = namesIndex === 0 ? new Uint8Array(0) : sectionNames(file, raw, namesIndex, is64 ? 62 : 50);
  const nameOf = nameReader(names);
  const sections = raw.map((section, index) => ({ ...section, index, name: nameOf(section.nameOffset) }));
  return { ...file, sections: type === ET_REL ? layOutSections(sections) : sections };
}

interface RawSection extends Omit<ElfSection, 'index' | 'name'> {
  readonly nameOffset: number;
}

/** @param base where the view starts in the file */
function rawSection(
  view: DataView,
  at: number,
  is64: boolean,
  littleEndian: boolean,
  base: number,
): RawSection {
  const u32 = (offset: number): number => view.getUint32(at + offset, littleEndian);
  const nameOffset = u32(0);
  const type = u32(4);
  if (is64) {
    const low = littleEndian ? 0 : 4;
    return {
      nameOffset,
      type,
      flags: u32(8 + low),
      addressLow: u32(16 + low),
      addressHigh: u32(16 + 4 - low),
      offset: wide(view, at + 24, littleEndian, 'section offset', base),
      sizeBytes: wide(view, at + 32, littleEndian, 'section size', base),
      link: u32(40),
      info: u32(44),
      entrySize: u32(56 + low),
      alignment: u32(48 + low),
    };
  }
  return {
    nameOffset,
    type,
    flags: u32(8),
    addressLow: u32(12),
    addressHigh: 0,
    offset: u32(16),
    sizeBytes: u32(20),
    link: u32(24),
    info: u32(28),
    entrySize: u32(36),
    alignment: u32(32),
  };
}

/** @param fieldOffset where the file says which section holds the names */
function sectionNames(
  file: Omit<ElfFile, 'sections'>,
  raw: readonly RawSection[],
  index: number,
  fieldOffset: number,
): Uint8Array {
  const section = raw[index];
  if (section === undefined) throw malformed(`section name table ${index} does not exist`, fieldOffset);
  if (section.sizeBytes > MAX_NAME_TABLE_BYTES)
    throw malformed(`section name table of ${section.sizeBytes} bytes is absurd`, section.offset);
  return readSection({ ...file, sections: [] }, { ...section, index, name: '.shstrtab' });
}

/** Reads names of a table, each offset once. */
function nameReader(table: Uint8Array): (offset: number) => string {
  const known = new Map<number, string>();
  let bytesLeft = table.length * MAX_NAME_REUSE;
  return (offset) => {
    let name = known.get(offset);
    if (name === undefined) {
      name = nameAt(table, offset);
      bytesLeft -= name.length;
      if (bytesLeft < 0)
        throw malformed(
          `section names are more than ${MAX_NAME_REUSE} times their table of ${table.length} bytes`,
          offset,
          '.shstrtab',
        );
      known.set(offset, name);
    }
    return name;
  };
}

function nameAt(names: Uint8Array, offset: number): string {
  if (offset >= names.length) {
    if (offset === 0) return '';
    throw malformed(
      `section name offset lies outside the table of ${names.length} bytes`,
      offset,
      '.shstrtab',
    );
  }
  const longest = names.subarray(offset, offset + MAX_NAME_BYTES + 1);
  const length = longest.indexOf(0);
  if (length >= 0) return String.fromCharCode(...longest.subarray(0, length));
  const what =
    longest.length > MAX_NAME_BYTES ? `of more than ${MAX_NAME_BYTES} bytes` : 'without a terminating NUL';
  throw malformed(`section name ${what}`, offset, '.shstrtab');
}

/** The first section of that name, or undefined. */
export function findSection(file: ElfFile, name: string): ElfSection | undefined {
  return file.sections.find((section) => section.name === name);
}

/** All sections of that name, in file order. */
export function findSections(file: ElfFile, name: string): ElfSection[] {
  return file.sections.filter((section) => section.name === name);
}

/**
 * Checks that a section's bytes are in the file.
 * @throws FormatError `elf-malformed` when it lies outside the file, `elf-unsupported` when it is too large.
 */
export function checkSection(file: ElfFile, section: ElfSection): void {
  if (section.type === SHT_NOBITS)
    throw malformed('section has no bytes in the file (SHT_NOBITS)', section.offset, section.name);
  if (section.offset + section.sizeBytes > file.source.size) {
    throw malformed(
      `section of ${section.sizeBytes} bytes ends beyond the file of ${file.source.size} bytes`,
      section.offset,
      section.name,
    );
  }
  if (section.sizeBytes > MAX_SECTION_BYTES) {
    throw new FormatError(
      'elf-unsupported',
      { format: 'elf', section: section.name },
      `section of ${section.sizeBytes} bytes exceeds ${MAX_SECTION_BYTES}`,
    );
  }
}

/**
 * How many bytes {@link readSection} gives; only a compressed section's header is read for it.
 * @throws FormatError as {@link readSection}, but for damage in the compressed bytes.
 */
export function contentBytes(file: ElfFile, section: ElfSection): number {
  checkSection(file, section);
  return compressionOf(file, section)?.sizeBytes ?? section.sizeBytes;
}

/**
 * A section's contents, decompressed when they are compressed.
 * @throws FormatError as {@link checkSection}; `elf-malformed` for compressed contents that are damaged,
 * `elf-unsupported` for a compression that cannot be undone.
 */
export function readSection(file: ElfFile, section: ElfSection): Uint8Array {
  checkSection(file, section);
  const compression = compressionOf(file, section);
  const raw = file.source.read(section.offset, section.sizeBytes);
  if (compression === undefined) return raw;
  const plain = decompress(section, compression, raw, file.zstd);
  if (file.source.allocate === undefined) return plain;
  const own = file.source.allocate(plain.length);
  own.set(plain);
  return own;
}
