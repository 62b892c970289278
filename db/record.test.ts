import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSqlite } from './sqlite.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DebugPackage } from '../crawlers/types.ts';
import { toBtfmillError } from '../errors/index.ts';
import { cannotMount, mountTmpfs } from '../test/support/mount.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { type BtfRecord, type BtfFacts, openRecord, type PublishedFacts, type RunFailure } from './index.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './migrate.ts';
import { SCHEMA_001 } from './migrations/001-first.ts';

const T1 = '2026-11-20T10:00:00.000Z';
const T2 = '2026-11-20T11:00:00.000Z';
const SHA_A = 'a'.repeat(64);
const SHA_B = 'b'.repeat(64);
const KEY = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-50-cloud-amd64' };
const PACKAGE: DebugPackage = {
  ...KEY,
  packageName: 'linux-image-6.1.0-50-cloud-amd64-dbg',
  packageVersion: '6.1.176-1',
  format: 'deb',
  url: 'http://mirror.test/pool/main/l/linux/x.deb',
  sizeBytes: 5_000_000_000,
  digest: `sha256:${SHA_A}`,
  indexUrl: 'http://mirror.test/dists/bookworm/main/binary-amd64/Packages.xz',
  suite: 'bookworm',
  trust: 'signed-index',
};
const PUBLISHED: PublishedFacts = {
  path: 'debian/12/x86_64/6.1.0-50-cloud-amd64.btf.tar.xz',
  tarSha256: SHA_B,
  tarSizeBytes: 900_000,
  typeCount: 94_561,
  typesByKind: { INT: 15, STRUCT: 9000 },
};

function facts(packageId: number): BtfFacts {
  return {
    source: 'native',
    trust: 'signed-index',
    buildId: 'c0ffee',
    btfSha256: SHA_A,
    btfSizeBytes: 4_000_000,
    profile: 'pahole-1.24',
    toolVersions: { btfmill: '0.1.0', xz: '5.4.1' },
    packageId,
  };
}

async function emptyRecord(): Promise<BtfRecord> {
  const record = openRecord(join(await tempDirForTest('db'), 'deep', 'record.sqlite'));
  onTestFinished(() => {
    record.close();
  });
  return record;
}

function startAttempt(record: BtfRecord): { kernelId: number; packageId: number; attemptId: number } {
  const runId = record.runs.start({ startedAt: T1, btfmillVersion: '0.1.0', options: { limit: 1 } });
  const packageId = record.packages.see(PACKAGE, T1);
  const kernelId = record.kernels.ensure(KEY, T1);
  const attemptId = record.attempts.start({ kernelId, runId, packageId, setup: 's', startedAt: T1 });
  return { kernelId, packageId, attemptId };
}

describe('openRecord', () => {
  it('creates the folder and an up-to-date WAL database, and opens it again', async () => {
    const record = await emptyRecord();
    const raw = openSqlite(record.file);
    expect(raw.prepare('SELECT * FROM pragma_journal_mode').pluck().get()).toBe('wal');
    expect(raw.prepare('SELECT * FROM pragma_user_version').pluck().get()).toBe(SCHEMA_VERSION);
    const loose = raw.prepare(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'sqlite%'",
    );
    expect(loose.all()).toEqual([]);
    raw.close();
    const again = openRecord(record.file, { mustExist: true });
    expect(again.kernels.countByPlane()).toEqual([]);
    again.close();
  });

  it('has checks that SQLite before 3.43 judges alike: there json_valid(NULL) is 0', async () => {
    const record = await emptyRecord();
    const raw = openSqlite(record.file, { readonly: true });
    const columns = raw.prepare<[], { name: string; sql: string }>(
      `SELECT c.name, s.sql FROM sqlite_schema s, pragma_table_info(s.name) c
       WHERE s.type = 'table' AND c."notnull" = 0 AND s.sql LIKE '%json_valid(' || c.name || ')%'`,
    );
    const nullable = columns.all();
    raw.close();
    expect(nullable.map(({ name }) => name)).toEqual(['tool_versions', 'types_by_kind']);
    for (const { name, sql } of nullable) expect(sql).toContain(`(${name} IS NULL OR json_valid(${name}))`);
  });

  it('does not create a record that must exist', async () => {
    const file = join(await tempDirForTest('db'), 'none.sqlite');
    expect(() => openRecord(file, { mustExist: true })).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(existsSync(file)).toBe(false);
  });

  it('calls a folder a folder', async () => {
    const folder = await tempDirForTest('db');
    for (const mustExist of [true, false]) {
      expect(() => openRecord(folder, { mustExist })).toThrow(/is a folder/u);
    }
  });

  it('refuses a file that is no database and leaves it alone', async () => {
    const file = join(await tempDirForTest('db'), 'x.sqlite');
    writeFileSync(file, 'not a database, '.repeat(100));
    expect(() => openRecord(file)).toThrow(expect.objectContaining({ code: 'record-damaged' }));
    expect(readFileSync(file, 'latin1')).toBe('not a database, '.repeat(100));
  });

  it("refuses another program's database", async () => {
    const file = join(await tempDirForTest('db'), 'x.sqlite');
    const other = openSqlite(file);
    other.exec('CREATE TABLE bookmarks (url TEXT)');
    other.close();
    expect(() => openRecord(file)).toThrow(/not a btfmill record/u);
  });

  it('brings a record of schema version 1 up to date and keeps what refers to its packages', async () => {
    const file = join(await tempDirForTest('db'), 'x.sqlite');
    const old = openSqlite(file);
    old.exec(SCHEMA_001);
    old.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1;
      INSERT INTO runs (id, started_at, btfmill_version, options) VALUES (1, 't', '0', '{}');
      INSERT INTO packages VALUES (7, 'debian', '12', 'x86_64', 'k', 'n', 'v', 'deb', 'u', 1, '${SHA_A}', 'i', 's',
        'signed-index', 't', 't');
      INSERT INTO kernels (id, distro, release, arch, kernel, state, package_id, changed_at)
        VALUES (3, 'debian', '12', 'x86_64', 'k', 'pending', 7, 't');
      INSERT INTO attempts (kernel_id, run_id, package_id, setup, started_at) VALUES (3, 1, 7, 's', 't');
      INSERT INTO step_timings VALUES (1, 'fetch', 2.5, 10)`);
    old.close();
    const record = openRecord(file);
    onTestFinished(() => record.close());
    expect(record.packages.byId(7)).toMatchObject({ kernel: 'k', digest: `sha256:${SHA_A}` });
    expect(record.attempts.ofKernel(3, 1)).toMatchObject([{ packageId: 7 }]);
    record.stepTimings.add({ attemptId: 1, step: 'verify', milliseconds: 1, bytes: 10 });
    expect(record.stepTimings.ofAttempt(1)).toEqual([
      { step: 'fetch', milliseconds: 2.5, bytes: 10 },
      { step: 'verify', milliseconds: 1, bytes: 10 },
    ]);
    const key = { distro: 'debian', release: '12', arch: 'x86_64', kernel: 'k' };
    expect(record.kernels.find(key)).toEqual({
      ...key,
      id: 3,
      state: 'pending',
      packageId: 7,
      changedAt: 't',
    });
    const raw = openSqlite(file);
    raw.pragma('foreign_keys = ON');
    expect(() => raw.exec('DELETE FROM packages')).toThrow(/FOREIGN KEY/u);
    raw.exec('DELETE FROM attempts');
    expect(raw.prepare('SELECT count(*) FROM step_timings').pluck().get()).toBe(0);
    raw.close();
  });

  it('refuses the record of a newer btfmill', async () => {
    const record = await emptyRecord();
    const raw = openSqlite(record.file);
    raw.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    raw.close();
    expect(() => openRecord(record.file)).toThrow(/use a newer btfmill/u);
  });

  it('takes back everything when a transaction throws', async () => {
    const record = await emptyRecord();
    const work = (): void => {
      record.kernels.ensure(KEY, T1);
      throw new Error('stop');
    };
    expect(() => record.transaction(work)).toThrow('stop');
    expect(record.kernels.find(KEY)).toBeUndefined();
  });
});

describe('a record that cannot be written', () => {
  it.each([
    ['full', 'disk-full', 'PRAGMA max_page_count = 1'],
    ['not to be written', 'io-failed', 'PRAGMA query_only = 1'],
  ])('when it is %s is %s', async (_what, code, pragma) => {
    const db = openSqlite(join(await tempDirForTest('db'), 'x.sqlite'));
    db.exec('CREATE TABLE t (x)');
    db.exec(pragma);
    const write = (): unknown => db.exec(`INSERT INTO t VALUES ('${'x'.repeat(100_000)}')`);
    expect(() => {
      try {
        write();
      } catch (thrown) {
        throw toBtfmillError(thrown);
      }
    }).toThrow(expect.objectContaining({ code }));
    db.close();
  });

  it.skipIf(cannotMount())('is read all the same on a read-only file system', async () => {
    const { folder, makeReadOnly } = await mountTmpfs();
    const file = join(folder, 'record.sqlite');
    const record = openRecord(file);
    startAttempt(record);
    record.close();
    makeReadOnly();
    expect(() => openRecord(file, { mustExist: true })).toThrow(
      expect.objectContaining({ code: 'io-failed' }),
    );
    const readOnly = openRecord(file, { mustExist: true, forQueries: true });
    expect(readOnly.kernels.find(KEY)?.state).toBe('pending');
    readOnly.close();
  });

  it.skipIf(cannotMount())('is read with its log, and refused when that cannot be read', async () => {
    const { folder, makeReadOnly } = await mountTmpfs();
    const source = await emptyRecord();
    startAttempt(source);
    const [whole, torn] = [join(folder, 'whole.sqlite'), join(folder, 'torn.sqlite')];
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(`${source.file}${suffix}`, `${whole}${suffix}`);
    for (const suffix of ['', '-wal']) copyFileSync(`${source.file}${suffix}`, `${torn}${suffix}`);
    makeReadOnly();
    const readOnly = openRecord(whole, { mustExist: true, forQueries: true });
    expect(readOnly.kernels.find(KEY)?.state).toBe('pending');
    readOnly.close();
    expect(() => openRecord(torn, { mustExist: true, forQueries: true })).toThrow(/torn\.sqlite-wal/u);
  });
});

describe('packages', () => {
  it('keeps the first sight and moves the last', async () => {
    const record = await emptyRecord();
    const id = record.packages.see(PACKAGE, T1);
    expect(record.packages.see({ ...PACKAGE, url: 'http://elsewhere.test/x.deb' }, T2)).toBe(id);
    expect(record.packages.byId(id)).toEqual({
      ...PACKAGE,
      url: 'http://elsewhere.test/x.deb',
      id,
      firstSeen: T1,
      lastSeen: T2,
    });
  });

  it('keeps what is known of a package, not how it is to be got and verified', async () => {
    const record = await emptyRecord();
    const rpm = { ...PACKAGE, format: 'rpm', trust: 'unanchored' } as const;
    const signature = { keyrings: ['a.pgp'], allowWeak: true };
    const id = record.packages.see({ ...rpm, otherUrls: ['http://b.test/x.rpm'], signature }, T1);
    expect(record.packages.byId(id)).toEqual({ ...rpm, id, firstSeen: T1, lastSeen: T1 });
  });

  it('tells rebuilt packages apart', async () => {
    const record = await emptyRecord();
    const id = record.packages.see(PACKAGE, T1);
    expect(record.packages.see({ ...PACKAGE, digest: `sha256:${SHA_B}` }, T2)).not.toBe(id);
  });
});

describe('kernels', () => {
  it('goes from pending over announced to published', async () => {
    const record = await emptyRecord();
    const { kernelId, packageId } = startAttempt(record);
    expect(record.kernels.find(KEY)).toEqual({ ...KEY, id: kernelId, state: 'pending', changedAt: T1 });
    record.kernels.announce(kernelId, facts(packageId), T1);
    expect(record.kernels.find(KEY)).toEqual({
      ...KEY,
      ...facts(packageId),
      id: kernelId,
      state: 'pending',
      changedAt: T1,
    });
    record.kernels.markPublished(kernelId, PUBLISHED, T2);
    expect(record.kernels.find(KEY)).toEqual({
      ...KEY,
      ...facts(packageId),
      ...PUBLISHED,
      id: kernelId,
      state: 'published',
      changedAt: T2,
      publishedAt: T2,
    });
    expect(record.kernels.inState('published')).toHaveLength(1);
  });

  it('keeps who signed the package and what has shown the name, until there is another result', async () => {
    const record = await emptyRecord();
    const { kernelId, packageId } = startAttempt(record);
    const signed = {
      ...facts(packageId),
      trust: 'signed-package',
      signer: 'ABCD',
      nameProof: 'path+banner',
    } as const;
    record.kernels.announce(kernelId, signed, T1);
    record.kernels.markPublished(kernelId, PUBLISHED, T2);
    expect(record.kernels.find(KEY)).toMatchObject({ signer: 'ABCD', nameProof: 'path+banner' });
    const plane = { distro: 'debian', release: '12', arch: 'x86_64' };
    expect(record.kernels.countByTrust()).toEqual([
      { ...plane, trust: 'signed-package', signer: 'ABCD', nameProof: 'path+banner', kernels: 1 },
    ]);
    record.kernels.markPending(kernelId, T2);
    expect(record.kernels.find(KEY)).not.toHaveProperty('signer');
    expect(record.kernels.find(KEY)).not.toHaveProperty('nameProof');
    expect(record.kernels.countByTrust()).toEqual([]);
    record.kernels.announce(kernelId, facts(packageId), T2);
    record.kernels.markPublished(kernelId, PUBLISHED, T2);
    expect(record.kernels.countByTrust()).toEqual([{ ...plane, trust: 'signed-index', kernels: 1 }]);
  });

  it('cannot be published without the facts', async () => {
    const record = await emptyRecord();
    const { kernelId } = startAttempt(record);
    expect(() => {
      record.kernels.markPublished(kernelId, PUBLISHED, T2);
    }).toThrow(/CHECK constraint/u);
  });

  it('keeps no facts of a former result', async () => {
    const record = await emptyRecord();
    const { kernelId, packageId } = startAttempt(record);
    record.kernels.announce(kernelId, facts(packageId), T1);
    record.kernels.markPublished(kernelId, PUBLISHED, T1);
    record.kernels.markFailed(kernelId, { code: 'cross-check', message: 'no', packageId }, T2);
    expect(record.kernels.find(KEY)).toEqual({
      ...KEY,
      id: kernelId,
      state: 'failed',
      code: 'cross-check',
      reason: 'no',
      packageId,
      changedAt: T2,
      publishedAt: T1,
    });
    record.kernels.markNoDebugInfo(kernelId, packageId, T2);
    expect(record.kernels.find(KEY)?.code).toBeUndefined();
    record.kernels.markPending(kernelId, T2);
    expect(record.kernels.find(KEY)?.packageId).toBeUndefined();
  });

  it('counts by plane and state', async () => {
    const record = await emptyRecord();
    const { kernelId, packageId } = startAttempt(record);
    record.kernels.announce(kernelId, facts(packageId), T1);
    record.kernels.markPublished(kernelId, PUBLISHED, T1);
    record.kernels.ensure({ ...KEY, kernel: '6.1.0-49-cloud-amd64' }, T1);
    record.kernels.ensure({ ...KEY, kernel: '6.1.0-48-cloud-amd64' }, T1);
    const plane = { distro: 'debian', release: '12', arch: 'x86_64' };
    expect(record.kernels.countByPlane()).toEqual([
      { ...plane, state: 'pending', kernels: 2, tarSizeBytes: 0 },
      { ...plane, state: 'published', kernels: 1, tarSizeBytes: 900_000 },
    ]);
  });
});

describe('attempts, timings, cross-checks', () => {
  it('ends what a killed run left open', async () => {
    const record = await emptyRecord();
    const { kernelId, attemptId } = startAttempt(record);
    expect(record.attempts.closeInterrupted(T2)).toBe(1);
    expect(record.attempts.closeInterrupted(T2)).toBe(0);
    expect(record.attempts.ofKernel(kernelId, 9)).toEqual([
      expect.objectContaining({ id: attemptId, outcome: 'interrupted', finishedAt: T2 }),
    ]);
  });

  it('gives the newest attempts first', async () => {
    const record = await emptyRecord();
    const first = startAttempt(record);
    const end = { code: 'dwarf-malformed', message: 'm', retryAfter: T2, finishedAt: T2, fetchedBytes: 1 };
    record.attempts.finish(first.attemptId, { outcome: 'failed', ...end });
    const second = startAttempt(record);
    const rows = record.attempts.ofKernel(first.kernelId, 9);
    expect(rows.map((row) => row.id)).toEqual([second.attemptId, first.attemptId]);
    expect(rows[1]).toMatchObject(end);
    expect(record.attempts.ofKernel(first.kernelId, 1)).toHaveLength(1);
  });

  it('refuses a failure without a code', async () => {
    const record = await emptyRecord();
    const { attemptId } = startAttempt(record);
    expect(() => {
      record.attempts.finish(attemptId, { outcome: 'failed', finishedAt: T2, fetchedBytes: 0 });
    }).toThrow(/CHECK constraint/u);
  });

  it('keeps timings and verdicts', async () => {
    const record = await emptyRecord();
    const { attemptId } = startAttempt(record);
    record.stepTimings.add({ attemptId, step: 'fetch', milliseconds: 12.5, bytes: 7 });
    record.stepTimings.add({ attemptId, step: 'fetch', milliseconds: 13.5, bytes: 8 });
    expect(record.stepTimings.ofAttempt(attemptId)).toEqual([
      { step: 'fetch', milliseconds: 13.5, bytes: 8 },
    ]);
    const check = {
      attemptId,
      against: 'pahole',
      verdict: 'types-differ',
      details: { onlyA: { STRUCT: 1 } },
      firstDifferences: ['struct a: size 8, not 16'],
      tolerated: [],
      milliseconds: 1,
      checkedAt: T1,
    };
    record.crossChecks.add(check);
    record.crossChecks.add({ ...check, tool: 'v1.24' });
    expect(record.crossChecks.ofAttempt(attemptId)).toEqual([check, { ...check, tool: 'v1.24' }]);
  });
});

describe('runs and validators', () => {
  it('keeps how a run ended', async () => {
    const record = await emptyRecord();
    const start = { startedAt: T1, btfmillVersion: '0.1.0', options: { limit: 3 } };
    const id = record.runs.start(start);
    expect(record.runs.latest()).toEqual({ id, ...start });
    const counts = {
      published: 1,
      alreadyPublished: 2,
      noDebugInfo: 3,
      failed: 4,
      fetchedBytes: 5,
      indexBytes: 6,
    };
    record.runs.finish(id, { finishedAt: T2, exitCode: 3, ...counts });
    expect(record.runs.latest()).toEqual({ id, ...start, finishedAt: T2, exitCode: 3, ...counts });
  });

  it('stores validators by URL', async () => {
    const { validators } = await emptyRecord();
    expect(validators.get('http://x.test/InRelease')).toBeUndefined();
    validators.set('http://x.test/InRelease', { etag: '"1"', lastModified: 'Fri', sha256: SHA_A });
    validators.set('http://x.test/InRelease', { lastModified: 'Sat', sha256: SHA_B });
    expect(validators.get('http://x.test/InRelease')).toEqual({ lastModified: 'Sat', sha256: SHA_B });
  });
});

describe('index_reads', () => {
  it('knows when each distribution was last read in whole by a run that did all it was to do', async () => {
    const record = await emptyRecord();
    const none = {
      published: 0,
      alreadyPublished: 0,
      noDebugInfo: 0,
      failed: 0,
      fetchedBytes: 0,
      indexBytes: 0,
    };
    const run = (day: number, end: { exitCode: number; failure?: RunFailure }, ...broken: string[]): void => {
      const at = `2026-11-${day}T02:00:00.000Z`;
      const runId = record.runs.start({ startedAt: at, btfmillVersion: '0', options: {} });
      for (const distro of ['amzn', 'debian']) {
        const read = { runId, at, asked: '', distro, release: '1', suite: 's' };
        record.indexReads.add({ ...read, arch: 'x86_64', kernels: 1 });
        if (broken.includes(distro)) record.indexReads.add({ ...read, code: 'http-status', message: '500' });
      }
      record.runs.finish(runId, { finishedAt: at, ...none, ...end });
    };
    const last = (): unknown => record.indexReads.lastComplete('2026-11-30T00:00:00.000Z');
    run(10, { exitCode: 3 });
    run(11, { exitCode: 4 }, 'amzn');
    const known = [
      { distro: 'amzn', at: '2026-11-10T02:00:00.000Z' },
      { distro: 'debian', at: '2026-11-11T02:00:00.000Z' },
    ];
    expect(last()).toEqual(known);
    run(12, { exitCode: 143 });
    run(13, { exitCode: 3, failure: { code: 'disk-full', message: 'no room' } });
    expect(last()).toEqual(known);
    expect(record.indexReads.lastComplete('2026-11-10T12:00:00.000Z')).toHaveLength(2);
    expect(record.runs.latest()?.failure).toEqual({ code: 'disk-full', message: 'no room' });
  });
});
