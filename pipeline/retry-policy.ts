/** When a kernel that failed is worth another try. */

import type { AttemptRow, IsoTime } from '../db/types.ts';
import { type BtfmillError, EXIT } from '../errors/index.ts';

const HOUR_MS = 3_600_000;

/**
 * Hours to wait after the first, second … failure of the same kind. The first is free: the cause may just have been
 * repaired. Then days, doubling, then a month; two hours less, so that a job at a fixed hour does not miss by minutes.
 */
const WAIT_HOURS: readonly number[] = [0, 22, 46, 94, 190, 718];

export interface Failure {
  readonly error: BtfmillError;
  readonly packageId: number;
  readonly setup: string;
  readonly at: Date;
  /** Earlier attempts at this kernel, newest first, without the one that failed now. */
  readonly earlier: readonly AttemptRow[];
}

/** How many earlier attempts {@link retryAfter} needs to see. */
export const ATTEMPTS_LOOKED_AT = WAIT_HOURS.length;

/**
 * The time before which the same package, treated in the same way, need not be tried again; undefined when the next
 * run may try at once: always after failures that lie in the world around the package (network, disk, set-up).
 */
export function retryAfter(failure: Failure): IsoTime | undefined {
  if (!liesInThePackage(failure.error)) return undefined;
  const before = countSame(failure);
  const hours = WAIT_HOURS[Math.min(before, WAIT_HOURS.length - 1)];
  return hours === 0 ? undefined : new Date(failure.at.getTime() + hours * HOUR_MS).toISOString();
}

/**
 * Whether the time to try again is still to come. One that is further away than any that {@link retryAfter} gives was
 * written when the clock was wrong, and counts for nothing.
 */
export function isTooEarly(retryAfter: IsoTime, now: IsoTime): boolean {
  const left = Date.parse(retryAfter) - Date.parse(now);
  return left > 0 && left <= Math.max(...WAIT_HOURS) * HOUR_MS;
}

/** It is the package's content, or our way with it, that failed: the same input fails in the same way. */
function liesInThePackage(error: BtfmillError): boolean {
  if (error.retryable) return false;
  const { code, exitCode } = error;
  const isRefused = code === 'package-signature' || code === 'package-digest';
  return isRefused || exitCode === EXIT.someKernelsFailed || exitCode === EXIT.unexpected;
}

/** The unbroken row of earlier failures that equal this one; attempts that were stopped say nothing. */
function countSame({ error, packageId, setup, earlier }: Failure): number {
  const finished = earlier.filter(({ outcome }) => outcome !== 'interrupted');
  const other = finished.findIndex(
    (attempt) => attempt.code !== error.code || attempt.packageId !== packageId || attempt.setup !== setup,
  );
  return other === -1 ? finished.length : other;
}
