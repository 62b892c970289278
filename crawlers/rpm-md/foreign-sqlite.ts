/** Reads SQLite databases that somebody else made (sqlite.org/security.html, "Untrusted SQLite Database Files"). */

import { closeSync, openSync, readSync } from 'node:fs';
import Database from 'better-sqlite3';
import { BtfmillError } from '../../errors/index.ts';
import { malformed } from './xml.ts';

/**
 * Never garbage-collected, like those of db/: Node 24 may abort the process when it collects a statement or database
 * of better-sqlite3 12. Closed ones hold no memory to speak of, and a listing opens a few dozen.
 */
const kept: unknown[] = [];

/** Functions in the schema do not run, cells are checked before they are read, and nothing is written. */
const GUARDS =
  'PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA query_only = ON; PRAGMA mmap_size = 0';

// sqlite.org/fileformat2.html, 1.3: bytes 18 and 19 are the write and read version, 1 for a rollback journal.
const MAGIC = Buffer.from('SQLite format 3\0');
const FORMAT_VERSIONS = [18, 19] as const;
const HEADER_BYTES = 100;

/**
 * What `read` makes of the database at `path`, which must lie in a folder of its own: no journal of anybody else's is
 * then taken for the database's. Throws `index-malformed` for whatever SQLite finds wrong with it, `io-failed` when
 * the machine is at fault.
 *
 * @param where what is being read, for messages
 */
export function readForeignSqlite<T>(
  path: string,
  where: string,
  read: (db: Pick<Database.Database, 'prepare'>) => T,
): T {
  requireRollbackFormat(path, where);
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    kept.push(db);
    try {
      db.exec(GUARDS);
      const prepare = (sql: string) => {
        const statement = db.prepare(sql);
        kept.push(statement);
        return statement;
      };
      return read({ prepare: prepare as Database.Database['prepare'] });
    } finally {
      db.close();
    }
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    const isLocal = /^SQLITE_(?:IOERR|FULL|NOMEM|PERM|CANTOPEN|READONLY|BUSY)/.test(error.code);
    if (isLocal) throw new BtfmillError('io-failed', `${where}: ${error.message}`, { cause: error });
    throw malformed(where, `is no sound database: ${error.message}`, error);
  }
}

/** A database in WAL mode wants helper files beside it even to be read; nobody publishes one. */
function requireRollbackFormat(path: string, where: string): void {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r');
  try {
    const length = readSync(file, header);
    if (length < HEADER_BYTES || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw malformed(where, 'is no SQLite database');
    }
  } finally {
    closeSync(file);
  }
  if (FORMAT_VERSIONS.some((offset) => header[offset] !== 1)) {
    throw malformed(where, 'is a database with a write-ahead log, or of an unknown version');
  }
}
