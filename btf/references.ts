/** Walks the ids that one type record refers to. */

import { BTF_ENTRY_WORDS, BTF_HAS_TYPE, BTF_KIND } from './constants.ts';
import { requireTypeId } from './require-type-id.ts';
import type { Btf } from './view.ts';

/**
 * Calls `visit` with every id that type `id` holds, in record order; 0 (`void`) included.
 * @throws RangeError when the BTF has no type with the id
 */
export function forEachReference(btf: Btf, id: number, visit: (target: number) => void): void {
  requireTypeId(btf, id);
  const { words } = btf;
  const kind = btf.kind(id);
  const at = btf.offsets[id];
  if (BTF_HAS_TYPE[kind]) visit(words[at + 2]);
  switch (kind) {
    case BTF_KIND.ARRAY:
      visit(words[at + 3]);
      visit(words[at + 4]);
      return;
    case BTF_KIND.STRUCT:
    case BTF_KIND.UNION:
    case BTF_KIND.FUNC_PROTO:
    case BTF_KIND.DATASEC: {
      const step = BTF_ENTRY_WORDS[kind];
      const idWord = kind === BTF_KIND.DATASEC ? 0 : 1;
      const end = at + 3 + btf.vlen(id) * step;
      for (let entry = at + 3; entry < end; entry += step) visit(words[entry + idWord]);
      return;
    }
    default:
  }
}
