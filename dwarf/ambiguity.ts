/**
 * Names with several definitions. References to a named composite are by name until this point; where a name turns
 * out to have more than one definition, the units that mention it are read again with each definition as a leaf of
 * its own, until no new name splits. This is partition refinement (coarsest bisimulation) that touches only the
 * units concerned: in real kernels a dozen names, local to a few drivers each.
 *
 * A forward declaration of an ambiguous name means the definition that libbpf's btf__dedup pairs it with first (see
 * forward-matches.ts); one that is never paired stays a FWD. Definitions that differ only by such a forward
 * declaration are not split: they are one as soon as it is settled.
 */

import { FORWARD_VARIANT, LEAF_ENUM, LEAF_STRUCT, LEAF_UNION, NEVER, TypePool } from '../btf/type-pool.ts';
import { StringPool } from '../btf/string-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import type { Collection } from './collect.ts';
import { type ForwardMatches, matchForwards, pairBudget } from './forward-matches.ts';
import { type MergeMap, NameResolver, SharedNames, mergeInto } from './merge.ts';
import { classesOfLeaves } from './refine-names.ts';
import type { DwarfSections } from './sections.ts';

/** Rounds before all names are split at once (see refine-names.ts); real kernels need three or four. */
const ROUNDS_ONE_BY_ONE = 8;

/**
 * Every round splits at least one more name or settles a forward declaration. Each may read all units again, so that
 * there is a limit to how often: more rounds than any file but a hostile one takes, and more for small files.
 */
const MIN_ROUNDS = 64;
const MAX_ROUNDS = 1024;
const MAX_BYTES_AGAIN = 32 << 20;

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

/** Collects some units again; `variants` gives, by unit, what {@link VariantOf} says of each instance. */
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
  const shared = new SharedNames(sections, strings);
  const base = collections.map((collection) => ({ collection, names: new NameResolver(shared, collection) }));
  const first = new TypePool();
  const firstMaps = base.map(({ collection, names }) => mergeInto(first, collection, names, () => false));
  const ambiguous = new Set([...splitNames(first), ...namesOfBothKinds(first)]);
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
  const settled: Settled = { forwards: new Map(), merged: undefined, overruled: new Map() };
  const rounds = maxRounds(sections);
  const budget = pairBudget(first.nodeTotal);
  for (let round = 0; round < rounds; round++) {
    base.forEach(({ collection }, i) => addConcerned(units, first, collection, firstMaps[i], ambiguous));
    let { variants, places } = variantsOf(units, ambiguous, settled);
    if (round === ROUNDS_ONE_BY_ONE && settled.forwards.size === 0) {
      const refined = splitAtOnce(variants);
      base.forEach(({ collection }, i) => addConcerned(units, first, collection, firstMaps[i], ambiguous));
      ({ variants, places } = variantsOf(units, ambiguous, settled));
      for (const [unit, own] of variants) {
        const better = refined.get(unit)!;
        own.forEach((variant, at) => {
          if (variant !== 0 && better[at] !== 0) own[at] = better[at];
        });
      }
    }
    const collection = again(variants);
    const names = new NameResolver(shared, collection);
    const pool = new TypePool();
    const maps = base.map((part) =>
      mergeInto(pool, part.collection, part.names, (kind, name) => ambiguous.has(leafKey(kind, name))),
    );
    const map = mergeInto(pool, collection, names, () => false);
    const matches = matchForwards(pool, budget);
    const split = splitNames(pool, matches.representatives);
    if (split.size > 0) {
      for (const key of split) ambiguous.add(key);
      addUnits(units, pool, collection, map);
      settled.merged = undefined;
    } else if (settleForwards(pool, matches, places, settled)) {
      addUnits(units, pool, collection, map);
      settled.merged = { pool, representatives: matches.representatives };
      noteOverruled(units, pool, matches, ambiguous, settled);
    } else {
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
  }
  throw new FormatError(
    'dwarf-unsupported',
    { format: 'dwarf' },
    `names with several definitions do not settle in ${rounds} rounds`,
  );

  /**
   * Adds to the ambiguous names all that split, but for those with forward declarations.
   * @param known what is known of units that mention an ambiguous name
   * @returns by unit: variants of instances whose name is ambiguous, 0 for others and for names with forward declarations
   */
  function splitAtOnce(known: ReadonlyMap<number, Int32Array>): Map<number, Int32Array> {
    const isDeclared = declaredNames(first);
    const all = new Map<number, Int32Array>();
    let instance = 0;
    base.forEach(({ collection }, i) => {
      forEachUnit(collection, firstMaps[i], (unit, instances) => {
        const before = known.get(unit);
        all.set(
          unit,
          instances.map((one, at) =>
            isDeclared.has(leafKeyOf(first, leafOf(first, one))) ? (before?.[at] ?? 0) : ++instance,
          ),
        );
      });
    });
    const collection = again(all);
    const pool = new TypePool();
    const map = mergeInto(pool, collection, new NameResolver(shared, collection), () => false);
    const classOf = classesOfLeaves(pool, (leaf) => isDeclared.has(leafKeyOf(pool, leaf)));

    const variantIds = new Map<string, number>();
    const onlyVariant = new Map<number, number>();
    const refined = new Map<number, Int32Array>();
    forEachUnit(collection, map, (unit, instances) => {
      const before = known.get(unit);
      const own = new Int32Array(instances.length);
      instances.forEach((one, at) => {
        const leaf = leafOf(pool, one);
        const key = leafKeyOf(pool, leaf);
        if (isDeclared.has(key)) return;
        const variant = `${classOf[leaf]} ${before?.[at] ?? 0}`;
        const id = variantIds.get(variant) ?? variantIds.size + 1;
        variantIds.set(variant, id);
        own[at] = id;
        if ((onlyVariant.get(key) ?? id) !== id) ambiguous.add(key);
        onlyVariant.set(key, id);
      });
      refined.set(unit, own);
    });
    return refined;
  }
}

/** How often units may be read again. */
function maxRounds({ info }: DwarfSections): number {
  return Math.max(MIN_ROUNDS, Math.min(MAX_ROUNDS, Math.floor(MAX_BYTES_AGAIN / info.length)));
}

/** Keys of the names that have a forward declaration. */
function declaredNames(pool: TypePool): Set<number> {
  const keys = new Set<number>();
  for (let node = 1; node < pool.nodeTotal; node++) {
    if (pool.nodeKind.at(node) >= LEAF_STRUCT && pool.nodeKey.at(node) !== NEVER)
      keys.add(leafKeyOf(pool, node));
  }
  return keys;
}

/** What rounds found out about forward declarations. */
interface Settled {
  /** By {@link leafKey}: the definition that forward declarations of the name mean. */
  readonly forwards: Map<number, InstancePlace>;
  /** Definitions of the last round that are one now. */
  merged: { readonly pool: TypePool; readonly representatives: Int32Array } | undefined;
  /** By unit: instances that are their representative whatever they say. */
  readonly overruled: Map<number, Set<number>>;
}

/**
 * Takes over what forward declarations mean; true when there was something new. Only when no name is left to split:
 * before that, what looks equal may turn out not to be.
 */
function settleForwards(
  pool: TypePool,
  { forwards }: ForwardMatches,
  places: ReadonlyMap<number, InstancePlace>,
  settled: Settled,
): boolean {
  let isNew = false;
  for (const [forward, leaf] of forwards) {
    const key = leafKey(pool.nodeKind.at(forward), pool.nodeA.at(forward));
    const place = places.get(pool.nodeStart.at(leaf));
    if (place === undefined || settled.forwards.has(key)) continue;
    settled.forwards.set(key, place);
    isNew = true;
  }
  return isNew;
}

/** Names with an overruled definition are ambiguous from now on, so that its instances can be told apart. */
function noteOverruled(
  units: ReadonlyMap<number, UnitInstances>,
  pool: TypePool,
  { overruled }: ForwardMatches,
  ambiguous: Set<number>,
  settled: Settled,
): void {
  if (overruled.size === 0) return;
  for (const def of overruled) {
    const leaf = pool.defLeaf.at(def);
    ambiguous.add(leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf)));
  }
  for (const [unit, { pool: own, instances }] of units) {
    if (own !== pool) continue;
    instances.forEach((instance, at) => {
      if (!overruled.has(instance)) return;
      const places = settled.overruled.get(unit) ?? new Set();
      settled.overruled.set(unit, places.add(at));
    });
  }
}

function leafKey(kind: number, name: number): number {
  return name * 4 + (kind & 3);
}

function leafKeyOf(pool: TypePool, leaf: number): number {
  return leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf));
}

/** The leaf of an instance: a definition or ~leaf. */
function leafOf(pool: TypePool, instance: number): number {
  return instance >= 0 ? pool.defLeaf.at(instance) : ~instance;
}

/**
 * Keys of the names whose leaf has more than one definition.
 * @param representatives definitions that count as one
 */
function splitNames(pool: TypePool, representatives?: Int32Array): Set<number> {
  const keys = new Set<number>();
  for (let def = 0; def < pool.defTotal; def++) {
    const leaf = pool.defLeaf.at(def);
    const first = pool.nodeCount.at(leaf);
    const isSame =
      representatives === undefined ? def === first : representatives[def] === representatives[first];
    if (!isSame) keys.add(leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf)));
  }
  return keys;
}

/**
 * Keys of the forward declarations whose name both a struct and a union have. btf__dedup looks definitions up by
 * name alone and leaves these forward declarations as they are (libbpf: btf_dedup_resolve_fwds).
 */
function namesOfBothKinds(pool: TypePool): Set<number> {
  const defined = new Set<number>();
  for (let def = 0; def < pool.defTotal; def++) {
    const leaf = pool.defLeaf.at(def);
    defined.add(leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf)));
  }
  const keys = new Set<number>();
  for (let node = 1; node < pool.nodeTotal; node++) {
    const kind = pool.nodeKind.at(node);
    if ((kind !== LEAF_STRUCT && kind !== LEAF_UNION) || pool.nodeKey.at(node) === NEVER) continue;
    const name = pool.nodeA.at(node);
    if (defined.has(leafKey(LEAF_STRUCT, name)) && defined.has(leafKey(LEAF_UNION, name)))
      keys.add(leafKey(kind, name));
  }
  return keys;
}

/** Takes over all units of a collection, which were read again. */
function addUnits(
  units: Map<number, UnitInstances>,
  pool: TypePool,
  collection: Collection,
  map: MergeMap,
): void {
  forEachUnit(collection, map, (unit, instances) => units.set(unit, { pool, instances }));
}

/** Calls for each unit of a collection, with its instances as definitions (or ~leaf) of the merged pool. */
function forEachUnit(
  collection: Collection,
  map: MergeMap,
  callback: (unit: number, instances: Int32Array) => void,
): void {
  let start = 0;
  collection.units.forEach((unit, i) => {
    const end = collection.instanceEnds[i];
    callback(unit, mappedInstances(collection, start, end, map));
    start = end;
  });
}

function mappedInstances(collection: Collection, start: number, end: number, map: MergeMap): Int32Array {
  return collection.instances
    .subarray(start, end)
    .map((instance) => (instance >= 0 ? map.defs[instance] : ~map.nodes[~instance]));
}

/**
 * Adds the units of a first collection that mention an ambiguous name, unless they are known. A kernel has a million
 * instances, of which a few hundred matter: a plain loop finds them.
 */
function addConcerned(
  units: Map<number, UnitInstances>,
  pool: TypePool,
  collection: Collection,
  map: MergeMap,
  ambiguous: ReadonlySet<number>,
): void {
  const { instances, instanceEnds } = collection;
  const { nodeKind, defLeaf } = collection.pool;
  const isAmbiguousLeaf = new Uint8Array(nodeKind.length);
  for (let node = 0; node < nodeKind.length; node++) {
    if (nodeKind[node] < LEAF_STRUCT) continue;
    const leaf = map.nodes[node];
    if (ambiguous.has(leafKey(pool.nodeKind.at(leaf), pool.nodeA.at(leaf)))) isAmbiguousLeaf[node] = 1;
  }
  const isAmbiguous = new Uint8Array(defLeaf.length);
  for (let def = 0; def < defLeaf.length; def++) isAmbiguous[def] = isAmbiguousLeaf[defLeaf[def]];

  let start = 0;
  for (let i = 0; i < instanceEnds.length; i++) {
    const end = instanceEnds[i];
    let at = start;
    while (at < end) {
      const instance = instances[at];
      if ((instance >= 0 ? isAmbiguous[instance] : isAmbiguousLeaf[~instance]) === 1) break;
      at++;
    }
    const unit = collection.units[i];
    if (at < end && !units.has(unit))
      units.set(unit, { pool, instances: mappedInstances(collection, start, end, map) });
    start = end;
  }
}

/** A named composite of some unit: stands for its definition however definitions are numbered. */
interface InstancePlace {
  readonly unit: number;
  readonly at: number;
}

interface Variants {
  /** For each unit that mentions an ambiguous name: the variant of each of its instances, see {@link VariantOf}. */
  readonly variants: ReadonlyMap<number, Int32Array>;
  /** One instance of each variant. */
  readonly places: ReadonlyMap<number, InstancePlace>;
}

function variantsOf(
  units: ReadonlyMap<number, UnitInstances>,
  ambiguous: ReadonlySet<number>,
  settled: Settled,
): Variants {
  const variants = new Map<number, Int32Array>();
  const places = new Map<number, InstancePlace>();
  // An enum that is only declared stands for a full one of its name: with libbpf for the one that its hash table
  // happens to give first, here for the first in the stream.
  const chosen = new Map(settled.forwards);
  const declared: (InstancePlace & { key: number })[] = [];
  const pools: TypePool[] = [];
  for (const unit of [...units.keys()].sort((a, b) => a - b)) {
    const { pool, instances } = units.get(unit)!;
    if (!pools.includes(pool)) pools.push(pool);
    // Definitions of different pools are different ones; the stride keeps their variants apart.
    const stride = pools.indexOf(pool) * POOL_STRIDE;
    const representatives = settled.merged?.pool === pool ? settled.merged.representatives : undefined;
    const overruled = settled.overruled.get(unit);
    const own = new Int32Array(instances.length);
    let isConcerned = false;
    instances.forEach((instance, at) => {
      const leaf = instance >= 0 ? pool.defLeaf.at(instance) : ~instance;
      const kind = pool.nodeKind.at(leaf);
      const key = leafKey(kind, pool.nodeA.at(leaf));
      if (!ambiguous.has(key)) return;
      isConcerned = true;
      if (instance < 0) {
        own[at] = FORWARD_VARIANT;
        declared.push({ unit, at, key });
        return;
      }
      const variant = 1 + stride + (representatives?.[instance] ?? instance);
      if (overruled?.has(at) === true) {
        own[at] = ~variant;
        return;
      }
      own[at] = variant;
      if (!places.has(variant)) places.set(variant, { unit, at });
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
