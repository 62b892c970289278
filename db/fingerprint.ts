/** Whether two records know the same of their kernels: cheap to ask, of a copy as well. */

import type { Database } from 'better-sqlite3';
import { isSqliteError, openSqlite } from './sqlite.ts';

const QUERY = `SELECT distro, release, arch, state, count(*) AS kernels, max(changed_at) AS changed
  FROM kernels GROUP BY distro, release, arch, state ORDER BY distro, release, arch, state`;

/** Equal texts: as many kernels of each plane in each state, and the same last change. */
export function fingerprint(db: Database): string {
  return JSON.stringify(db.prepare(QUERY).all());
}

/** That of a record's copy, which is only read; undefined when it cannot be. */
export function readFingerprint(file: string): string | undefined {
  try {
    const db = openSqlite(file, { readonly: true });
    try {
      return fingerprint(db);
    } finally {
      db.close();
    }
  } catch (thrown) {
    if (isSqliteError(thrown)) return undefined;
    throw thrown;
  }
}
