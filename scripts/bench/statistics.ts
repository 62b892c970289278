/** Measured runs as the few numbers that are shown. */

import type { Cost } from './measure.ts';

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface Costs {
  readonly wallSeconds: Spread;
  readonly cpuSeconds: Spread;
  readonly peakBytes: Spread;
}

/** Of medians, pahole's divided by ours: 5 is five times as fast, or a fifth of the memory. */
export interface Ratios {
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
}

/** `runs` must not be empty. */
export function summarize(runs: readonly Cost[]): Costs {
  const of = (pick: (cost: Cost) => number): Spread => spread(runs.map(pick));
  return {
    wallSeconds: of((cost) => cost.wallSeconds),
    cpuSeconds: of((cost) => cost.cpuSeconds),
    peakBytes: of((cost) => cost.peakBytes),
  };
}

export function ratios(ours: Costs, theirs: Costs): Ratios {
  return {
    wall: theirs.wallSeconds.median / ours.wallSeconds.median,
    cpu: theirs.cpuSeconds.median / ours.cpuSeconds.median,
    peak: theirs.peakBytes.median / ours.peakBytes.median,
  };
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const { length } = sorted;
  const middle = length >> 1;
  const median = length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { min: sorted[0], median, max: sorted[length - 1] };
}
