/** primary.sqlite: the table `packages` of the database that createrepo makes beside primary.xml, as entries. */

import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { addEntry, checkEntry, type EntryOrigin, type RpmEntry } from './package-entry.ts';
import { readForeignSqlite } from './foreign-sqlite.ts';
import { malformed, quote } from './xml.ts';

/** Of the folder that holds the database while it is read: whoever owns `workDir` removes those of killed runs. */
export const SQLITE_FOLDER_PREFIX = 'sqlite-';

const COLUMNS = [
  'name',
  'arch',
  'epoch',
  'version',
  'release',
  'checksum_type',
  'pkgId',
  'size_package',
  'location_href',
  'location_base',
  'time_build',
  'rpm_sourcerpm',
] as const;

type Row = Readonly<Record<(typeof COLUMNS)[number], unknown>>;

/**
 * The packages whose name `isWanted` takes, in the order of their keys. The database is looked at only after its last byte
 * has come. Throws `index-malformed` and `index-unsafe-path`.
 *
 * @param workDir for the unpacked database, in a folder of its own that is gone at the end
 */
export async function readPrimarySqlite(
  plain: AsyncIterable<Buffer>,
  origin: EntryOrigin,
  isWanted: (name: string) => boolean,
  workDir: string,
): Promise<RpmEntry[]> {
  await mkdir(workDir, { recursive: true });
  const folder = await mkdtemp(join(workDir, SQLITE_FOLDER_PREFIX));
  try {
    const path = join(folder, 'primary.sqlite');
    await writeFile(path, plain);
    return readForeignSqlite(path, origin.where, (db) => readTable(db, origin, isWanted));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeFile(path: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

/** Longer than any name; a page of names of any length would be too much to hold. */
const MAX_NAME = 256;
// Without the table's indexes: those are more things that could be wrong.
const SELECT_NAMES = `SELECT pkgKey, substr(name, 1, ${MAX_NAME}) AS name FROM packages NOT INDEXED WHERE pkgKey > ? ORDER BY pkgKey LIMIT 5000`;
const SELECT_PACKAGE = `SELECT ${COLUMNS.join(', ')} FROM packages NOT INDEXED WHERE pkgKey = ?`;

function readTable(
  db: Pick<Database.Database, 'prepare'>,
  origin: EntryOrigin,
  isWanted: (name: string) => boolean,
): RpmEntry[] {
  requirePlainTable(db, origin.where);
  const entries: RpmEntry[] = [];
  // Page by page: all at once would be too much, and an iterator is one more object that must not be collected.
  const selectNames = db.prepare<[number], { pkgKey: number; name: unknown }>(SELECT_NAMES);
  const selectPackage = db.prepare<[number], Row>(SELECT_PACKAGE);
  let last = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const page = selectNames.all(last);
    if (page.length === 0) return entries;
    for (const { pkgKey, name } of page) {
      // A larger one would have been rounded, and could come again and again.
      if (!Number.isSafeInteger(pkgKey)) throw malformed(origin.where, `has the pkgKey ${pkgKey}`);
      last = pkgKey;
      if (typeof name !== 'string') throw malformed(origin.where, 'has a package without a name');
      if (name.length === MAX_NAME) throw malformed(origin.where, `has a package named ${quote(name)}`);
      if (!isWanted(name)) continue;
      addEntry(entries, toEntry(selectPackage.get(pkgKey) as Row, name, origin), origin.where);
    }
  }
}

/**
 * Throws `index-malformed` for anything but a table of plain columns whose pages are sound. A view or an expression
 * in a column could compute for ever, a page that is its own grandchild be read for ever.
 */
function requirePlainTable(db: Pick<Database.Database, 'prepare'>, where: string): void {
  const found = db
    .prepare<[], { sql: unknown }>("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'packages'")
    .all();
  const sql = found.length === 1 ? String(found[0].sql) : '';
  if (!/^CREATE TABLE packages\s*\(\s*pkgKey INTEGER PRIMARY KEY\s*,[\w\s,]*\)$/i.test(sql)) {
    throw malformed(where, `has no plain table of packages (${quote(sql)})`);
  }
  const verdict = db
    .prepare<[], { quick_check: unknown }>("SELECT * FROM pragma_quick_check('packages')")
    .get();
  if (verdict?.quick_check !== 'ok') {
    throw malformed(where, `is a damaged database (${quote(String(verdict?.quick_check))})`);
  }
}

function toEntry(row: Row, name: string, origin: EntryOrigin): RpmEntry {
  const where = `${origin.where}: ${quote(name)}`;
  const optional = (column: keyof Row) => {
    const value = row[column];
    // An empty text is what yum's own maker writes for what a package does not have.
    if (value === null || value === '') return undefined;
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw malformed(where, `has a ${column} that is neither text nor number`);
  };
  const required = (column: keyof Row) => {
    const value = optional(column);
    if (value === undefined) throw malformed(where, `has no ${column}`);
    return value;
  };
  return checkEntry(
    {
      name,
      arch: required('arch'),
      epoch: optional('epoch'),
      version: required('version'),
      release: required('release'),
      checksumType: required('checksum_type'),
      checksum: required('pkgId'),
      sizeBytes: required('size_package'),
      href: required('location_href'),
      xmlBase: optional('location_base'),
      buildTime: optional('time_build'),
      sourceRpm: optional('rpm_sourcerpm'),
    },
    origin,
  );
}
