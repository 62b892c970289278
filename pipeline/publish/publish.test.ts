import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSqlite } from '../../db/sqlite.ts';
import { DAY, makeArchive, NOW, type PublishedArchive } from '../../test/support/published-archive.ts';
import { addPublished } from '../../test/support/published-kernels.ts';
import { parseIndex, parseManifest, parseTimestamp, sha256Of } from './layout.ts';
import { generateSigningKey, verifyMinisign } from './minisign.ts';
import { publishArchive } from './publish.ts';

const PLANE = { distro: 'debian', release: '12', arch: 'x86_64' };
const INDEX = 'index/debian/12/x86_64.jsonl';

/** Every describing file with its inode and modification time: what was written again has others. */
function marks(archiveDir: string): Map<string, string> {
  const names = readdirSync(archiveDir, { recursive: true, encoding: 'utf8' });
  return new Map(
    names
      .map((name) => [name, statSync(join(archiveDir, name))] as const)
      .filter(([, stats]) => stats.isFile())
      .map(([name, stats]) => [name, `${stats.ino} ${stats.mtimeMs}`]),
  );
}

it('leads from the signed timestamp to the digest of every file', async () => {
  const world = await makeArchive();
  const { path } = addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  const report = await world.publish();
  expect(report).toMatchObject({ serial: 1, outcome: 'new', added: [path], withdrawn: [], kernels: 1 });
  expect(report.written).toEqual([
    INDEX,
    'manifest-1.json',
    'SHA256SUMS',
    'config.json',
    'changes/1.txt',
    'compat/datadog-catalog.json',
    'compat/aliases.json',
    'compat/btfhub-online-list.json',
    'archive.sqlite',
    'timestamp.json.minisig',
    'timestamp.json',
  ]);

  const stamp = world.read('timestamp.json');
  const signature = world.read('timestamp.json.minisig').toString();
  expect(verifyMinisign(stamp, signature, world.key.publicKey, 'x')).toMatch(/serial 1, expires 2026-11-28/u);
  const timestamp = parseTimestamp(stamp, 'x');
  expect(timestamp).toMatchObject({ serial: 1, expires: '2026-11-28T02:00:00.000Z' });
  const manifest = world.read(timestamp.manifest.path);
  expect(sha256Of(manifest)).toBe(timestamp.manifest.sha256);
  for (const file of parseManifest(manifest, 'x').files) {
    expect(sha256Of(world.read(file.path).subarray(0, file.size))).toBe(file.sha256);
  }
  expect(parseIndex(world.read(INDEX), PLANE, 'x')).toEqual([
    expect.objectContaining({
      kernel: '6.1.0-1-amd64',
      state: 'published',
      serial: 1,
      size: world.read(path).length,
      sha256: sha256Of(world.read(path)),
      trust: 'signed-index',
      package: expect.objectContaining({ name: 'linux-image-6.1.0-1-amd64-dbg' }),
    }),
  ]);
  expect(world.read('changes/1.txt').toString()).toBe(`${path}\n`);
  expect(JSON.parse(world.read('config.json').toString())).toMatchObject({
    publicKey: world.key.publicKey.text,
  });
  const digest = sha256Of(world.read(path));
  expect(JSON.parse(world.read('compat/datadog-catalog.json').toString())).toEqual({
    x86_64: { debian: { '12': { '6.1.0-1-amd64': { sha256: digest } } } },
  });
  expect(JSON.parse(world.read('compat/btfhub-online-list.json').toString())).toEqual([
    { distribution: 'debian', distribution_version: '12', kernel_version: '6.1.0-1-amd64', arch: 'x86_64' },
  ]);
  expect(execFileSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: world.archiveDir, encoding: 'utf8' })).toBe(
    `${path}: OK\n`,
  );
});

it('publishes a copy of the record that says nothing of this machine', async () => {
  const world = await makeArchive();
  const { path } = addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  world.record.runs.start({ startedAt: 't', btfmillVersion: '0', options: { archiveDir: world.archiveDir } });
  await world.publish();
  const copy = openSqlite(join(world.archiveDir, 'archive.sqlite'), { readonly: true });
  expect(copy.prepare('SELECT path, state, package_name FROM kernels').all()).toEqual([
    { path, state: 'published', package_name: 'linux-image-6.1.0-1-amd64-dbg' },
  ]);
  copy.close();
  expect(world.read('archive.sqlite').includes(world.archiveDir)).toBe(false);
});

it('adds one kernel without touching what has not changed', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-arm64', arch: 'arm64' });
  await world.publish();
  const before = marks(world.archiveDir);
  const first = world.read(INDEX);
  const { path } = addPublished(world.record, world.archiveDir, { kernel: '6.1.0-2-amd64' });
  expect(await world.publish()).toMatchObject({ serial: 2, added: [path], kernels: 3 });

  const after = marks(world.archiveDir);
  const same = [...before.keys()].filter((name) => before.get(name) === after.get(name));
  expect(same).toContain('index/debian/12/arm64.jsonl');
  expect(same).toContain('manifest-1.json');
  expect(same).toContain('changes/1.txt');
  expect(same).toContain('config.json');
  expect(same).toContain('compat/aliases.json');
  expect(same).not.toContain(INDEX);
  expect(world.read(INDEX).subarray(0, first.length).equals(first)).toBe(true);
  expect(world.read('changes/2.txt').toString()).toBe(`${path}\n`);
});

it('writes nothing when nothing is new, and renews the timestamp in time', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  const before = marks(world.archiveDir);
  const nextNight = new Date(NOW.getTime() + DAY);
  expect(await world.publish({ now: nextNight })).toMatchObject({
    serial: 1,
    outcome: 'unchanged',
    written: [],
  });
  expect(marks(world.archiveDir)).toEqual(before);

  const fourNights = new Date(NOW.getTime() + 4 * DAY);
  expect(await world.publish({ now: fourNights })).toMatchObject({
    serial: 1,
    outcome: 'renewed',
    expires: '2026-12-02T02:00:00.000Z',
    written: ['timestamp.json.minisig', 'timestamp.json'],
  });
});

it('a clock that was wrong is put right the next time', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish({ now: new Date(NOW.getTime() + 4000 * DAY) });
  expect(await world.publish()).toMatchObject({ outcome: 'renewed', expires: '2026-11-28T02:00:00.000Z' });
});

it('a withdrawn kernel gets a line with the reason and leaves the sums; its file stays', async () => {
  const world = await makeArchive();
  const { path, ...key } = addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  world.record.kernels.withdraw(key, 'wrong vmlinux', NOW.toISOString());
  expect(await world.publish()).toMatchObject({ serial: 2, added: [], withdrawn: [path], kernels: 0 });
  expect(parseIndex(world.read(INDEX), PLANE, 'x').at(-1)).toMatchObject({
    state: 'withdrawn',
    reason: 'wrong vmlinux',
    serial: 2,
  });
  expect(world.read('SHA256SUMS').toString()).toBe('');
  expect(existsSync(join(world.archiveDir, path))).toBe(true);
});

it('a kernel that was withdrawn before it was ever published is nobody’s business', async () => {
  const world = await makeArchive();
  const { path: _, ...key } = addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  world.record.kernels.withdraw(key, 'never mind', NOW.toISOString());
  expect(await world.publish()).toMatchObject({ withdrawn: [], kernels: 0 });
  expect(existsSync(join(world.archiveDir, INDEX))).toBe(false);
});

it('what a killed publish appended does not count', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  appendFileSync(join(world.archiveDir, INDEX), '{"half a line');
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-2-amd64' });
  await world.publish();
  const kernels = parseIndex(world.read(INDEX), PLANE, 'x').map(({ kernel }) => kernel);
  expect(kernels).toEqual(['6.1.0-1-amd64', '6.1.0-2-amd64']);
});

it('leaves the timestamp its signature and its lists when there is no room for another', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  const lists = ['SHA256SUMS', 'archive.sqlite', 'compat/datadog-catalog.json'];
  const before = lists.map((name) => world.read(name));
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-2-amd64' });
  // Stands in for a full disk: a file of that name cannot be made.
  const obstacle = join(world.archiveDir, `.timestamp.json.${process.pid}.tmp`);
  mkdirSync(join(obstacle, 'x'), { recursive: true });
  await expect(world.publish()).rejects.toThrow(/EISDIR/u);
  const signature = world.read('timestamp.json.minisig').toString('utf8');
  verifyMinisign(world.read('timestamp.json'), signature, world.key.publicKey, 'x');
  expect(parseTimestamp(world.read('timestamp.json'), 'x').serial).toBe(1);
  expect(lists.map((name) => world.read(name))).toEqual(before);
  rmSync(obstacle, { recursive: true });
  expect(await world.publish()).toMatchObject({ serial: 2, outcome: 'new' });
});

it('keeps lines of kernels that a new record does not know', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  const other = await makeArchive();
  addPublished(other.record, world.archiveDir, { kernel: '6.1.0-2-amd64' });
  expect(await world.publish({ record: other.record })).toMatchObject({ serial: 2, kernels: 2 });
});

it.each<[string, string, (world: PublishedArchive, path: string) => void]>([
  ['a file that is gone', 'archive-damaged', ({ archiveDir }, path) => rmSync(join(archiveDir, path))],
  [
    'a file with another byte',
    'archive-damaged',
    (world, path) => {
      const bytes = world.read(path);
      bytes[0] ^= 1;
      writeFileSync(join(world.archiveDir, path), bytes);
    },
  ],
])('%s is not published', async (_, code, damage) => {
  const world = await makeArchive();
  const { path } = addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  damage(world, path);
  await expect(world.publish()).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
  expect(existsSync(join(world.archiveDir, 'timestamp.json'))).toBe(false);
  expect(existsSync(join(world.archiveDir, INDEX))).toBe(false);
});

it('an index that lost its published lines stops the next serial', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  writeFileSync(join(world.archiveDir, INDEX), '');
  await expect(world.publish()).rejects.toMatchObject({ code: 'archive-digest' });
});

it('a signed archive is not published without its key', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  const { archiveDir, record } = world;
  const signal = new AbortController().signal;
  await expect(
    publishArchive({ archiveDir, record, validForMs: DAY, now: NOW, signal }),
  ).rejects.toMatchObject({ code: 'usage' });
});

it('another key makes a new serial that names it', async () => {
  const world = await makeArchive();
  addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-amd64' });
  await world.publish();
  const key = generateSigningKey();
  expect(await world.publish({ key })).toMatchObject({ serial: 2, outcome: 'new' });
  expect(JSON.parse(world.read('config.json').toString())).toMatchObject({ publicKey: key.publicKey.text });
});

it.each([
  ['is gone', 'is gone', ({ archiveDir }: PublishedArchive) => rmSync(join(archiveDir, 'timestamp.json'))],
  [
    'comes from an old copy',
    'has serial 1',
    (world: PublishedArchive) =>
      writeFileSync(join(world.archiveDir, 'timestamp.json'), world.read('old-timestamp')),
  ],
])('a timestamp that %s stops the next serial: copies have seen its number', async (_, message, lose) => {
  const world = await makeArchive();
  for (const n of [1, 2, 3]) {
    world.add(`6.1.0-${n}-amd64`);
    await world.publish();
    if (n === 1) writeFileSync(join(world.archiveDir, 'old-timestamp'), world.read('timestamp.json'));
  }
  lose(world);
  const before = marks(world.archiveDir);
  await expect(world.publish()).rejects.toMatchObject({
    code: 'archive-rollback',
    message: expect.stringContaining(`${message}, but manifest-3.json was published`),
  });
  expect(marks(world.archiveDir)).toEqual(before);
});

it.each(['SHA256SUMS', 'archive.sqlite'])('%s that is damaged or gone is made anew', async (name) => {
  const world = await makeArchive();
  world.add('6.1.0-1-amd64');
  await world.publish();
  const sound = world.read(name);
  writeFileSync(join(world.archiveDir, name), 'other');
  expect(await world.publish()).toMatchObject({ serial: 2, outcome: 'new', added: [] });
  expect(world.read(name)).toEqual(sound);
  rmSync(join(world.archiveDir, name));
  expect(await world.publish()).toMatchObject({ serial: 3, outcome: 'new' });
  expect(await world.publish()).toMatchObject({ serial: 3, outcome: 'unchanged' });
});

it('lists names that objects have from birth like any other', async () => {
  const world = await makeArchive();
  for (const arch of ['__proto__', 'constructor']) {
    addPublished(world.record, world.archiveDir, { arch, kernel: 'k' });
  }
  await world.publish();
  const catalog = JSON.parse(world.read('compat/datadog-catalog.json').toString()) as object;
  expect(Object.keys(catalog)).toEqual(['__proto__', 'constructor']);
  expect(({} as Record<string, unknown>)['debian']).toBeUndefined();
});

it.each([
  ['an endless text', "state = 'withdrawn', reason = hex(zeroblob(3000))"],
  ['an empty text', "build_id = ''"],
  ['no time', "published_at = 'yesterday'"],
])('a row with %s is not signed: nobody could read the index any more', async (_, change) => {
  const world = await makeArchive();
  const path = world.add('6.1.0-1-amd64');
  if (change.startsWith('state')) await world.publish();
  const before = marks(world.archiveDir);
  const db = openSqlite(world.record.file);
  db.exec(`UPDATE kernels SET ${change}`);
  db.close();
  await expect(world.publish()).rejects.toMatchObject({
    code: 'record-damaged',
    message: expect.stringContaining(path),
  });
  expect(marks(world.archiveDir)).toEqual(before);
});

it('a timestamp that no reader takes is not signed', async () => {
  const world = await makeArchive();
  world.add('6.1.0-1-amd64');
  await expect(world.publish({ validForMs: 4_000_000 * DAY })).rejects.toMatchObject({
    code: 'archive-malformed',
  });
  expect(existsSync(join(world.archiveDir, INDEX))).toBe(false);
});
