/** Joins collections into one pool whose names are content ids, so that equal types of different threads meet. */

import { BTF_KIND } from '../btf/constants.ts';
import type { StringPool } from '../btf/string-pool.ts';
import { ENTRY_INTS, LEAF_STRUCT, NEVER, type TypePool } from '../btf/type-pool.ts';
import type { Collection } from './collect.ts';
import { isShortName, NO_NAME, nameText, SANITIZED_INT_NAME } from './names.ts';
import type { DwarfSections } from './sections.ts';

/** Where a collection's nodes and definitions went. -1: left out. */
export interface MergeMap {
  readonly nodes: Int32Array;
  readonly defs: Int32Array;
}

/** Content ids of names, for all collections of a conversion: an offset in `.debug_str` is the same name in each. */
export class SharedNames {
  readonly sections: DwarfSections;
  readonly strings: StringPool;
  /** Id + 1 by offset in `.debug_str`; 0 = not asked for yet. */
  readonly ofOffset: Int32Array;

  constructor(sections: DwarfSections, strings: StringPool) {
    this.sections = sections;
    this.strings = strings;
    this.ofOffset = new Int32Array(sections.str.length);
  }
}

/** Content ids of one collection's raw names. */
export class NameResolver {
  private readonly ofOffset: Int32Array;
  /** Id + 1 by number of an interned name; 0 = not asked for yet. */
  private readonly ofInterned: Int32Array;
  private readonly ofShort = new Map<number, number>();
  private sanitized = -1;
  private readonly sections: DwarfSections;
  private readonly places: Int32Array;
  private readonly strings: StringPool;

  constructor({ sections, strings, ofOffset }: SharedNames, collection: Collection) {
    this.sections = sections;
    this.places = collection.namePlaces;
    this.strings = strings;
    this.ofOffset = ofOffset;
    this.ofInterned = new Int32Array(collection.namePlaces.length / 2);
  }

  /**
   * Content id of a raw name; the empty text is 0, as no name is.
   * @throws FormatError when a `.debug_str` offset is out of range.
   */
  id(raw: number): number {
    if (raw === NO_NAME) return 0;
    if (raw === SANITIZED_INT_NAME) {
      if (this.sanitized < 0) this.sanitized = this.add(raw);
      return this.sanitized;
    }
    if (isShortName(raw)) return this.shortId(raw);
    const table = raw > 0 ? this.ofOffset : this.ofInterned;
    const at = raw > 0 ? raw - 1 : ~raw;
    const known = table[at];
    if (known > 0) return known - 1;
    const id = this.add(raw);
    table[at] = id + 1;
    return id;
  }

  private shortId(raw: number): number {
    let id = this.ofShort.get(raw);
    if (id === undefined) {
      id = this.add(raw);
      this.ofShort.set(raw, id);
    }
    return id;
  }

  private add(raw: number): number {
    const { str } = this.sections;
    // Where the last string ends, all do; nameText() would look for each one's end first.
    if (raw > 0 && raw !== SANITIZED_INT_NAME && raw <= str.length && str[str.length - 1] === 0)
      return this.strings.addTerminated(str, raw - 1);
    const { bytes, start, end } = nameText(this.sections, this.places, raw);
    return this.strings.add(bytes, start, end);
  }
}

/**
 * Enters a collection's pool into `target`.
 * @param isLeftOut leaves for which nothing that contains them is entered
 */
export function mergeInto(
  target: TypePool,
  collection: Collection,
  names: NameResolver,
  isLeftOut: (leafKind: number, name: number) => boolean,
): MergeMap {
  const { pool } = collection;
  const total = pool.nodeKind.length;
  const nodes = new Int32Array(total);
  const entries = new EntryMapper(pool.entries, names, nodes);
  // Children come before their users, so one pass in order suffices.
  for (let node = 1; node < total; node++) {
    const merged = enterNode(target, collection, node, names, nodes, entries, isLeftOut);
    nodes[node] = merged;
    const key = pool.nodeKey[node];
    if (merged >= 0 && key !== NEVER) target.meet(merged, key);
  }
  const defs = new Int32Array(pool.defLeaf.length);
  for (let def = 0; def < defs.length; def++) {
    const leaf = nodes[pool.defLeaf[def]];
    const count = pool.defCount[def];
    const isEnum = pool.nodeKind[pool.defLeaf[def]] > LEAF_STRUCT + 1;
    const mapped = leaf < 0 ? false : entries.map(pool.defStart[def], count, !isEnum);
    if (!mapped) {
      defs[def] = -1;
      continue;
    }
    defs[def] = target.define(leaf, pool.defSize[def], pool.defFlags[def], entries.buffer, 0, count);
    target.meetDefinition(defs[def], pool.defKey[def]);
  }
  return { nodes, defs };
}

function enterNode(
  target: TypePool,
  collection: Collection,
  node: number,
  names: NameResolver,
  nodes: Int32Array,
  entries: EntryMapper,
  isLeftOut: (leafKind: number, name: number) => boolean,
): number {
  const { pool } = collection;
  const kind = pool.nodeKind[node];
  const a = pool.nodeA[node];
  const b = pool.nodeB[node];
  const start = pool.nodeStart[node];
  const count = pool.nodeCount[node];
  if (kind >= LEAF_STRUCT) {
    const name = names.id(a);
    return isLeftOut(kind, name) ? -1 : target.leaf(kind, name, start);
  }
  switch (kind) {
    case BTF_KIND.INT:
    case BTF_KIND.FLOAT:
      return target.scalar(kind, names.id(a), b);
    case BTF_KIND.ENUM:
      entries.map(start, count, false);
      return target.list(kind, a, b, entries.buffer, 0, count);
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
      return entries.map(start, count, true) ? target.list(kind, a, b, entries.buffer, 0, count) : -1;
    case BTF_KIND.FUNC_PROTO: {
      const result = nodes[a];
      return result >= 0 && entries.map(start, count, true)
        ? target.list(kind, result, b, entries.buffer, 0, count)
        : -1;
    }
    default: {
      const referred = nodes[b];
      if (referred < 0) return -1;
      if (kind === BTF_KIND.TYPEDEF) return target.typedef(names.id(a), referred);
      if (kind === BTF_KIND.TYPE_TAG) return target.typeTag(names.id(a), referred);
      if (kind === BTF_KIND.ARRAY) return target.array(referred, start);
      return target.reference(kind, referred);
    }
  }
}

/** Translates lists of entries into a buffer. */
class EntryMapper {
  buffer = new Int32Array(1 << 10);
  private readonly source: Int32Array;
  private readonly names: NameResolver;
  private readonly nodes: Int32Array;

  constructor(source: Int32Array, names: NameResolver, nodes: Int32Array) {
    this.source = source;
    this.names = names;
    this.nodes = nodes;
  }

  /** Fills the buffer; false when a type was left out. `hasTypes`: the third int is a node. */
  map(start: number, count: number, hasTypes: boolean): boolean {
    const { source, nodes, names } = this;
    const ints = count * ENTRY_INTS;
    if (ints > this.buffer.length) this.buffer = new Int32Array(ints * 2);
    const { buffer } = this;
    for (let i = 0; i < ints; i += ENTRY_INTS) {
      buffer[i] = names.id(source[start + i]);
      buffer[i + 1] = source[start + i + 1];
      const third = source[start + i + 2];
      buffer[i + 2] = hasTypes ? nodes[third] : third;
      if (hasTypes && buffer[i + 2] < 0) return false;
    }
    return true;
  }
}
