/** From collections to a BTF blob: ambiguous names settled, functions and variables chosen, index type placed. */

import { BTF_KIND } from '../btf/constants.ts';
import { type Emitted, type EmittedFunction, type EmittedVariable, emitBtf } from '../btf/emit.ts';
import type { StringPool } from '../btf/string-pool.ts';
import { ENTRY_INTS, type TypePool } from '../btf/type-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import { type CollectAgain, type MergedCollection, resolveAmbiguity } from './ambiguity.ts';
import {
  type CollectOptions,
  type Collection,
  Collector,
  FUNCTION_INTS,
  ORDINAL_INDEX_TYPE,
  VARIABLE_INTS,
} from './collect.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import { type ConversionSymbols, PER_CPU_SECTION, perCpuSymbolAt } from './symbols.ts';
import { UNIT_STRIDE } from './unit-resolver.ts';
import { VARIABLE_IS_EXTERNAL } from './unit-types.ts';

export interface AssembleInput {
  readonly sections: DwarfSections;
  readonly units: readonly UnitHeader[];
  readonly options: CollectOptions;
  readonly symbols: ConversionSymbols;
  /** Together they hold every unit once. */
  readonly collections: readonly Collection[];
}

/**
 * The BTF of all collections.
 * @throws FormatError when a type cannot be encoded, located where it stands in the DWARF if known.
 */
export function assembleBtf(input: AssembleInput): Emitted {
  const again: CollectAgain = (variants) => collectUnits(input, variants);
  const { pool, strings, parts } = resolveAmbiguity(input.sections, input.collections, again);
  const indexNode = placeIndexType(pool, strings, parts);
  const functions = chooseFunctions(pool, strings, parts, input);
  const variables = chooseVariables(strings, parts, input.symbols);
  return emitBtf({
    pool,
    strings,
    functions,
    variables,
    sectionName: PER_CPU_SECTION,
    indexNode,
    littleEndian: input.sections.littleEndian,
  });
}

function collectUnits(input: AssembleInput, variants: ReadonlyMap<number, Int32Array>): Collection {
  const collector = new Collector(input.sections, input.options);
  for (const unit of [...variants.keys()].sort((a, b) => a - b)) {
    const own = variants.get(unit) as Int32Array;
    collector.addUnit(input.units[unit], unit, (instance) => own[instance]);
  }
  return collector.finish();
}

/**
 * Arrays need an index type: the `int` of the first unit that has one; if a unit with an array comes before that,
 * an `int` of our own after that unit's types (dwarves: btf_encoder__encode_cu).
 */
function placeIndexType(pool: TypePool, strings: StringPool, parts: readonly MergedCollection[]): number {
  let intUnit = Number.POSITIVE_INFINITY;
  let arrayUnit = Number.POSITIVE_INFINITY;
  let intNode = 0;
  for (const { collection, map } of parts) {
    const { firstIntUnit, firstIntNode, firstArrayUnit } = collection;
    if (firstIntUnit >= 0 && firstIntUnit < intUnit) {
      intUnit = firstIntUnit;
      intNode = map.nodes[firstIntNode];
    }
    if (firstArrayUnit >= 0) arrayUnit = Math.min(arrayUnit, firstArrayUnit);
  }
  if (arrayUnit >= intUnit) return intNode;
  const node = pool.scalar(BTF_KIND.INT, strings.addText('int'), (4 << 8) | 1);
  pool.meet(node, arrayUnit * UNIT_STRIDE + ORDINAL_INDEX_TYPE);
  return node;
}

/** A function of some collection, by number. */
interface FunctionPlace {
  readonly part: MergedCollection;
  readonly at: number;
  readonly key: number;
}

/** The first function of each name that the ELF symbol table knows (pahole 1.22 to 1.24). */
function chooseFunctions(
  pool: TypePool,
  strings: StringPool,
  parts: readonly MergedCollection[],
  { symbols, options }: AssembleInput,
): EmittedFunction[] {
  const places: FunctionPlace[] = [];
  for (const part of parts) {
    const { functions, functionKeys } = part.collection;
    functionKeys.forEach((key, at) => {
      if (part.isCurrent(functions[at * FUNCTION_INTS + 4])) places.push({ part, at, key });
    });
  }
  places.sort((a, b) => a.key - b.key);

  const wanted = symbolNames(strings, symbols);
  const seen = new Set<string>();
  const chosen: EmittedFunction[] = [];
  for (const { part, at, key } of places) {
    const name = part.names.id(part.collection.functions[at * FUNCTION_INTS]);
    if (name === 0) continue;
    if (options.hasFunctionSymbols) {
      if (name >= wanted.length || wanted[name] === 0) continue;
      wanted[name] = 0;
    }
    const proto = prototypeNode(pool, part, at);
    pool.meet(proto, key);
    if (!options.hasFunctionSymbols) {
      // Without symbols one name may come several times; equal ones are one FUNC.
      const identity = `${name} ${proto}`;
      if (seen.has(identity)) continue;
      seen.add(identity);
    }
    chosen.push({ key: key + 1, name, proto });
  }
  return chosen;
}

/** 1 for each string that is a function symbol's name. */
function symbolNames(strings: StringPool, symbols: ConversionSymbols): Uint8Array {
  const ids = symbols.functions.map((offset) => strings.addTerminated(symbols.strings, offset));
  const wanted = new Uint8Array(strings.total);
  for (const id of ids) wanted[id] = 1;
  return wanted;
}

function prototypeNode(pool: TypePool, { collection, names, map }: MergedCollection, at: number): number {
  const { functions, parameters } = collection;
  const result = map.nodes[functions[at * FUNCTION_INTS + 1]];
  const first = functions[at * FUNCTION_INTS + 2];
  const count = functions[at * FUNCTION_INTS + 3];
  const entries = new Int32Array(count * ENTRY_INTS);
  for (let p = 0; p < count; p++) {
    entries[p * ENTRY_INTS] = names.id(parameters[2 * (first + p)]);
    entries[p * ENTRY_INTS + 2] = map.nodes[parameters[2 * (first + p) + 1]];
  }
  return pool.list(BTF_KIND.FUNC_PROTO, result, 0, entries, 0, count);
}

function chooseVariables(
  strings: StringPool,
  parts: readonly MergedCollection[],
  symbols: ConversionSymbols,
): EmittedVariable[] {
  const { perCpu, perCpuSymbols } = symbols;
  if (perCpu === undefined) return [];
  const chosen: EmittedVariable[] = [];
  for (const { collection, names, map, isCurrent } of parts) {
    collection.variableKeys.forEach((key, v) => {
      const at = v * VARIABLE_INTS;
      const field = (index: number): number => collection.variables[at + index];
      if (!isCurrent(field(4))) return;
      const offset = field(3);
      const symbol = perCpuSymbolAt(perCpuSymbols, offset);
      if (symbol === undefined) return;
      const name = strings.addTerminated(symbols.strings, symbol.nameOffset);
      // Address 0 is also what variables without storage carry: only the name tells them apart.
      const isAtZero = offset === 0 && perCpu.low === 0 && perCpu.high === 0;
      if (isAtZero && names.id(field(0)) !== name) return;
      const node = map.nodes[field(1)];
      if (node === 0) {
        throw new FormatError(
          'btf-unencodable',
          { format: 'dwarf', section: '.debug_info' },
          `per-CPU variable at offset ${offset} has no type`,
        );
      }
      chosen.push({
        key,
        name,
        node,
        linkage: field(2) & VARIABLE_IS_EXTERNAL,
        offset,
        sizeBytes: symbol.sizeBytes,
      });
    });
  }
  return chosen.sort((a, b) => a.key - b.key);
}
