/**
 * Which definition a forward declaration of an ambiguous name stands for. btf__dedup compares a struct with an
 * earlier one of its name by walking both graphs; where one has a forward declaration and the other a definition
 * of the same name they count as equal, and from then on every forward declaration of that name is that
 * definition (libbpf: btf_dedup_is_equiv, btf_dedup_merge_hypot_map).
 */

import { BTF_KIND } from '../btf/constants.ts';
import { ENTRY_INTS, FORWARD_VARIANT, LEAF_ENUM, LEAF_STRUCT, type TypePool } from '../btf/type-pool.ts';

export interface ForwardMatch {
  /** Variant of the definition. */
  readonly variant: number;
  /** Place in the stream at which the two are first compared. */
  readonly key: number;
}

/** Definitions of one leaf that are compared with each other; real names have two to five. */
const MAX_COMPARED = 16;
/** Types between two named ones (pointers, arrays, anonymous structs): C code stays far below. */
const MAX_PAIRS = 4096;

/** For forward leaves of ambiguous names: the first definition each is matched with. */
export function forwardMatches(pool: TypePool): Map<number, ForwardMatch> {
  const matches = new Map<number, ForwardMatch>();
  for (const definitions of ambiguousDefinitions(pool)) {
    for (let later = 1; later < definitions.length; later++) {
      for (let earlier = 0; earlier < later; earlier++) {
        note(matches, pool, definitions[earlier], definitions[later]);
      }
    }
  }
  return matches;
}

/** Definitions, in stream order, of each leaf that has more than one. */
function ambiguousDefinitions(pool: TypePool): number[][] {
  const lists: number[][] = [];
  for (let def = 0; def < pool.defTotal; def++) {
    const leaf = pool.defLeaf.at(def);
    const isFirst = pool.nodeCount.at(leaf) === def;
    if (!isFirst || pool.defNext.at(def) < 0 || pool.nodeKind.at(leaf) === LEAF_ENUM) continue;
    const list: number[] = [];
    for (let d = def; d >= 0 && list.length < MAX_COMPARED; d = pool.defNext.at(d)) list.push(d);
    lists.push(list.sort((a, b) => pool.defKey.at(a) - pool.defKey.at(b)));
  }
  return lists;
}

function note(matches: Map<number, ForwardMatch>, pool: TypePool, a: number, b: number): void {
  const found = new Map<number, number>();
  if (!isEqualButForForwards(pool, a, b, found)) return;
  const key = pool.defKey.at(b);
  for (const [leaf, variant] of found) {
    const known = matches.get(leaf);
    if (known === undefined || key < known.key) matches.set(leaf, { variant, key });
  }
}

/** Compares two definitions; pairs of forward leaf and variant go to `found`. */
function isEqualButForForwards(pool: TypePool, a: number, b: number, found: Map<number, number>): boolean {
  if (
    pool.defCount.at(a) !== pool.defCount.at(b) ||
    pool.defSize.at(a) !== pool.defSize.at(b) ||
    pool.defFlags.at(a) !== pool.defFlags.at(b)
  ) {
    return false;
  }
  const pairs: number[] = [];
  if (!pairEntries(pool, pool.defStart.at(a), pool.defStart.at(b), pool.defCount.at(a), pairs)) return false;
  for (let i = 0; i < pairs.length; i += 2) {
    if (pairs.length > MAX_PAIRS) return false;
    if (!pairNodes(pool, pairs[i], pairs[i + 1], pairs, found)) return false;
  }
  return true;
}

function pairEntries(pool: TypePool, a: number, b: number, count: number, pairs: number[]): boolean {
  const { entries } = pool;
  for (let i = 0; i < count * ENTRY_INTS; i += ENTRY_INTS) {
    if (entries.at(a + i) !== entries.at(b + i) || entries.at(a + i + 1) !== entries.at(b + i + 1))
      return false;
    pairs.push(entries.at(a + i + 2), entries.at(b + i + 2));
  }
  return true;
}

function pairNodes(
  pool: TypePool,
  a: number,
  b: number,
  pairs: number[],
  found: Map<number, number>,
): boolean {
  if (a === b) return true;
  const kind = pool.nodeKind.at(a);
  if (kind !== pool.nodeKind.at(b)) return false;
  if (kind >= LEAF_STRUCT) return pairLeaves(pool, a, b, found);
  switch (kind) {
    case BTF_KIND.PTR:
    case BTF_KIND.CONST:
    case BTF_KIND.VOLATILE:
    case BTF_KIND.RESTRICT:
    case BTF_KIND.TYPEDEF:
    case BTF_KIND.ARRAY:
      pairs.push(pool.nodeB.at(a), pool.nodeB.at(b));
      return pool.nodeA.at(a) === pool.nodeA.at(b) && pool.nodeStart.at(a) === pool.nodeStart.at(b);
    case BTF_KIND.FUNC_PROTO:
      pairs.push(pool.nodeA.at(a), pool.nodeA.at(b));
      break;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      if (pool.nodeA.at(a) !== pool.nodeA.at(b)) return false;
      break;
    default:
      return false;
  }
  const count = pool.nodeCount.at(a);
  return (
    pool.nodeB.at(a) === pool.nodeB.at(b) &&
    count === pool.nodeCount.at(b) &&
    pairEntries(pool, pool.nodeStart.at(a), pool.nodeStart.at(b), count, pairs)
  );
}

function pairLeaves(pool: TypePool, a: number, b: number, found: Map<number, number>): boolean {
  if (pool.nodeA.at(a) !== pool.nodeA.at(b)) return false;
  const variantA = pool.nodeStart.at(a);
  const variantB = pool.nodeStart.at(b);
  if (variantA !== FORWARD_VARIANT && variantB !== FORWARD_VARIANT) return false;
  const [forward, variant] = variantA === FORWARD_VARIANT ? [a, variantB] : [b, variantA];
  const known = found.get(forward);
  if (known !== undefined && known !== variant) return false;
  found.set(forward, variant);
  return true;
}
