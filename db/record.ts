/** The record: one SQLite file that says what was seen, done and could not be done. */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { ValidatorStore } from '../crawlers/types.ts';
import { BtfmillError } from '../errors/index.ts';
import { type AttemptTable, attemptTable } from './attempts.ts';
import { type CrossCheckTable, crossCheckTable } from './cross-checks.ts';
import { httpValidatorTable } from './http-validators.ts';
import { type KernelTable, kernelTable } from './kernels.ts';
import { migrate } from './migrate.ts';
import { type PackageTable, packageTable } from './packages.ts';
import { type RunTable, runTable } from './runs.ts';
import { type StepTimingTable, stepTimingTable } from './step-timings.ts';

export interface BtfRecord {
  readonly file: string;
  readonly runs: RunTable;
  readonly packages: PackageTable;
  readonly kernels: KernelTable;
  readonly attempts: AttemptTable;
  readonly stepTimings: StepTimingTable;
  readonly crossChecks: CrossCheckTable;
  readonly validators: ValidatorStore;
  /** All or nothing: what `work` writes is seen by others at once, or never. */
  transaction<Result>(work: () => Result): Result;
  close(): void;
}

export interface OpenRecordOptions {
  /** Fail when the file does not exist, instead of creating it (and its folder). */
  readonly mustExist?: boolean;
  /** Clock of `http_validators.updated_at`. */
  readonly now?: () => Date;
}

/** How long a writer waits for another process (a status query beside a crawl) before it gives up. */
const BUSY_TIMEOUT_MS = 20_000;

/**
 * Opens (and creates or migrates) the record.
 * Throws `usage` when it must exist and does not, `record-damaged` when the file is no usable record, else `io-failed`.
 */
export function openRecord(file: string, options: OpenRecordOptions = {}): BtfRecord {
  const db = openDatabase(file, options.mustExist ?? false);
  try {
    db.pragma('journal_mode = WAL');
    // FULL: a published file's row is on disk when the run says so, even if the power fails right after.
    db.pragma('synchronous = FULL');
    db.pragma('foreign_keys = ON');
    migrate(db);
    return {
      file,
      runs: runTable(db),
      packages: packageTable(db),
      kernels: kernelTable(db),
      attempts: attemptTable(db),
      stepTimings: stepTimingTable(db),
      crossChecks: crossCheckTable(db),
      validators: httpValidatorTable(db, options.now ?? (() => new Date())),
      transaction: (work) => db.transaction(work).immediate(),
      close: () => {
        db.close();
      },
    };
  } catch (thrown) {
    db.close();
    throw asRecordError(file, thrown);
  }
}

function openDatabase(file: string, mustExist: boolean): Database.Database {
  try {
    if (!mustExist) mkdirSync(dirname(file), { recursive: true });
    return new Database(file, { fileMustExist: mustExist, timeout: BUSY_TIMEOUT_MS });
  } catch (thrown) {
    if (mustExist && isSqliteError(thrown) && thrown.code === 'SQLITE_CANTOPEN') {
      throw new BtfmillError('usage', `${file}: no such record; run a crawl first, or name it with --db`, {
        cause: thrown,
      });
    }
    throw asRecordError(file, thrown);
  }
}

function asRecordError(file: string, thrown: unknown): unknown {
  if (!isSqliteError(thrown)) return thrown;
  const isDamage = /^SQLITE_(NOTADB|CORRUPT|SCHEMA|ERROR)/u.test(thrown.code);
  return new BtfmillError(isDamage ? 'record-damaged' : 'io-failed', `${file}: ${thrown.message}`, {
    cause: thrown,
  });
}

function isSqliteError(thrown: unknown): thrown is InstanceType<typeof Database.SqliteError> {
  return thrown instanceof Database.SqliteError;
}
