/** Queries of table `runs`: one row per crawl that was allowed to change state (a dry run has none). */

import type { Database } from 'better-sqlite3';
import { fromJson, optional } from './columns.ts';
import type { RunEnd, RunFailure, RunRow, RunStart } from './types.ts';

export interface RunTable {
  /** Opens a run and returns its id. */
  start(run: RunStart): number;
  finish(id: number, end: RunEnd): void;
  /** What follows a finished run has failed: it did not do what it was to do. */
  fail(id: number, failure: RunFailure, exitCode: number): void;
  /** The newest run, finished or not. */
  latest(): RunRow | undefined;
  byId(id: number): RunRow | undefined;
  /** The newest first, at most `limit`. */
  newest(limit: number): readonly RunRow[];
  /** Of all runs that came to an end. */
  totals(): { readonly fetchedBytes: number; readonly indexBytes: number };
}

interface RunColumns {
  id: number;
  started_at: string;
  btfmill_version: string;
  options: string;
  finished_at: string | null;
  exit_code: number | null;
  published: number | null;
  already_published: number | null;
  no_debug_info: number | null;
  failed: number | null;
  fetched_bytes: number | null;
  index_bytes: number | null;
  failure_code: string | null;
  failure_message: string | null;
}

export function runTable(db: Database): RunTable {
  const insert = db.prepare<[string, string, string]>(
    'INSERT INTO runs (started_at, btfmill_version, options) VALUES (?, ?, ?)',
  );
  const update = db.prepare(
    `UPDATE runs SET finished_at = @finishedAt, exit_code = @exitCode, published = @published,
       already_published = @alreadyPublished, no_debug_info = @noDebugInfo, failed = @failed,
       fetched_bytes = @fetchedBytes, index_bytes = @indexBytes, failure_code = @failureCode,
       failure_message = @failureMessage
     WHERE id = @id`,
  );
  const updateFailure = db.prepare(
    'UPDATE runs SET failure_code = @code, failure_message = @message, exit_code = @exitCode WHERE id = @id',
  );
  const select = db.prepare<[number], RunColumns>('SELECT * FROM runs WHERE id = ?');
  const several = db.prepare<[number], RunColumns>('SELECT * FROM runs ORDER BY id DESC LIMIT ?');
  const newest = db.prepare<[], RunColumns>('SELECT * FROM runs ORDER BY id DESC LIMIT 1');
  const totals = db.prepare<[], { fetchedBytes: number; indexBytes: number }>(
    'SELECT coalesce(sum(fetched_bytes), 0) AS fetchedBytes, coalesce(sum(index_bytes), 0) AS indexBytes FROM runs',
  );
  return {
    totals() {
      const row = totals.get();
      if (row === undefined) throw new Error('a sum gave no row');
      return row;
    },
    start(run) {
      const options = JSON.stringify(run.options);
      return Number(insert.run(run.startedAt, run.btfmillVersion, options).lastInsertRowid);
    },
    finish(id, { failure, ...end }) {
      update.run({
        id,
        ...end,
        failureCode: failure?.code ?? null,
        failureMessage: failure?.message ?? null,
      });
    },
    fail(id, { code, message }, exitCode) {
      updateFailure.run({ id, code, message, exitCode });
    },
    byId(id) {
      const row = select.get(id);
      return row === undefined ? undefined : toRun(row);
    },
    newest(limit) {
      return several.all(limit).map(toRun);
    },
    latest() {
      const row = newest.get();
      return row === undefined ? undefined : toRun(row);
    },
  };
}

function toRun(row: RunColumns): RunRow {
  return {
    id: row.id,
    startedAt: row.started_at,
    btfmillVersion: row.btfmill_version,
    options: fromJson(row.options),
    ...optional('finishedAt', row.finished_at),
    ...optional('exitCode', row.exit_code),
    ...optional('published', row.published),
    ...optional('alreadyPublished', row.already_published),
    ...optional('noDebugInfo', row.no_debug_info),
    ...optional('failed', row.failed),
    ...optional('fetchedBytes', row.fetched_bytes),
    ...optional('indexBytes', row.index_bytes),
    ...(row.failure_code === null
      ? {}
      : { failure: { code: row.failure_code, message: row.failure_message ?? '' } }),
  };
}
