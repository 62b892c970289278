/** Which DECL_TAGs stand on a type. BTF lists them by themselves, with the id of what they are on. */

import { BTF_KIND } from './constants.ts';
import type { Btf } from './view.ts';

/**
 * By id of what is tagged. Made once per BTF: to look through all types for each of a kernel's 60 000 functions took
 * ten times as long as everything else about comparing two kernels.
 */
const indexes = new WeakMap<Btf, ReadonlyMap<number, readonly number[]>>();

/** Ids of the DECL_TAGs on a type and on its members or parameters, ascending. */
export function declTagsOn(btf: Btf, id: number): readonly number[] {
  let index = indexes.get(btf);
  if (index === undefined) {
    index = indexTags(btf);
    indexes.set(btf, index);
  }
  return index.get(id) ?? [];
}

function indexTags(btf: Btf): Map<number, number[]> {
  const tagsOf = new Map<number, number[]>();
  for (let tag = 1; tag < btf.typeCount; tag++) {
    if (btf.kind(tag) !== BTF_KIND.DECL_TAG) continue;
    const tags = tagsOf.get(btf.sizeOrType(tag));
    if (tags === undefined) tagsOf.set(btf.sizeOrType(tag), [tag]);
    else tags.push(tag);
  }
  return tagsOf;
}
