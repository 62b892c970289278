import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openSqlite } from '../../db/sqlite.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { readPrimarySqlite } from './primary-sqlite.ts';

const SHA256 = 'ab'.repeat(32);
const TABLE = `CREATE TABLE packages (  pkgKey INTEGER PRIMARY KEY,  pkgId TEXT,  name TEXT,  arch TEXT,
  version TEXT,  epoch TEXT,  release TEXT,  time_build INTEGER,  rpm_sourcerpm TEXT,  size_package INTEGER,
  location_href TEXT,  location_base TEXT,  checksum_type TEXT)`;

type Row = Readonly<Record<string, unknown>>;

const ROW: Row = {
  pkgId: SHA256,
  name: 'kernel-debuginfo',
  arch: 'x86_64',
  version: '4.14.10',
  epoch: '0',
  release: '1.amzn2',
  time_build: 1_700_000_000,
  rpm_sourcerpm: 'kernel-4.14.10-1.amzn2.src.rpm',
  size_package: 4567,
  location_href: '../../../../../blobstore/0f/kernel-debuginfo.rpm',
  location_base: null,
  checksum_type: 'sha256',
};

/** A database made by `fill`, as bytes. */
async function build(fill: (db: Database.Database) => void): Promise<Buffer> {
  const path = join(await tempDirForTest('sqlite'), 'db');
  const db = openSqlite(path);
  db.exec('PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY');
  fill(db);
  db.close();
  return readFileSync(path);
}

function insert(db: Database.Database, row: Row): void {
  const columns = Object.keys(row);
  db.prepare(`INSERT INTO packages (${columns.join()}) VALUES (${columns.map(() => '?').join()})`).run(
    ...Object.values(row),
  );
}

const withRows = (...rows: readonly Row[]) =>
  build((db) => {
    db.exec(TABLE);
    for (const row of rows) insert(db, row);
  });

async function read(bytes: Buffer, base = 'https://cdn.example/2/core/2.0/x86_64/0a1b/') {
  const workDir = await tempDirForTest('sqlite-work');
  onTestFinished(() => expect(readdirSync(workDir)).toEqual([]));
  const origin = { where: 'x', bases: [base], allowedHosts: [] };
  return readPrimarySqlite(stream(bytes), origin, (name) => name.startsWith('kernel'), workDir);
}

async function* stream(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 1000) yield bytes.subarray(start, start + 1000);
}

describe('what it says', () => {
  test('every field', async () => {
    const bytes = await withRows(ROW, { ...ROW, name: 'bash', arch: '../..' }, { ...ROW, epoch: '1' });
    const entry = {
      name: 'kernel-debuginfo',
      arch: 'x86_64',
      epoch: 0,
      version: '4.14.10',
      release: '1.amzn2',
      digest: `sha256:${SHA256}`,
      sizeBytes: 4567,
      urls: ['https://cdn.example/blobstore/0f/kernel-debuginfo.rpm'],
      buildTime: new Date(1_700_000_000_000),
      sourceRpm: 'kernel-4.14.10-1.amzn2.src.rpm',
    };
    expect(await read(bytes)).toEqual([entry, { ...entry, epoch: 1 }]);
  });

  test('what may be missing, as null and as nothing; another base', async () => {
    for (const nothing of [null, '']) {
      const row = {
        ...ROW,
        epoch: nothing,
        time_build: nothing,
        rpm_sourcerpm: nothing,
        location_base: nothing,
      };
      expect(await read(await withRows(row))).toMatchObject([
        { epoch: 0, buildTime: undefined, sourceRpm: undefined },
      ]);
    }
    const elsewhere = { ...ROW, location_base: 'https://cdn.example/x', location_href: 'a.rpm' };
    expect(await read(await withRows(elsewhere))).toMatchObject([{ urls: ['https://cdn.example/x/a.rpm'] }]);
  });

  test('more rows than are asked for at once', async () => {
    const bytes = await build((db) => {
      db.exec(TABLE);
      db.exec('BEGIN');
      for (let pkgKey = -1; pkgKey < 10_001; pkgKey += 1) {
        insert(db, {
          ...ROW,
          pkgKey,
          name: pkgKey % 5000 === 0 ? 'kernel' : 'bash',
          version: `1.${pkgKey + 1}`,
        });
      }
      db.exec('COMMIT');
    });
    const versions = (await read(bytes)).map(({ version }) => version);
    expect(versions).toEqual(['1.1', '1.5001', '1.10001']);
  });

  test('no packages', async () => {
    expect(await read(await withRows())).toEqual([]);
  });
});

describe('malformed rows', () => {
  test.each([
    ['a key beyond all numbers', { pkgKey: 2n ** 62n }, 'has the pkgKey 4611686018427388000'],
    ['no name', { name: null }, 'a package without a name'],
    ['a name that is a blob', { name: Buffer.from('kernel') }, 'a package without a name'],
    ['a name with a blank', { name: 'kernel debuginfo' }, 'a package named'],
    ['a name without end', { name: 'kernel'.repeat(1000) }, 'a package named "kernelkernel'],
    ['no arch', { arch: null }, 'has no arch'],
    ['no version', { version: null }, 'has no version'],
    ['a version with a dash', { version: '1-1' }, 'has the version "1-1"'],
    ['no release', { release: '' }, 'has no release'],
    ['an epoch that is none', { epoch: 'x' }, 'has the epoch "x"'],
    ['no type of checksum', { checksum_type: null }, 'has no checksum_type'],
    ['a checksum of type md5', { checksum_type: 'md5' }, 'has the "md5" checksum'],
    ['no checksum', { pkgId: null }, 'has no pkgId'],
    ['a checksum that is a blob', { pkgId: Buffer.from(SHA256) }, 'neither text nor number'],
    ['no size', { size_package: null }, 'has no size_package'],
    ['a size below 0', { size_package: -1 }, 'has the size "-1"'],
    ['a size that is no whole number', { size_package: 1.5 }, 'has the size "1.5"'],
    ['a size beyond all numbers', { size_package: 2n ** 62n }, 'has the size'],
    ['no location', { location_href: null }, 'has no location_href'],
    ['a build time that is text', { time_build: 'now' }, 'has the build time "now"'],
  ])('%s', async (_, change, message) => {
    const bytes = await withRows({ ...ROW, ...change });
    await expect(read(bytes)).rejects.toMatchObject({ code: 'index-malformed' });
    await expect(read(bytes)).rejects.toThrow(message);
  });

  test.each([
    ['a file elsewhere', { location_href: 'https://evil.example/a.rpm' }],
    ['a base elsewhere', { location_base: 'https://evil.example/' }],
  ])('%s → index-unsafe-path', async (_, change) => {
    await expect(read(await withRows({ ...ROW, ...change }))).rejects.toMatchObject({
      code: 'index-unsafe-path',
    });
  });
});

describe('hostile databases', () => {
  const ENDLESS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT';

  test.each([
    ['no table', (db: Database.Database) => db.exec('CREATE TABLE other (a)'), 'no plain table'],
    [
      'too few columns',
      (db: Database.Database) => db.exec('CREATE TABLE packages (pkgKey INTEGER PRIMARY KEY, name TEXT)'),
      'no such column',
    ],
    [
      'no key to go by',
      (db: Database.Database) => db.exec(TABLE.replace('pkgKey INTEGER PRIMARY KEY', 'pkgKey TEXT')),
      'no plain table',
    ],
    [
      'a view that computes for ever',
      (db: Database.Database) => db.exec(`CREATE VIEW packages AS ${ENDLESS} i AS name FROM n`),
      'no plain table',
    ],
    [
      'a virtual table',
      (db: Database.Database) => db.exec('CREATE VIRTUAL TABLE packages USING fts5(name)'),
      'no plain table',
    ],
    [
      'a column that is computed',
      (db: Database.Database) =>
        db.exec(TABLE.replace('name TEXT', `name TEXT AS (printf('%.*c', 999999999, 'x'))`)),
      'no plain table',
    ],
    [
      'a check that computes',
      (db: Database.Database) =>
        db.exec(TABLE.replace('name TEXT', 'name TEXT CHECK (length(zeroblob(1e9)) > 0)')),
      'no plain table',
    ],
  ])('%s → index-malformed', async (_, fill, message) => {
    const bytes = await build((db) => {
      fill(db);
    });
    await expect(read(bytes)).rejects.toMatchObject({ code: 'index-malformed' });
    await expect(read(bytes)).rejects.toThrow(message);
  });

  test('in WAL mode, where reading writes', async () => {
    const bytes = await build((db) => {
      db.exec(TABLE);
      db.exec('PRAGMA journal_mode = WAL');
    });
    await expect(read(bytes)).rejects.toThrow('write-ahead log');
  });

  test('no database at all; nothing; a header alone', async () => {
    const header = (await withRows(ROW)).subarray(0, 100);
    for (const bytes of [Buffer.from('<html>'.repeat(100)), Buffer.alloc(0), header.subarray(0, 99)]) {
      await expect(read(bytes)).rejects.toThrow('is no SQLite database');
    }
    await expect(read(header)).rejects.toMatchObject({ code: 'index-malformed' });
  });

  test('a tree of few pages with more paths than anybody can walk', async () => {
    const pageSize = 512;
    const levels = 15;
    let root = 0;
    const bytes = await build((db) => {
      db.exec(`PRAGMA page_size = ${pageSize}`);
      db.exec(TABLE);
      for (let index = 0; index < 100; index += 1) insert(db, ROW);
      root = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'packages'").pluck().get() as number;
    });
    // sqlite.org/fileformat2.html, 1.6: fifty times the next page as a child, on every level, and below one row that nobody wants.
    const page = (number: number) => bytes.subarray((number - 1) * pageSize, number * pageSize).fill(0);
    for (let level = 0; level < levels; level += 1) {
      const interior = page(root + level);
      interior[0] = 5;
      interior.writeUInt16BE(50, 3);
      interior.writeUInt16BE(200, 5);
      interior.writeUInt32BE(root + level + 1, 8);
      for (let index = 0; index < 50; index += 1) {
        interior.writeUInt16BE(200 + 5 * index, 12 + 2 * index);
        interior.writeUInt32BE(root + level + 1, 200 + 5 * index);
        interior[200 + 5 * index + 4] = index + 1;
      }
    }
    const leaf = page(root + levels);
    // Of its thirteen columns only the third, its name, is there: a text of one letter.
    const record = Buffer.from([14, 0, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x78]);
    const cell = Buffer.concat([Buffer.from([record.length, 1]), record]);
    leaf[0] = 13;
    leaf.writeUInt16BE(1, 3);
    leaf.writeUInt16BE(pageSize - cell.length, 5);
    leaf.writeUInt16BE(pageSize - cell.length, 8);
    leaf.set(cell, pageSize - cell.length);
    await expect(read(bytes)).rejects.toThrow('is a damaged database');
  });

  test('any damaged byte gives packages or index-malformed or index-unsafe-path, never anything else', async () => {
    const sound = await withRows(ROW, { ...ROW, epoch: '2' });
    for (let offset = 0; offset < sound.length; offset += 37) {
      const damaged = Buffer.from(sound);
      damaged[offset] ^= 0xa5;
      const outcome = await read(damaged).catch((error: unknown) => error);
      if (Array.isArray(outcome)) continue;
      expect(['index-malformed', 'index-unsafe-path']).toContain((outcome as { code: string }).code);
    }
    for (const length of [sound.length >> 1, sound.length - 1, 4096]) {
      const outcome = await read(sound.subarray(0, length)).catch((error: unknown) => error);
      expect(outcome).toMatchObject({ code: 'index-malformed' });
    }
  });
});
