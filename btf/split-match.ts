/**
 * Which types of a module's BTF are types of a base, as libbpf's btf__dedup decides it for a BTF with a base.
 *
 * In the main two types are one when nothing that BTF says about them, however far one follows the references, tells
 * them apart, and a declaration counts as what it declares. The exception is a struct that the base only declares and
 * the module defines. Base types cannot be made to refer to the module, so whatever leads to that struct would be
 * another type than the base's, and as everything in a kernel leads to everything, most of the module. btf__dedup
 * repeats very little of that: structs and unions count as the base's all the same, but for the first one that it
 * comes across, by which it learns what the base's declaration means (btf_dedup_merge_hypot_map, hypot_adjust_canon);
 * pointers and the like do not.
 */

import type { BaseIndex } from './base-index.ts';
import { BTF_KIND } from './constants.ts';
import { matchDeclarations } from './split-declarations.ts';
import { type JoinOptions, type PreparedModule, joinTypes, prepareModule } from './split-join.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/**
 * By id of `module`: the id of the base that is the same type (the lowest one, should it have several), 0 when there
 * is none.
 */
export function matchBase(module: Btf, base: BaseIndex): Uint32Array {
  const prepared = prepareModule(module, base);
  const { declared, defined } = matchDeclarations(module, base);
  const strict: JoinOptions = { standFor: declared, isOwn: new Uint8Array(module.typeCount) };
  if (defined.length === 0) return joinTypes(prepared, strict).matches;

  const standFor = declared.slice();
  for (const { id, declaration } of defined) standFor[id] = declaration;
  const loose = joinTypes(prepared, { ...strict, standFor });
  for (const { id } of defined) loose.matches[id] = 0;
  const forwards = defined.filter(({ declaration }) => base.btf.kind(declaration) === K.FWD);
  dropFirstToLearn(
    prepared,
    loose.matches,
    forwards.map(({ id }) => id),
  );

  const settled = declared.slice();
  const isOwn = new Uint8Array(module.typeCount);
  for (let id = 1; id < settled.length; id++) {
    const kind = module.kind(id);
    if (kind !== K.STRUCT && kind !== K.UNION) continue;
    settled[id] = loose.matches[id];
    if (settled[id] === 0) isOwn[id] = 1;
  }
  return joinTypes(prepared, { standFor: settled, isOwn, firstInBase: loose.firstInBase }).matches;
}

/**
 * Takes away the match of each struct or union that is the first to lead to some of `defined`, structs and unions of
 * the module. After it these are known to be what the base declares.
 */
function dropFirstToLearn(prepared: PreparedModule, matches: Uint32Array, defined: readonly number[]): void {
  const { module } = prepared;
  const unknown = new Set(defined);
  const ends = new Set(defined);
  const isSeen = new Uint8Array(module.typeCount);
  for (let id = 1; id < matches.length && unknown.size > 0; id++) {
    const kind = module.kind(id);
    if (matches[id] === 0 || ends.has(id) || (kind !== K.STRUCT && kind !== K.UNION)) continue;
    if (learn(prepared, id, { ends, unknown, isSeen })) matches[id] = 0;
  }
}

interface Learning {
  /** Where the following of references stops. */
  readonly ends: ReadonlySet<number>;
  /** Those that nothing has led to yet. */
  readonly unknown: Set<number>;
  /** Types that were followed before: what they lead to is known. */
  readonly isSeen: Uint8Array;
}

/** Follows references from `from`; true when they lead to something unknown, which is known from then on. */
function learn(
  { childStart, children }: PreparedModule,
  from: number,
  { ends, unknown, isSeen }: Learning,
): boolean {
  let isNew = false;
  const open = [from];
  isSeen[from] = 1;
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (let c = childStart[id]; c < childStart[id + 1]; c++) {
      const child = children[c];
      if (ends.has(child)) {
        isNew = unknown.delete(child) || isNew;
      } else if (isSeen[child] === 0) {
        isSeen[child] = 1;
        open.push(child);
      }
    }
  }
  return isNew;
}
