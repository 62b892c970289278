/** What a run did, told from the record: the same today and in a year. */

import type { BtfRecord, IndexRead, KernelRow, RunAttempt, RunRow, SeenPackage } from '../../db/index.ts';
import { archivePath } from '../archive-path.ts';

/** One kernel of a run that is worth a line. */
export interface KernelLine {
  /** Of the archive. */
  readonly path: string;
  readonly milliseconds: number;
  readonly fetchedBytes: number;
  readonly code?: string;
  readonly message?: string;
  readonly retryAfter?: string;
}

/** A kernel whose package changed, or went, on the mirror. */
export interface PackageLine {
  /** Of the archive. */
  readonly path: string;
  readonly packageName: string;
  readonly packageVersion: string;
  readonly digest: string;
  /** Of the kernel, today. */
  readonly state: KernelRow['state'];
}

export interface RunStory {
  readonly run: RunRow;
  /** Published for the first time. */
  readonly published: readonly KernelLine[];
  /** Published after it had failed before. */
  readonly recovered: readonly KernelLine[];
  /** Published by an earlier run that died before it could say so. */
  readonly completed: readonly string[];
  readonly failed: readonly KernelLine[];
  readonly noDebugInfo: readonly KernelLine[];
  readonly interrupted: readonly KernelLine[];
  /** The mirror has another package of them now; what is published stays as it is. */
  readonly replaced: readonly PackageLine[];
  /** The mirror has none of their packages any more. */
  readonly vanished: readonly PackageLine[];
  readonly failedByCode: Readonly<Record<string, number>>;
  readonly indexes: readonly IndexRead[];
  readonly indexFailures: readonly IndexRead[];
}

/** Undefined for a run that the record does not know. */
export function tellRun(record: BtfRecord, runId: number): RunStory | undefined {
  const run = record.runs.byId(runId);
  if (run === undefined) return undefined;
  const attempts = record.attempts.ofRun(runId);
  const reads = record.indexReads.ofRun(runId);
  const ended = (outcome: RunAttempt['outcome']): RunAttempt[] =>
    attempts.filter((attempt) => attempt.outcome === outcome);
  const published = ended('published');
  return {
    run,
    published: published.filter((attempt) => !isRecovery(attempt)).map(toLine),
    recovered: published.filter(isRecovery).map(toLine),
    completed: completedBy(run, attempts, record).map((row) => archivePath(row)),
    failed: ended('failed').map(toLine),
    noDebugInfo: ended('no-debug-info').map(toLine),
    interrupted: [...ended('interrupted'), ...ended(undefined)].map(toLine),
    replaced: record.packages.replacementsOf(runId).map((pkg) => toPackageLine(pkg, record)),
    vanished: record.packages.lastSeenBefore(runId).map((pkg) => toPackageLine(pkg, record)),
    failedByCode: countCodes(ended('failed')),
    indexes: reads.filter(({ code }) => code === undefined),
    indexFailures: reads.filter(({ code }) => code !== undefined),
  };
}

/** What was published in the time of the run without an attempt of its own. */
function completedBy(run: RunRow, attempts: readonly RunAttempt[], record: BtfRecord): readonly KernelRow[] {
  if (run.finishedAt === undefined) return [];
  const tried = new Set(attempts.map(({ kernelId }) => kernelId));
  return record.kernels
    .publishedBetween(run.startedAt, run.finishedAt)
    .filter(({ id, source }) => !tried.has(id) && source !== 'imported');
}

function isRecovery({ outcomeBefore }: RunAttempt): boolean {
  return outcomeBefore === 'failed';
}

function toLine(attempt: RunAttempt): KernelLine {
  const { milliseconds, fetchedBytes = 0, code, message, retryAfter } = attempt;
  return {
    path: archivePath(attempt),
    milliseconds,
    fetchedBytes,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

function toPackageLine(pkg: SeenPackage, { kernels }: BtfRecord): PackageLine {
  const { packageName, packageVersion, digest } = pkg;
  const state = kernels.find(pkg)?.state ?? 'pending';
  return { path: archivePath(pkg), packageName, packageVersion, digest, state };
}

function countCodes(attempts: readonly RunAttempt[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code = 'unexpected' } of attempts) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
