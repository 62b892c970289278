/**
 * Turns the records of one unit's types (offsets of DIEs) into nodes of a pool (ids of equal types). Iterative: the
 * depth of a reference chain comes from the input.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { IntList } from '../btf/int-list.ts';
import {
  ENTRY_INTS,
  FLAG_ENUM64,
  FLAG_KIND,
  LEAF_ENUM,
  LEAF_STRUCT,
  LEAF_UNION,
  type TypePool,
} from '../btf/type-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import { NO_NAME, SANITIZED_INT_NAME } from './names.ts';
import type { UnitNodes } from './unit-nodes.ts';
import { type OffsetIndex, TYPE, TYPE_INTS, TYPE_IS_DECLARATION, type UnitTypes } from './unit-types.ts';

// Copies, because V8 folds only a module's own constants into optimized code.
const {
  VOID: KIND_VOID,
  INT: KIND_INT,
  PTR: KIND_PTR,
  ARRAY: KIND_ARRAY,
  STRUCT: KIND_STRUCT,
  UNION: KIND_UNION,
  ENUM: KIND_ENUM,
  TYPEDEF: KIND_TYPEDEF,
  VOLATILE: KIND_VOLATILE,
  CONST: KIND_CONST,
  RESTRICT: KIND_RESTRICT,
  FUNC_PROTO: KIND_FUNC_PROTO,
  FLOAT: KIND_FLOAT,
  TYPE_TAG: KIND_TYPE_TAG,
} = BTF_KIND;
const { KIND, NAME, SIZE, FLAGS, REF, START, COUNT, OFFSET, ORDINAL, INSTANCE } = TYPE;
const RECORD_INTS = TYPE_INTS;
const STRIDE = ENTRY_INTS;
const FLAG_OF_ENUM64 = FLAG_ENUM64;
const FLAG_OF_KIND = FLAG_KIND;
const LOCAL_LEAF_ENUM = LEAF_ENUM;
const LOCAL_LEAF_STRUCT = LEAF_STRUCT;
const LOCAL_LEAF_UNION = LEAF_UNION;
const LOCAL_NO_NAME = NO_NAME;
const LOCAL_TYPE_IS_DECLARATION = TYPE_IS_DECLARATION;

const UNRESOLVED = -1;
const IN_PROGRESS = -2;

/** Unit number times this plus the type's number in the unit is its place in pahole's stream of types. */
export const UNIT_STRIDE = 0x1_0000_0000;

/**
 * Which definition a named composite of the unit is, for names that are known to have several; 0 elsewhere. A variant
 * as ~variant: the instance is that definition, whatever it says itself.
 */
export type VariantOf = (instance: number) => number;

export class UnitResolver {
  private readonly pool: TypePool;
  private readonly types: UnitTypes;
  private readonly index: OffsetIndex;
  private readonly known: UnitNodes;
  /** Node of each record of the unit resolved last. */
  nodes = new Int32Array(1 << 12);
  private readonly work = new IntList();
  /** Records of the unit that are a definition met before, see {@link VariantOf}. */
  private readonly overruled = new Set<number>();

  constructor(pool: TypePool, types: UnitTypes, index: OffsetIndex, known: UnitNodes) {
    this.pool = pool;
    this.types = types;
    this.index = index;
    this.known = known;
  }

  /**
   * Finds the node of every record of the unit.
   * @param variantOf names the variant of an instance of an ambiguous name
   * @throws FormatError for references that lead nowhere or in a circle.
   */
  enterNodes(variantOf: VariantOf | undefined): void {
    const total = this.types.recordCount;
    if (total > this.nodes.length) this.nodes = new Int32Array(total * 2);
    const { nodes } = this;
    nodes.fill(UNRESOLVED, 0, total);
    this.enterLeaves(total, variantOf);
    for (let i = 0; i < total; i++) if (nodes[i] === UNRESOLVED) this.chase(i);
  }

  /**
   * Enters the definitions among the records, notes where the records' nodes were met and completes
   * {@link UnitTypes.instances}. After {@link enterNodes}, and only when its results hold.
   */
  enterDefinitions(unitIndex: number): void {
    const { types, pool, nodes } = this;
    const { records } = types;
    const entries = types.entries.data;
    const instances = types.instances.data;
    const nodeKind = pool.nodeKind.data;
    const base = unitIndex * UNIT_STRIDE;
    for (let i = 0, at = 0; i < types.recordCount; i++, at += RECORD_INTS) {
      const node = nodes[i];
      const key = base + records[at + ORDINAL];
      if (nodeKind[node] < LOCAL_LEAF_STRUCT) {
        pool.meet(node, key);
        if (records[at + KIND] === KIND_TYPE_TAG) this.meetInnerTags(node, key, records[at + COUNT]);
        continue;
      }
      const isEnum = records[at + KIND] === KIND_ENUM;
      const flags = records[at + FLAGS];
      const count = records[at + COUNT];
      const isForward = isEnum ? count === 0 : (flags & LOCAL_TYPE_IS_DECLARATION) !== 0;
      if (isForward) {
        pool.meet(node, key);
        instances[records[at + INSTANCE]] = ~node;
        continue;
      }
      if (this.overruled.size > 0 && this.overruled.has(i)) {
        pool.meet(node, key);
        const def = pool.nodeCount.at(node);
        instances[records[at + INSTANCE]] = def >= 0 ? def : ~node;
        continue;
      }
      const start = records[at + START];
      if (!isEnum) this.resolveEntries(entries, start, count, i);
      const def = pool.define(
        node,
        records[at + SIZE],
        flags & (FLAG_OF_KIND | FLAG_OF_ENUM64),
        entries,
        start,
        count,
      );
      pool.meetDefinition(def, key);
      instances[records[at + INSTANCE]] = def;
    }
  }

  /** Node of the type that the DIE at `user` refers to; 0 (void) for none. */
  nodeAt(ref: number, user: number): number {
    if (ref === 0) return 0;
    const node = this.known.at(ref);
    if (node < 0) this.failReference(ref, user);
    return node;
  }

  /** Named composites are leaves: they need nothing resolved. */
  private enterLeaves(total: number, variantOf: VariantOf | undefined): void {
    const { types, pool } = this;
    const { records } = types;
    this.overruled.clear();
    for (let i = 0, at = 0; i < total; i++, at += RECORD_INTS) {
      const name = records[at + NAME];
      if (name === LOCAL_NO_NAME) continue;
      let leafKind: number;
      switch (records[at + KIND]) {
        case KIND_STRUCT:
          leafKind = LOCAL_LEAF_STRUCT;
          break;
        case KIND_UNION:
          leafKind = LOCAL_LEAF_UNION;
          break;
        case KIND_ENUM:
          leafKind = LOCAL_LEAF_ENUM;
          break;
        default:
          continue;
      }
      const variant = variantOf === undefined ? 0 : variantOf(records[at + INSTANCE]);
      if (variant < 0) this.overruled.add(i);
      this.settle(i, pool.leaf(leafKind, name, variant < 0 ? ~variant : variant));
    }
  }

  private failReference(ref: number, user: number): never {
    this.fail(user, `refers to 0x${(ref >>> 0).toString(16)}, which is no type of this unit`);
  }

  private fail(offset: number, what: string): never {
    throw new FormatError('dwarf-malformed', { format: 'dwarf', section: '.debug_info', offset }, what);
  }

  private settle(i: number, node: number): void {
    this.nodes[i] = node;
    this.known.set(this.types.records[i * RECORD_INTS + OFFSET], node);
  }

  /** Resolves a type and everything it needs, deepest first. */
  private chase(root: number): void {
    const { nodes, types } = this;
    this.work.push(root);
    while (this.work.length > 0) {
      const i = this.work.data[this.work.length - 1];
      const state = nodes[i];
      if (state >= 0) {
        this.work.length--;
        continue;
      }
      const before = this.work.length;
      const at = i * RECORD_INTS;
      this.need(types.records[at + REF], i);
      const kind = types.records[at + KIND];
      if (kind === KIND_STRUCT || kind === KIND_UNION || kind === KIND_FUNC_PROTO) this.needEntries(i);
      if (this.work.length > before) {
        // Seen before with needs still open: one of them needs this type again.
        if (state === IN_PROGRESS)
          this.fail(
            types.records[i * RECORD_INTS + OFFSET],
            'types refer to each other in a circle without a named struct or union',
          );
        nodes[i] = IN_PROGRESS;
        continue;
      }
      this.work.length--;
      this.settle(i, this.enter(i, kind));
    }
  }

  /** Puts the type behind `ref` on the work list unless it is known. */
  private need(ref: number, user: number): void {
    if (ref === 0 || this.known.at(ref) >= 0) return;
    const found = this.index.findType(ref, this.types);
    if (found < 0) this.failReference(ref, this.types.records[user * RECORD_INTS + OFFSET]);
    if (this.nodes[found] === IN_PROGRESS)
      this.fail(
        this.types.records[found * RECORD_INTS + OFFSET],
        'types refer to each other in a circle without a named struct or union',
      );
    this.work.push(found);
  }

  private needEntries(i: number): void {
    const { types } = this;
    const start = types.records[i * RECORD_INTS + START];
    const end = start + types.records[i * RECORD_INTS + COUNT] * STRIDE;
    for (let at = start + 2; at < end; at += STRIDE) this.need(types.entries.data[at], i);
  }

  /** Replaces the third int of each entry, a DIE offset, by the type's node. */
  private resolveEntries(entries: Int32Array, start: number, count: number, user: number): void {
    const { known, types } = this;
    const end = start + count * STRIDE;
    for (let at = start + 2; at < end; at += STRIDE) {
      const ref = entries[at];
      if (ref === 0) continue;
      const node = known.at(ref);
      if (node < 0) this.failReference(ref, types.records[user * RECORD_INTS + OFFSET]);
      entries[at] = node;
    }
  }

  private enter(i: number, kind: number): number {
    const { types, pool } = this;
    const { records } = types;
    const at = i * RECORD_INTS;
    const target = this.nodeAt(records[at + REF], records[at + OFFSET]);
    switch (kind) {
      case KIND_VOID:
        return 0;
      case KIND_INT:
      case KIND_FLOAT:
        return enterScalar(pool, kind, records[at + NAME], records[at + SIZE]);
      case KIND_TYPEDEF:
        return pool.typedef(records[at + NAME], target);
      case KIND_TYPE_TAG:
        return pool.typeTag(records[at + NAME], this.enterInnerTags(at, target));
      case KIND_ARRAY:
        return pool.array(target, records[at + SIZE]);
      case KIND_PTR:
      case KIND_CONST:
      case KIND_VOLATILE:
      case KIND_RESTRICT:
        return pool.reference(kind, target);
      default:
        return this.enterList(i, kind, target);
    }
  }

  /** The `count` TYPE_TAGs behind the one whose node is `outer` follow it in the stream. */
  private meetInnerTags(outer: number, key: number, count: number): void {
    const { pool } = this;
    let node = outer;
    for (let i = 1; i <= count; i++) {
      node = pool.nodeB.data[node];
      pool.meet(node, key + i);
    }
  }

  /** Node of the TYPE_TAGs behind the one at `at`, around `target`. */
  private enterInnerTags(at: number, target: number): number {
    const { records, entries } = this.types;
    const start = records[at + START];
    let node = target;
    for (let i = start + records[at + COUNT] - 1; i >= start; i--)
      node = this.pool.typeTag(entries.data[i], node);
    return node;
  }

  private enterList(i: number, kind: number, target: number): number {
    const { pool } = this;
    const { records, entries: entryList } = this.types;
    const at = i * RECORD_INTS;
    const flags = records[at + FLAGS];
    const start = records[at + START];
    const count = records[at + COUNT];
    const entries = entryList.data;
    if (kind === KIND_ENUM)
      return pool.list(
        kind,
        records[at + SIZE],
        flags & (FLAG_OF_KIND | FLAG_OF_ENUM64),
        entries,
        start,
        count,
      );
    this.resolveEntries(entries, start, count, i);
    if (kind === KIND_FUNC_PROTO) return pool.list(kind, target, 0, entries, start, count);
    if ((flags & LOCAL_TYPE_IS_DECLARATION) !== 0) {
      throw new FormatError(
        'btf-unencodable',
        { format: 'dwarf', section: '.debug_info', offset: records[at + OFFSET] },
        'forward declaration without a name',
      );
    }
    return pool.list(kind, records[at + SIZE], flags & FLAG_OF_KIND, entries, start, count);
  }
}

/**
 * Node of a base type. Sizes of integers that BTF cannot express come from compilers' temporaries; pahole writes a stand-in for them,
 * so do we.
 * @param word size << 8 | encoding
 */
export function enterScalar(pool: TypePool, kind: number, name: number, word: number): number {
  if (kind === KIND_FLOAT) return pool.scalar(kind, name, word);
  const bytes = word >>> 8;
  const isOdd = bytes === 0 || bytes > 16 || (bytes & (bytes - 1)) !== 0;
  return isOdd
    ? pool.scalar(KIND_INT, SANITIZED_INT_NAME, (4 << 8) | (word & 0xff))
    : pool.scalar(KIND_INT, name, word);
}
