/** Which per-CPU variables become a VAR, and under which name and size. */

import type { EmittedTag, EmittedVariable } from '../btf/emit.ts';
import type { StringPool } from '../btf/string-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import type { MergedCollection } from './ambiguity.ts';
import type { CollectOptions } from './collect.ts';
import { type ConversionSymbols, perCpuSymbolAt } from './symbols.ts';
import { distinctTags, TAG_ROW, TAG_ROW_INTS } from './tags.ts';
import { VARIABLE_IS_EXTERNAL } from './unit-types.ts';
import { VARIABLE, VARIABLE_INTS } from './variables.ts';

/** A variable that DWARF places in the per-CPU section. */
interface Candidate {
  /** From DWARF, 0 for none. */
  readonly name: number;
  readonly node: number;
  readonly offset: number;
  /** Of its DWARF type. */
  readonly sizeBytes: number;
}

/** What a variable is called in BTF, and how large it is there; undefined when it becomes none. */
type Choice = (candidate: Candidate) => { readonly name: number; readonly sizeBytes: number } | undefined;

/**
 * The variables and their tags.
 * @throws FormatError `btf-unencodable` for one without a type, in profiles that do not leave those out.
 */
export function chooseVariables(
  strings: StringPool,
  parts: readonly MergedCollection[],
  { symbols, options }: { readonly symbols: ConversionSymbols; readonly options: CollectOptions },
): { readonly variables: EmittedVariable[]; readonly tags: EmittedTag[] } {
  const { perCpu } = symbols;
  if (perCpu === undefined) return { variables: [], tags: [] };
  const choose =
    options.profile.variables === 'symbol' ? bySymbol(strings, symbols) : byDwarf(strings, symbols);
  const chosen: (EmittedVariable & { readonly tags: Omit<EmittedTag, 'on' | 'target'>[] })[] = [];
  for (const { collection, names, map, isCurrent } of parts) {
    const { keys, rows, tags: own } = collection.variables;
    const tagsOf = new Map<number, Omit<EmittedTag, 'on' | 'target'>[]>();
    keys.forEach((key, v) => {
      const field = (index: number): number => rows[v * VARIABLE_INTS + index];
      if (!isCurrent(field(VARIABLE.UNIT))) return;
      const node = map.nodes[field(VARIABLE.TYPE)];
      const offset = field(VARIABLE.OFFSET);
      const name = names.id(field(VARIABLE.NAME));
      const choice = choose({ name, node, offset, sizeBytes: field(VARIABLE.SIZE) });
      if (choice === undefined) return;
      const linkage = field(VARIABLE.FLAGS) & VARIABLE_IS_EXTERNAL;
      const tags: Omit<EmittedTag, 'on' | 'target'>[] = [];
      tagsOf.set(v, tags);
      chosen.push({ key, ...choice, node, linkage, offset, tags });
    });
    own.keys.forEach((key, i) => {
      const row = i * TAG_ROW_INTS;
      const name = names.id(own.rows[row + TAG_ROW.VALUE]);
      tagsOf.get(own.rows[row + TAG_ROW.TARGET])?.push({ key, name, component: -1 });
    });
  }
  chosen.sort((a, b) => a.key - b.key);
  const tags = chosen.flatMap((variable, target) =>
    variable.tags.map((tag) => ({ ...tag, on: 'variable', target }) as const),
  );
  return { variables: chosen, tags: distinctTags(tags) };
}

/** pahole up to 1.27: the ELF symbol at its address says all. */
function bySymbol(strings: StringPool, { perCpu, perCpuSymbols, strings: table }: ConversionSymbols): Choice {
  const sized = perCpuSymbols.filter(({ sizeBytes }) => sizeBytes > 0);
  const startsAtZero = perCpu?.low === 0 && perCpu.high === 0;
  return ({ name: own, node, offset }) => {
    const symbol = perCpuSymbolAt(sized, offset);
    if (symbol === undefined) return undefined;
    const name = strings.addTerminated(table, symbol.nameOffset);
    // Address 0 is also what variables without storage carry: only the name tells them apart.
    if (offset === 0 && startsAtZero && own !== name) return undefined;
    if (node === 0) {
      throw new FormatError(
        'btf-unencodable',
        { format: 'dwarf', section: '.debug_info' },
        `per-CPU variable at offset ${offset} has no type`,
      );
    }
    return { name, sizeBytes: symbol.sizeBytes };
  };
}

/** Names of variables that compilers and macros make (dwarves: filter_variable_name). */
const DROPPED_PREFIXES = [
  '__UNIQUE_ID',
  '__tpstrtab_',
  '__exitcall_',
  '__gendwarfksyms_ptr_',
  '__func_stack_frame_non_standard_',
];

/** What the kernel takes for a name: KSYM_NAME_LEN, and C's identifiers with dots. */
const VALID_NAME = /^[A-Za-z_.][A-Za-z0-9_.]{0,127}$/u;

/** pahole from 1.28 on: by its DWARF alone. */
function byDwarf(strings: StringPool, symbols: ConversionSymbols): Choice {
  const { perCpuSymbols, shadowed, strings: table } = symbols;
  const named = new Set(perCpuSymbols.map(({ nameOffset }) => strings.addTerminated(table, nameOffset)));
  return ({ name, node, offset, sizeBytes }) => {
    if (name === 0 || node === 0 || sizeBytes === 0) return undefined;
    if (shadowed.some(({ from, to }) => offset >= from && offset < to)) return undefined;
    // Variables of discarded sections have address 0, too.
    if (offset === 0 && !named.has(name)) return undefined;
    const text = strings.text(name);
    if (DROPPED_PREFIXES.some((prefix) => text.startsWith(prefix)) || !VALID_NAME.test(text))
      return undefined;
    return { name, sizeBytes };
  };
}
