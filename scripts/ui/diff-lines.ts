/** The differences of two BTFs as text. */

import { type DiffEntry, type DiffNote, GROUPS } from '../../btf/index.ts';
import type { Palette } from './color.ts';
import { plural, printable } from './format.ts';

const HEADINGS = { changed: 'changed', removed: 'only in the first', added: 'only in the second' } as const;
const WHATS = ['changed', 'removed', 'added'] as const;

/** One line per group with counts, then up to `limit` definitions of each group and way of differing, `limit` lines each. */
export function renderDiff(entries: readonly DiffEntry[], limit: number, paint: Palette): string {
  const lines: string[] = [];
  for (const group of GROUPS) {
    const own = entries.filter((entry) => entry.group === group);
    if (own.length === 0) continue;
    const counts = WHATS.map((what) => own.filter((entry) => entry.what === what).length);
    lines.push(
      `${group}: ${counts[0]} changed, ${counts[1]} only in the first, ${counts[2]} only in the second`,
    );
  }
  for (const group of GROUPS) {
    for (const what of WHATS) {
      const own = entries.filter((entry) => entry.group === group && entry.what === what);
      if (own.length === 0) continue;
      lines.push('', paint.bold(`${group}, ${HEADINGS[what]} (${own.length})`));
      for (const entry of own.slice(0, limit)) lines.push(...entryLines(entry, limit, paint));
      if (own.length > limit) lines.push(paint.dim(`  … and ${own.length - limit} more (--limit)`));
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

function entryLines(entry: DiffEntry, limit: number, paint: Palette): string[] {
  const { what, summary, notes } = entry;
  if (notes.length === 0) {
    const line = `  ${what === 'added' ? '+' : '-'} ${printable(summary)}`;
    return [what === 'added' ? paint.green(line) : paint.red(line)];
  }
  return [
    `  ${printable(titleOf(entry))}`,
    ...notes.slice(0, limit).flatMap((note) => noteLines(note, paint)),
    ...(notes.length > limit ? [paint.dim(`      … and ${notes.length - limit} more (--limit)`)] : []),
  ];
}

/** As C names it. */
function titleOf({ kind, name }: DiffEntry): string {
  switch (kind) {
    case 'FWD':
      // Of a struct or a union, and where that changed, of both.
      return `declaration of ${name}`;
    case 'DATASEC':
      return `section ${name}`;
    case 'DECL_TAG':
      return `tag ${name}`;
    case 'FUNC':
    case 'VAR':
    case 'INT':
    case 'FLOAT':
      return name;
    default:
      return `${kind.toLowerCase()} ${name}`;
  }
}

function noteLines(note: DiffNote, paint: Palette): string[] {
  const { subject, from = '', to = '' } = note;
  const plus = (text: string): string => paint.green(`    + ${printable(text)}`);
  const minus = (text: string): string => paint.red(`    - ${printable(text)}`);
  const tilde = (text: string): string => paint.yellow(`    ~ ${printable(text)}`);
  switch (note.what) {
    case 'size':
      return [tilde(`size ${from} → ${to}`)];
    case 'sign':
      return [tilde(`${from} → ${to}`)];
    case 'member-added':
    case 'value-added':
      return [plus(`${subject}: ${to}`)];
    case 'member-removed':
    case 'value-removed':
      return [minus(`${subject}: ${from}`)];
    case 'member-renamed':
      return [tilde(`${subject} is now ${to}`)];
    case 'member-retyped':
    case 'value-changed':
    case 'bit-size':
      return [tilde(`${subject}: ${from} → ${to}`)];
    case 'member-moved':
      return [tilde(`${subject} moved: ${from} → ${to}`)];
    case 'members-moved':
      if (to === '') return [tilde(`${plural(note.count ?? 0, 'variable')} moved`)];
      return [tilde(`${subject}: ${note.count ?? 0} members moved by ${to}`)];
    case 'values-changed':
      return [tilde(`${subject}: ${note.count ?? 0} values changed by ${to}`)];
    case 'definition-added':
      return [plus(to)];
    case 'definition-removed':
      return [minus(from)];
    case 'order':
      return [tilde('the same parts in another order, or another kind of type behind a name')];
    default:
      return [minus(from), plus(to)];
  }
}
