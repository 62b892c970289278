import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KernelKey } from '../crawlers/types.ts';
import { type BtfRecord, openRecord } from '../db/index.ts';
import { BtfmillError } from '../errors/index.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { archivePath } from './archive-path.ts';
import type { StoredFacts } from './store.ts';
import { type Damage, verifyArchive, type VerifyReport } from './verify.ts';

const AT = '2026-11-20T10:00:00.000Z';
const KEY = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-1-amd64' };
const OTHER = { ...KEY, kernel: '6.1.0-2-amd64' };

const sha = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Stands in for store.ts: a file is `tar:` and the BTF. */
function inspect(archiveDir: string, key: KernelKey): StoredFacts {
  const path = archivePath(key);
  const text = readFileSync(join(archiveDir, path), 'utf8');
  if (!text.startsWith('tar:')) throw new BtfmillError('archive-damaged', `${path}: no tar`);
  return {
    path,
    btfSha256: sha(text.slice(4)),
    btfSizeBytes: text.length - 4,
    tarSha256: sha(text),
    tarSizeBytes: text.length,
    typeCount: 3,
    typesByKind: {},
  };
}

interface Place {
  readonly archiveDir: string;
  readonly record: BtfRecord;
  file(key: KernelKey): string;
  verify(): Promise<VerifyReport>;
}

/** An archive of two published kernels. */
async function makePlace(): Promise<Place> {
  const folder = await tempDirForTest('verify');
  const archiveDir = join(folder, 'archive');
  const record = openRecord(join(folder, 'record.sqlite'));
  onTestFinished(() => {
    record.close();
  });
  const file = (key: KernelKey): string => join(archiveDir, archivePath(key));
  for (const key of [KEY, OTHER]) {
    mkdirSync(dirname(file(key)), { recursive: true });
    writeFileSync(file(key), `tar:btf of ${key.kernel}`);
    publish(record, key, inspect(archiveDir, key));
  }
  const verify = (): Promise<VerifyReport> =>
    verifyArchive({
      record,
      archiveDir,
      jobs: 2,
      signal: new AbortController().signal,
      inspect: async (key) => inspect(archiveDir, key),
      onDamage: () => {},
      onProgress: () => {},
    });
  return { archiveDir, record, file, verify };
}

function publish(record: BtfRecord, key: KernelKey, stored: StoredFacts): void {
  const packageId = record.packages.see(
    {
      ...key,
      packageName: 'x',
      packageVersion: '1',
      format: 'deb',
      url: 'http://mirror.test/x.deb',
      sizeBytes: 1,
      digest: `sha256:${sha(key.kernel)}`,
      indexUrl: 'http://mirror.test/Packages',
      suite: 'bookworm',
      trust: 'signed-index',
    },
    AT,
  );
  const id = record.kernels.ensure(key, AT);
  const facts = { source: 'dwarf', trust: 'signed-index', profile: 'pahole-1.24', toolVersions: {} } as const;
  record.kernels.announce(id, { ...facts, ...stored, packageId }, AT);
  record.kernels.markPublished(id, stored, AT);
}

/** No verb does this yet, but the record may say so. */
function withdraw({ file }: BtfRecord, { kernel }: KernelKey): void {
  const database = new Database(file);
  database
    .prepare("UPDATE kernels SET state = 'withdrawn', reason = 'made in error' WHERE kernel = ?")
    .run(kernel);
  database.close();
}

const kinds = ({ damages }: VerifyReport): [Damage['kind'], string][] =>
  damages.map(({ kind, path }) => [kind, path]);

describe('verifyArchive', () => {
  it('finds nothing wrong with a sound archive, links in it included', async () => {
    const place = await makePlace();
    symlinkSync('12', join(place.archiveDir, 'debian', 'bookworm'));
    const report = await place.verify();
    expect(report).toMatchObject({ checked: 2, damages: [] });
    expect(report.sizeBytes).toBe(2 * 'tar:btf of 6.1.0-1-amd64'.length);
  });

  it.each<[Damage['kind'], (place: Place) => void]>([
    ['missing', (place) => rmSync(place.file(KEY))],
    [
      'not-a-file',
      (place) => {
        rmSync(place.file(KEY));
        mkdirSync(place.file(KEY));
      },
    ],
    ['size-differs', (place) => writeFileSync(place.file(KEY), 'tar:')],
    ['digest-differs', (place) => writeFileSync(place.file(KEY), 'tar:BTF of 6.1.0-1-amd64')],
  ])('finds %s', async (kind, damage) => {
    const place = await makePlace();
    damage(place);
    expect(kinds(await place.verify())).toEqual([[kind, archivePath(KEY)]]);
  });

  it('finds a file that never held what the record says', async () => {
    const place = await makePlace();
    writeFileSync(place.file(KEY), 'no tar at all');
    const row = place.record.kernels.find(KEY);
    const text = 'no tar at all';
    const lie = { ...inspect(place.archiveDir, OTHER), tarSha256: sha(text), tarSizeBytes: text.length };
    place.record.kernels.markPublished(row?.id ?? 0, { ...lie, path: archivePath(KEY) }, AT);
    expect(kinds(await place.verify())).toEqual([['unreadable', archivePath(KEY)]]);

    writeFileSync(place.file(KEY), 'tar:another BTF');
    const facts = inspect(place.archiveDir, KEY);
    place.record.kernels.markPublished(row?.id ?? 0, facts, AT);
    expect(kinds(await place.verify())).toEqual([['btf-differs', archivePath(KEY)]]);
  });

  it('finds files that the record does not know, and forgives withdrawn ones', async () => {
    const place = await makePlace();
    withdraw(place.record, KEY);
    writeFileSync(join(place.archiveDir, 'notes.txt'), 'x');
    writeFileSync(join(dirname(place.file(KEY)), 'stray.btf.tar.xz'), 'x');
    place.record.kernels.ensure({ ...KEY, kernel: 'stray' }, AT);
    expect(kinds(await place.verify())).toEqual([
      ['unrecorded', 'debian/12/x86_64/stray.btf.tar.xz'],
      ['unrecorded', 'notes.txt'],
    ]);
  });

  it('counts files that are being written, or that a killed run left, and calls them no damage', async () => {
    const place = await makePlace();
    const folder = dirname(place.file(KEY));
    writeFileSync(join(folder, '.6.1.0-3-amd64.btf.tar.xz.1234'), 'half');
    expect(await place.verify()).toMatchObject({ damages: [], unfinished: 1 });
    writeFileSync(join(folder, '.hidden'), 'x');
    expect(kinds(await place.verify())).toEqual([['unrecorded', 'debian/12/x86_64/.hidden']]);
  });

  it('says when there is no archive at all', async () => {
    const place = await makePlace();
    rmSync(place.archiveDir, { recursive: true });
    await expect(place.verify()).rejects.toMatchObject({ code: 'io-failed' });
  });

  it('stops when a file cannot be read for reasons of its own', async () => {
    const place = await makePlace();
    const failing = verifyArchive({
      record: place.record,
      archiveDir: place.archiveDir,
      jobs: 1,
      signal: new AbortController().signal,
      inspect: async () => {
        throw new BtfmillError('tool-missing', 'xz is not installed');
      },
      onDamage: () => {},
      onProgress: () => {},
    });
    await expect(failing).rejects.toMatchObject({ code: 'tool-missing' });
  });
});
