/** Types by name. */

import { BTF_KIND } from './constants.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** What may stand before a name to say which kind is meant, as C writes it. */
const KIND_WORDS: Readonly<Record<string, readonly number[]>> = {
  struct: [K.STRUCT, K.FWD],
  union: [K.UNION, K.FWD],
  enum: [K.ENUM, K.ENUM64],
  typedef: [K.TYPEDEF],
  func: [K.FUNC],
  var: [K.VAR],
};

/**
 * Ids of all types of a name, ascending; DECL_TAGs, whose name is their text, do not count.
 * @param query a name, or a kind and a name: `struct page`, `func schedule`
 */
export function findTypes(btf: Btf, query: string): number[] {
  const [, word, rest] = /^(struct|union|enum|typedef|func|var)\s+(\S.*)$/u.exec(query.trim()) ?? [];
  const kinds = word === undefined ? undefined : KIND_WORDS[word];
  const name = (rest ?? query).trim();
  const ids: number[] = [];
  for (let id = 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if (kind === K.DECL_TAG || kind === K.TYPE_TAG || btf.nameOffset(id) === 0) continue;
    if (kinds !== undefined && !kinds.includes(kind)) continue;
    if (btf.name(id) === name) ids.push(id);
  }
  return ids;
}

/** Longest name that suggestions are looked for: the work grows with its square. */
const MAX_NAME_LENGTH = 100;

/** Names that are nearly this one, the nearest first. */
export function similarNames(btf: Btf, query: string, max = 5): string[] {
  const name = query.replace(/^(struct|union|enum|typedef|func|var)\s+/u, '').slice(0, MAX_NAME_LENGTH);
  const wanted = name.toLowerCase();
  // A third of the letters may be wrong, but two always: they may have changed places.
  const limit = Math.max(2, Math.floor(name.length / 3));
  const found = new Map<string, number>();
  for (let id = 1; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if (kind === K.DECL_TAG || kind === K.TYPE_TAG || btf.nameOffset(id) === 0) continue;
    const candidate = btf.name(id);
    if (candidate.length > MAX_NAME_LENGTH || found.has(candidate)) continue;
    const distance = distanceTo(wanted, candidate.toLowerCase(), limit);
    if (distance <= limit) found.set(candidate, distance);
  }
  return [...found.entries()]
    .toSorted(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
    .slice(0, max)
    .map(([candidate]) => candidate);
}

/** Levenshtein's distance; more than `limit` when it is more. A name that begins with the wanted one is half as far. */
function distanceTo(wanted: string, candidate: string, limit: number): number {
  if (candidate.startsWith(wanted) && wanted.length > 2) return Math.min(limit, 1);
  if (Math.abs(wanted.length - candidate.length) > limit) return limit + 1;
  let row = Array.from({ length: candidate.length + 1 }, (_, i) => i);
  for (let i = 1; i <= wanted.length; i++) {
    const next = [i];
    for (let j = 1; j <= candidate.length; j++) {
      const change = row[j - 1] + (wanted[i - 1] === candidate[j - 1] ? 0 : 1);
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, change));
    }
    row = next;
    if (Math.min(...row) > limit) return limit + 1;
  }
  return row[candidate.length];
}
