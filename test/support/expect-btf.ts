/** Compares two BTFs for a test, and says in words what differs. */

import { compareDeep, compareShallow, decodeBtf } from '../../btf/index.ts';

/** Throws unless both are the same bytes; the message lists definitions, not offsets. */
export function expectSameBytes(ours: Uint8Array, theirs: Uint8Array): void {
  if (Buffer.compare(ours, theirs) === 0) return;
  throw new Error(
    `not identical to pahole's (${ours.length} and ${theirs.length} bytes): ${explain(ours, theirs)}`,
  );
}

/** Throws unless all types but functions and variables are equal, whatever their ids. */
export function expectEqualTypes(ours: Uint8Array, theirs: Uint8Array): void {
  if (compareDeep(decodeBtf(ours), decodeBtf(theirs)).equalTypes) return;
  throw new Error(`types differ from pahole's: ${explain(ours, theirs)}`);
}

function explain(ours: Uint8Array, theirs: Uint8Array): string {
  const [a, b] = [decodeBtf(ours), decodeBtf(theirs)];
  const { differences } = compareShallow(a, b, { max: 8 });
  const lines = differences.flatMap(({ kind, name, what, linesA, linesB }) => [
    `${what} ${kind} ${name === '' ? '(anonymous)' : name}`,
    ...linesA.map((line) => `  ours   ${line}`),
    ...linesB.map((line) => `  pahole ${line}`),
  ]);
  if (lines.length > 0) return `\n${lines.join('\n')}`;
  const id = firstDifferentId(a, b);
  if (id === undefined) return 'types agree in content and order, so only strings can differ';
  return `the same types in another order or multiplicity, from id ${id}: ours ${a.kind(id)} "${a.name(id)}", pahole ${b.kind(id)} "${b.name(id)}"`;
}

function firstDifferentId(
  a: ReturnType<typeof decodeBtf>,
  b: ReturnType<typeof decodeBtf>,
): number | undefined {
  const count = Math.min(a.typeCount, b.typeCount);
  for (let id = 1; id < count; id++) {
    const same =
      a.kind(id) === b.kind(id) &&
      a.name(id) === b.name(id) &&
      a.vlen(id) === b.vlen(id) &&
      a.sizeOrType(id) === b.sizeOrType(id);
    if (!same) return id;
  }
  return a.typeCount === b.typeCount ? undefined : count;
}
