/** Cuts a file's units into ranges for the threads to take in turn. */

import type { UnitHeader } from '../../dwarf/index.ts';

/** Bytes of .debug_info per range: small enough to share the end evenly, large enough that taking one costs nothing. */
const RANGE_BYTES = 4 << 20;

/** How many threads can have a range of so many bytes of .debug_info. */
export function usefulThreads(infoBytes: number): number {
  return Math.max(1, Math.ceil(infoBytes / RANGE_BYTES));
}

/** Unit indexes at which ranges start, then the number of units. */
export function unitRanges(units: readonly UnitHeader[]): Int32Array {
  const bounds: number[] = [];
  let end = -1;
  units.forEach((unit, index) => {
    if (unit.offset < end) return;
    bounds.push(index);
    end = unit.offset + RANGE_BYTES;
  });
  bounds.push(units.length);
  return Int32Array.from(bounds);
}
