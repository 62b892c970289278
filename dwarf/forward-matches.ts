/**
 * Which definition a forward declaration of an ambiguous name stands for. btf__dedup takes structs and unions in
 * the order of the stream and compares each with the earlier ones that it has kept, walking both graphs; where one
 * has a forward declaration and the other a definition of the same name they count as equal. When all else is
 * equal too, the later one goes, and from then on every forward declaration met on the way means that definition
 * (libbpf: btf_dedup_struct_type, btf_dedup_is_equiv, btf_dedup_merge_hypot_map).
 *
 * Known to differ: among several kept definitions that a struct is equal to, libbpf takes the one that comes first
 * in a hash bucket, here it is the first in the stream.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { FormatError } from '../elf/format-error.ts';
import {
  ENTRY_INTS,
  FORWARD_VARIANT,
  LEAF_ENUM,
  LEAF_STRUCT,
  LEAF_UNION,
  NEVER,
  type TypePool,
} from '../btf/type-pool.ts';

export interface ForwardMatches {
  /** Leaves of forward declarations, each with the leaf whose definition it means. */
  readonly forwards: ReadonlyMap<number, number>;
  /** By definition: the first one of its name that it is equal to but for forward declarations. */
  readonly representatives: Int32Array;
  /**
   * Definitions that go although they are another type than their representative: they have a forward declaration
   * that was matched elsewhere before.
   */
  readonly overruled: ReadonlySet<number>;
}

/** Kept definitions of one name that a further one is compared with; real names have two to five. */
const MAX_KEPT = 64;
/** Pairs of types in one comparison; a comparison beyond it counts as unequal. */
const MAX_PAIRS = 1 << 18;

/** Pairs of types that all comparisons of a conversion may look at together. */
export interface PairBudget {
  left: number;
}

/** Real kernels take about four pairs per type and round, for five rounds. */
const PAIRS_PER_TYPE = 256;
/** For small files, a few seconds. */
const MIN_PAIRS = 1 << 22;

export function pairBudget(types: number): PairBudget {
  return { left: Math.max(MIN_PAIRS, types * PAIRS_PER_TYPE) };
}

/** A struct or union that takes part: a named definition or an anonymous node. */
interface Candidate {
  readonly key: number;
  readonly def: number;
  readonly node: number;
  readonly group: number | string;
}

/**
 * Pairs the definitions of a pool as btf__dedup does.
 * @throws FormatError `dwarf-unsupported` when that takes too many comparisons.
 */
export function matchForwards(pool: TypePool, budget: PairBudget): ForwardMatches {
  return new Matcher(pool, budget).match();
}

class Matcher {
  private readonly pool: TypePool;
  private readonly forwards = new Map<number, number>();
  /** Leaves whose definition was found equal to another leaf's. */
  private readonly aliases = new Map<number, number>();
  /** The comparison at work: pairs still to look at, pairs seen, and which leaf the other graph has for a leaf. */
  private readonly pairs: number[] = [];
  private readonly seen = new Set<number>();
  private readonly counterparts = new Map<number, number>();
  private readonly budget: PairBudget;

  constructor(pool: TypePool, budget: PairBudget) {
    this.pool = pool;
    this.budget = budget;
  }

  match(): ForwardMatches {
    const { pool, forwards } = this;
    const representatives = Int32Array.from({ length: pool.defTotal }, (_, def) => def);
    const overruled = new Set<number>();
    if (!hasForwards(pool)) return { forwards, representatives, overruled };
    const kept = new Map<number | string, Candidate[]>();
    for (const candidate of candidatesOf(pool)) {
      const earlier = kept.get(candidate.group);
      if (earlier === undefined) {
        kept.set(candidate.group, [candidate]);
        continue;
      }
      const equal = earlier.find((one) => this.isEqual(one, candidate));
      if (equal === undefined) {
        if (earlier.length < MAX_KEPT) earlier.push(candidate);
        continue;
      }
      const isTrue = this.accept();
      if (candidate.def < 0) continue;
      representatives[candidate.def] = equal.def;
      if (!isTrue) overruled.add(candidate.def);
    }
    return { forwards, representatives, overruled };
  }

  /** Compares an earlier type with a later one, forward declarations being equal to any definition of their name. */
  private isEqual(earlier: Candidate, later: Candidate): boolean {
    const { pairs, seen, counterparts } = this;
    pairs.length = 0;
    seen.clear();
    counterparts.clear();
    if (earlier.def < 0) {
      pairs.push(earlier.node, later.node);
    } else {
      counterparts.set(this.resolve(earlier.node), later.node);
      if (!this.pairDefinitions(earlier.def, later.def)) return false;
    }
    for (let i = 0; i < pairs.length; i += 2) {
      if (i > MAX_PAIRS) return false;
      this.count();
      if (!this.pairNodes(pairs[i], pairs[i + 1])) return false;
    }
    return true;
  }

  private count(): void {
    if (--this.budget.left >= 0) return;
    throw new FormatError(
      'dwarf-unsupported',
      { format: 'dwarf' },
      'what forward declarations mean takes too many comparisons',
    );
  }

  /** What the comparison found out holds from now on. False when a forward declaration meant something else already. */
  private accept(): boolean {
    let isTrue = true;
    for (const [earlier, later] of this.counterparts) {
      const a = this.resolve(earlier);
      const b = this.resolve(later);
      if (a === b) continue;
      if (isForward(this.pool, b)) this.forwards.set(b, a);
      else if (isForward(this.pool, a)) this.forwards.set(a, b);
      else if (isForward(this.pool, later)) isTrue = false;
      else this.aliases.set(b, a);
    }
    return isTrue;
  }

  private resolve(leaf: number): number {
    let at = this.forwards.get(leaf) ?? leaf;
    for (;;) {
      const next = this.aliases.get(at);
      if (next === undefined) return at;
      at = next;
    }
  }

  private pairDefinitions(a: number, b: number): boolean {
    const { pool } = this;
    return (
      pool.defCount.at(a) === pool.defCount.at(b) &&
      pool.defSize.at(a) === pool.defSize.at(b) &&
      pool.defFlags.at(a) === pool.defFlags.at(b) &&
      this.pairEntries(pool.defStart.at(a), pool.defStart.at(b), pool.defCount.at(a))
    );
  }

  private pairEntries(a: number, b: number, count: number): boolean {
    const { entries } = this.pool;
    for (let i = 0; i < count * ENTRY_INTS; i += ENTRY_INTS) {
      if (entries.at(a + i) !== entries.at(b + i) || entries.at(a + i + 1) !== entries.at(b + i + 1))
        return false;
      this.push(entries.at(a + i + 2), entries.at(b + i + 2));
    }
    return true;
  }

  private push(a: number, b: number): void {
    if (a === b) return;
    const pair = a * this.pool.nodeTotal + b;
    if (this.seen.has(pair)) return;
    this.seen.add(pair);
    this.pairs.push(a, b);
  }

  private pairNodes(a: number, b: number): boolean {
    const { pool } = this;
    if (a === b) return true;
    const kind = pool.nodeKind.at(a);
    if (kind !== pool.nodeKind.at(b)) return false;
    if (kind >= LEAF_STRUCT) return this.pairLeaves(a, b);
    switch (kind) {
      case BTF_KIND.PTR:
      case BTF_KIND.CONST:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPEDEF:
      case BTF_KIND.TYPE_TAG:
      case BTF_KIND.ARRAY:
        this.push(pool.nodeB.at(a), pool.nodeB.at(b));
        return pool.nodeA.at(a) === pool.nodeA.at(b) && pool.nodeStart.at(a) === pool.nodeStart.at(b);
      case BTF_KIND.FUNC_PROTO:
        this.push(pool.nodeA.at(a), pool.nodeA.at(b));
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
      this.pairEntries(pool.nodeStart.at(a), pool.nodeStart.at(b), count)
    );
  }

  private pairLeaves(earlier: number, later: number): boolean {
    const { pool, counterparts } = this;
    const a = this.resolve(earlier);
    if (a === this.resolve(later)) return true;
    const known = counterparts.get(a);
    if (known !== undefined) return known === later;
    if (pool.nodeKind.at(a) === LEAF_ENUM || pool.nodeA.at(a) !== pool.nodeA.at(later)) return false;
    counterparts.set(a, later);
    if (isForward(pool, a) || isForward(pool, later)) return true;
    return this.pairDefinitions(pool.nodeCount.at(a), pool.nodeCount.at(later));
  }
}

function isForward(pool: TypePool, leaf: number): boolean {
  return pool.nodeStart.at(leaf) === FORWARD_VARIANT;
}

function hasForwards(pool: TypePool): boolean {
  for (let node = 1; node < pool.nodeTotal; node++) {
    const kind = pool.nodeKind.at(node);
    if ((kind === LEAF_STRUCT || kind === LEAF_UNION) && isForward(pool, node)) return true;
  }
  return false;
}

/** Structs and unions in stream order, those left out that are alone in their name or shape. */
function candidatesOf(pool: TypePool): Candidate[] {
  const all: Candidate[] = [];
  const sizes = new Map<number | string, number>();
  const add = (candidate: Candidate): void => {
    if (candidate.key === NEVER) return;
    all.push(candidate);
    sizes.set(candidate.group, (sizes.get(candidate.group) ?? 0) + 1);
  };
  for (let def = 0; def < pool.defTotal; def++) {
    const leaf = pool.defLeaf.at(def);
    const kind = pool.nodeKind.at(leaf);
    if (kind === LEAF_ENUM) continue;
    add({ key: pool.defKey.at(def), def, node: leaf, group: pool.nodeA.at(leaf) * 4 + (kind & 3) });
  }
  for (let node = 1; node < pool.nodeTotal; node++) {
    const kind = pool.nodeKind.at(node);
    if (kind !== BTF_KIND.STRUCT && kind !== BTF_KIND.UNION) continue;
    add({ key: pool.nodeKey.at(node), def: -1, node, group: shapeOf(pool, node) });
  }
  return all.filter(({ group }) => sizes.get(group)! > 1).sort((a, b) => a.key - b.key);
}

/** An anonymous struct or union without the types of its members. */
function shapeOf(pool: TypePool, node: number): string {
  const parts = [pool.nodeKind.at(node), pool.nodeA.at(node), pool.nodeB.at(node)];
  const start = pool.nodeStart.at(node);
  for (let i = 0; i < pool.nodeCount.at(node) * ENTRY_INTS; i += ENTRY_INTS)
    parts.push(pool.entries.at(start + i), pool.entries.at(start + i + 1));
  return parts.join(' ');
}
