/**
 * The functions of the ELF symbol table as pahole from 1.31 on sees them (dwarves: elf_functions__collect): all symbols
 * of one name up to the first dot together, without those that hold a part of a function only.
 */

import type { StringPool } from '../btf/string-pool.ts';
import { type ConversionSymbols, nameBeforeDot } from './symbols.ts';

/** The symbols of one name, in the order of the symbol table. */
export interface FunctionGroup {
  /** Addresses in two halves. */
  readonly low: number[];
  readonly high: number[];
  /** Whether the symbol's name says that the compiler has changed the parameters. */
  readonly isClone: boolean[];
  /** Nobody can tell which function the name means. */
  isAmbiguous: boolean;
}

/** Symbols of what is not called by itself: what is rarely run, and what is left of an inlined function. */
const PARTS: readonly string[] = ['.cold', '.part'];
/** Symbols of functions with other parameters than the source says. */
const CLONES: readonly string[] = ['.constprop', '.isra'];

/** By content id of their names. */
export function groupFunctions(strings: StringPool, symbols: ConversionSymbols): Map<number, FunctionGroup> {
  const { functions, functionLow, functionHigh, strings: table } = symbols;
  const groups = new Map<number, FunctionGroup>();
  functions.forEach((offset, i) => {
    const suffix = suffixOf(table, offset);
    if (PARTS.some((part) => suffix.includes(part))) return;
    const id = nameBeforeDot(strings, table, offset);
    let group = groups.get(id);
    if (group === undefined) {
      group = { low: [], high: [], isClone: [], isAmbiguous: false };
      groups.set(id, group);
    }
    group.low.push(functionLow[i]);
    group.high.push(functionHigh[i]);
    group.isClone.push(CLONES.some((clone) => suffix.includes(clone)));
  });
  const last = lastName(strings, groups.keys());
  // pahole looks at the addresses of a name when it comes to the next one: at those of the last name it never does.
  for (const [id, group] of groups) if (id !== last) group.isAmbiguous = hasSeveralAddresses(group);
  return groups;
}

/** Whether a symbol of the name is at this address. */
export function hasSymbolAt({ low, high }: FunctionGroup, addressLow: number, addressHigh: number): boolean {
  return low.some((value, i) => value === addressLow && high[i] === addressHigh);
}

/** An address of 0 in front counts as none. */
function hasSeveralAddresses({ low, high }: FunctionGroup): boolean {
  for (let i = 1; i < low.length; i++) {
    const hasBefore = low[i - 1] !== 0 || high[i - 1] !== 0;
    if (hasBefore && (low[i] !== low[i - 1] || high[i] !== high[i - 1])) return true;
  }
  return false;
}

/** A symbol's name from the first dot on, '' when it has none; one character per byte. */
function suffixOf(table: Uint8Array, nameOffset: number): string {
  let at = nameOffset;
  while (at < table.length && table[at] !== 0 && table[at] !== 0x2e) at++;
  let text = '';
  for (; at < table.length && table[at] !== 0; at++) text += String.fromCharCode(table[at]);
  return text;
}

/** The last name in the order of strcmp, -1 when there are none. */
function lastName(strings: StringPool, ids: Iterable<number>): number {
  let last = -1;
  let text = '';
  for (const id of ids) {
    const other = strings.text(id);
    // Latin-1 text compares like its bytes.
    if (last < 0 || other > text) {
      last = id;
      text = other;
    }
  }
  return last;
}
