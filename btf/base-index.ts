/** A BTF prepared as the base of split BTFs: made once, then asked for the types and strings of many modules. */

import { BTF_KIND } from './constants.ts';
import { forEachReference } from './references.ts';
import { reverseEdges } from './partition.ts';
import { StringIndex } from './string-index.ts';
import { TypeLabels } from './type-labels.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** What a base has under one name. Ids; 0 for none. */
export interface NamedInBase {
  /** Structs and unions. */
  readonly composites: number[];
  /** The first ENUM or ENUM64 that has values. */
  enumeration: number;
  /** An ENUM without values. */
  enumDeclaration: number;
  structForward: number;
  unionForward: number;
}

/** A kernel's BTF, prepared once for the split BTF of any number of its modules. */
export interface BaseIndex {
  readonly btf: Btf;
  readonly strings: StringIndex;
  readonly labels: TypeLabels;
  /** By string offset as `strings` finds it. */
  readonly named: ReadonlyMap<number, NamedInBase>;
  /** Type n's references are `children[childStart[n] .. childStart[n + 1])`. */
  readonly childStart: Uint32Array;
  readonly children: Uint32Array;
  /** The other way round. */
  readonly parents: { readonly start: Uint32Array; readonly nodes: Uint32Array };
}

/** `btf` is the whole base: a BTF that is not split itself. */
export function indexBase(btf: Btf): BaseIndex {
  const strings = new StringIndex(btf.strings);
  const labels = new TypeLabels(btf, strings);
  const { childStart, children } = referencesOf(btf);
  const nodeCount = btf.typeCount;
  const nothing = new Uint32Array(0);
  const parents = reverseEdges({ nodeCount, childStart, children, labelStart: nothing, labels: nothing });
  return { btf, strings, labels, named: namedTypes(btf, strings), childStart, children, parents };
}

/** All references as flat arrays. */
export function referencesOf(btf: Btf): Pick<BaseIndex, 'childStart' | 'children'> {
  const childStart = new Uint32Array(btf.typeCount + 1);
  // Every reference is a word of its own.
  const children = new Uint32Array(btf.words.length);
  let at = 0;
  for (let id = 0; id < btf.typeCount; id++) {
    forEachReference(btf, id, (target) => (children[at++] = target));
    childStart[id + 1] = at;
  }
  return { childStart, children: children.subarray(0, at) };
}

function namedTypes(btf: Btf, strings: StringIndex): Map<number, NamedInBase> {
  const named = new Map<number, NamedInBase>();
  for (let id = 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    const isEnum = kind === K.ENUM || kind === K.ENUM64;
    if (kind !== K.STRUCT && kind !== K.UNION && kind !== K.FWD && !isEnum) continue;
    const offset = strings.find(btf.strings, btf.nameOffset(id));
    if (offset === 0) continue;
    let entry = named.get(offset);
    if (entry === undefined) {
      entry = { composites: [], enumeration: 0, enumDeclaration: 0, structForward: 0, unionForward: 0 };
      named.set(offset, entry);
    }
    if (kind === K.FWD) {
      if (btf.kindFlag(id)) entry.unionForward ||= id;
      else entry.structForward ||= id;
    } else if (!isEnum) {
      entry.composites.push(id);
    } else if (btf.vlen(id) > 0) {
      entry.enumeration ||= id;
    } else {
      entry.enumDeclaration ||= id;
    }
  }
  return named;
}
