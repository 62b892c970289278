import { mkdirSync, readdirSync, rmdirSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { checkArchive } from './archive-room.ts';
import { removeTemporaries } from './sweep.ts';

function put(dir: string, paths: readonly string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), 'precious');
  }
}

/** Links are not followed; readdirSync does so in Node 24, the promise never. */
async function filesOf(dir: string): Promise<string[]> {
  return (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .toSorted();
}

it('removes what a killed run has left of every file that is written in an archive', async () => {
  const dir = await tempDirForTest('sweep');
  put(dir, [
    'debian/12/x86_64/.6.1.0-1-amd64.btf.tar.xz.77',
    'debian/12/x86_64/.6.1.0-1-amd64.btf.tar.xz.77.tmp',
    'index/debian/12/.x86_64.jsonl.77.tmp',
    'changes/.12.txt.77.tmp',
    'compat/.datadog-catalog.json.77.tmp',
    '.manifest-3.json.77.tmp',
    '.timestamp.json.77.tmp',
    '.timestamp.json.minisig.77.tmp',
    '.SHA256SUMS.77.tmp',
    '.config.json.77.tmp',
    '.archive.sqlite.77.tmp',
    '..btfmill-mirror.json.77.tmp',
  ]);
  symlinkSync('12', join(dir, 'debian/.alias.77.tmp'));
  await removeTemporaries(dir);
  expect(await filesOf(dir)).toEqual([]);
  expect(readdirSync(join(dir, 'debian'))).toEqual(['12']);
});

it('removes the file with which a killed run asked whether the archive takes any', async () => {
  const dir = await tempDirForTest('sweep');
  const seen: string[] = [];
  const watcher = watch(dir, (_event, name) => seen.push(name ?? ''));
  onTestFinished(() => watcher.close());
  await checkArchive(dir);
  await vi.waitUntil(() => seen.length > 0);
  const [probe] = seen;
  put(dir, [probe]);
  await removeTemporaries(dir);
  expect(await filesOf(dir)).toEqual([]);
});

it('leaves alone whatever else lies in the folder: it may be somebody’s home', async () => {
  const dir = await tempDirForTest('sweep');
  const elsewhere = await tempDirForTest('sweep');
  const precious = [
    '.cache/app/.timestamp.json.77.tmp',
    '.notes.77.tmp',
    '5.4.0-92-generic.btf.tar.xz.bak',
    'debian/12/x86_64/6.1.0-1-amd64.btf.tar.xz',
    'debian/12/x86_64/6.1.0-1-amd64.btf.tar.xz.asc',
    'work/.config.json.77.tmp',
    'work/.hidden.btf.tar.xz',
    'work/a/b/c/.6.1.0-1-amd64.btf.tar.xz.77',
  ];
  put(dir, precious);
  put(elsewhere, ['.6.1.0-1-amd64.btf.tar.xz.77']);
  symlinkSync(elsewhere, join(dir, 'link'));
  await removeTemporaries(dir);
  expect(await filesOf(dir)).toEqual(precious.toSorted());
  expect(await filesOf(elsewhere)).toEqual(['.6.1.0-1-amd64.btf.tar.xz.77']);
});

it('passes over folders whose names are no UTF-8', async () => {
  const dir = await tempDirForTest('sweep');
  put(dir, ['.timestamp.json.77.tmp']);
  const latin1 = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from('\u00E9t\u00E9', 'latin1')]);
  mkdirSync(latin1);
  onTestFinished(() => rmdirSync(latin1));
  await removeTemporaries(dir);
  expect(readdirSync(dir, { encoding: 'buffer' })).toHaveLength(1);
});
