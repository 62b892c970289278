/** Counts over a whole BTF. */

import { BTF_KIND_NAMES, type BtfKindName } from './constants.ts';
import type { Btf } from './view.ts';

/** How many types there are of each kind, the base's not included; kinds without any are left out. */
export function countKinds(btf: Btf): Partial<Record<BtfKindName, number>> {
  const counts = new Uint32Array(BTF_KIND_NAMES.length);
  for (let id = btf.firstId; id < btf.typeCount; id++) counts[btf.kind(id)]++;
  const named: Partial<Record<BtfKindName, number>> = {};
  for (let kind = 0; kind < counts.length; kind++) {
    if (counts[kind] > 0) named[BTF_KIND_NAMES[kind]] = counts[kind];
  }
  return named;
}
