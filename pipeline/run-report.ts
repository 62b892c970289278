/** Adds up what happened in a run. */

import type { Plan } from './plan.ts';
import { exitCodeOf } from './run-exit.ts';
import type { Listing } from './run-list.ts';
import type { KernelDone, RunReport, RunWarning } from './run-types.ts';

export interface RunFacts {
  readonly runId?: number;
  readonly dryRun: boolean;
  /** Absent when the run did not get that far. */
  readonly listing?: Listing;
  readonly plan?: Plan;
  readonly done: readonly KernelDone[];
  readonly warnings: readonly RunWarning[];
  readonly milliseconds: number;
  /** Set when the run was stopped. */
  readonly stoppedExitCode?: number;
}

const NO_DECISIONS: Plan['counts'] = {
  published: 0,
  fetch: 0,
  recover: 0,
  'held-back': 0,
  'no-debug-info': 0,
  withdrawn: 0,
};

export function buildReport(facts: RunFacts): RunReport {
  const { listing, plan, done } = facts;
  const failures = done.flatMap(({ code }) => (code === undefined ? [] : [code]));
  const decisions = plan?.counts ?? NO_DECISIONS;
  const indexFailures = listing?.failures ?? [];
  return {
    ...(facts.runId === undefined ? {} : { runId: facts.runId }),
    dryRun: facts.dryRun,
    stopped: facts.stoppedExitCode !== undefined,
    looked: plan?.items.length ?? 0,
    decisions,
    published: count(done, 'published') + count(done, 'recovered'),
    alreadyPublished: decisions.published,
    noDebugInfo: count(done, 'no-debug-info'),
    failed: failures.length,
    failedByCode: countByCode(failures),
    indexFailures,
    warnings: facts.warnings,
    fetchedBytes: done.reduce((sum, kernel) => sum + kernel.fetchedBytes, 0),
    indexBytes: listing?.indexBytes ?? 0,
    indexRequests: listing?.indexRequests ?? 0,
    milliseconds: facts.milliseconds,
    exitCode: facts.stoppedExitCode ?? exitCodeOf(failures, indexFailures),
  };
}

function count(done: readonly KernelDone[], outcome: KernelDone['outcome']): number {
  return done.filter((kernel) => kernel.outcome === outcome).length;
}

function countByCode(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of [...codes].sort()) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
