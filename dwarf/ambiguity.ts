/**
 * Names with several definitions. References to a named composite are by name until this point; where a name turns
 * out to have more than one definition, the units that mention it are read again with each definition as a leaf of
 * its own, until no new name splits. This is partition refinement (coarsest bisimulation) that touches only the
 * units concerned: in real kernels a dozen names, local to a few drivers each.
 *
 * A forward declaration of an ambiguous name means the definition that libbpf's btf__dedup pairs it with first (see
 * forward-matches.ts); one that is never paired stays a FWD.
 */

import { FORWARD_VARIANT, LEAF_ENUM, TypePool } from '../btf/type-pool.ts';
import { StringPool } from '../btf/string-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import type { Collection } from './collect.ts';
import { forwardMatches } from './forward-matches.ts';
import { type MergeMap, NameResolver, mergeInto } from './merge.ts';
import type { DwarfSections } from './sections.ts';

/** Every round splits at least one more name's definitions; real kernels need one or two. */
const MAX_ROUNDS = 64;

/** More definitions than any pool can have; two pools at most are alive at a time. */
const POOL_STRIDE = 0x2000_0000;

/** A collection beside where it went and the units of it that still count. */
export interface MergedCollection {
  readonly collection: Collection;
  readonly names: NameResolver;
  readonly map: MergeMap;
  /** False for units that a later round has read again. */
  readonly isCurrent: (unitIndex: number) => boolean;
}

export interface Resolved {
  readonly pool: TypePool;
  readonly strings: StringPool;
  readonly parts: readonly MergedCollection[];
}

/** Collects some units again; `variants` gives, by unit, the variant of each instance. */
export type CollectAgain = (variants: ReadonlyMap<number, Int32Array>) => Collection;

/** Instances of one unit as definitions (or ~leaf) of a merged pool. */
interface UnitInstances {
  readonly pool: TypePool;
  readonly instances: Int32Array;
}

/** Merges collections and settles ambiguous names. */
export function resolveAmbiguity(
  sections: DwarfSections,
  collections: readonly Collection[],
  again: CollectAgain,
): Resolved {
  const strings = new StringPool();
  const base = collections.map((collection) => ({
    collection,
    names: new NameResolver(sections, collection, strings),
  }));
  const first = new TypePool();
  const firstMaps = base.map(({ collection, names }) => mergeInto(first, collection, names, () => false));
  const ambiguous = ambiguousNames(first);
  if (ambiguous.size === 0) {
    return {
      pool: first,
      strings,
      parts: base.map(({ collection, names }, i) => ({
        collection,
        names,
        map: firstMaps[i],
        isCurrent: () => true,
      })),
    };
  }

  const units = new Map<number, UnitInstances>();
  base.forEach(({ collection }, i) => addUnits(units, first, collection, firstMaps[i]));
  const forwards = new Map<number, InstancePlace>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { variants, places } = variantsOf(units, ambiguous, forwards);
    const collection = again(variants);
    const names = new NameResolver(sections, collection, strings);
    const pool = new TypePool();
    const maps = base.map((part) =>
      mergeInto(pool, part.collection, part.names, (kind, name) => ambiguous.has(leafKey(kind, name))),
    );
    const map = mergeInto(pool, collection, names, () => false);
    const split = ambiguousNames(pool);
    if (split.size === 0) {
      const isAgain = (unitIndex: number): boolean => variants.has(unitIndex);
      return {
        pool,
        strings,
        parts: [
          ...base.map((part, i) => ({ ...part, map: maps[i], isCurrent: (unit: number) => !isAgain(unit) })),
          { collection, names, map, isCurrent: () => true },
        ],
      };
    }
    // Forward declarations that find their definition may reunite what seems split: look again before splitting.
    if (settleForwards(pool, places, forwards)) continue;
    for (const key of split) ambiguous.add(key);
    addUnits(units, pool, collection, map);
  }
  throw new FormatError(
    'dwarf-unsupported',
    { format: 'dwarf' },
    `names with several definitions do not settle in ${MAX_ROUNDS} rounds`,
  );
}

/** Chooses definitions for forward declarations; true when there is a new choice. */
function settleForwards(
  pool: TypePool,
  places: ReadonlyMap<number, InstancePlace>,
  forwards: Map<number, InstancePlace>,
): boolean {
  let isNew = false;
  for (const [leaf, { variant }] of forwardMatches(pool)) {
    const key = leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf));
    const place = places.get(variant);
    if (place === undefined || forwards.has(key)) continue;
    forwards.set(key, place);
    isNew = true;
  }
  return isNew;
}

function leafKey(kind: number, name: number): number {
  return name * 4 + (kind & 3);
}

/** Keys of the names whose leaf has more than one definition. */
function ambiguousNames(pool: TypePool): Set<number> {
  const keys = new Set<number>();
  for (let def = 0; def < pool.defTotal; def++) {
    const leaf = pool.defLeaf.at(def);
    if (pool.nodeCount.at(leaf) !== def) keys.add(leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf)));
  }
  return keys;
}

function addUnits(
  units: Map<number, UnitInstances>,
  pool: TypePool,
  collection: Collection,
  map: MergeMap,
): void {
  let start = 0;
  collection.units.forEach((unit, i) => {
    const end = collection.instanceEnds[i];
    const instances = collection.instances
      .subarray(start, end)
      .map((instance) => (instance >= 0 ? map.defs[instance] : ~map.nodes[~instance]));
    units.set(unit, { pool, instances });
    start = end;
  });
}

/** A named composite of some unit: stands for its definition however definitions are numbered. */
interface InstancePlace {
  readonly unit: number;
  readonly at: number;
}

interface Variants {
  /** For each unit that mentions an ambiguous name: the variant of each of its instances. */
  readonly variants: ReadonlyMap<number, Int32Array>;
  /** One instance of each variant. */
  readonly places: ReadonlyMap<number, InstancePlace>;
}

function variantsOf(
  units: ReadonlyMap<number, UnitInstances>,
  ambiguous: ReadonlySet<number>,
  forwards: ReadonlyMap<number, InstancePlace>,
): Variants {
  const variants = new Map<number, Int32Array>();
  const places = new Map<number, InstancePlace>();
  // libbpf lets an enum that is only declared stand for the first full one of its name.
  const chosen = new Map(forwards);
  const declared: (InstancePlace & { key: number })[] = [];
  const pools: TypePool[] = [];
  for (const unit of [...units.keys()].sort((a, b) => a - b)) {
    const { pool, instances } = units.get(unit)!;
    if (!pools.includes(pool)) pools.push(pool);
    // Definitions of different pools are different ones; the stride keeps their variants apart.
    const stride = pools.indexOf(pool) * POOL_STRIDE;
    const own = new Int32Array(instances.length);
    let isConcerned = false;
    instances.forEach((instance, at) => {
      const leaf = instance >= 0 ? pool.defLeaf.at(instance) : ~instance;
      const kind = pool.nodeKind.at(leaf);
      const key = leafKey(kind, pool.nodeA.at(leaf));
      if (!ambiguous.has(key)) return;
      isConcerned = true;
      own[at] = instance >= 0 ? 1 + stride + instance : FORWARD_VARIANT;
      if (instance < 0) {
        declared.push({ unit, at, key });
        return;
      }
      if (!places.has(own[at])) places.set(own[at], { unit, at });
      if (kind === LEAF_ENUM && !chosen.has(key)) chosen.set(key, { unit, at });
    });
    if (isConcerned) variants.set(unit, own);
  }
  for (const { unit, at, key } of declared) {
    const definition = chosen.get(key);
    if (definition !== undefined) variants.get(unit)![at] = variants.get(definition.unit)![definition.at];
  }
  return { variants, places };
}
