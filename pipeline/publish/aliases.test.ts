import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { makeArchive } from '../../test/support/published-archive.ts';
import { addPublished } from '../../test/support/published-kernels.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { aliasesOf, linkAliases } from './aliases.ts';
import { hardLinkTwins } from './hard-links.ts';
import { sha256Of } from './layout.ts';

const never = new AbortController().signal;

const plane = (distro: string, release: string, arch: string) => ({ distro, release, arch });

it('names only what the archive has', () => {
  const planes = [
    plane('amzn', '2018', 'x86_64'),
    plane('amzn', '2', 'arm64'),
    plane('debian', '12', 's390x'),
    plane('ubuntu', '20.04', 'x86_64'),
  ];
  expect([...aliasesOf(planes)]).toEqual([
    ['amazon', 'amzn'],
    ['amzn/1', 'amzn/2018'],
    ['amzn/2/aarch64', 'amzn/2/arm64'],
    ['amzn/2018.03', 'amzn/2018'],
    ['amzn/2018/amd64', 'amzn/2018/x86_64'],
    ['debian/bookworm', 'debian/12'],
    ['ubuntu/20.04/amd64', 'ubuntu/20.04/x86_64'],
    ['ubuntu/focal', 'ubuntu/20.04'],
  ]);
});

it('a folder that has the name already, as in an imported archive, is no alias', () => {
  expect(aliasesOf([plane('ubuntu', '20.04', 's390x'), plane('ubuntu', 'focal', 's390x')]).size).toBe(0);
});

it('links lead to the same files, are put right, and give way to what is there', async () => {
  const dir = await tempDirForTest('aliases');
  const file = 'ubuntu/20.04/arm64/k.btf.tar.xz';
  mkdirSync(dirname(join(dir, file)), { recursive: true });
  writeFileSync(join(dir, file), 'x');
  symlinkSync('14.04', join(dir, 'ubuntu/focal'));
  mkdirSync(join(dir, 'amazon'));
  const aliases = new Map([
    ['amazon', 'amzn'],
    ['ubuntu/20.04/aarch64', 'ubuntu/20.04/arm64'],
    ['ubuntu/focal', 'ubuntu/20.04'],
  ]);
  for (let time = 0; time < 2; time += 1) {
    expect(await linkAliases(dir, aliases)).toEqual(['amazon']);
    expect(readlinkSync(join(dir, 'ubuntu/focal'))).toBe('20.04');
    expect(statSync(join(dir, 'ubuntu/focal/aarch64/k.btf.tar.xz')).ino).toBe(statSync(join(dir, file)).ino);
  }
  expect(lstatSync(join(dir, 'amazon')).isDirectory()).toBe(true);
});

it('files with one digest become one file', async () => {
  const dir = await tempDirForTest('links');
  for (const [name, content] of Object.entries({ a: 'same', b: 'same', c: 'other' })) {
    writeFileSync(join(dir, name), content);
  }
  const [same, other] = ['same', 'other'].map((content) => sha256Of(Buffer.from(content)));
  const files = [
    { path: 'a', sha256: same },
    { path: 'b', sha256: same },
    { path: 'c', sha256: other },
  ];
  expect(await hardLinkTwins(dir, files, never)).toBe('same'.length);
  const inode = (name: string): number => statSync(join(dir, name)).ino;
  expect(inode('b')).toBe(inode('a'));
  expect(inode('c')).not.toBe(inode('a'));
  expect(await hardLinkTwins(dir, files, never)).toBe(0);
});

it('a damaged or lost file takes no twin with it', async () => {
  const dir = await tempDirForTest('links');
  for (const [name, content] of Object.entries({ a: 'sbme', b: 'same', d: 'same' })) {
    writeFileSync(join(dir, name), content);
  }
  const sha256 = sha256Of(Buffer.from('same'));
  const files = ['a', 'b', 'c', 'd'].map((path) => ({ path, sha256 }));
  expect(await hardLinkTwins(dir, files, never)).toBe('same'.length);
  expect(['a', 'b', 'd'].map((name) => readFileSync(join(dir, name), 'utf8'))).toEqual([
    'sbme',
    'same',
    'same',
  ]);
});

it('publishing writes the map, and makes links on request', async () => {
  const archive = await makeArchive();
  addPublished(archive.record, archive.archiveDir, { kernel: 'k', arch: 'arm64' });
  expect(await archive.publish({ linkAliases: true })).toMatchObject({ takenAliases: [], freedBytes: 0 });
  expect(JSON.parse(archive.read('compat/aliases.json').toString())).toEqual({
    'debian/12/aarch64': 'debian/12/arm64',
    'debian/bookworm': 'debian/12',
  });
  expect(archive.read('debian/bookworm/aarch64/k.btf.tar.xz').toString()).toContain('debian/12/arm64');
});
