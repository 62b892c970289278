/** Queries of table `attempts`: every try at a kernel, how it ended, and when trying again makes sense. */

import type { Database } from 'better-sqlite3';
import { optional, toParameters } from './columns.ts';
import type { AttemptEnd, AttemptOutcome, AttemptRow, AttemptStart, IsoTime } from './types.ts';

export interface AttemptTable {
  /** Opens an attempt and returns its id. */
  start(attempt: AttemptStart): number;
  finish(id: number, end: AttemptEnd): void;
  /** The newest attempts at a kernel first, at most `limit`. */
  ofKernel(kernelId: number, limit: number): readonly AttemptRow[];
  /** Ends, as `interrupted`, every attempt that a killed run left open; returns how many there were. */
  closeInterrupted(at: IsoTime): number;
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
