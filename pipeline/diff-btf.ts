/** What differs between two BTFs. Up to a few seconds of work; callers use pipeline/compute.ts. */

import { type Btf, compareDeep, decodeBtf, type DiffEntry, diffBtf } from '../btf/index.ts';

/** Each as its bytes, those of the base that it continues first. */
export interface DiffInput {
  readonly a: readonly Uint8Array[];
  readonly b: readonly Uint8Array[];
}

export interface BtfDifference {
  readonly entries: readonly DiffEntry[];
  /** The last word: every type of one is in the other, however far one follows the references. */
  readonly isEqual: boolean;
}

export function differenceOf(input: DiffInput): BtfDifference {
  const [a, b] = [decodeLayers(input.a), decodeLayers(input.b)];
  const entries = diffBtf(a, b);
  return { entries, isEqual: entries.length === 0 && isSame(a, b) };
}

/** The bytes that a BTF was decoded from, its bases' first. */
export function layersOf(btf: Btf): Uint8Array[] {
  const layers: Uint8Array[] = [];
  for (let layer: Btf | undefined = btf; layer !== undefined; layer = layer.base) layers.unshift(layer.bytes);
  return layers;
}

function decodeLayers([first, ...rest]: readonly Uint8Array[]): Btf {
  return rest.reduce((base, bytes) => decodeBtf(bytes, base), decodeBtf(first));
}

function isSame(a: Btf, b: Btf): boolean {
  const { equalTypes, equalFunctions, equalVariables } = compareDeep(a, b);
  return equalTypes && equalFunctions && equalVariables;
}
