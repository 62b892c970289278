/** A whole BTF in a few figures. */

import { BTF_KIND, BTF_KIND_NAMES, type BtfKindName } from './constants.ts';
import { countKinds } from './summary.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** The answer of {@link overviewOf}; all sizes in bytes. */
export interface BtfOverview {
  readonly littleEndian: boolean;
  readonly headerBytes: number;
  readonly totalBytes: number;
  /** Bytes of its own strings, a base's not included. */
  readonly stringBytes: number;
  /** Types of its own. */
  readonly typeCount: number;
  /** Types of the base that it continues; 0 without one. */
  readonly baseTypeCount: number;
  readonly typesByKind: Partial<Record<BtfKindName, number>>;
  /** The largest structs and unions by the size of their values. */
  readonly largest: readonly {
    readonly kind: BtfKindName;
    readonly name: string;
    readonly sizeBytes: number;
  }[];
  /** Functions by name; one name may have several prototypes. */
  readonly functionNames: number;
  readonly sections: readonly {
    readonly name: string;
    readonly sizeBytes: number;
    readonly variables: number;
  }[];
}

/** @param max how many of the largest types are listed */
export function overviewOf(btf: Btf, max = 8): BtfOverview {
  const composites: number[] = [];
  const functions = new Set<number>();
  const sections: { name: string; sizeBytes: number; variables: number }[] = [];
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    const kind = btf.kind(id);
    if ((kind === K.STRUCT || kind === K.UNION) && btf.nameOffset(id) !== 0) composites.push(id);
    else if (kind === K.FUNC) functions.add(btf.nameOffset(id));
    else if (kind === K.DATASEC) {
      sections.push({ name: btf.name(id), sizeBytes: btf.sizeOrType(id), variables: btf.vlen(id) });
    }
  }
  composites.sort((a, b) => btf.sizeOrType(b) - btf.sizeOrType(a) || a - b);
  return {
    littleEndian: btf.littleEndian,
    headerBytes: btf.headerBytes,
    totalBytes: btf.bytes.length,
    stringBytes: btf.strings.length - (btf.base?.strings.length ?? 0),
    typeCount: btf.typeCount - btf.firstId,
    baseTypeCount: btf.base === undefined ? 0 : btf.base.typeCount - 1,
    typesByKind: countKinds(btf),
    largest: composites.slice(0, max).map((id) => ({
      kind: BTF_KIND_NAMES[btf.kind(id)],
      name: btf.name(id),
      sizeBytes: btf.sizeOrType(id),
    })),
    functionNames: functions.size,
    sections,
  };
}
