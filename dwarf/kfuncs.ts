/**
 * The kernel functions that BPF programs may call: a kernel lists them in sets in its `.BTF_ids` section (kernel:
 * include/linux/btf_ids.h), and pahole from 1.27 on marks their FUNCs (dwarves: btf_encoder__collect_kfuncs).
 */

import { type ElfFile, findSection, readSection } from '../elf/elf-file.ts';
import { FormatError } from '../elf/format-error.ts';
import type { SymbolTable } from '../elf/symbol-table.ts';

export interface Kfunc {
  /** One character per byte. */
  readonly name: string;
  /** KF_* of the set's entry. */
  readonly flags: number;
}

/** Entry's flag: arguments in registers that the call leaves alone. */
export const KF_FASTCALL = 1 << 12;

const SECTION = '.BTF_ids';
const SET_PREFIX = '__BTF_ID__set8__';
const FUNCTION_PREFIX = '__BTF_ID__func__';
/** Set's flag: its functions are kfuncs. */
const BTF_SET8_KFUNCS = 1;
/** Bytes of a set's header and of each entry: two u32. */
const PAIR_BYTES = 8;

/** Bytes from the start of `.BTF_ids`; `to` is exclusive. */
interface SetRange {
  readonly from: number;
  readonly to: number;
}

/**
 * All kfuncs in symbol order; of one listed twice the last entry counts.
 * @throws FormatError when the section is damaged.
 */
export function readKfuncs(file: ElfFile, table: SymbolTable): Kfunc[] {
  const section = findSection(file, SECTION);
  if (section === undefined) return [];
  const bytes = readSection(file, section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flagsAt = (offset: number): number => {
    if (offset < 0 || offset + PAIR_BYTES > bytes.length) {
      throw new FormatError(
        'elf-malformed',
        { format: 'elf', section: SECTION, offset },
        'symbol lies outside',
      );
    }
    return view.getUint32(offset + 4, file.littleEndian);
  };

  const sets: SetRange[] = [];
  const functions: { readonly name: string; readonly offset: number }[] = [];
  for (let i = 0; i < table.count; i++) {
    if (table.section(i) !== section.index) continue;
    const offset =
      (table.valueHigh(i) - section.addressHigh) * 0x1_0000_0000 + table.valueLow(i) - section.addressLow;
    const symbol = textAt(table.strings, table.nameOffset(i));
    if (symbol.startsWith(SET_PREFIX)) {
      if ((flagsAt(offset) & BTF_SET8_KFUNCS) !== 0)
        sets.push({ from: offset, to: offset + table.sizeBytes(i) });
    } else {
      const name = functionName(symbol);
      if (name !== undefined) functions.push({ name, offset });
    }
  }
  return functions
    .filter(({ offset }) => sets.some(({ from, to }) => offset >= from && offset < to))
    .map(({ name, offset }) => ({ name, flags: flagsAt(offset) }));
}

/** `f` of `__BTF_ID__func__f__123`. */
function functionName(symbol: string): string | undefined {
  if (!symbol.startsWith(FUNCTION_PREFIX)) return undefined;
  const rest = symbol.slice(FUNCTION_PREFIX.length);
  const last = rest.lastIndexOf('_');
  return last > 0 && rest[last - 1] === '_' ? rest.slice(0, last - 1) : undefined;
}

function textAt(strings: Uint8Array, offset: number): string {
  let text = '';
  for (let i = offset; i < strings.length && strings[i] !== 0; i++) text += String.fromCharCode(strings[i]);
  return text;
}

/**
 * Whether pahole 1.25 to 1.31 finds a function by its exact name. It sorts the symbols by their names up to the first
 * dot, but searches by whole names: where a name stands more than once, with suffixes (`f.cold`), the search may take
 * the wrong turn.
 * @param symbolNames of all functions, in the order of the symbol table
 */
export function bsearchFinds(name: string, symbolNames: readonly string[]): boolean {
  const sameName: boolean[] = [];
  let before = 0;
  for (const symbol of symbolNames) {
    const dot = symbol.indexOf('.');
    const prefix = dot < 0 ? symbol : symbol.slice(0, dot);
    if (prefix === name) sameName.push(symbol === name);
    else if (prefix < name) before++;
  }
  let low = 0;
  let high = symbolNames.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const among = middle - before;
    if (among < 0) low = middle + 1;
    else if (among < sameName.length && sameName[among]) return true;
    else high = middle;
  }
  return false;
}
