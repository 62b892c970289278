/** Brings a SQLite file to the schema this version of btfmill speaks: numbered steps, each in its own transaction. */

import type { Database } from 'better-sqlite3';
import { BtfmillError } from '../errors/index.ts';
import { SCHEMA_001 } from './migrations/001-first.ts';
import { SCHEMA_002 } from './migrations/002-package-digest.ts';
import { SCHEMA_003 } from './migrations/003-unattended.ts';
import { SCHEMA_004 } from './migrations/004-run-failures.ts';

/** SQL that leads from schema version `index` to `index + 1`; append only. */
const MIGRATIONS: readonly string[] = [SCHEMA_001, SCHEMA_002, SCHEMA_003, SCHEMA_004];

/** `PRAGMA user_version` of an up-to-date record. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** `PRAGMA application_id` of every record ("BTFm"): keeps us from writing tables into somebody else's database. */
export const APPLICATION_ID = 0x4254466d;

/**
 * Runs the migrations that are missing; safe when two processes do it at once.
 * Throws `record-damaged` for a database of another program or of a newer btfmill.
 */
export function migrate(db: Database): void {
  const step = db.transaction(() => {
    const version = readVersion(db);
    if (version >= SCHEMA_VERSION) return;
    db.exec(MIGRATIONS[version]);
    refuseDanglingRows(db);
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version + 1}`);
  });
  // Looks first without the write lock, so that a query beside a running crawl need not wait for it.
  if (readVersion(db) === SCHEMA_VERSION) return;
  // A table that others refer to can only be rebuilt while nobody looks; no-op inside a transaction, hence here.
  db.exec('PRAGMA foreign_keys = OFF');
  while (readVersion(db) < SCHEMA_VERSION) step.immediate();
  db.exec('PRAGMA foreign_keys = ON');
}

function refuseDanglingRows(db: Database): void {
  const count = db.prepare<[], number>('SELECT count(*) FROM pragma_foreign_key_check').pluck();
  const dangling = count.get() ?? 0;
  if (dangling === 0) return;
  throw new BtfmillError('record-damaged', `${db.name}: ${dangling} rows refer to rows that are not there`);
}

function readVersion(db: Database): number {
  const { version, application } = db
    .prepare<[], { version: number; application: number }>(
      'SELECT user_version AS version, application_id AS application FROM pragma_user_version, pragma_application_id',
    )
    .get() as { version: number; application: number };
  if (application !== APPLICATION_ID && !isEmpty(db)) {
    throw new BtfmillError('record-damaged', `${db.name}: is a SQLite database, but not a btfmill record`);
  }
  if (version > SCHEMA_VERSION) {
    throw new BtfmillError(
      'record-damaged',
      `${db.name}: schema version ${version}, this btfmill knows up to ${SCHEMA_VERSION}; use a newer btfmill`,
    );
  }
  return version;
}

function isEmpty(db: Database): boolean {
  const row = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM sqlite_schema').get();
  return row?.n === 0;
}
