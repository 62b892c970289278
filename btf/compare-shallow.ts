/**
 * What differs between two BTFs, for people: named definitions that only one has, and names whose definitions differ.
 * References to named types count by kind and name, so one changed struct is one difference and does not spread.
 */

import { type CompareTolerances, buildCompareGraph } from './compare-graph.ts';
import { BTF_KIND, BTF_KIND_NAMES, type BtfKindName } from './constants.ts';
import { describeLines } from './describe.ts';
import { coarsestPartition } from './partition.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

export interface ShallowDifference {
  /** ENUM64 is listed as ENUM: a name has one or the other. */
  readonly kind: BtfKindName;
  /** "" for the anonymous types of the kind taken together. */
  readonly name: string;
  /** `only-a`, `only-b`: the other BTF has no such name. `changed`: both have it, defined differently. */
  readonly what: 'only-a' | 'only-b' | 'changed';
  /** Lines of A's definitions that B's lack, and the other way round; cut to a few. */
  readonly linesA: readonly string[];
  readonly linesB: readonly string[];
}

export interface ShallowComparison {
  readonly onlyA: Partial<Record<BtfKindName, number>>;
  readonly onlyB: Partial<Record<BtfKindName, number>>;
  readonly changed: Partial<Record<BtfKindName, number>>;
  /** The first `max` differences: changed definitions before missing ones, types before functions. */
  readonly differences: readonly ShallowDifference[];
}

export interface ShallowOptions {
  /** Differences to spell out. Default 25. */
  readonly max?: number;
  readonly tolerances?: CompareTolerances;
}

/** Definitions of one (kind, name): ids in A and B by class. */
interface Definitions {
  readonly kind: number;
  readonly name: string;
  readonly a: Map<number, number>;
  readonly b: Map<number, number>;
}

/** Compares definition by definition; anonymous types are compared through whoever spells them out. */
export function compareShallow(a: Btf, b: Btf, options: ShallowOptions = {}): ShallowComparison {
  const max = options.max ?? 25;
  const graph = buildCompareGraph([a, b], options.tolerances ?? {}, true);
  const { classOf, classCount } = coarsestPartition(graph);
  const inA = classesOf(a, 0);
  const inB = classesOf(b, 1);

  const found = new Map<number, Definitions>();
  collect(a, 0, inB, 'a');
  collect(b, 1, inA, 'b');

  const onlyA: Partial<Record<BtfKindName, number>> = {};
  const onlyB: Partial<Record<BtfKindName, number>> = {};
  const changed: Partial<Record<BtfKindName, number>> = {};
  const namesA = namesIn(a, 0);
  const namesB = namesIn(b, 1);
  const all = [...found.entries()].map(([key, definitions]) => {
    const what: ShallowDifference['what'] = !namesB.has(key)
      ? 'only-a'
      : !namesA.has(key)
        ? 'only-b'
        : 'changed';
    const counts = what === 'changed' ? changed : what === 'only-a' ? onlyA : onlyB;
    const kind = BTF_KIND_NAMES[definitions.kind];
    counts[kind] = (counts[kind] ?? 0) + 1;
    return { definitions, what };
  });
  all.sort((x, y) => rank(x.definitions, x.what) - rank(y.definitions, y.what));
  const differences = all.slice(0, max).map(({ definitions, what }) => spellOut(definitions, what));
  return { onlyA, onlyB, changed, differences };

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

  function spellOut(definitions: Definitions, what: ShallowDifference['what']): ShallowDifference {
    const linesA = [...definitions.a.values()].slice(0, 3).flatMap((id) => describeLines(a, id));
    const linesB = [...definitions.b.values()].slice(0, 3).flatMap((id) => describeLines(b, id));
    return {
      kind: BTF_KIND_NAMES[definitions.kind],
      name: definitions.name,
      what,
      linesA: linesBeyond(linesA, linesB),
      linesB: linesBeyond(linesB, linesA),
    };
  }
}

const MAX_LINES = 6;
const MAX_LINE_LENGTH = 300;

function linesBeyond(lines: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  const beyond = lines.filter((line) => !known.has(line));
  // The same lines in another order, e.g. swapped enumerators: then the lines themselves do not show it.
  const shown = beyond.length === 0 && lines.length > 0 && lines.length === others.length ? lines : beyond;
  return shown
    .slice(0, MAX_LINES)
    .map((line) => (line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}…` : line));
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

/** Order of listing: named types, anonymous types, variables, functions; changed ones first in each. */
function rank({ kind, name }: Definitions, what: ShallowDifference['what']): number {
  const group = kind === K.FUNC || kind === K.DECL_TAG ? 3 : kind === K.VAR || kind === K.DATASEC ? 2 : 0;
  return (group === 0 && name === '' ? 1 : group) * 2 + (what === 'changed' ? 0 : 1);
}
