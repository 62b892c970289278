import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { KernelKey } from '../crawlers/types.ts';
import { type BtfRecord, openRecord } from '../db/index.ts';
import { openSqlite } from '../db/sqlite.ts';
import { debugPackage } from '../test/support/debug-package.ts';
import { addPublished } from '../test/support/published-kernels.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { mergeArchive, type MergeReport } from './merge-archives.ts';

const key = (kernel: string): KernelKey => ({ distro: 'debian', release: '12', arch: 'x86_64', kernel });

interface Place {
  readonly archiveDir: string;
  readonly record: BtfRecord;
}

async function makePlace(): Promise<Place> {
  const folder = await tempDirForTest('merge');
  const archiveDir = join(folder, 'archive');
  mkdirSync(archiveDir);
  const record = openRecord(join(folder, 'record.sqlite'));
  onTestFinished(() => record.close());
  return { archiveDir, record };
}

/** A run of one machine, with one attempt per kernel; those named `bad…` failed. */
function work({ record, archiveDir }: Place, startedAt: string, kernels: readonly string[]): void {
  const runId = record.runs.start({ startedAt, btfmillVersion: '0.1.0', options: { at: startedAt } });
  record.indexReads.add({
    runId,
    distro: 'debian',
    release: '12',
    suite: 'bookworm',
    at: startedAt,
    asked: '',
    kernels: 9,
  });
  for (const kernel of kernels) {
    const packageId = record.packages.see(debugPackage(kernel), startedAt);
    const kernelId = record.kernels.ensure(key(kernel), startedAt);
    const id = record.attempts.start({ kernelId, runId, packageId, setup: 's', startedAt });
    const isBad = kernel.startsWith('bad');
    if (isBad)
      record.kernels.markFailed(kernelId, { code: 'dwarf-malformed', message: 'm', packageId }, startedAt);
    else addPublished(record, archiveDir, { kernel });
    const end = isBad
      ? ({ outcome: 'failed', code: 'dwarf-malformed' } as const)
      : ({ outcome: 'published' } as const);
    record.attempts.finish(id, { ...end, finishedAt: startedAt, fetchedBytes: 5 });
    record.stepTimings.add({ attemptId: id, step: 'fetch', milliseconds: 1, bytes: 5 });
  }
  record.runs.finish(runId, {
    finishedAt: startedAt,
    exitCode: 0,
    published: kernels.length,
    alreadyPublished: 0,
    noDebugInfo: 0,
    failed: 0,
    fetchedBytes: 5,
    indexBytes: 1,
  });
}

function merge(into: Place, from: Place): Promise<MergeReport> {
  return mergeArchive({
    ...into,
    source: { archiveDir: from.archiveDir, dbFile: from.record.file },
    signal: new AbortController().signal,
  });
}

/** Everything but ids, which depend on who came first. */
function contents({ record, archiveDir }: Place): unknown {
  const db = openSqlite(record.file, { readonly: true });
  const all = (sql: string): unknown[] => db.prepare(sql).all();
  const tables = {
    kernels: all(
      `SELECT k.distro, k.kernel, k.state, k.code, k.reason, k.source, k.profile, k.tar_sha256, k.changed_at, k.published_at, p.name
       FROM kernels k LEFT JOIN packages p ON p.id = k.package_id ORDER BY 1, 2`,
    ),
    packages: all('SELECT kernel, url, first_seen, last_seen FROM packages ORDER BY 1, 2'),
    runs: all('SELECT started_at, finished_at, published FROM runs ORDER BY 1'),
    attempts: all(
      `SELECT k.kernel, r.started_at, a.outcome, t.step, p.name FROM attempts a JOIN kernels k ON k.id = a.kernel_id
       JOIN runs r ON r.id = a.run_id JOIN packages p ON p.id = a.package_id
       LEFT JOIN step_timings t ON t.attempt_id = a.id ORDER BY 1, 2`,
    ),
    reads: all(
      'SELECT r.started_at, i.suite, i.kernels FROM index_reads i JOIN runs r ON r.id = i.run_id ORDER BY 1, 2',
    ),
  };
  db.close();
  const files = readdirSync(archiveDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.xz'),
  );
  return {
    tables,
    files: files.toSorted().map((name) => [name, readFileSync(join(archiveDir, name), 'utf8')]),
  };
}

describe('mergeArchive', () => {
  it('joins shards in any order to the same archive and record, and again without a change', async () => {
    const shards = await Promise.all([makePlace(), makePlace(), makePlace()]);
    work(shards[0], '2026-11-20T01:00:00.000Z', ['a', 'bad-1']);
    work(shards[1], '2026-11-20T02:00:00.000Z', ['b', 'bad-2', 'bad-1']);
    work(shards[2], '2026-11-20T03:00:00.000Z', ['c']);
    const [one, other] = [await makePlace(), await makePlace()];
    expect(await merge(one, shards[0])).toMatchObject({ published: 1, updated: 1, problems: [] });
    for (const index of [1, 2]) await merge(one, shards[index]);
    for (const index of [2, 0, 1]) await merge(other, shards[index]);
    const result = contents(one);
    expect(contents(other)).toEqual(result);
    for (const shard of shards) {
      expect(await merge(one, shard)).toMatchObject({ published: 0, updated: 0, withdrawn: 0, problems: [] });
    }
    expect(contents(one)).toEqual(result);
    expect(one.record.kernels.inState('published').map(({ kernel }) => kernel)).toEqual(['a', 'b', 'c']);
    expect(one.record.kernels.find(key('bad-1'))).toMatchObject({ changedAt: '2026-11-20T02:00:00.000Z' });
  });

  it('takes what a machine has added since', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(shard, '2026-11-20T01:00:00.000Z', ['a', 'bad-1']);
    await merge(target, shard);
    work(shard, '2026-11-21T01:00:00.000Z', ['b', 'bad-1']);
    expect(await merge(target, shard)).toMatchObject({ published: 1, updated: 1, problems: [] });
    expect(contents(target)).toEqual(contents(shard));
  });

  it('publication is worth more than a failure, whenever that was', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(target, '2026-11-22T01:00:00.000Z', ['a']);
    const at = '2026-11-23T00:00:00.000Z';
    const packageId = shard.record.packages.see(debugPackage('a'), at);
    const id = shard.record.kernels.ensure(key('a'), at);
    shard.record.kernels.markFailed(id, { code: 'http-status', message: 'm', packageId }, at);
    expect(await merge(target, shard)).toMatchObject({ unchanged: 1, problems: [] });
    expect(target.record.kernels.find(key('a'))).toMatchObject({ state: 'published' });
  });

  it('names a kernel that two machines have published differently, and leaves it alone', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(target, '2026-11-20T01:00:00.000Z', ['a']);
    work(shard, '2026-11-20T02:00:00.000Z', ['a', 'b']);
    const db = openSqlite(shard.record.file);
    db.prepare("UPDATE kernels SET btf_sha256 = ? WHERE kernel = 'a'").run('f'.repeat(64));
    db.close();
    const before = target.record.kernels.find(key('a'));
    const report = await merge(target, shard);
    expect(report).toMatchObject({ published: 1, problems: [{ code: 'archive-conflict' }] });
    expect(report.problems[0].message).toContain('f'.repeat(64));
    expect(target.record.kernels.find(key('a'))).toEqual(before);
  });

  it('a withdrawal reaches the others', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(shard, '2026-11-20T01:00:00.000Z', ['a']);
    await merge(target, shard);
    shard.record.kernels.withdraw(key('a'), 'wrong', '2026-11-21T00:00:00.000Z');
    expect(await merge(target, shard)).toMatchObject({ withdrawn: 1 });
    expect(target.record.kernels.find(key('a'))).toMatchObject({ state: 'withdrawn', reason: 'wrong' });
  });

  it.each<[string, (path: string) => void]>([
    ['is gone', (path) => rmSync(path)],
    ['is not what its record says', (path) => writeFileSync(path, 'other')],
  ])('a file that %s is not taken, and the others are', async (_, damage) => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(shard, '2026-11-20T01:00:00.000Z', ['a', 'b']);
    const path = 'debian/12/x86_64/a.btf.tar.xz';
    damage(join(shard.archiveDir, path));
    expect(await merge(target, shard)).toMatchObject({
      published: 1,
      problems: [{ code: 'archive-damaged', path }],
    });
    expect(existsSync(join(target.archiveDir, path))).toBe(false);
    expect(target.record.kernels.find(key('a'))).toMatchObject({ state: 'pending' });
  });

  it('does not write over a file that it knows nothing of', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(shard, '2026-11-20T01:00:00.000Z', ['a']);
    const path = 'debian/12/x86_64/a.btf.tar.xz';
    mkdirSync(join(target.archiveDir, 'debian/12/x86_64'), { recursive: true });
    writeFileSync(join(target.archiveDir, path), 'mine');
    expect(await merge(target, shard)).toMatchObject({
      published: 0,
      problems: [{ code: 'archive-conflict', path }],
    });
    expect(readFileSync(join(target.archiveDir, path), 'utf8')).toBe('mine');
  });

  it('goes on where a merge was killed between a file and its row', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(shard, '2026-11-20T01:00:00.000Z', ['a']);
    const path = 'debian/12/x86_64/a.btf.tar.xz';
    mkdirSync(join(target.archiveDir, 'debian/12/x86_64'), { recursive: true });
    writeFileSync(join(target.archiveDir, path), readFileSync(join(shard.archiveDir, path)));
    expect(await merge(target, shard)).toMatchObject({ published: 1, problems: [] });
  });

  it('a name or path that leads out of the archive is named, and does not stop the others', async () => {
    const [target, shard] = [await makePlace(), await makePlace()];
    work(shard, '2026-11-20T01:00:00.000Z', ['a', 'b']);
    const db = openSqlite(shard.record.file);
    db.exec(
      "UPDATE kernels SET path = '../../../etc/x', kernel = iif(kernel = 'a', '../../../etc/x', kernel)",
    );
    db.close();
    const report = await merge(target, shard);
    expect(report).toMatchObject({ published: 1, problems: [{ code: 'archive-damaged' }] });
    expect(report.problems[0].path).toContain('../../../etc/x');
    expect(target.record.kernels.find(key('b'))).toMatchObject({ path: 'debian/12/x86_64/b.btf.tar.xz' });
  });

  it('in any order gives the same archive and record, whatever became of a kernel where', async () => {
    const times = ['2026-11-20T01:00:00.000Z', '2026-11-20T02:00:00.000Z'];
    const row = fc.record({
      kernel: fc.constantFrom('a', 'b'),
      state: fc.constantFrom(
        'published',
        'imported',
        'withdrawn',
        'withdrawn, gone',
        'failed',
        'no-debug-info',
      ),
      text: fc.constantFrom('x', 'y'),
      at: fc.constantFrom(...times),
    });
    const machine = fc.uniqueArray(row, { maxLength: 2, selector: ({ kernel }) => kernel });
    await fc.assert(
      fc.asyncProperty(fc.tuple(machine, machine, machine), async (machines) => {
        const shards: Place[] = [];
        for (const rows of machines) {
          const shard = await makePlace();
          for (const what of rows) leave(shard, what);
          shards.push(shard);
        }
        const results: unknown[] = [];
        for (const ordered of [
          [0, 1, 2],
          [2, 1, 0],
          [1, 2, 0],
        ]) {
          const target = await makePlace();
          for (const index of ordered)
            expect(await merge(target, shards[index])).toMatchObject({ problems: [] });
          results.push(contents(target));
          for (const shard of shards) {
            const again = await merge(target, shard);
            expect(again).toMatchObject({ published: 0, withdrawn: 0, updated: 0, problems: [] });
          }
          expect(contents(target)).toEqual(results.at(-1));
        }
        expect(results[1]).toEqual(results[0]);
        expect(results[2]).toEqual(results[0]);
      }),
      { numRuns: 20 },
    );
  });
});

/** One kernel as a machine may have left it; the same BTF in the same file wherever there is one. */
function leave(
  { record, archiveDir }: Place,
  { kernel, state, text, at }: Readonly<Record<'kernel' | 'state' | 'text' | 'at', string>>,
): void {
  const pkg = { ...debugPackage(kernel), url: `https://${text}.example/${kernel}.deb` };
  const packageId = record.packages.see(pkg, at);
  const id = record.kernels.ensure(key(kernel), at);
  if (state === 'no-debug-info') record.kernels.markNoDebugInfo(id, packageId, at);
  if (state === 'failed')
    record.kernels.markFailed(id, { code: 'http-status', message: text, packageId }, at);
  if (state === 'no-debug-info' || state === 'failed') return;
  const { path } = addPublished(record, archiveDir, { kernel });
  if (state.startsWith('withdrawn')) record.kernels.withdraw(key(kernel), text, at);
  if (state.endsWith('gone')) rmSync(join(archiveDir, path));
  const db = openSqlite(record.file);
  const set =
    state === 'imported'
      ? "source = 'imported', trust = NULL, package_id = NULL, profile = NULL"
      : 'profile = @text';
  db.prepare(`UPDATE kernels SET ${set}, changed_at = @at WHERE kernel = @kernel`).run({ text, at, kernel });
  db.close();
}
