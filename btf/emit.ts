/**
 * Writes the types of a pool as BTF (Documentation/bpf/btf.rst): ids in the order in which types first occur in the
 * stream, strings in the order of first use, as libbpf leaves them after btf__dedup.
 */

import { BTF_HEADER_BYTES, BTF_KIND, BTF_MAGIC, BTF_VERSION } from './constants.ts';
import { FormatError } from '../elf/format-error.ts';
import { IntList } from './int-list.ts';
import { orderByKey } from './order-by-key.ts';
import type { StringPool } from './string-pool.ts';
import {
  ENTRY_INTS,
  FLAG_ENUM64,
  FLAG_KIND,
  LEAF_ENUM,
  LEAF_STRUCT,
  LEAF_UNION,
  NEVER,
  type TypePool,
} from './type-pool.ts';

/** A FUNC: its name and FUNC_PROTO node; occurs right after its prototype at `key`. */
export interface EmittedFunction {
  readonly key: number;
  readonly name: number;
  readonly proto: number;
}

/** A VAR with its place in the DATASEC. */
export interface EmittedVariable {
  readonly key: number;
  readonly name: number;
  readonly node: number;
  /** BTF_VAR_STATIC 0 or BTF_VAR_GLOBAL_ALLOCATED 1. */
  readonly linkage: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A string that is used at `key`, by a type or not: the string table is in the order of first use. */
export interface EmittedName {
  readonly key: number;
  readonly name: number;
}

/** A DECL_TAG at `key`. */
export interface EmittedTag {
  readonly key: number;
  /** Its value. */
  readonly name: number;
  /** What it is on: a node, or the number of a function or variable of the same input. */
  readonly on: 'node' | 'function' | 'variable';
  readonly target: number;
  /** Member or parameter, or -1 for the whole. */
  readonly component: number;
}

export interface EmitInput {
  readonly pool: TypePool;
  readonly strings: StringPool;
  readonly names: readonly EmittedName[];
  readonly functions: readonly EmittedFunction[];
  readonly variables: readonly EmittedVariable[];
  readonly tags: readonly EmittedTag[];
  /** Name of the DATASEC the variables are in; used when there are any. */
  readonly sectionName: string;
  /** Node that every array has as index type; 0 when there is no array. */
  readonly indexNode: number;
  readonly littleEndian: boolean;
}

export interface Emitted {
  readonly bytes: Uint8Array;
  readonly typeCount: number;
  readonly stringBytes: number;
  /** Number of types by BTF kind. */
  readonly kindCounts: Int32Array;
}

/** Byte order of typed arrays on this machine. */
const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** The kernel takes at most 16 bits of list length (UAPI before 2026). */
const MAX_ENTRIES = 0xffff;

/** What stands at a place of the stream. */
const ITEM_NODE = 0;
const ITEM_DEFINITION = 1;
/** A forward declaration of a name that has a definition: only its string counts. */
const ITEM_NAME = 2;
const ITEM_FUNCTION = 3;
const ITEM_VARIABLE = 4;
/** A string alone. */
const ITEM_STRING = 5;
const ITEM_TAG = 6;
const ITEM_BITS = 3;

function unencodable(what: string): FormatError {
  return new FormatError('btf-unencodable', { format: 'btf' }, what);
}

/**
 * The BTF blob of everything that was met in the stream.
 * @throws FormatError `btf-unencodable` when a list or the whole exceeds what BTF can hold.
 */
export function emitBtf(input: EmitInput): Emitted {
  const order = streamOrder(input);
  const writer = new Writer(input, order);
  return writer.write();
}

/** Items (index << ITEM_BITS | what) sorted by their place in the stream. */
function streamOrder(input: EmitInput): Float64Array {
  const { pool, functions, variables, names, tags } = input;
  const most =
    pool.nodeTotal + pool.defTotal + functions.length + variables.length + names.length + tags.length;
  const keys = new Float64Array(most);
  const items = new Float64Array(most);
  let total = 0;
  const add = (key: number, index: number, what: number): void => {
    if (key === NEVER) return;
    keys[total] = key;
    items[total++] = index * (1 << ITEM_BITS) + what;
  };
  for (let node = 1; node < pool.nodeTotal; node++) {
    const isLeaf = pool.nodeKind.at(node) >= LEAF_STRUCT;
    add(pool.nodeKey.at(node), node, isLeaf && pool.nodeCount.at(node) >= 0 ? ITEM_NAME : ITEM_NODE);
  }
  for (let def = 0; def < pool.defTotal; def++) add(pool.defKey.at(def), def, ITEM_DEFINITION);
  functions.forEach((func, index) => add(func.key, index, ITEM_FUNCTION));
  variables.forEach((variable, index) => add(variable.key, index, ITEM_VARIABLE));
  names.forEach(({ key }, index) => add(key, index, ITEM_STRING));
  tags.forEach(({ key }, index) => add(key, index, ITEM_TAG));

  const order = orderByKey(keys, total);
  const sorted = new Float64Array(total);
  for (let i = 0; i < total; i++) sorted[i] = items[order[i]];
  return sorted;
}

class Writer {
  private readonly input: EmitInput;
  private readonly order: Float64Array;
  private readonly nodeIds: Int32Array;
  private readonly defIds: Int32Array;
  private readonly functionIds: Int32Array;
  private readonly variableIds: Int32Array;
  private readonly kindCounts = new Int32Array(32);
  private readonly stringOffsets: Int32Array;
  private readonly stringOrder: number[] = [];
  private stringBytes = 1;
  private readonly words = new IntList(1 << 16);

  constructor(input: EmitInput, order: Float64Array) {
    this.input = input;
    this.order = order;
    this.nodeIds = new Int32Array(input.pool.nodeTotal);
    this.defIds = new Int32Array(input.pool.defTotal);
    this.functionIds = new Int32Array(input.functions.length);
    this.variableIds = new Int32Array(input.variables.length);
    this.stringOffsets = new Int32Array(input.strings.total);
  }

  write(): Emitted {
    const typeCount = this.assignIds();
    for (const item of this.order) this.item(Math.floor(item / (1 << ITEM_BITS)), item % (1 << ITEM_BITS));
    if (this.input.variables.length > 0) this.datasec();
    const bytes = this.assemble();
    return {
      bytes,
      typeCount: typeCount + (this.input.variables.length > 0 ? 1 : 0),
      stringBytes: this.stringBytes,
      kindCounts: this.kindCounts,
    };
  }

  private assignIds(): number {
    const { pool } = this.input;
    let next = 1;
    for (const item of this.order) {
      const index = Math.floor(item / (1 << ITEM_BITS));
      switch (item % (1 << ITEM_BITS)) {
        case ITEM_NODE:
          this.nodeIds[index] = next++;
          break;
        case ITEM_DEFINITION:
          this.defIds[index] = next++;
          break;
        case ITEM_FUNCTION:
          this.functionIds[index] = next++;
          break;
        case ITEM_VARIABLE:
          this.variableIds[index] = next++;
          break;
        case ITEM_TAG:
          next++;
          break;
        default:
      }
    }
    for (let def = 0; def < pool.defTotal; def++) {
      const leaf = pool.defLeaf.at(def);
      // A leaf with several definitions here would be an unfinished refinement, and a wrong type in a kernel's BTF.
      if (this.nodeIds[leaf] !== 0) throw new Error(`leaf ${leaf} has two identities`);
      this.nodeIds[leaf] = this.defIds[def];
    }
    return next - 1;
  }

  private id(node: number): number {
    const id = this.nodeIds[node];
    if (id === 0 && node !== 0) throw new Error(`node ${node} is referred to but does not occur`);
    return id;
  }

  private item(index: number, what: number): void {
    const { pool, functions, variables, names, tags } = this.input;
    switch (what) {
      case ITEM_NODE:
        this.node(index);
        return;
      case ITEM_DEFINITION: {
        const leaf = pool.defLeaf.at(index);
        const kind = pool.nodeKind.at(leaf);
        const flags = pool.defFlags.at(index);
        const start = pool.defStart.at(index);
        const count = pool.defCount.at(index);
        const name = this.string(pool.nodeA.at(leaf));
        if (kind === LEAF_ENUM) this.enumeration(name, pool.defSize.at(index), flags, start, count);
        else
          this.composite(
            kind === LEAF_UNION ? BTF_KIND.UNION : BTF_KIND.STRUCT,
            name,
            pool.defSize.at(index),
            flags,
            start,
            count,
          );
        return;
      }
      case ITEM_NAME:
        this.string(pool.nodeA.at(index));
        return;
      case ITEM_FUNCTION: {
        const func = functions[index];
        this.record(BTF_KIND.FUNC, this.string(func.name), 0, 0, this.id(func.proto));
        return;
      }
      case ITEM_STRING:
        this.string(names[index].name);
        return;
      case ITEM_TAG: {
        const tag = tags[index];
        this.record(BTF_KIND.DECL_TAG, this.string(tag.name), 0, 0, this.tagTarget(tag));
        this.word(tag.component);
        return;
      }
      default: {
        const variable = variables[index];
        this.record(BTF_KIND.VAR, this.string(variable.name), 0, 0, this.id(variable.node));
        this.word(variable.linkage);
      }
    }
  }

  private tagTarget({ on, target }: EmittedTag): number {
    switch (on) {
      case 'node':
        return this.id(target);
      case 'function':
        return this.functionIds[target];
      default:
        return this.variableIds[target];
    }
  }

  private node(node: number): void {
    const { pool } = this.input;
    const kind = pool.nodeKind.at(node);
    const a = pool.nodeA.at(node);
    const b = pool.nodeB.at(node);
    const start = pool.nodeStart.at(node);
    const count = pool.nodeCount.at(node);
    switch (kind) {
      case BTF_KIND.INT: {
        const bytes = b >>> 8;
        this.record(kind, this.string(a), 0, 0, bytes);
        this.word(((b & 0xff) << 24) | (bytes * 8));
        return;
      }
      case BTF_KIND.FLOAT:
        this.record(kind, this.string(a), 0, 0, b >>> 8);
        return;
      case BTF_KIND.TYPEDEF:
      case BTF_KIND.TYPE_TAG:
        this.record(kind, this.string(a), 0, 0, this.id(b));
        return;
      case BTF_KIND.PTR:
      case BTF_KIND.CONST:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.RESTRICT:
        this.record(kind, 0, 0, 0, this.id(b));
        return;
      case BTF_KIND.ARRAY:
        this.record(kind, 0, 0, 0, 0);
        this.word(this.id(b));
        this.word(this.id(this.input.indexNode));
        this.word(start);
        return;
      case BTF_KIND.FUNC_PROTO:
        this.record(kind, 0, count, 0, this.id(a));
        this.named(start, count);
        return;
      case BTF_KIND.ENUM:
        this.enumeration(0, a, b, start, count);
        return;
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        this.composite(kind, 0, a, b, start, count);
        return;
      case LEAF_ENUM:
        // An enum that is only declared: no values, the size of an int.
        this.enumeration(this.string(a), 4, 0, 0, 0);
        return;
      default:
        this.record(BTF_KIND.FWD, this.string(a), 0, kind === LEAF_UNION ? 1 : 0, 0);
    }
  }

  private composite(
    kind: number,
    name: number,
    size: number,
    flags: number,
    start: number,
    count: number,
  ): void {
    const { entries } = this.input.pool;
    this.record(kind, name, count, flags & FLAG_KIND, size);
    for (let at = start; at < start + count * ENTRY_INTS; at += ENTRY_INTS) {
      this.word(this.string(entries.at(at)));
      this.word(this.id(entries.at(at + 2)));
      this.word(entries.at(at + 1));
    }
  }

  private named(start: number, count: number): void {
    const { entries } = this.input.pool;
    for (let at = start; at < start + count * ENTRY_INTS; at += ENTRY_INTS) {
      this.word(this.string(entries.at(at)));
      this.word(this.id(entries.at(at + 2)));
    }
  }

  private enumeration(name: number, size: number, flags: number, start: number, count: number): void {
    const { entries } = this.input.pool;
    const isWide = (flags & FLAG_ENUM64) !== 0;
    this.record(isWide ? BTF_KIND.ENUM64 : BTF_KIND.ENUM, name, count, flags & FLAG_KIND, size);
    for (let at = start; at < start + count * ENTRY_INTS; at += ENTRY_INTS) {
      this.word(this.string(entries.at(at)));
      this.word(entries.at(at + 1));
      if (isWide) this.word(entries.at(at + 2));
    }
  }

  /** The DATASEC comes last: all variables by offset; its size ends with the last of them. */
  private datasec(): void {
    const { variables, strings, sectionName } = this.input;
    const sorted = variables.map((variable, index) => ({ variable, index }));
    sorted.sort((a, b) => a.variable.offset - b.variable.offset);
    const last = sorted[sorted.length - 1]?.variable;
    this.record(
      BTF_KIND.DATASEC,
      this.string(strings.addText(sectionName)),
      sorted.length,
      0,
      last.offset + last.sizeBytes,
    );
    for (const { variable, index } of sorted) {
      this.word(this.variableIds[index]);
      this.word(variable.offset);
      this.word(variable.sizeBytes);
    }
  }

  /** Offset of a string in the table; enters it on first use. */
  private string(id: number): number {
    if (id === 0) return 0;
    // The section's name is interned late, beyond the array; it is used once.
    const known = id < this.stringOffsets.length ? this.stringOffsets[id] : 0;
    if (known !== 0) return known;
    const offset = this.stringBytes;
    if (id < this.stringOffsets.length) this.stringOffsets[id] = offset;
    this.stringOrder.push(id);
    this.stringBytes += this.input.strings.byteLength(id) + 1;
    return offset;
  }

  private record(kind: number, name: number, count: number, kindFlag: number, sizeOrType: number): void {
    if (count > MAX_ENTRIES) throw unencodable(`a type has ${count} entries, BTF holds ${MAX_ENTRIES}`);
    this.kindCounts[kind] = this.kindCounts[kind] + 1;
    this.word(name);
    this.word(((kindFlag === 0 ? 0 : 1) << 31) | (kind << 24) | count);
    this.word(sizeOrType);
  }

  private word(value: number): void {
    this.words.push(value);
  }

  private assemble(): Uint8Array {
    const { littleEndian, strings } = this.input;
    const { data: words, length } = this.words;
    const typeBytes = length * 4;
    const bytes = new Uint8Array(BTF_HEADER_BYTES + typeBytes + this.stringBytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, BTF_MAGIC, littleEndian);
    view.setUint8(2, BTF_VERSION);
    view.setUint32(4, BTF_HEADER_BYTES, littleEndian);
    view.setUint32(12, typeBytes, littleEndian);
    view.setUint32(16, typeBytes, littleEndian);
    view.setUint32(20, this.stringBytes, littleEndian);
    if (littleEndian === IS_LITTLE_ENDIAN)
      bytes.set(new Uint8Array(words.buffer, 0, typeBytes), BTF_HEADER_BYTES);
    else for (let i = 0; i < length; i++) view.setInt32(BTF_HEADER_BYTES + 4 * i, words[i], littleEndian);
    let at = BTF_HEADER_BYTES + typeBytes + 1;
    for (const id of this.stringOrder) {
      strings.copyTo(id, bytes, at);
      at += strings.byteLength(id) + 1;
    }
    return bytes;
  }
}
