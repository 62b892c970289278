/** Adds up what happened in a run. */

import type { GateUsage } from './gates/gates.ts';
import { NO_DECISIONS, type Plan } from './plan.ts';
import { exitCodeOf } from './run-exit.ts';
import type { Listing } from './run-list.ts';
import type { RunReport, RunWarning } from './run-types.ts';
import type { Tally } from './tally.ts';

export interface RunFacts {
  readonly runId?: number;
  readonly dryRun: boolean;
  /** Absent when the run did not get that far. */
  readonly listing?: Listing;
  readonly plan?: Plan;
  readonly tally: Tally;
  /** Kernels that were not begun because the run's time was up. */
  readonly notBegun: number;
  /** Absent when the run did not get that far. */
  readonly gates?: GateUsage;
  readonly warnings: readonly RunWarning[];
  readonly milliseconds: number;
  /** Set when the run was stopped. */
  readonly stoppedExitCode?: number;
}

export function buildReport(facts: RunFacts): RunReport {
  const { listing, plan, tally, notBegun, gates } = facts;
  const decisions = plan?.counts ?? NO_DECISIONS;
  const indexFailures = listing?.failures ?? [];
  return {
    ...(facts.runId === undefined ? {} : { runId: facts.runId }),
    dryRun: facts.dryRun,
    stopped: facts.stoppedExitCode !== undefined,
    looked: plan?.items.length ?? 0,
    decisions,
    published: tally.count('published') + tally.count('recovered'),
    alreadyPublished: decisions.published,
    noDebugInfo: tally.count('no-debug-info'),
    failed: tally.count('failed'),
    failedByCode: tally.failedByCode(),
    notBegun,
    postponedBytes: plan?.postponedBytes ?? 0,
    ...(gates === undefined ? {} : { gates }),
    indexFailures,
    warnings: facts.warnings,
    fetchedBytes: tally.fetchedBytes(),
    indexBytes: listing?.indexBytes ?? 0,
    indexRequests: listing?.indexRequests ?? 0,
    milliseconds: facts.milliseconds,
    exitCode: facts.stoppedExitCode ?? exitCodeOf(Object.keys(tally.failedByCode()), indexFailures),
  };
}
