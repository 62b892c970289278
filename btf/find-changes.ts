/**
 * Which definitions of two BTFs differ in themselves: references to named types count by kind and name, so one changed
 * struct is one change and does not spread to all that refer to it.
 */

import { type CompareTolerances, buildCompareGraph } from './compare-graph.ts';
import { BTF_KIND, BTF_KIND_NAMES, type BtfKindName } from './constants.ts';
import { coarsestPartition } from './partition.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** All that one (kind, name) stands for, as far as the other BTF lacks it. */
export interface ChangedDefinitions {
  /** ENUM64 is listed as ENUM: a name has one or the other. */
  readonly kind: BtfKindName;
  /** "" for the anonymous types of the kind taken together. */
  readonly name: string;
  /** `only-a`, `only-b`: the other BTF has no such name. `changed`: both have it, defined differently. */
  readonly what: 'only-a' | 'only-b' | 'changed';
  /** One id for each definition that the other lacks. */
  readonly idsA: readonly number[];
  readonly idsB: readonly number[];
}

interface Definitions {
  readonly kind: number;
  readonly name: string;
  /** Ids in A and B by class. */
  readonly a: Map<number, number>;
  readonly b: Map<number, number>;
}

/** In the order in which A, and then B, have them. */
export function findChanges(a: Btf, b: Btf, tolerances: CompareTolerances = {}): ChangedDefinitions[] {
  const graph = buildCompareGraph([a, b], tolerances, true);
  const { classOf, classCount } = coarsestPartition(graph);
  const inA = classesOf(a, 0);
  const inB = classesOf(b, 1);

  const found = new Map<number, Definitions>();
  collect(a, 0, inB, 'a');
  collect(b, 1, inA, 'b');

  const namesA = namesIn(a, 0);
  const namesB = namesIn(b, 1);
  return [...found.entries()].map(([key, definitions]) => ({
    kind: BTF_KIND_NAMES[definitions.kind],
    name: definitions.name,
    what: !namesB.has(key) ? 'only-a' : !namesA.has(key) ? 'only-b' : 'changed',
    idsA: [...definitions.a.values()],
    idsB: [...definitions.b.values()],
  }));

  function classesOf(btf: Btf, index: number): Uint8Array {
    const present = new Uint8Array(classCount);
    for (let id = 1; id < btf.typeCount; id++) present[classOf[graph.firstNode[index] + id]] = 1;
    return present;
  }

  /** Notes every definition of `btf` whose class the other BTF lacks. */
  function collect(btf: Btf, index: number, inOther: Uint8Array, side: 'a' | 'b'): void {
    for (let id = btf.firstId; id < btf.typeCount; id++) {
      const node = graph.firstNode[index] + id;
      const c = classOf[node];
      const kind = listedKind(btf, id);
      if (inOther[c] === 1 || graph.ignored[node] === 1 || kind === undefined) continue;
      const key = keyOf(node, kind);
      let definitions = found.get(key);
      if (definitions === undefined) {
        definitions = { kind, name: btf.name(id), a: new Map(), b: new Map() };
        found.set(key, definitions);
      }
      if (!definitions[side].has(c)) definitions[side].set(c, id);
    }
  }

  /** Which of the names in question the BTF has at all. */
  function namesIn(btf: Btf, index: number): Set<number> {
    const names = new Set<number>();
    for (let id = 1; id < btf.typeCount; id++) {
      const kind = listedKind(btf, id);
      if (kind === undefined) continue;
      const key = keyOf(graph.firstNode[index] + id, kind);
      if (found.has(key)) names.add(key);
    }
    return names;
  }

  function keyOf(node: number, kind: number): number {
    return graph.names[node] * 32 + kind;
  }
}

/** The kind a type is listed under; undefined for kinds without identity of their own (PTR, ARRAY, CONST …). */
function listedKind(btf: Btf, id: number): number | undefined {
  const kind = btf.kind(id);
  switch (kind) {
    case K.PTR:
    case K.ARRAY:
    case K.VOLATILE:
    case K.CONST:
    case K.RESTRICT:
    case K.FUNC_PROTO:
    case K.TYPE_TAG:
      return undefined;
    case K.ENUM64:
      return K.ENUM;
    default:
      return kind;
  }
}
