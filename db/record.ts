/** The record: one SQLite file that says what was seen, done and could not be done. */

import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type Database from 'better-sqlite3';
import type { ValidatorStore } from '../crawlers/types.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { type AttemptTable, attemptTable } from './attempts.ts';
import { type CrossCheckTable, crossCheckTable } from './cross-checks.ts';
import { fingerprint } from './fingerprint.ts';
import { bodiesInUse, httpValidatorTable } from './http-validators.ts';
import { type IndexReadTable, indexReadTable } from './index-reads.ts';
import { type KernelTable, kernelTable } from './kernels.ts';
import { mergeFrom, type RecordMerge } from './merge.ts';
import { migrate } from './migrate.ts';
import { type PackageTable, packageTable } from './packages.ts';
import { publicCopy } from './public-copy.ts';
import { type RunTable, runTable } from './runs.ts';
import { isSqliteError, openSqlite } from './sqlite.ts';
import { type StepTimingTable, stepTimingTable } from './step-timings.ts';

export interface BtfRecord {
  readonly file: string;
  readonly runs: RunTable;
  readonly packages: PackageTable;
  readonly kernels: KernelTable;
  readonly attempts: AttemptTable;
  readonly stepTimings: StepTimingTable;
  readonly crossChecks: CrossCheckTable;
  readonly indexReads: IndexReadTable;
  readonly validators: ValidatorStore;
  /** SHA-256 of the index bodies that are asked for conditionally. */
  bodiesInUse(): readonly string[];
  /** The image of a SQLite database for strangers to read: what is known of each kernel. */
  publicCopy(): Buffer;
  /** Looks for damage in the file; throws `record-damaged` with what was found. */
  check(): void;
  /** Changes with the state of any kernel ({@link readFingerprint}). */
  fingerprint(): string;
  /** Writes a copy of the whole record, as it is now, to a file that does not exist yet. */
  copyTo(file: string): void;
  /** Joins the history of another record, and offers its kernels; close it when they are dealt with. */
  mergeFrom(file: string): RecordMerge;
  /** All or nothing: what `work` writes is seen by others at once, or never. */
  transaction<Result>(work: () => Result): Result;
  close(): void;
}

export interface OpenRecordOptions {
  /** Fail when the file does not exist, instead of creating it (and its folder). */
  readonly mustExist?: boolean;
  /** For queries only: a record that cannot be written, e.g. on a read-only file system, is read all the same. */
  readonly forQueries?: boolean;
  /** Clock of `http_validators.updated_at`. */
  readonly now?: () => Date;
}

/**
 * How long a writer waits for another process (a status query beside a crawl) before it gives up. It waits without
 * hearing a signal, and once more to say how the run ended: together less than the 10 s in which a run has to stop.
 */
const BUSY_TIMEOUT_MS = 4000;

/**
 * Opens (and creates or migrates) the record.
 * Throws `usage` when it must exist and does not, or is a folder, `record-damaged` when the file is no usable record,
 * else `disk-full` or `io-failed`.
 */
export function openRecord(file: string, options: OpenRecordOptions = {}): BtfRecord {
  const mustExist = options.mustExist ?? false;
  checkRecordFile(file, mustExist);
  try {
    return useDatabase(file, openDatabase(file, mustExist), options);
  } catch (thrown) {
    if (!options.forQueries || !isUnwritable(thrown)) throw asRecordError(file, thrown);
  }
  try {
    return useDatabase(file, openUnwritable(file), options);
  } catch (thrown) {
    throw asRecordError(file, thrown);
  }
}

function useDatabase(file: string, db: Database.Database, options: OpenRecordOptions): BtfRecord {
  try {
    if (!db.readonly) {
      // FULL: a published file's row is on disk when the run says so, even if the power fails right after.
      db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    }
    migrate(db);
    return {
      file,
      runs: runTable(db),
      packages: packageTable(db),
      kernels: kernelTable(db),
      attempts: attemptTable(db),
      stepTimings: stepTimingTable(db),
      crossChecks: crossCheckTable(db),
      indexReads: indexReadTable(db),
      validators: httpValidatorTable(db, options.now ?? (() => new Date())),
      bodiesInUse: () => bodiesInUse(db),
      publicCopy: () => publicCopy(db),
      check: () => {
        checkIntegrity(file, db);
      },
      fingerprint: () => fingerprint(db),
      copyTo: (copy) => {
        db.prepare<[string]>('VACUUM INTO ?').run(copy);
      },
      mergeFrom: (other) => mergeFrom(db, other),
      transaction: (work) => db.transaction(work).immediate(),
      close: () => {
        db.close();
      },
    };
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

/** How much of what is wrong is told. */
const MAX_PROBLEMS = 3;

/** sqlite.org/pragma.html#pragma_quick_check: all but the agreement of indexes with their tables. */
function checkIntegrity(file: string, db: Database.Database): void {
  const problems = db
    .prepare<[], { quick_check: string }>('SELECT quick_check FROM pragma_quick_check')
    .all()
    .map(({ quick_check }) => quick_check)
    .filter((line) => line !== 'ok');
  if (problems.length === 0) return;
  throw new BtfmillError('record-damaged', `${file}: ${problems.slice(0, MAX_PROBLEMS).join('; ')}`);
}

/**
 * Throws `usage` for a folder, and for a missing file that must exist, `io-failed` for one that may not be read:
 * SQLite says of all three that it is "unable to open" them.
 */
export function checkRecordFile(file: string, mustExist: boolean): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    throw new BtfmillError('usage', `${file}: is a folder; --db names the record's file`);
  }
  if (stats === undefined && mustExist) {
    throw new BtfmillError('usage', `${file}: no such record; run a crawl first, or name it with --db`);
  }
  if (stats !== undefined) accessSync(file, constants.R_OK);
}

function openDatabase(file: string, mustExist: boolean): Database.Database {
  if (!mustExist) mkdirSync(dirname(file), { recursive: true });
  return openSqlite(file, { fileMustExist: mustExist, timeout: BUSY_TIMEOUT_MS });
}

function isUnwritable(thrown: unknown): boolean {
  return isSqliteError(thrown) && /^SQLITE_(?:READONLY|CANTOPEN)/u.test(thrown.code);
}

/**
 * A record whose folder takes no files. Even to read, SQLite wants its two helper files beside a database in WAL mode:
 * when they are there, they serve; when a clean end has removed them, the file alone is all there is, and is read into
 * memory. A log without its index holds changes that nobody can read in that place.
 */
function openUnwritable(file: string): Database.Database {
  if (!hasLog(file)) {
    const image = readFileSync(file);
    if (!hasLog(file)) return openSqlite(withoutWal(image));
  }
  if (existsSync(`${file}-shm`)) return openSqlite(file, { readonly: true, timeout: BUSY_TIMEOUT_MS });
  throw new BtfmillError(
    'io-failed',
    `${file}: cannot be read where nothing can be written, because changes in ${basename(file)}-wal are not in it yet; copy both files elsewhere and name the copy with --db`,
  );
}

function hasLog(file: string): boolean {
  return (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

// sqlite.org/fileformat2.html, 1.3: bytes 18 and 19 are the write and read version, 2 for WAL and 1 without it.
const FORMAT_VERSIONS_OFFSET = 18;

/** SQLite opens no image in memory that says it has a WAL. */
function withoutWal(image: Buffer): Buffer {
  const copy = Buffer.from(image);
  if (copy.length > FORMAT_VERSIONS_OFFSET + 1)
    copy.fill(1, FORMAT_VERSIONS_OFFSET, FORMAT_VERSIONS_OFFSET + 2);
  return copy;
}

function asRecordError(file: string, thrown: unknown): unknown {
  if (!isSqliteError(thrown)) return thrown;
  const isDamage = /^SQLITE_(?:SCHEMA|ERROR)/u.test(thrown.code);
  const code = isDamage ? 'record-damaged' : toBtfmillError(thrown).code;
  return new BtfmillError(code, `${file}: ${thrown.message}`, { cause: thrown });
}
