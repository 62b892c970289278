/** From collections to a BTF blob: ambiguous names settled, functions and variables chosen, index type placed. */

import { BTF_KIND } from '../btf/constants.ts';
import { type Emitted, emitBtf } from '../btf/emit.ts';
import type { StringPool } from '../btf/string-pool.ts';
import type { TypePool } from '../btf/type-pool.ts';
import { type CollectAgain, type MergedCollection, resolveAmbiguity } from './ambiguity.ts';
import { chooseFunctions } from './choose-functions.ts';
import { chooseVariables } from './choose-variables.ts';
import { type CollectOptions, type Collection, Collector } from './collect.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import { ORDINAL_INDEX_TYPE } from './stream.ts';
import { chooseTypeTags } from './tags.ts';
import { type ConversionSymbols, PER_CPU_SECTION } from './symbols.ts';
import { UnitLinks } from './unit-links.ts';
import { UNIT_STRIDE } from './unit-resolver.ts';

export interface AssembleInput {
  readonly sections: DwarfSections;
  readonly units: readonly UnitHeader[];
  readonly options: CollectOptions;
  readonly symbols: ConversionSymbols;
  /** For units that are read as one, see {@link ConversionInput.supplementName}. */
  readonly supplementName: string | undefined;
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
  const chosen = chooseFunctions(pool, strings, parts, input);
  const { variables, tags } = chooseVariables(strings, parts, input);
  return emitBtf({
    pool,
    strings,
    names: chosen.names,
    functions: chosen.functions,
    variables,
    tags: [...chooseTypeTags(parts), ...chosen.tags, ...tags],
    sectionName: PER_CPU_SECTION,
    indexNode,
    littleEndian: input.sections.littleEndian,
  });
}

function collectUnits(input: AssembleInput, variants: ReadonlyMap<number, Int32Array>): Collection {
  const { sections, units, options, supplementName } = input;
  if (supplementName !== undefined) {
    const own = variants.get(0);
    const joined = new Collector(sections, options, new UnitLinks(sections, units, supplementName));
    if (own !== undefined) joined.addJoined(units, (instance) => own[instance]);
    return joined.finish();
  }
  const collector = new Collector(sections, options);
  for (const unit of [...variants.keys()].sort((a, b) => a - b)) {
    const own = variants.get(unit) as Int32Array;
    collector.addUnit(units[unit], unit, (instance) => own[instance]);
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
