/** What a conversion needs of the ELF symbol table: function names and per-CPU variables. */

import { STT_FUNC, STT_OBJECT } from '../elf/constants.ts';
import { type ElfFile, findSection } from '../elf/elf-file.ts';
import { readSymbolTable } from '../elf/symbol-table.ts';
import type { AddressRange } from './unit-reader.ts';

/** Section whose variables become VARs (pahole's default). */
export const PER_CPU_SECTION = '.data..percpu';

export interface ConversionSymbols {
  /** The string table that the offsets below point into. */
  readonly strings: Uint8Array;
  /** Name offsets of all STT_FUNC symbols. */
  readonly functions: Int32Array;
  /** The per-CPU section's addresses, undefined when there is none. */
  readonly perCpu: AddressRange | undefined;
  /** Per-CPU STT_OBJECT symbols with a size, by address; equal addresses in table order. */
  readonly perCpuSymbols: readonly PerCpuSymbol[];
}

export interface PerCpuSymbol {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly nameOffset: number;
}

/** Reads the symbols of a linked kernel; a stripped file has none. */
export function readConversionSymbols(file: ElfFile): ConversionSymbols {
  const section = findSection(file, PER_CPU_SECTION);
  const perCpu =
    section === undefined
      ? undefined
      : { low: section.addressLow, high: section.addressHigh, sizeBytes: section.sizeBytes };
  const table = readSymbolTable(file);
  if (table === undefined)
    return { strings: new Uint8Array(0), functions: new Int32Array(0), perCpu, perCpuSymbols: [] };

  const functions = new Int32Array(table.count);
  let functionCount = 0;
  const perCpuSymbols: PerCpuSymbol[] = [];
  for (let i = 0; i < table.count; i++) {
    const type = table.type(i);
    if (type === STT_FUNC) {
      const nameOffset = table.nameOffset(i);
      if (table.strings[nameOffset] !== 0) functions[functionCount++] = nameOffset;
    } else if (
      type === STT_OBJECT &&
      section !== undefined &&
      perCpu !== undefined &&
      table.section(i) === section.index
    ) {
      const offset = (table.valueHigh(i) - perCpu.high) * 0x1_0000_0000 + (table.valueLow(i) - perCpu.low);
      const sizeBytes = table.sizeBytes(i);
      if (sizeBytes > 0) perCpuSymbols.push({ offset, sizeBytes, nameOffset: table.nameOffset(i) });
    }
  }
  perCpuSymbols.sort((a, b) => a.offset - b.offset);
  return { strings: table.strings, functions: functions.slice(0, functionCount), perCpu, perCpuSymbols };
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
