/** Adds up what became of kernels, in a few numbers however many they are. */

import type { KernelDone, KernelOutcome } from './run-types.ts';

export interface Tally {
  add(done: KernelDone): void;
  count(outcome: KernelOutcome): number;
  /** By code, sorted. */
  failedByCode(): Readonly<Record<string, number>>;
  /** What came over the network. */
  fetchedBytes(): number;
}

export function createTally(): Tally {
  const outcomes = new Map<KernelOutcome, number>();
  const codes = new Map<string, number>();
  let bytes = 0;
  return {
    add({ outcome, code, fetchedBytes }) {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      if (code !== undefined) codes.set(code, (codes.get(code) ?? 0) + 1);
      bytes += fetchedBytes;
    },
    count: (outcome) => outcomes.get(outcome) ?? 0,
    failedByCode: () => Object.fromEntries([...codes].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    fetchedBytes: () => bytes,
  };
}
