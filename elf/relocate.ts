/**
 * Contents of sections as a linker would leave them (gABI chapter 4, "Relocation"). Only relocatable files (ET_REL:
 * object files, kernel modules) need it: relocations that a linked file still carries (`ld --emit-relocs`) have been
 * applied already and are ignored.
 */

import { allocate } from './byte-source.ts';
import {
  EM,
  ET_REL,
  SHF_ALLOC,
  SHN_XINDEX,
  SHT_NOBITS,
  SHT_REL,
  SHT_RELA,
  SHT_SYMTAB,
  SHT_SYMTAB_SHNDX,
} from './constants.ts';
import { isGnuCompressed } from './compression.ts';
import { contentBytes, type ElfFile, type ElfSection, readSection } from './elf-file.ts';
import { FormatError } from './format-error.ts';
import { RELOCATION_OPERATION, RELOCATION_RULES, type RelocationRules } from './relocation-rules.ts';

// Copies, because V8 folds only a module's own constants into optimized code: a vmlinux.o has tens of millions.
const { NONE, ABSOLUTE, RELATIVE, ADD, SUBTRACT, SET_ULEB128, SUBTRACT_ULEB128 } = RELOCATION_OPERATION;

/** A 64-bit number has at most ten bytes of ULEB128. */
const MAX_ULEB128_BYTES = 10;
/** Several sections of one name are read as one; what they hold together has the limit of a single one. */
const MAX_JOINT_BYTES = 0x7fff_ffff;

/** Addresses of a symbol table's symbols, in two halves. */
interface SymbolAddresses {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/** Reads sections of one file with their relocations applied; symbol tables are read once. */
export class RelocatedSections {
  private readonly file: ElfFile;
  private readonly symbols = new Map<number, SymbolAddresses>();
  /** Relocation sections by the section they change. */
  private readonly relocations = new Map<number, ElfSection[]>();
  /** Where a section starts within what {@link read} makes of all sections of its name. */
  private readonly starts = new Map<number, number>();

  constructor(file: ElfFile) {
    this.file = file;
    if (file.type !== ET_REL) return;
    for (const section of file.sections) {
      if (section.type !== SHT_REL && section.type !== SHT_RELA) continue;
      const known = this.relocations.get(section.info);
      if (known === undefined) this.relocations.set(section.info, [section]);
      else known.push(section);
    }
    const ends = new Map<string, number>();
    for (const section of file.sections) {
      if (!isJoined(section)) continue;
      const name = plainName(section);
      const start = ends.get(name) ?? 0;
      if (start > 0) this.starts.set(section.index, start);
      ends.set(name, start + contentBytes(file, section));
    }
  }

  /**
   * Contents of the section of that name, empty when there is none; `.zdebug_x` stands for `.debug_x`. A relocatable file may have several debug
   * sections of one name (one per COMDAT group: type units); they are joined in file order.
   * @throws FormatError `elf-malformed` for tables that are damaged, `elf-unsupported` for machines and relocation
   * types that are not known.
   */
  read(name: string): Uint8Array {
    const sections = findDebugSections(this.file, name);
    if (sections.length === 0) return new Uint8Array(0);
    if (sections.length === 1 || !isJoined(sections[0]) || this.file.type !== ET_REL)
      return this.readOne(sections[0]);
    const parts = sections.map((section) => this.readOne(section));
    const total = parts.reduce((sum, part) => sum + part.length, 0);
    if (total > MAX_JOINT_BYTES) {
      throw new FormatError(
        'elf-unsupported',
        { format: 'elf', section: name },
        `${parts.length} sections of ${total} bytes exceed ${MAX_JOINT_BYTES}`,
      );
    }
    const joined = allocate(this.file.source, total);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  /** Contents of one section; errors as {@link read}. */
  readOne(section: ElfSection): Uint8Array {
    const tables = this.relocations.get(section.index) ?? [];
    const bytes = readSection(this.file, section);
    const total = tables.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (total === 0) return bytes;
    // Overlapping tables would cost time without end; honest ones lie side by side in the file.
    if (total > this.file.source.size)
      malformed(section, undefined, `${total} bytes of relocations in a file of ${this.file.source.size}`);
    const own = allocate(this.file.source, bytes.length);
    own.set(bytes);
    for (const table of tables) this.apply(own, section, table);
    return own;
  }

  private apply(bytes: Uint8Array, section: ElfSection, table: ElfSection): void {
    const { file } = this;
    const rules = RELOCATION_RULES.get(file.machine);
    if (rules === undefined) {
      throw new FormatError(
        'elf-unsupported',
        { format: 'elf', section: table.name },
        `relocations of machine ${file.machine} are not known`,
      );
    }
    const contents = readSection(file, table);
    const stride = (file.is64 ? 16 : 8) + (table.type === SHT_RELA ? (file.is64 ? 8 : 4) : 0);
    if (table.entrySize !== stride || contents.length % stride !== 0)
      malformed(
        table,
        0,
        `${contents.length} bytes in entries of ${table.entrySize}, expected entries of ${stride}`,
      );
    new Application(file, section, table, this.addresses(table), rules, bytes, contents, stride).run();
  }

  /** Addresses of the symbols that a relocation section refers to. */
  private addresses(table: ElfSection): SymbolAddresses {
    const known = this.symbols.get(table.link);
    if (known !== undefined) return known;
    const section = this.file.sections[table.link];
    if (section === undefined || section.type !== SHT_SYMTAB)
      malformed(table, undefined, `linked section ${table.link} is not a symbol table`);
    const made = this.readAddresses(section);
    this.symbols.set(table.link, made);
    return made;
  }

  private readAddresses(table: ElfSection): SymbolAddresses {
    const { file } = this;
    const { is64, littleEndian, sections } = file;
    const stride = is64 ? 24 : 16;
    if (table.entrySize !== stride)
      malformed(table, undefined, `entry size ${table.entrySize} is not ${stride}`);
    const bytes = readSection(file, table);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const indexes = this.extendedIndexes(table);
    const count = Math.floor(bytes.length / stride);
    const low = new Uint32Array(count);
    const high = new Uint32Array(count);
    const highAt = littleEndian ? 12 : 8;
    for (let i = 0, at = 0; i < count; i++, at += stride) {
      let index = view.getUint16(at + (is64 ? 6 : 14), littleEndian);
      if (index === SHN_XINDEX && indexes !== undefined && 4 * i + 4 <= indexes.byteLength)
        index = indexes.getUint32(4 * i, littleEndian);
      // Reserved indexes (absolute, common) and undefined symbols have no section: their value stands as it is.
      const section = index === 0 ? undefined : sections[index];
      const start = section === undefined ? 0 : (this.starts.get(section.index) ?? 0);
      const sum =
        view.getUint32(at + (is64 ? 20 - highAt : 4), littleEndian) + (section?.addressLow ?? 0) + start;
      low[i] = sum;
      high[i] =
        (is64 ? view.getUint32(at + highAt, littleEndian) : 0) +
        (section?.addressHigh ?? 0) +
        Math.floor(sum / 0x1_0000_0000);
    }
    return { low, high };
  }

  /** Section indexes that do not fit 16 bits (gABI: SHT_SYMTAB_SHNDX). */
  private extendedIndexes(table: ElfSection): DataView | undefined {
    const section = this.file.sections.find(
      ({ type, link }) => type === SHT_SYMTAB_SHNDX && link === table.index,
    );
    if (section === undefined) return undefined;
    const bytes = readSection(this.file, section);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** All sections that {@link RelocatedSections.read} reads for a name. */
export function findDebugSections(file: ElfFile, name: string): ElfSection[] {
  return file.sections.filter((section) => plainName(section) === name);
}

function plainName(section: ElfSection): string {
  return isGnuCompressed(section) ? `.${section.name.slice(2)}` : section.name;
}

/** Debug sections of one name in a relocatable file are one section in several COMDAT groups. */
function isJoined(section: ElfSection): boolean {
  return (
    (section.flags & SHF_ALLOC) === 0 &&
    section.type !== SHT_NOBITS &&
    plainName(section).startsWith('.debug_')
  );
}

function malformed(section: ElfSection, offset: number | undefined, what: string): never {
  throw new FormatError(
    'elf-malformed',
    { format: 'elf', section: section.name, ...(offset === undefined ? {} : { offset }) },
    what,
  );
}

/** One relocation section at work on one section's bytes. */
class Application {
  private readonly file: ElfFile;
  private readonly section: ElfSection;
  private readonly table: ElfSection;
  private readonly symbols: SymbolAddresses;
  private readonly rules: RelocationRules;
  private readonly bytes: Uint8Array;
  private readonly target: DataView;
  private readonly entries: DataView;
  private readonly stride: number;

  constructor(
    file: ElfFile,
    section: ElfSection,
    table: ElfSection,
    symbols: SymbolAddresses,
    rules: RelocationRules,
    bytes: Uint8Array,
    entries: Uint8Array,
    stride: number,
  ) {
    this.file = file;
    this.section = section;
    this.table = table;
    this.symbols = symbols;
    this.rules = rules;
    this.bytes = bytes;
    this.target = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.entries = new DataView(entries.buffer, entries.byteOffset, entries.byteLength);
    this.stride = stride;
  }

  run(): void {
    const { entries, stride, table, bytes } = this;
    const { is64, littleEndian, machine } = this.file;
    const { low: symbolLow, high: symbolHigh } = this.symbols;
    const isMips64 = is64 && machine === EM.MIPS;
    const hasAddend = table.type === SHT_RELA;
    const lowAt = littleEndian ? 0 : 4;
    for (let at = 0; at < entries.byteLength; at += stride) {
      let place: number;
      let symbol: number;
      let type: number;
      if (is64) {
        if (entries.getUint32(at + 4 - lowAt, littleEndian) !== 0) this.outside(at);
        place = entries.getUint32(at + lowAt, littleEndian);
        if (isMips64) {
          // n64 has the symbol first in either byte order, then a second symbol and three types of a byte each.
          symbol = entries.getUint32(at + 8, littleEndian);
          type = entries.getUint32(at + 12, false);
        } else {
          symbol = entries.getUint32(at + 12 - lowAt, littleEndian);
          type = entries.getUint32(at + 8 + lowAt, littleEndian);
        }
      } else {
        place = entries.getUint32(at, littleEndian);
        const info = entries.getUint32(at + 4, littleEndian);
        symbol = info >>> 8;
        type = info & 0xff;
      }
      const rule = this.rules.get(type);
      if (rule === undefined) this.unknown(at, type);
      if (rule.operation === NONE) continue;
      if (place + Math.max(1, rule.bytes) > bytes.length) this.outside(at);
      if (symbol >= symbolLow.length)
        malformed(table, at, `symbol ${symbol} does not exist, the table has ${symbolLow.length}`);
      let low = symbolLow[symbol];
      let high = symbolHigh[symbol];
      if (hasAddend) {
        if (is64) {
          low += entries.getUint32(at + 16 + lowAt, littleEndian);
          high += entries.getInt32(at + 20 - lowAt, littleEndian) + (low > 0xffff_ffff ? 1 : 0);
        } else {
          low += entries.getUint32(at + 8, littleEndian);
        }
      }
      this.change(rule.operation, rule.bytes, place, low | 0, high | 0, !hasAddend, at);
    }
  }

  /**
   * Changes `bytes` bytes at `place` by the value low, high (S + A). Arithmetic is modulo the field's size, as in
   * the machines' linkers without overflow checks.
   * @param isImplicit the addend is what stands at the place (SHT_REL)
   */
  private change(
    operation: number,
    bytes: number,
    place: number,
    low: number,
    high: number,
    isImplicit: boolean,
    at: number,
  ): void {
    switch (operation) {
      case ABSOLUTE:
        this.store(bytes, place, low, high, isImplicit ? 1 : 0);
        return;
      case ADD:
        this.store(bytes, place, low, high, 1);
        return;
      case SUBTRACT:
        this.store(bytes, place, -low, -high - (low === 0 ? 0 : 1), 1);
        return;
      case RELATIVE: {
        const { addressLow, addressHigh } = this.section;
        const here = place + addressLow;
        const difference = (low >>> 0) - (here % 0x1_0000_0000);
        const borrow = difference < 0 ? 1 : 0;
        const hereHigh = addressHigh + Math.floor(here / 0x1_0000_0000);
        this.store(bytes, place, difference, high - hereHigh - borrow, isImplicit ? 1 : 0);
        return;
      }
      case SET_ULEB128:
      case SUBTRACT_ULEB128:
        this.changeUleb128(operation, place, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0), at);
        return;
      default:
        this.unknown(at, operation);
    }
  }

  /** Writes low, high; with `keep` 1 added to what is there. */
  private store(bytes: number, place: number, low: number, high: number, keep: 0 | 1): void {
    const { target } = this;
    const { littleEndian } = this.file;
    switch (bytes) {
      case 1:
        target.setUint8(place, low + keep * target.getUint8(place));
        return;
      case 2:
        target.setUint16(place, low + keep * target.getUint16(place, littleEndian), littleEndian);
        return;
      case 4:
        target.setUint32(place, low + keep * target.getUint32(place, littleEndian), littleEndian);
        return;
      default: {
        const lowAt = place + (littleEndian ? 0 : 4);
        const highAt = place + (littleEndian ? 4 : 0);
        const sum = (low >>> 0) + keep * target.getUint32(lowAt, littleEndian);
        const carry = sum > 0xffff_ffff ? 1 : 0;
        target.setUint32(highAt, high + carry + keep * target.getUint32(highAt, littleEndian), littleEndian);
        target.setUint32(lowAt, sum, littleEndian);
      }
    }
  }

  /** The number keeps its length; the two relocations of a pair are right together, modulo 2^(7 * length). */
  private changeUleb128(operation: number, place: number, operand: bigint, at: number): void {
    const { bytes } = this;
    let value = 0n;
    let length = 0;
    for (;;) {
      if (place + length >= bytes.length || length >= MAX_ULEB128_BYTES) this.outside(at);
      const byte = bytes[place + length];
      value |= BigInt(byte & 0x7f) << BigInt(7 * length);
      length++;
      if (byte < 0x80) break;
    }
    value = BigInt.asUintN(7 * length, operation === SET_ULEB128 ? operand : value - operand);
    for (let i = 0; i < length; i++) {
      bytes[place + i] = Number(value & 0x7fn) | (i + 1 < length ? 0x80 : 0);
      value >>= 7n;
    }
  }

  private outside(at: number): never {
    const { name } = this.section;
    malformed(this.table, at, `relocation leaves ${name} of ${this.bytes.length} bytes`);
  }

  private unknown(at: number, type: number): never {
    throw new FormatError(
      'elf-unsupported',
      { format: 'elf', section: this.table.name, offset: at },
      `relocation type ${type} of machine ${this.file.machine} is not known`,
    );
  }
}
