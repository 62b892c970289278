/**
 * Several BTFs as one labelled graph, for comparing them by partition refinement.
 * A label is what a type says about itself without ids; names are joint string numbers.
 * Left out on purpose: kind_flag of structs and unions (a choice of representation) and the index type of arrays.
 */

import { BTF_INT_SIGNED, BTF_KIND } from './constants.ts';
import { JointStrings } from './joint-strings.ts';
import type { LabelledGraph } from './partition.ts';
import { forEachReference } from './references.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** Label word of the stand-ins for named types; no kind has this number. */
const LEAF = 0x80;

/**
 * Differences between two encoders' rules that are not differences of the described program. Each one that is on
 * makes the comparison blind to that difference in both BTFs.
 */
export interface CompareTolerances {
  /** FLOAT counts as the INT without encoding that encoders without floats write. */
  readonly floatAsInt?: boolean;
  /** TYPE_TAG counts as what it tags, DECL_TAG is not looked at. */
  readonly ignoreTags?: boolean;
  /** FWD counts as the only struct or union of its name and kind, if the same BTF has one (libbpf before 1.1 left some). */
  readonly resolveForwards?: boolean;
  /** Array of array counts as one array of the product of their lengths (pahole before 1.32 writes that). */
  readonly flattenArrays?: boolean;
  /** INT `char` and `signed char` may be signed or not (pahole before 1.24 wrote them unsigned). */
  readonly ignoreCharSign?: boolean;
  /** ENUM and ENUM64, signed or not, are one kind whose values have 32 bits (pahole before 1.24). */
  readonly ignoreEnumKind?: boolean;
}

export interface CompareGraph extends LabelledGraph {
  /** Node of id 0, by BTF; id n is n nodes further on. Stand-in nodes come last. */
  readonly firstNode: readonly number[];
  /** By node: joint number of its name, 0 for none. */
  readonly names: Uint32Array;
  /** 1 for nodes that a tolerance made meaningless of themselves (a resolved FWD, a tag, an inner array). */
  readonly ignored: Uint8Array;
}

/**
 * `cutAtNames` replaces every reference to a named type by a stand-in for "the type of that kind and name", so that
 * a change shows only in the types that spell it out, not in all that refer to them.
 */
export function buildCompareGraph(
  btfs: readonly Btf[],
  tolerances: CompareTolerances,
  cutAtNames: boolean,
): CompareGraph {
  const typeNodes = btfs.reduce((sum, btf) => sum + btf.typeCount, 0);
  const wordCount = btfs.reduce((sum, btf) => sum + btf.words.length, 0);
  // Every type may need a stand-in; each node has at most its record's words plus two as label.
  const maxNodes = cutAtNames ? typeNodes * 2 : typeNodes;
  const labels = new Uint32Array(wordCount + 2 * maxNodes);
  const labelStart = new Uint32Array(maxNodes + 1);
  const children = new Uint32Array(wordCount);
  const childStart = new Uint32Array(maxNodes + 1);
  const names = new Uint32Array(maxNodes);
  const ignored = new Uint8Array(maxNodes);
  const strings = new JointStrings();
  const standIns = new Map<number, number>();
  const standInKinds: number[] = [];
  const standInNames: number[] = [];
  const firstNode: number[] = [];
  let labelAt = 0;
  let childAt = 0;
  let node = 0;
  for (const btf of btfs) {
    firstNode.push(node);
    addTypes(btf, node);
    node += btf.typeCount;
  }
  for (let i = 0; i < standInKinds.length; i++, node++) {
    labels[labelAt++] = LEAF | standInKinds[i];
    labels[labelAt++] = standInNames[i];
    labelStart[node + 1] = labelAt;
    childStart[node + 1] = childAt;
  }
  return { nodeCount: node, labelStart, labels, childStart, children, firstNode, names, ignored };

  function addTypes(btf: Btf, first: number): void {
    const { words } = btf;
    const numberOf = strings.numbering(btf.strings);
    const meant = meantTypes(btf, tolerances);
    for (let id = 0; id < btf.typeCount; id++) {
      addType(id);
      labelStart[first + id + 1] = labelAt;
      childStart[first + id + 1] = childAt;
    }
    markIgnored(btf, meant, tolerances, ignored.subarray(first, first + btf.typeCount));

    function addType(id: number): void {
      const kind = btf.kind(id);
      const at = btf.offsets[id];
      const vlen = btf.vlen(id);
      const flag = btf.kindFlag(id) ? 1 : 0;
      const name = numberOf(words[at]);
      names[first + id] = name;
      switch (kind) {
        case K.VOID:
          label(kind);
          return;
        case K.INT:
          label(kind, name, words[at + 2], intWord(btf, id, tolerances));
          return;
        case K.FLOAT:
          if (tolerances.floatAsInt === true) label(K.INT, name, words[at + 2], words[at + 2] * 8);
          else label(kind, name, words[at + 2]);
          return;
        case K.ARRAY: {
          const inner = tolerances.flattenArrays === true ? innerArray(btf, id) : id;
          let length = btf.arrayLength(id);
          for (let i = id; i !== inner; ) {
            i = btf.arrayElementType(i);
            length = Math.imul(length, btf.arrayLength(i)) >>> 0;
          }
          label(kind, length);
          child(btf.arrayElementType(inner));
          return;
        }
        case K.STRUCT:
        case K.UNION:
          label(kind, name, words[at + 2]);
          for (let i = 0, entry = at + 3; i < vlen; i++, entry += 3) {
            const offset = words[entry + 2];
            if (flag === 1) label(numberOf(words[entry]), offset & 0xff_ffff, offset >>> 24);
            else label(numberOf(words[entry]), offset, 0);
            child(words[entry + 1]);
          }
          return;
        case K.ENUM:
        case K.ENUM64: {
          const step = kind === K.ENUM ? 2 : 3;
          const short = tolerances.ignoreEnumKind === true;
          label(short ? K.ENUM : kind, short ? 0 : flag, name, words[at + 2]);
          for (let i = 0, entry = at + 3; i < vlen; i++, entry += step) {
            label(numberOf(words[entry]), words[entry + 1]);
            if (step === 3 && !short) label(words[entry + 2]);
          }
          return;
        }
        case K.FWD:
          label(kind, flag, name);
          return;
        case K.FUNC_PROTO:
          label(kind);
          child(words[at + 2]);
          for (let i = 0, entry = at + 3; i < vlen; i++, entry += 2) {
            label(numberOf(words[entry]));
            child(words[entry + 1]);
          }
          return;
        case K.FUNC:
          label(kind, name, vlen);
          child(words[at + 2]);
          return;
        case K.VAR:
        case K.DECL_TAG:
          label(kind, name, words[at + 3]);
          child(words[at + 2]);
          return;
        case K.DATASEC:
          label(kind, name, words[at + 2]);
          for (let i = 0, entry = at + 3; i < vlen; i++, entry += 3) {
            label(words[entry + 1], words[entry + 2]);
            child(words[entry]);
          }
          return;
        case K.TYPE_TAG:
          label(kind, name, flag);
          child(words[at + 2]);
          return;
        default:
          label(kind, name);
          child(words[at + 2]);
      }
    }

    function child(id: number): void {
      const target = meant[id];
      children[childAt++] = (cutAtNames ? standInFor(target) : undefined) ?? first + target;
    }

    function standInFor(id: number): number | undefined {
      const kind = leafKind(btf, id);
      if (kind === undefined) return undefined;
      const name = numberOf(btf.nameOffset(id));
      if (name === 0) return undefined;
      // Names are fewer than 2^25 and kinds below 2^6, so the key is an exact integer.
      const key = name * 64 + kind;
      let standIn = standIns.get(key);
      if (standIn === undefined) {
        standIn = typeNodes + standInKinds.length;
        standIns.set(key, standIn);
        standInKinds.push(kind);
        standInNames.push(name);
      }
      return standIn;
    }
  }

  function label(...parts: number[]): void {
    for (const part of parts) labels[labelAt++] = part;
  }
}

/** How a named type appears where it is only referred to; undefined for kinds that are spelled out. */
function leafKind(btf: Btf, id: number): number | undefined {
  const kind = btf.kind(id);
  switch (kind) {
    case K.STRUCT:
    case K.UNION:
    case K.TYPEDEF:
    case K.VAR:
    case K.FUNC:
      return kind;
    case K.ENUM:
    case K.ENUM64:
      return K.ENUM;
    case K.INT:
    case K.FLOAT:
      return K.INT;
    case K.FWD:
      return btf.kindFlag(id) ? 33 : 32;
    default:
      return undefined;
  }
}

/** By id: the type that a reference to it stands for under the tolerances; mostly itself. */
function meantTypes(btf: Btf, tolerances: CompareTolerances): Uint32Array {
  const meant = new Uint32Array(btf.typeCount);
  for (let id = 0; id < meant.length; id++) meant[id] = id;
  if (tolerances.resolveForwards === true) resolveForwards(btf, meant);
  if (tolerances.ignoreTags === true) {
    for (let id = 0; id < meant.length; id++) {
      let target = id;
      // A ring of tags leads nowhere: more steps than types means it is one, and the tag then stands for itself.
      for (let steps = 0; btf.kind(target) === K.TYPE_TAG; steps++) {
        if (steps === 64) {
          target = id;
          break;
        }
        target = btf.sizeOrType(target);
      }
      meant[id] = meant[target];
    }
  }
  return meant;
}

function resolveForwards(btf: Btf, meant: Uint32Array): void {
  const definitions = uniqueComposites(btf);
  for (let id = 0; id < meant.length; id++) {
    if (btf.kind(id) !== K.FWD) continue;
    meant[id] = definitions(id) ?? id;
  }
}

/**
 * For a FWD of this BTF: the id of the only struct or union (as its kind_flag says) of its name, undefined when there
 * is none or several.
 */
export function uniqueComposites(btf: Btf): (forwardId: number) => number | undefined {
  const numberOf = new JointStrings().numbering(btf.strings);
  const byName = new Map<number, number>();
  for (let id = 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if (kind !== K.STRUCT && kind !== K.UNION) continue;
    const key = numberOf(btf.nameOffset(id)) * 2 + (kind === K.UNION ? 1 : 0);
    byName.set(key, byName.has(key) ? 0 : id);
  }
  return (forwardId) => {
    const name = numberOf(btf.nameOffset(forwardId));
    const id = byName.get(name * 2 + (btf.kindFlag(forwardId) ? 1 : 0));
    return id === undefined || id === 0 || name === 0 ? undefined : id;
  };
}

/** The innermost array of a chain of directly nested arrays; the array itself when the chain is a ring. */
function innerArray(btf: Btf, id: number): number {
  let inner = id;
  for (let depth = 0; depth < 64; depth++) {
    const element = btf.arrayElementType(inner);
    if (btf.kind(element) !== K.ARRAY) return inner;
    inner = element;
  }
  return id;
}

/** Encoding, offset and width of an INT; no reader looks at the bits between (BTF_INT_* in the kernel's btf.h). */
const INT_WORD_MASK = 0x0fff_00ff;

function intWord(btf: Btf, id: number, tolerances: CompareTolerances): number {
  const word = btf.words[btf.offsets[id] + 3] & INT_WORD_MASK;
  if (tolerances.ignoreCharSign !== true || btf.sizeOrType(id) !== 1) return word;
  const name = btf.name(id);
  return name === 'char' || name === 'signed char' ? word & ~(BTF_INT_SIGNED << 24) : word;
}

function markIgnored(btf: Btf, meant: Uint32Array, tolerances: CompareTolerances, ignored: Uint8Array): void {
  for (let id = 0; id < meant.length; id++) {
    if (meant[id] !== id) ignored[id] = 1;
    if (tolerances.ignoreTags === true && btf.kind(id) === K.DECL_TAG) ignored[id] = 1;
  }
  if (tolerances.flattenArrays === true) markInnerArrays(btf, ignored);
}

/** An array that only other arrays refer to exists for their sake. */
function markInnerArrays(btf: Btf, ignored: Uint8Array): void {
  const { words } = btf;
  const inArray = new Uint8Array(btf.typeCount);
  const elsewhere = new Uint8Array(btf.typeCount);
  for (let id = 1; id < btf.typeCount; id++) {
    const at = btf.offsets[id];
    const kind = btf.kind(id);
    if (kind === K.ARRAY) inArray[words[at + 3]] = 1;
    else forEachReference(btf, id, (target) => (elsewhere[target] = 1));
  }
  for (let id = 1; id < btf.typeCount; id++) {
    if (btf.kind(id) === K.ARRAY && inArray[id] === 1 && elsewhere[id] === 0) ignored[id] = 1;
  }
}
