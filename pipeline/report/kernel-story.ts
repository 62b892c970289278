/** Everything the record knows of one kernel, in the order in which it happened. */

import type { AttemptRow, BtfRecord, CrossCheckRow, KernelRow, SeenPackage } from '../../db/index.ts';
import { isTooEarly } from '../retry-policy.ts';
import type { StepTiming } from '../types.ts';

export interface AttemptStory extends AttemptRow {
  readonly timings: readonly StepTiming[];
  readonly crossChecks: readonly CrossCheckRow[];
  readonly packageUrl?: string;
}

export interface KernelStory {
  readonly kernel: KernelRow;
  /** Seen last first. */
  readonly packages: readonly SeenPackage[];
  /** Oldest first. */
  readonly attempts: readonly AttemptStory[];
  /** Whether its package was there when its suite was read last; undefined when the record cannot tell. */
  readonly isOnMirror?: boolean;
  /** One sentence each: what the state means for the next run. */
  readonly outlook: string;
}

/** More attempts than a kernel gets in a year. */
const MAX_ATTEMPTS = 500;

/** The kernels whose name, or whose path in the archive, matches the pattern (`*`, `?`, `[…]`). */
export function findKernels(record: BtfRecord, pattern: string): readonly KernelRow[] {
  const parts = pattern.replace(/\.btf\.tar\.xz$/u, '').split('/');
  const kernels = record.kernels.named(parts.at(-1) ?? '*');
  const wanted = parts.slice(0, -1);
  return kernels.filter(({ distro, release, arch }) => {
    const plane = [distro, release, arch];
    return wanted.every((part, index) => plane[plane.length - wanted.length + index] === part);
  });
}

export function tellKernel(record: BtfRecord, kernel: KernelRow, now: Date): KernelStory {
  const packages = record.packages.ofKernel(kernel);
  const attempts = record.attempts
    .ofKernel(kernel.id, MAX_ATTEMPTS)
    .toReversed()
    .map((attempt): AttemptStory => {
      const url = record.packages.byId(attempt.packageId)?.url;
      return {
        ...attempt,
        timings: record.stepTimings.ofAttempt(attempt.id),
        crossChecks: record.crossChecks.ofAttempt(attempt.id),
        ...(url === undefined ? {} : { packageUrl: url }),
      };
    });
  const [newest] = packages;
  const isOnMirror = newest === undefined ? undefined : record.indexReads.isStillListed(newest);
  return {
    kernel,
    packages,
    attempts,
    ...(isOnMirror === undefined ? {} : { isOnMirror }),
    outlook: outlookOf(kernel, attempts.at(-1), isOnMirror, now),
  };
}

function outlookOf(
  { state, source }: KernelRow,
  last: AttemptStory | undefined,
  isOnMirror: boolean | undefined,
  now: Date,
): string {
  if (state === 'withdrawn') return 'withdrawn; no run touches it';
  if (state === 'no-debug-info')
    return 'its package has no debug information; another package would be tried';
  if (state === 'published') {
    const origin = source === 'imported' ? 'taken over from another archive' : 'published';
    return `${origin}; it stays as it is`;
  }
  if (isOnMirror === false) return 'no longer on the mirror: there is nothing to try again';
  if (last?.retryAfter !== undefined && isTooEarly(last.retryAfter, now.toISOString())) {
    return `not tried again before ${last.retryAfter}, unless btfmill, its options or the package change`;
  }
  return 'the next run tries it';
}
