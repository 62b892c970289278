/**
 * Opens SQLite databases whose objects are never garbage-collected.
 *
 * Node 24 aborts the process when it collects a statement or database of better-sqlite3 12 outside of a context
 * ("RemoveEnvironmentCleanupHook … (env) != nullptr"), which can happen at any time. A process opens one or two records
 * and prepares a few dozen statements, so keeping them costs nothing. `pragma()` prepares statements that cannot be
 * kept: use `exec('PRAGMA …')` to set and the `pragma_…` tables to ask.
 */

import Database from 'better-sqlite3';

const kept: unknown[] = [];

/** @param file path, or the image of a database */
export function openSqlite(file: string | Buffer, options: Database.Options = {}): Database.Database {
  const db = new Database(file, options);
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    const statement = prepare(sql);
    kept.push(statement);
    return statement;
  }) as typeof db.prepare;
  kept.push(db);
  return db;
}

/** Its `code` is SQLite's own, e.g. `SQLITE_FULL`. */
export function isSqliteError(thrown: unknown): thrown is InstanceType<typeof Database.SqliteError> {
  return thrown instanceof Database.SqliteError;
}
