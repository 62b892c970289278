/** When a kernel that failed is worth another try. */

import type { AttemptRow, IsoTime } from '../db/types.ts';
import { type BtfmillError, type ErrorCode, EXIT } from '../errors/index.ts';

const HOUR_MS = 3_600_000;

/**
 * Hours to wait after the first, second … failure of the same kind. The first is free: the cause may just have been
 * repaired. Then days, doubling, then a month; two hours less, so that a job at a fixed hour does not miss by minutes.
 */
const WAIT_HOURS: readonly number[] = [0, 22, 46, 94, 190, 718];

/** So many more tries are free where another may well go better (`retryable`): the network, a program that was killed. */
const FREE_TRIES = 2;

/** A mirror that did not give a package is asked again within this: it may be back, and asking costs little. */
const MAX_UPSTREAM_WAIT_HOURS = 190;

/**
 * What this machine lacks lies neither in the package nor in its mirror: the next run finds it repaired, or says so
 * again. A package that never fits (`disk-full`, not retryable) is another matter.
 */
const OF_THIS_MACHINE: ReadonlySet<ErrorCode> = new Set([
  'disk-full',
  'io-failed',
  'tool-missing',
  'usage',
  'locked',
  'aborted',
  'record-damaged',
]);

export interface Failure {
  readonly error: BtfmillError;
  readonly packageId: number;
  readonly setup: string;
  readonly at: Date;
  /** Earlier attempts at this kernel, newest first, without the one that failed now. */
  readonly earlier: readonly AttemptRow[];
}

/** How many earlier attempts {@link retryAfter} needs to see. */
export const ATTEMPTS_LOOKED_AT = WAIT_HOURS.length + FREE_TRIES;

/**
 * The time before which the same package, treated in the same way, need not be tried again; undefined when the next
 * run may try at once.
 */
export function retryAfter(failure: Failure): IsoTime | undefined {
  const { error, at } = failure;
  if (liesInThisMachine(error)) return undefined;
  const counted = countSame(failure) - (error.retryable ? FREE_TRIES : 0);
  const step = WAIT_HOURS[Math.min(Math.max(counted, 0), WAIT_HOURS.length - 1)];
  const isUpstream = error.exitCode === EXIT.upstreamUnreachable;
  const hours = isUpstream ? Math.min(step, MAX_UPSTREAM_WAIT_HOURS) : step;
  return hours === 0 ? undefined : new Date(at.getTime() + hours * HOUR_MS).toISOString();
}

/**
 * Whether the time to try again is still to come. One that is further away than any that {@link retryAfter} gives was
 * written when the clock was wrong, and counts for nothing.
 */
export function isTooEarly(retryAfter: IsoTime, now: IsoTime): boolean {
  const left = Date.parse(retryAfter) - Date.parse(now);
  return left > 0 && left <= Math.max(...WAIT_HOURS) * HOUR_MS;
}

function liesInThisMachine({ code, retryable }: BtfmillError): boolean {
  return OF_THIS_MACHINE.has(code) && (retryable || code !== 'disk-full');
}

/** The unbroken row of earlier failures that equal this one; attempts that were stopped say nothing. */
function countSame({ error, packageId, setup, earlier }: Failure): number {
  const finished = earlier.filter(({ outcome }) => outcome !== 'interrupted');
  const other = finished.findIndex(
    (attempt) => attempt.code !== error.code || attempt.packageId !== packageId || attempt.setup !== setup,
  );
  return other === -1 ? finished.length : other;
}
