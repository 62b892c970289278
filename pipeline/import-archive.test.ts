import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BtfRecord, openRecord } from '../db/index.ts';
import { smallKernelBtf, tarXz } from '../test/builders/archive-file.ts';
import { DAY, NOW } from '../test/support/published-archive.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { needsTool } from '../test/support/tools.ts';
import { importArchive, type ImportReport } from './import-archive.ts';
import { publishArchive, type PublishReport } from './publish/publish.ts';

const FOCAL = { distro: 'ubuntu', release: '20.04', arch: 'x86_64', kernel: '5.4.0-92-generic' };
const PATH = 'ubuntu/20.04/x86_64/5.4.0-92-generic.btf.tar.xz';

interface Place {
  readonly archiveDir: string;
  readonly record: BtfRecord;
  put(path: string, bytes: Uint8Array): void;
  import(dir?: string): Promise<ImportReport>;
}

async function makePlace(): Promise<Place> {
  const archiveDir = await tempDirForTest('import');
  const record = openRecord(join(await tempDirForTest('import'), 'record.sqlite'));
  onTestFinished(() => record.close());
  return {
    archiveDir,
    record,
    put(path, bytes) {
      mkdirSync(dirname(join(archiveDir, path)), { recursive: true });
      writeFileSync(join(archiveDir, path), bytes);
    },
    import: (dir = archiveDir) =>
      importArchive({
        archiveDir: dir,
        record,
        jobs: 2,
        now: () => new Date('2026-11-21T00:00:00Z'),
        signal: new AbortController().signal,
        onProgress: () => undefined,
      }),
  };
}

describe.skipIf(needsTool('xz'))('importArchive', () => {
  it('takes what is sound, even if it is laid out otherwise, and leaves the files alone', async () => {
    const place = await makePlace();
    // As BTFHub's older files are: mode 0644, a time.
    place.put(PATH, await tarXz([{ name: '5.4.0-92-generic.btf', mode: 0o644, mtime: new Date(1e12) }]));
    const before = statSync(join(place.archiveDir, PATH));
    expect(await place.import()).toMatchObject({ imported: 1, known: 0, refused: 0, conflicting: [] });
    const after = statSync(join(place.archiveDir, PATH));
    expect([after.ino, after.mtimeMs, after.mode]).toEqual([before.ino, before.mtimeMs, before.mode]);
    const row = place.record.kernels.find(FOCAL);
    expect(row).toMatchObject({ state: 'published', source: 'imported', path: PATH, typeCount: 3 });
    expect(row).toMatchObject({ btfSizeBytes: smallKernelBtf().length, tarSizeBytes: before.size });
    expect(row).not.toHaveProperty('trust');
    expect(await place.import()).toMatchObject({ imported: 0, known: 1 });
  });

  it('names what is not sound, and keeps it out', async () => {
    const place = await makePlace();
    const sound = await tarXz([{ name: '5.4.0-92-generic.btf' }]);
    place.put(PATH, sound.subarray(0, 100));
    place.put(PATH.replace('-92-', '-93-'), await tarXz([{ name: 'home/x/5.4.0-93-generic.btf' }]));
    place.put(PATH.replace('-92-', '-94-'), Buffer.alloc(0));
    const report = await place.import();
    expect(report).toMatchObject({ imported: 0, refused: 3 });
    expect(report.findings.map(({ kind }) => kind)).toEqual(['broken-xz', 'member-prefix', 'empty-file']);
    expect(place.record.kernels.inState('published')).toEqual([]);
  });

  it('changes neither side where a file is not the published one', async () => {
    const place = await makePlace();
    place.put(PATH, await tarXz([{ name: '5.4.0-92-generic.btf' }]));
    await place.import();
    const row = place.record.kernels.find(FOCAL);
    const other = await tarXz([{ name: '5.4.0-92-generic.btf', content: smallKernelBtf('uid_t') }]);
    place.put(PATH, other);
    expect(await place.import()).toMatchObject({ imported: 0, known: 1, conflicting: [PATH] });
    expect(place.record.kernels.find(FOCAL)).toEqual(row);
    expect(readFileSync(join(place.archiveDir, PATH)).equals(other)).toBe(true);
  });

  it('fills in a kernel that was only listed, or that failed', async () => {
    const place = await makePlace();
    place.record.kernels.ensure(FOCAL, '2026-11-20T00:00:00.000Z');
    place.put(PATH, await tarXz([{ name: '5.4.0-92-generic.btf' }]));
    expect(await place.import()).toMatchObject({ imported: 1 });
    expect(place.record.kernels.find(FOCAL)).toMatchObject({ state: 'published', source: 'imported' });
  });

  it('names files that no kernel can have the name of', async () => {
    const place = await makePlace();
    const path = PATH.replace('-92-', ' 92\n');
    place.put(path, await tarXz([{ name: '5.4.0 92\ngeneric.btf' }]));
    const report = await place.import();
    expect(report).toMatchObject({ imported: 0, refused: 1 });
    expect(report.findings).toEqual([expect.objectContaining({ kind: 'bad-name', path })]);
  });

  it('of an archive whose record was lost: what it has withdrawn stays so, and it can be published', async () => {
    const first = await makePlace();
    const publish = (record: BtfRecord): Promise<PublishReport> =>
      publishArchive({
        archiveDir: first.archiveDir,
        record,
        validForMs: DAY,
        now: NOW,
        signal: new AbortController().signal,
      });
    for (const kernel of ['5.4.0-92-generic', '5.4.0-93-generic']) {
      first.put(PATH.replace(FOCAL.kernel, kernel), await tarXz([{ name: `${kernel}.btf` }]));
    }
    await first.import();
    await publish(first.record);
    first.record.kernels.withdraw(FOCAL, 'wrong', NOW.toISOString());
    await publish(first.record);

    const second = await makePlace();
    const { record } = second;
    expect(await second.import(first.archiveDir)).toMatchObject({ imported: 2, withdrawn: 1 });
    expect(record.kernels.find(FOCAL)).toMatchObject({ state: 'withdrawn', reason: 'wrong' });
    expect(await publish(record)).toMatchObject({ serial: 2, outcome: 'unchanged' });

    const third = await makePlace();
    const other = PATH.replace('-92-', '-93-');
    const changed = await tarXz([{ name: '5.4.0-93-generic.btf', content: smallKernelBtf('uid_t') }]);
    first.put(other, changed);
    expect(await third.import(first.archiveDir)).toMatchObject({ imported: 1, conflicting: [other] });
  });
});
