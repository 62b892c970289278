/** What a conversion needs of the ELF symbol table: function names and per-CPU variables. */

import type { StringPool } from '../btf/string-pool.ts';
import { SHT_NOBITS, SHT_PROGBITS, STT_FUNC, STT_OBJECT } from '../elf/constants.ts';
import { type ElfFile, type ElfSection, findSection } from '../elf/elf-file.ts';
import { readSymbolTable } from '../elf/symbol-table.ts';
import { type Kfunc, readKfuncs } from './kfuncs.ts';
import type { FunctionRules } from './profile.ts';
import type { AddressRange } from './unit-reader.ts';

/** Section whose variables become VARs (pahole's default). */
export const PER_CPU_SECTION = '.data..percpu';

export interface ConversionSymbols {
  /** The string table that the offsets below point into. */
  readonly strings: Uint8Array;
  /** Name offsets of all STT_FUNC symbols. */
  readonly functions: Int32Array;
  /**
   * Their st_value, in two halves. In a relocatable file these are no addresses, but pahole compares them with such all
   * the same.
   */
  readonly functionLow: Int32Array;
  readonly functionHigh: Int32Array;
  /** The per-CPU section's addresses, undefined when there is none. */
  readonly perCpu: AddressRange | undefined;
  /** Per-CPU STT_OBJECT symbols by address; equal addresses in table order. */
  readonly perCpuSymbols: readonly PerCpuSymbol[];
  /** Functions that BPF programs may call. */
  readonly kfuncs: readonly Kfunc[];
  /** Parts of the per-CPU section whose addresses an earlier section has, too. */
  readonly shadowed: readonly OffsetRange[];
}

export interface PerCpuSymbol {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly nameOffset: number;
}

/** Offsets from the start of a section; `to` is exclusive. */
export interface OffsetRange {
  readonly from: number;
  readonly to: number;
}

/** Reads the symbols of a linked kernel; a stripped file has none. */
export function readConversionSymbols(file: ElfFile, { tagKfuncs }: FunctionRules): ConversionSymbols {
  const section = findSection(file, PER_CPU_SECTION);
  const perCpu =
    section === undefined
      ? undefined
      : { low: section.addressLow, high: section.addressHigh, sizeBytes: section.sizeBytes };
  const table = readSymbolTable(file);
  const shadowed = section === undefined ? [] : shadowedParts(file, section);
  if (table === undefined)
    return {
      strings: new Uint8Array(0),
      functions: new Int32Array(0),
      functionLow: new Int32Array(0),
      functionHigh: new Int32Array(0),
      perCpu,
      perCpuSymbols: [],
      kfuncs: [],
      shadowed,
    };

  const functions = new Int32Array(table.count);
  const functionLow = new Int32Array(table.count);
  const functionHigh = new Int32Array(table.count);
  let functionCount = 0;
  const perCpuSymbols: PerCpuSymbol[] = [];
  for (let i = 0; i < table.count; i++) {
    const type = table.type(i);
    if (type === STT_FUNC) {
      functions[functionCount] = table.nameOffset(i);
      functionLow[functionCount] = table.rawValueLow(i);
      functionHigh[functionCount++] = table.rawValueHigh(i);
    } else if (
      type === STT_OBJECT &&
      section !== undefined &&
      perCpu !== undefined &&
      table.section(i) === section.index
    ) {
      const offset = (table.valueHigh(i) - perCpu.high) * 0x1_0000_0000 + (table.valueLow(i) - perCpu.low);
      perCpuSymbols.push({ offset, sizeBytes: table.sizeBytes(i), nameOffset: table.nameOffset(i) });
    }
  }
  perCpuSymbols.sort((a, b) => a.offset - b.offset);
  return {
    strings: table.strings,
    functions: functions.slice(0, functionCount),
    functionLow: functionLow.slice(0, functionCount),
    functionHigh: functionHigh.slice(0, functionCount),
    perCpu,
    perCpuSymbols,
    kfuncs: tagKfuncs === 'no' ? [] : readKfuncs(file, table),
    shadowed,
  };
}

/** An address that several sections have belongs to the first of them (dwarves: get_elf_section). */
function shadowedParts(file: ElfFile, section: ElfSection): OffsetRange[] {
  const parts: OffsetRange[] = [];
  for (const other of file.sections.slice(1, section.index)) {
    if (other.type !== SHT_PROGBITS && other.type !== SHT_NOBITS) continue;
    const from =
      (other.addressHigh - section.addressHigh) * 0x1_0000_0000 + (other.addressLow - section.addressLow);
    const to = from + other.sizeBytes;
    if (from < section.sizeBytes && to > 0 && to > from) parts.push({ from, to });
  }
  return parts;
}

/** Content id of a symbol's name up to its first dot. */
export function nameBeforeDot(strings: StringPool, table: Uint8Array, nameOffset: number): number {
  let end = nameOffset;
  while (end < table.length && table[end] !== 0 && table[end] !== 0x2e) end++;
  return strings.add(table, nameOffset, end);
}

/**
 * The symbol at an offset of the per-CPU section. Of several at one address it is the one that the C library's
 * bsearch meets, because that is the one pahole names the variable after.
 */
export function perCpuSymbolAt(symbols: readonly PerCpuSymbol[], offset: number): PerCpuSymbol | undefined {
  let low = 0;
  let high = symbols.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const symbol = symbols[middle];
    if (offset < symbol.offset) high = middle;
    else if (offset > symbol.offset) low = middle + 1;
    else return symbol;
  }
  return undefined;
}
