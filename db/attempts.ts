/** Queries of table `attempts`: every try at a kernel, how it ended, and when trying again makes sense. */

import type { Database } from 'better-sqlite3';
import type { KernelKey } from '../crawlers/types.ts';
import { optional, toParameters } from './columns.ts';
import type { AttemptEnd, AttemptOutcome, AttemptRow, AttemptStart, IsoTime } from './types.ts';

export interface AttemptTable {
  /** Opens an attempt and returns its id. */
  start(attempt: AttemptStart): number;
  finish(id: number, end: AttemptEnd): void;
  /** The newest attempts at a kernel first, at most `limit`. */
  ofKernel(kernelId: number, limit: number): readonly AttemptRow[];
  /** All attempts of a run, in the order they began, each with its kernel and how the one before it ended. */
  ofRun(runId: number): readonly RunAttempt[];
  /** Lets the next run try a kernel again whose last attempt failed; false when there is nothing to wait for. */
  clearRetry(kernelId: number): boolean;
  /** When a kernel of each plane was last tried; times to come were written when the clock was wrong, and do not count. */
  lastByPlane(now: IsoTime): readonly (Omit<KernelKey, 'kernel'> & { readonly at: IsoTime })[];
  /** Ends, as `interrupted`, every attempt that a killed run left open; returns how many there were. */
  closeInterrupted(at: IsoTime): number;
}

/** An attempt of one run, as a report tells it. */
export interface RunAttempt extends AttemptRow, KernelKey {
  /** How the last finished attempt before this one ended; attempts that were stopped say nothing. */
  readonly outcomeBefore?: AttemptOutcome;
  /** Time of all steps. */
  readonly milliseconds: number;
}

interface RunAttemptColumns extends AttemptColumns, KernelKey {
  outcome_before: AttemptOutcome | null;
  milliseconds: number;
}

interface AttemptColumns {
  id: number;
  kernel_id: number;
  run_id: number;
  package_id: number;
  setup: string;
  started_at: string;
  finished_at: string | null;
  outcome: AttemptOutcome | null;
  code: string | null;
  message: string | null;
  retry_after: string | null;
  fetched_bytes: number | null;
}

const NOTHING_OPTIONAL = { code: undefined, message: undefined, retryAfter: undefined };

export function attemptTable(db: Database): AttemptTable {
  const insert = db.prepare<[Record<string, unknown>]>(
    `INSERT INTO attempts (kernel_id, run_id, package_id, setup, started_at)
     VALUES (@kernelId, @runId, @packageId, @setup, @startedAt)`,
  );
  const update = db.prepare(
    `UPDATE attempts SET outcome = @outcome, finished_at = @finishedAt, code = @code, message = @message,
       retry_after = @retryAfter, fetched_bytes = @fetchedBytes
     WHERE id = @id`,
  );
  const newest = db.prepare<[number, number], AttemptColumns>(
    'SELECT * FROM attempts WHERE kernel_id = ? ORDER BY id DESC LIMIT ?',
  );
  const byRun = db.prepare<[number], RunAttemptColumns>(
    `SELECT a.*, k.distro, k.release, k.arch, k.kernel,
       (SELECT b.outcome FROM attempts b WHERE b.kernel_id = a.kernel_id AND b.id < a.id
         AND b.outcome IS NOT NULL AND b.outcome <> 'interrupted' ORDER BY b.id DESC LIMIT 1) AS outcome_before,
       (SELECT coalesce(sum(t.milliseconds), 0) FROM step_timings t WHERE t.attempt_id = a.id) AS milliseconds
     FROM attempts a JOIN kernels k ON k.id = a.kernel_id WHERE a.run_id = ? ORDER BY a.id`,
  );
  const clear = db.prepare<[number]>(
    `UPDATE attempts SET retry_after = NULL WHERE retry_after IS NOT NULL
       AND id = (SELECT max(id) FROM attempts WHERE kernel_id = ?)`,
  );
  const planes = db.prepare<[IsoTime], Omit<KernelKey, 'kernel'> & { at: IsoTime }>(
    `SELECT k.distro, k.release, k.arch, max(a.started_at) AS at
     FROM attempts a JOIN kernels k ON k.id = a.kernel_id WHERE a.started_at <= ?
     GROUP BY k.distro, k.release, k.arch`,
  );
  const close = db.prepare<[IsoTime]>(
    `UPDATE attempts SET outcome = 'interrupted', finished_at = ? WHERE finished_at IS NULL`,
  );
  return {
    start(attempt) {
      return Number(insert.run({ ...attempt }).lastInsertRowid);
    },
    finish(id, end) {
      update.run(toParameters({ ...NOTHING_OPTIONAL, ...end, id }));
    },
    ofKernel(kernelId, limit) {
      return newest.all(kernelId, limit).map(toAttempt);
    },
    ofRun(runId) {
      return byRun.all(runId).map((row) => ({
        ...toAttempt(row),
        distro: row.distro,
        release: row.release,
        arch: row.arch,
        kernel: row.kernel,
        milliseconds: row.milliseconds,
        ...optional('outcomeBefore', row.outcome_before),
      }));
    },
    clearRetry(kernelId) {
      return clear.run(kernelId).changes > 0;
    },
    lastByPlane(now) {
      return planes.all(now);
    },
    closeInterrupted(at) {
      return close.run(at).changes;
    },
  };
}

function toAttempt(row: AttemptColumns): AttemptRow {
  return {
    id: row.id,
    kernelId: row.kernel_id,
    runId: row.run_id,
    packageId: row.package_id,
    setup: row.setup,
    startedAt: row.started_at,
    ...optional('finishedAt', row.finished_at),
    ...optional('outcome', row.outcome),
    ...optional('code', row.code),
    ...optional('message', row.message),
    ...optional('retryAfter', row.retry_after),
    ...optional('fetchedBytes', row.fetched_bytes),
  };
}
