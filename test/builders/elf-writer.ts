/**
 * Declarative ELF writer (System V gABI, chapter 4): sections by name, symbols, both classes, both byte orders.
 *
 * ```ts
 * const bytes = writeElf({
 *   bits: 32, littleEndian: false,
 *   sections: [{ name: '.debug_info', data: info }],
 *   symbols: [{ name: 'start_kernel', type: 'func', section: '.text', value: 0x1000, size: 64 }],
 * });
 * ```
 *
 * Every field of the header and of a section header can be replaced by a wrong value through `raw`.
 */

import { deflateSync } from 'node:zlib';
import { type ByteWriter, byteWriter, concatBytes } from './byte-writer.ts';

export const SHT = {
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  SYMTAB_SHNDX: 18,
} as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, COMPRESSED: 0x800 } as const;

const SYMBOL_TYPES = { notype: 0, object: 1, func: 2, section: 3, file: 4 } as const;
const BINDINGS = { local: 0, global: 1, weak: 2 } as const;
const MACHINES: Record<string, number> = { '64le': 62, '64be': 22, '32le': 3, '32be': 20 };

export interface ElfTarget {
  /** Default 64. */
  readonly bits?: 32 | 64;
  /** Default true. */
  readonly littleEndian?: boolean;
}

export interface ElfSection {
  readonly name: string;
  /** Default PROGBITS. */
  readonly type?: number;
  readonly flags?: number;
  readonly address?: number | bigint;
  readonly data?: Uint8Array;
  /** Index, or the name of another section. */
  readonly link?: number | string;
  readonly info?: number;
  readonly align?: number;
  readonly entrySize?: number;
  /** Values that replace the computed ones in the section header. */
  readonly raw?: {
    readonly nameOffset?: number;
    readonly offset?: number | bigint;
    readonly size?: number | bigint;
  };
}

export interface ElfSymbol {
  readonly name: string;
  readonly value?: number | bigint;
  readonly size?: number;
  /** Default `notype`. */
  readonly type?: keyof typeof SYMBOL_TYPES | number;
  /** Default `global`. */
  readonly binding?: keyof typeof BINDINGS | number;
  /** Section name, or a raw st_shndx; default undefined section (0). */
  readonly section?: string | number;
}

export interface ElfFile extends ElfTarget {
  /** e_type; default ET_EXEC (2). */
  readonly type?: number;
  /** e_machine; default the usual one of the class and byte order (x86-64, i386, s390, ppc). */
  readonly machine?: number;
  readonly sections?: readonly ElfSection[];
  /** Adds `.symtab` and `.strtab`, even when empty. */
  readonly symbols?: readonly ElfSymbol[];
  /** Puts the section count and string table index into section header 0, as files with ≥ 0xff00 sections do. */
  readonly extendedNumbering?: boolean;
  /** Values that replace the computed ones in the file header. */
  readonly raw?: {
    /** Bytes 0-15. */
    readonly ident?: Uint8Array;
    readonly sectionHeaderOffset?: number | bigint;
    readonly sectionHeaderSize?: number;
    readonly sectionCount?: number;
    readonly nameTableIndex?: number;
  };
}

/** The whole file; offsets of data follow the order of `sections`, section headers come last. */
export function writeElf(file: ElfFile): Uint8Array {
  const bits = file.bits ?? 64;
  const littleEndian = file.littleEndian ?? true;
  const sections: ElfSection[] = [...(file.sections ?? [])];
  if (file.symbols !== undefined)
    sections.push(...symbolSections(file.symbols, sections, bits, littleEndian));
  const names = stringTable([...sections.map((section) => section.name), '.shstrtab']);
  sections.push({ name: '.shstrtab', type: SHT.STRTAB, data: names.bytes });

  const out = byteWriter(littleEndian);
  const headerSize = bits === 64 ? 64 : 52;
  out.bytes(new Uint8Array(headerSize));
  const offsets = sections.map((section) => {
    out.align(section.align ?? 1);
    const offset = out.length;
    if (section.type !== SHT.NOBITS) out.bytes(section.data ?? new Uint8Array(0));
    return offset;
  });
  out.align(8);
  const sectionHeaderOffset = out.length;
  const count = sections.length + 1;
  const extended = file.extendedNumbering ?? false;

  writeSectionHeader(out, bits, { size: extended ? count : 0, link: extended ? count - 1 : 0 });
  for (const [i, section] of sections.entries()) {
    writeSectionHeader(out, bits, {
      name: section.raw?.nameOffset ?? names.offsetOf(section.name),
      type: section.type ?? SHT.PROGBITS,
      flags: section.flags ?? 0,
      address: section.address ?? 0,
      offset: section.raw?.offset ?? offsets[i],
      size: section.raw?.size ?? section.data?.length ?? 0,
      link: typeof section.link === 'string' ? indexOf(sections, section.link) : (section.link ?? 0),
      info: section.info ?? 0,
      align: section.align ?? 1,
      entrySize: section.entrySize ?? 0,
    });
  }

  const bytes = out.toBytes();
  bytes.set(
    fileHeader(file, {
      sectionHeaderOffset,
      sectionCount: extended ? 0 : count,
      nameTableIndex: extended ? 0xffff : count - 1,
    }),
  );
  return bytes;
}

/**
 * Section data as SHF_COMPRESSED wants it: Elf_Chdr, then a zlib stream.
 * `raw` replaces the compression type (1 = zlib, 2 = zstd), the stated size or the stream.
 */
export function compressedData(
  data: Uint8Array,
  target: ElfTarget = {},
  raw: { readonly type?: number; readonly size?: number | bigint; readonly stream?: Uint8Array } = {},
): Uint8Array {
  const out = byteWriter(target.littleEndian ?? true);
  const wide = (target.bits ?? 64) === 64;
  out.u32(raw.type ?? 1);
  if (wide) out.u32(0);
  out.uint(raw.size ?? data.length, wide ? 8 : 4);
  out.uint(1, wide ? 8 : 4);
  return concatBytes(out.toBytes(), raw.stream ?? deflateSync(data));
}

/** Data of a `.zdebug_*` section: `ZLIB`, the size in big-endian order, a zlib stream. */
export function gnuCompressedData(
  data: Uint8Array,
  raw: { readonly magic?: number; readonly size?: number | bigint; readonly stream?: Uint8Array } = {},
): Uint8Array {
  const out = byteWriter(false);
  out.u32(raw.magic ?? 0x5a4c4942);
  out.u64(raw.size ?? data.length);
  return concatBytes(out.toBytes(), raw.stream ?? deflateSync(data));
}

/** One entry of a relocation section. */
export interface Relocation {
  readonly offset: number | bigint;
  readonly type: number;
  /** Index in the symbol table; the first of {@link ElfFile.symbols} is 1. */
  readonly symbol: number;
  /** Written in a RELA entry only. */
  readonly addend?: number | bigint;
}

const EM_MIPS = 8;

/** A relocation section for the section at index `info` (1 is the first of {@link ElfFile.sections}). */
export function relocationSection(
  relocations: readonly Relocation[],
  options: ElfTarget & {
    readonly kind: 'rel' | 'rela';
    readonly info: number;
    readonly machine?: number;
    readonly name?: string;
    /** Index of the symbol table; {@link writeElf} puts its own behind the given sections. */
    readonly link: number;
  },
): ElfSection {
  const littleEndian = options.littleEndian ?? true;
  const bits = options.bits ?? 64;
  const word = bits / 8;
  const out = byteWriter(littleEndian);
  for (const { offset, type, symbol, addend } of relocations) {
    out.uint(offset, word);
    if (bits === 32) {
      out.u32(symbol * 256 + type);
    } else if (options.machine === EM_MIPS) {
      out.u32(symbol);
      for (const shift of [24, 16, 8, 0]) out.u8((type >>> shift) & 0xff);
    } else {
      out.u64(BigInt(symbol) * 0x1_0000_0000n + BigInt(type));
    }
    if (options.kind === 'rela') out.uint(addend ?? 0, word);
  }
  return {
    name: options.name ?? `.${options.kind}${options.info}`,
    type: options.kind === 'rela' ? SHT.RELA : SHT.REL,
    data: out.toBytes(),
    entrySize: (options.kind === 'rela' ? 3 : 2) * word,
    link: options.link,
    info: options.info,
  };
}

/** Data of a `.note.gnu.build-id` section. */
export function buildIdNote(id: Uint8Array, target: ElfTarget = {}): Uint8Array {
  const out = byteWriter(target.littleEndian ?? true);
  out.u32(4);
  out.u32(id.length);
  out.u32(3);
  out.cstring('GNU');
  out.bytes(id);
  out.align(4);
  return out.toBytes();
}

interface SectionHeader {
  readonly name?: number;
  readonly type?: number;
  readonly flags?: number;
  readonly address?: number | bigint;
  readonly offset?: number | bigint;
  readonly size?: number | bigint;
  readonly link?: number;
  readonly info?: number;
  readonly align?: number;
  readonly entrySize?: number;
}

function writeSectionHeader(out: ByteWriter, bits: 32 | 64, header: SectionHeader): void {
  const word = bits / 8;
  out.u32(header.name ?? 0);
  out.u32(header.type ?? 0);
  out.uint(header.flags ?? 0, word);
  out.uint(header.address ?? 0, word);
  out.uint(header.offset ?? 0, word);
  out.uint(header.size ?? 0, word);
  out.u32(header.link ?? 0);
  out.u32(header.info ?? 0);
  out.uint(header.align ?? 0, word);
  out.uint(header.entrySize ?? 0, word);
}

function fileHeader(
  file: ElfFile,
  computed: { sectionHeaderOffset: number; sectionCount: number; nameTableIndex: number },
): Uint8Array {
  const bits = file.bits ?? 64;
  const littleEndian = file.littleEndian ?? true;
  const word = bits / 8;
  const out = byteWriter(littleEndian);
  const ident = new Uint8Array(16);
  ident.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, littleEndian ? 1 : 2, 1]);
  out.bytes(file.raw?.ident ?? ident);
  out.u16(file.type ?? 2);
  out.u16(file.machine ?? MACHINES[`${bits}${littleEndian ? 'le' : 'be'}`]);
  out.u32(1);
  out.uint(0, word);
  out.uint(0, word);
  out.uint(file.raw?.sectionHeaderOffset ?? computed.sectionHeaderOffset, word);
  out.u32(0);
  out.u16(bits === 64 ? 64 : 52);
  out.u16(0);
  out.u16(0);
  out.u16(file.raw?.sectionHeaderSize ?? (bits === 64 ? 64 : 40));
  out.u16(file.raw?.sectionCount ?? computed.sectionCount);
  out.u16(file.raw?.nameTableIndex ?? computed.nameTableIndex);
  return out.toBytes();
}

function symbolSections(
  symbols: readonly ElfSymbol[],
  sections: readonly ElfSection[],
  bits: 32 | 64,
  littleEndian: boolean,
): ElfSection[] {
  const names = stringTable(symbols.map((symbol) => symbol.name));
  const out = byteWriter(littleEndian);
  const entrySize = bits === 64 ? 24 : 16;
  out.bytes(new Uint8Array(entrySize));
  for (const symbol of symbols) {
    const binding =
      typeof symbol.binding === 'number' ? symbol.binding : BINDINGS[symbol.binding ?? 'global'];
    const type = typeof symbol.type === 'number' ? symbol.type : SYMBOL_TYPES[symbol.type ?? 'notype'];
    const info = (binding << 4) | type;
    const section =
      typeof symbol.section === 'string' ? indexOf(sections, symbol.section) : (symbol.section ?? 0);
    out.u32(names.offsetOf(symbol.name));
    if (bits === 32) {
      out.u32(Number(symbol.value ?? 0));
      out.u32(symbol.size ?? 0);
    }
    out.u8(info);
    out.u8(0);
    out.u16(section);
    if (bits === 64) {
      out.u64(symbol.value ?? 0);
      out.u64(symbol.size ?? 0);
    }
  }
  const symtab: ElfSection = {
    name: '.symtab',
    type: SHT.SYMTAB,
    data: out.toBytes(),
    entrySize,
    align: 8,
    link: sections.length + 2,
    info: 1,
  };
  return [symtab, { name: '.strtab', type: SHT.STRTAB, data: names.bytes }];
}

function indexOf(sections: readonly ElfSection[], name: string): number {
  const index = sections.findIndex((section) => section.name === name);
  if (index < 0) throw new Error(`elf-writer: no section named ${name}`);
  return index + 1;
}

function stringTable(strings: readonly string[]): { bytes: Uint8Array; offsetOf(text: string): number } {
  const out = byteWriter();
  const offsets = new Map<string, number>([['', 0]]);
  out.u8(0);
  for (const text of strings) {
    if (offsets.has(text)) continue;
    offsets.set(text, out.length);
    out.cstring(text);
  }
  return { bytes: out.toBytes(), offsetOf: (text) => offsets.get(text) ?? 0 };
}
