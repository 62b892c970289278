/**
 * What differs between two BTFs, for people: named definitions that only one has, and names whose definitions differ.
 * References to named types count by kind and name, so one changed struct is one difference and does not spread.
 */

import type { CompareTolerances } from './compare-graph.ts';
import type { BtfKindName } from './constants.ts';
import { describeLines } from './describe.ts';
import { type ChangedDefinitions, findChanges } from './find-changes.ts';
import type { Btf } from './view.ts';

/** One name whose definitions differ, or that only one BTF has. */
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

/** The answer of {@link compareShallow}: counts by kind of all differences, and the first of them in words. */
export interface ShallowComparison {
  readonly onlyA: Partial<Record<BtfKindName, number>>;
  readonly onlyB: Partial<Record<BtfKindName, number>>;
  readonly changed: Partial<Record<BtfKindName, number>>;
  /** The first `max` differences: changed definitions before missing ones, types before functions. */
  readonly differences: readonly ShallowDifference[];
}

/** How much {@link compareShallow} says, and what it looks past. */
export interface ShallowOptions {
  /** Differences to spell out. Default 25. */
  readonly max?: number;
  readonly tolerances?: CompareTolerances;
}

/** Compares definition by definition; anonymous types are compared through whoever spells them out. */
export function compareShallow(a: Btf, b: Btf, options: ShallowOptions = {}): ShallowComparison {
  const max = options.max ?? 25;
  const onlyA: Partial<Record<BtfKindName, number>> = {};
  const onlyB: Partial<Record<BtfKindName, number>> = {};
  const changed: Partial<Record<BtfKindName, number>> = {};
  const all = findChanges(a, b, options.tolerances);
  for (const { kind, what } of all) {
    const counts = what === 'changed' ? changed : what === 'only-a' ? onlyA : onlyB;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  all.sort((x, y) => rank(x) - rank(y));
  return { onlyA, onlyB, changed, differences: all.slice(0, max).map(spellOut) };

  function spellOut({ kind, name, what, idsA, idsB }: ChangedDefinitions): ShallowDifference {
    const linesA = idsA.slice(0, 3).flatMap((id) => describeLines(a, id));
    const linesB = idsB.slice(0, 3).flatMap((id) => describeLines(b, id));
    return {
      kind,
      name,
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

/** Order of listing: named types, anonymous types, variables, functions; changed ones first in each. */
function rank({ kind, name, what }: ChangedDefinitions): number {
  const group = kind === 'FUNC' || kind === 'DECL_TAG' ? 3 : kind === 'VAR' || kind === 'DATASEC' ? 2 : 0;
  return (group === 0 && name === '' ? 1 : group) * 2 + (what === 'changed' ? 0 : 1);
}
