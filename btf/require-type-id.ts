/** Ids that come from whoever uses the library. */

import type { Btf } from './view.ts';

/**
 * For exported functions that follow what a record says: behind the last record stands what nobody wrote, lists of any
 * length among it. Ids inside a decoded BTF are in range.
 * @throws RangeError for an id that the BTF has no type of
 */
export function requireTypeId(btf: Btf, id: number): void {
  if (Number.isInteger(id) && id >= 0 && id < btf.typeCount) return;
  throw new RangeError(`no type has the id ${id}: they are 0 to ${btf.typeCount - 1}`);
}
