/**
 * A pool of types in which equal types are one node (hash-consing), the heart of deduplication.
 *
 * A named struct, union or enum is entered twice: as a *leaf*, which is only its name and which other types refer
 * to, and as one or more *definitions* of that leaf. Because references stop at leaves, types can be entered
 * bottom-up although the graph has cycles, and a forward declaration needs no resolving: it is a reference to the
 * leaf. When every leaf has one definition, nodes and definitions are exactly the classes of the coarsest
 * bisimulation, which is what pahole with libbpf's btf__dedup gives. A leaf with several definitions is ambiguous;
 * the caller enters the types around it again with a `variant` for each (see dwarf/ambiguity.ts).
 *
 * Names are opaque ints to the pool (0 = none); whoever fills it decides what they stand for.
 */

import { BTF_KIND } from './constants.ts';
import { addWord, finishWords, hashKey } from './hashing.ts';
import { DoubleList, IntList } from './int-list.ts';

/** What a leaf names; a kind of node beside the BTF kinds. */
export const LEAF_STRUCT = 32;
export const LEAF_UNION = 33;
export const LEAF_ENUM = 34;

/** Variant of a leaf that stands for a forward declaration whose name has several definitions. */
export const FORWARD_VARIANT = 0x7fffffff;

/** Ints per entry of a list: a member is (name, offset word, type), a parameter (name, 0, type), an enumerator (name, low, high). */
export const ENTRY_INTS = 3;

/** Bits of {@link TypePool.nodeB} of a composite and of {@link TypePool.defFlags}. */
export const FLAG_KIND = 1;
/** The enumeration's values do not fit 32 bits or its size is 8: ENUM64. */
export const FLAG_ENUM64 = 2;

/** Key of a type that was never met in the stream. */
export const NEVER = Number.POSITIVE_INFINITY;

// Copies, because V8 folds only a module's own constants into optimized code.
const { TYPEDEF: KIND_TYPEDEF, ARRAY: KIND_ARRAY, TYPE_TAG: KIND_TYPE_TAG } = BTF_KIND;

const EMPTY = -1;

/** Definitions of one name that are compared one by one; of further ones there is a table. Real names have two to five. */
const LISTED_DEFINITIONS = 8;

export class TypePool {
  /** BTF_KIND of each node, or LEAF_*. Node 0 is void. */
  readonly nodeKind = new IntList(1 << 12);
  /** Name of INT, TYPEDEF, FLOAT, leaf; return type of FUNC_PROTO; size of anonymous composite or enum. */
  readonly nodeA = new IntList(1 << 12);
  /** Referenced node of PTR, CONST, VOLATILE, RESTRICT, TYPEDEF; element of ARRAY; INT's size and encoding; flags of composites. */
  readonly nodeB = new IntList(1 << 12);
  /** First int in {@link entries} of a list node; nelems of ARRAY; variant of a leaf. */
  readonly nodeStart = new IntList(1 << 12);
  /** Number of entries of a list node; of a leaf: head of its definitions or -1. */
  readonly nodeCount = new IntList(1 << 12);
  /** Where the node was first met in the type stream; for a leaf: where a forward declaration of it was. */
  readonly nodeKey = new DoubleList(1 << 12);

  readonly defLeaf = new IntList(1 << 10);
  readonly defSize = new IntList(1 << 10);
  readonly defFlags = new IntList(1 << 10);
  readonly defStart = new IntList(1 << 10);
  readonly defCount = new IntList(1 << 10);
  /** Next definition of the same leaf, or -1; some that are not the first have none although there are more. */
  readonly defNext = new IntList(1 << 10);
  readonly defKey = new DoubleList(1 << 10);

  /** Lists of members, parameters and enumerators, {@link ENTRY_INTS} each. */
  readonly entries = new IntList(1 << 14);

  /** Typedef of each name, EMPTY when there are several. */
  private readonly typedefs = new Map<number, number>();
  private buckets = new Int32Array(1 << 13).fill(EMPTY);
  private hashes = new IntList(1 << 12);
  /** Definitions beyond the {@link LISTED_DEFINITIONS} first of their leaf, by hash; those of one hash are a list. */
  private readonly furtherDefinitions = new Map<number, number[]>();
  private readonly first: number;
  private readonly second: number;
  /** Node of PTR/CONST/VOLATILE/RESTRICT to each node, 0 = none yet. */
  private readonly qualified: Record<number, Int32Array> = {
    [BTF_KIND.PTR]: new Int32Array(1 << 12),
    [BTF_KIND.CONST]: new Int32Array(1 << 12),
    [BTF_KIND.VOLATILE]: new Int32Array(1 << 12),
    [BTF_KIND.RESTRICT]: new Int32Array(1 << 12),
  };

  constructor() {
    ({ first: this.first, second: this.second } = hashKey());
    this.addNode(0, 0, 0, 0, 0, 0);
  }

  get nodeTotal(): number {
    return this.nodeKind.length;
  }

  get defTotal(): number {
    return this.defLeaf.length;
  }

  /** INT or FLOAT; `word` is size << 8 | encoding. */
  scalar(kind: number, name: number, word: number): number {
    return this.simple(kind, name, word, 0);
  }

  /** PTR, CONST, VOLATILE or RESTRICT of a node. */
  reference(kind: number, target: number): number {
    let table = this.qualified[kind];
    if (target >= table.length) {
      const grown = new Int32Array(Math.max(target + 1, table.length * 2));
      grown.set(table);
      table = grown;
      this.qualified[kind] = grown;
    }
    const known = table[target];
    if (known !== 0) return known;
    const node = this.addNode(kind, 0, target, 0, 0, 0);
    table[target] = node;
    return node;
  }

  typedef(name: number, target: number): number {
    const total = this.nodeKind.length;
    const node = this.simple(KIND_TYPEDEF, name, target, 0);
    if (node === total) this.typedefs.set(name, this.typedefs.has(name) ? EMPTY : node);
    return node;
  }

  /** The typedef of that name when there is exactly one, else -1. */
  onlyTypedef(name: number): number {
    return this.typedefs.get(name) ?? EMPTY;
  }

  typeTag(value: number, target: number): number {
    return this.simple(KIND_TYPE_TAG, value, target, 0);
  }

  array(element: number, nelems: number): number {
    return this.simple(KIND_ARRAY, 0, element, nelems);
  }

  /** The leaf of a named composite or enum; `variant` is 0 unless the name is known to be ambiguous. */
  leaf(kind: number, name: number, variant: number): number {
    return this.simple(kind, name, 0, variant, -1);
  }

  /**
   * FUNC_PROTO or an anonymous STRUCT, UNION or ENUM whose list is `count` entries at `source[start…]`.
   * @param a return type or size
   */
  list(kind: number, a: number, flags: number, source: Int32Array, start: number, count: number): number {
    const hash = this.hashList(kind, a, flags, source, start, count);
    let slot = hash & (this.buckets.length - 1);
    for (;;) {
      const node = this.buckets[slot];
      if (node === EMPTY) break;
      if (
        this.hashes.at(node) === hash &&
        this.nodeKind.at(node) === kind &&
        this.nodeA.at(node) === a &&
        this.nodeB.at(node) === flags &&
        this.nodeCount.at(node) === count &&
        this.sameEntries(this.nodeStart.at(node), source, start, count)
      ) {
        return node;
      }
      slot = (slot + 1) & (this.buckets.length - 1);
    }
    const node = this.addNode(kind, a, flags, this.copyEntries(source, start, count), count, hash);
    this.insert(node, slot);
    return node;
  }

  /**
   * A definition of a leaf: found among its definitions or added.
   * @returns the definition's index
   */
  define(
    leaf: number,
    size: number,
    flags: number,
    source: Int32Array,
    start: number,
    count: number,
  ): number {
    const { defNext } = this;
    let last = EMPTY;
    let listed = 0;
    for (let def = this.nodeCount.at(leaf); def !== EMPTY; def = defNext.at(def)) {
      if (this.isDefinition(def, size, flags, source, start, count)) return def;
      last = def;
      if (++listed === LISTED_DEFINITIONS) return this.defineFurther(leaf, size, flags, source, start, count);
    }
    const def = this.addDefinition(leaf, size, flags, source, start, count);
    if (last === EMPTY) this.nodeCount.data[leaf] = def;
    else defNext.data[last] = def;
    return def;
  }

  private defineFurther(
    leaf: number,
    size: number,
    flags: number,
    source: Int32Array,
    start: number,
    count: number,
  ): number {
    const hash = addWord(
      this.hashList(leaf, size, flags, source, start, count),
      count,
      this.first,
      this.second,
    );
    let list = this.furtherDefinitions.get(hash);
    if (list === undefined) {
      list = [];
      this.furtherDefinitions.set(hash, list);
    }
    for (const def of list) {
      if (this.defLeaf.at(def) === leaf && this.isDefinition(def, size, flags, source, start, count))
        return def;
    }
    const def = this.addDefinition(leaf, size, flags, source, start, count);
    list.push(def);
    return def;
  }

  private isDefinition(
    def: number,
    size: number,
    flags: number,
    source: Int32Array,
    start: number,
    count: number,
  ): boolean {
    return (
      this.defCount.data[def] === count &&
      this.defSize.data[def] === size &&
      this.defFlags.data[def] === flags &&
      this.sameEntries(this.defStart.data[def], source, start, count)
    );
  }

  private addDefinition(
    leaf: number,
    size: number,
    flags: number,
    source: Int32Array,
    start: number,
    count: number,
  ): number {
    const def = this.defLeaf.push(leaf);
    this.defSize.push(size);
    this.defFlags.push(flags);
    this.defStart.push(this.copyEntries(source, start, count));
    this.defCount.push(count);
    this.defNext.push(EMPTY);
    this.defKey.push(NEVER);
    return def;
  }

  /** Notes that a node (or a leaf's forward declaration) was met at `key`; the smallest key stays. */
  meet(node: number, key: number): void {
    if (key < this.nodeKey.data[node]) this.nodeKey.data[node] = key;
  }

  meetDefinition(def: number, key: number): void {
    if (key < this.defKey.data[def]) this.defKey.data[def] = key;
  }

  private simple(kind: number, a: number, b: number, start: number, count = 0): number {
    const { first, second } = this;
    let hash = addWord(kind, a, first, second);
    hash = addWord(hash, b, first, second);
    hash = finishWords(addWord(hash, start, first, second));
    let slot = hash & (this.buckets.length - 1);
    for (;;) {
      const node = this.buckets[slot];
      if (node === EMPTY) break;
      if (
        this.hashes.data[node] === hash &&
        this.nodeA.data[node] === a &&
        this.nodeB.data[node] === b &&
        this.nodeStart.data[node] === start &&
        this.nodeKind.data[node] === kind
      ) {
        return node;
      }
      slot = (slot + 1) & (this.buckets.length - 1);
    }
    const node = this.addNode(kind, a, b, start, count, hash);
    this.insert(node, slot);
    return node;
  }

  private hashList(
    kind: number,
    a: number,
    flags: number,
    source: Int32Array,
    start: number,
    count: number,
  ): number {
    const { first, second } = this;
    let hash = addWord(kind, a, first, second);
    hash = addWord(hash, flags, first, second);
    const end = start + count * ENTRY_INTS;
    for (let i = start; i < end; i++) hash = addWord(hash, source[i], first, second);
    return finishWords(hash);
  }

  private sameEntries(own: number, source: Int32Array, start: number, count: number): boolean {
    const { data } = this.entries;
    const ints = count * ENTRY_INTS;
    for (let i = 0; i < ints; i++) if (data[own + i] !== source[start + i]) return false;
    return true;
  }

  private copyEntries(source: Int32Array, start: number, count: number): number {
    const ints = count * ENTRY_INTS;
    const { entries } = this;
    entries.reserve(ints);
    const at = entries.length;
    for (let i = 0; i < ints; i++) entries.data[at + i] = source[start + i];
    entries.length += ints;
    return at;
  }

  private addNode(kind: number, a: number, b: number, start: number, count: number, hash: number): number {
    this.nodeKind.push(kind);
    this.nodeA.push(a);
    this.nodeB.push(b);
    this.nodeStart.push(start);
    this.nodeCount.push(count);
    this.hashes.push(hash);
    return this.nodeKey.push(NEVER);
  }

  private insert(node: number, slot: number): void {
    this.buckets[slot] = node;
    if (this.nodeKind.length * 2 > this.buckets.length) this.rehash();
  }

  private rehash(): void {
    const buckets = new Int32Array(this.buckets.length * 2).fill(EMPTY);
    const mask = buckets.length - 1;
    for (const node of this.buckets) {
      if (node === EMPTY) continue;
      let slot = this.hashes.at(node) & mask;
      while (buckets[slot] !== EMPTY) slot = (slot + 1) & mask;
      buckets[slot] = node;
    }
    this.buckets = buckets;
  }
}
