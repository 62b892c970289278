import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../crawlers/http/client.ts';
import { type FileServer, startFileServer } from '../../test/support/file-server.ts';
import { DAY, makeArchive, NOW, type PublishedArchive } from '../../test/support/published-archive.ts';
import { addPublished } from '../../test/support/published-kernels.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { sha256Of, toJsonLine } from './layout.ts';
import { generateSigningKey, signMinisign } from './minisign.ts';
import { mirrorArchive, type MirrorOptions, type MirrorReport } from './mirror.ts';

const INDEX = 'index/debian/12/x86_64.jsonl';

interface World extends PublishedArchive {
  readonly server: FileServer;
  readonly dir: string;
  copy(more?: Partial<MirrorOptions>): Promise<MirrorReport>;
  /** Changes a file of the source. */
  write(path: string, content: string | Uint8Array): void;
  /** Signs whatever manifest the attacker, who has the key, wants. */
  forge(serial: number, manifest: unknown, expires?: Date): void;
}

async function makeWorld(): Promise<World> {
  const archive = await makeArchive();
  const server = await startFileServer(archive.archiveDir);
  onTestFinished(() => server.close());
  const http = createHttpClient({ maxAttempts: 2, backoffBaseMs: 1, stallTimeoutMs: 300 });
  onTestFinished(() => http.close());
  const dir = await tempDirForTest('mirror');
  const write = (path: string, content: string | Uint8Array): void => {
    writeFileSync(join(archive.archiveDir, path), content);
  };
  return {
    ...archive,
    server,
    dir,
    write,
    copy: (more = {}) =>
      mirrorArchive({
        source: { base: server.url, http, signal: new AbortController().signal },
        dir,
        publicKey: archive.key.publicKey,
        allowExpired: false,
        recheck: false,
        jobs: 2,
        now: () => NOW,
        onProgress: () => undefined,
        ...more,
      }),
    forge(serial, manifest, expires = new Date(NOW.getTime() + DAY)) {
      const path = `manifest-${serial}.json`;
      const bytes = Buffer.from(toJsonLine(manifest));
      const timestamp = Buffer.from(
        toJsonLine({
          v: 1,
          serial,
          generated: NOW.toISOString(),
          expires: expires.toISOString(),
          manifest: { path, size: bytes.length, sha256: sha256Of(bytes) },
        }),
      );
      write(path, bytes);
      write('timestamp.json', timestamp);
      write('timestamp.json.minisig', signMinisign(timestamp, archive.key, 'forged'));
    },
  };
}

/** Every file but the copy's own notes, with its content. */
function tree(dir: string): Record<string, string> {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(dir.length + 1), readFileSync(path, 'latin1')];
    }),
  );
}

describe('copies', () => {
  it('everything, to the byte; the second time it asks for the timestamp only', async () => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    world.add('6.12.107+deb13-amd64');
    await world.publish();
    expect(await world.copy()).toMatchObject({ serial: 1, kernels: 2, fetched: 2, restarts: 0 });
    expect(tree(world.dir)).toEqual(tree(world.archiveDir));

    world.server.clear();
    expect(await world.copy()).toMatchObject({ serial: 1, kernels: 2, fetched: 0 });
    expect(world.server.log.map(({ path }) => path)).toEqual([
      '/timestamp.json',
      '/timestamp.json.minisig',
      '/manifest-1.json',
    ]);
  });

  it('only what is new', async () => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    await world.publish();
    await world.copy();
    const path = world.add('6.1.0-2-amd64');
    await world.publish();
    world.server.clear();
    expect(await world.copy()).toMatchObject({ serial: 2, kernels: 2, fetched: 1 });
    const asked = world.server.log.map((entry) => entry.path).filter((name) => name.endsWith('.tar.xz'));
    expect(asked).toEqual([`/${path}`]);
    const [source, copy] = [tree(world.archiveDir), tree(world.dir)];
    delete source['manifest-1.json'];
    delete source['changes/1.txt'];
    expect(copy).toMatchObject(source);
  });

  it('a part: some planes, or what a serial and later ones added; no lists of the whole then', async () => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-arm64', arch: 'arm64' });
    await world.publish();
    const second = world.add('6.1.0-2-amd64');
    await world.publish();
    await world.copy({ isWanted: ({ arch }) => arch === 'arm64' });
    const names = Object.keys(tree(world.dir)).toSorted();
    expect(names).toEqual([
      'debian/12/arm64/6.1.0-1-arm64.btf.tar.xz',
      'index/debian/12/arm64.jsonl',
      'manifest-2.json',
      'timestamp.json',
      'timestamp.json.minisig',
    ]);
    const other = await tempDirForTest('mirror');
    await world.copy({ dir: other, since: 2 });
    expect(existsSync(join(other, second))).toBe(true);
    expect(existsSync(join(other, second.replace('-2-', '-1-')))).toBe(false);
  });

  it('goes on where it was cut off', async () => {
    const world = await makeWorld();
    const [first, second] = [world.add('6.1.0-1-amd64'), world.add('6.1.0-2-amd64')];
    await world.publish();
    const rest = world.read(second);
    rmSync(join(world.archiveDir, second));
    await expect(world.copy({ jobs: 1 })).rejects.toMatchObject({ code: 'http-not-found' });
    expect(Object.keys(tree(world.dir))).toEqual([first]);
    world.write(second, rest);
    expect(await world.copy()).toMatchObject({ fetched: 1 });
    expect(tree(world.dir)).toEqual(tree(world.archiveDir));
  });

  it('all but the files that the source lacks or has damaged, and says so', async () => {
    const world = await makeWorld();
    const paths = [1, 2, 3, 4, 5, 6].map((n) => world.add(`6.1.0-${n}-amd64`));
    await world.publish();
    rmSync(join(world.archiveDir, paths[0]));
    world.write(paths[1], 'other');
    await expect(world.copy({ jobs: 1 })).rejects.toMatchObject({
      code: 'http-not-found',
      message: expect.stringMatching(/-1-amd64[^ ]*: answered 404; one more file could not be copied$/u),
    });
    expect(Object.keys(tree(world.dir)).toSorted()).toEqual(paths.slice(2));
  });

  it('gives a source up that has nothing but damage', async () => {
    const world = await makeWorld();
    const paths = Array.from({ length: 40 }, (_, n) => world.add(`6.1.0-${n}-amd64`));
    await world.publish();
    for (const path of paths) rmSync(join(world.archiveDir, path));
    await expect(world.copy()).rejects.toMatchObject({ code: 'http-not-found' });
    expect(world.server.log.length).toBeLessThan(paths.length);
  });

  it('more than before, but not less: the new timestamp would stand above what is left', async () => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    addPublished(world.record, world.archiveDir, { kernel: '6.1.0-1-arm64', arch: 'arm64' });
    await world.publish();
    const arm = { isWanted: ({ arch }: { arch: string }) => arch === 'arm64' };
    await world.copy(arm);
    await world.copy();
    expect(tree(world.dir)).toEqual(tree(world.archiveDir));
    world.add('6.1.0-2-amd64');
    await world.publish();
    const before = tree(world.dir);
    for (const less of [arm, { since: 2 }]) {
      await expect(world.copy(less)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/is a copy of more than that: it has/u),
      });
    }
    expect(tree(world.dir)).toEqual(before);
    expect(await world.copy()).toMatchObject({ serial: 2 });
  });

  it('never over another archive', async () => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    await world.publish();
    const mine = await makeArchive();
    mine.add('6.1.0-7-amd64');
    await mine.publish();
    const before = tree(mine.archiveDir);
    await expect(world.copy({ dir: mine.archiveDir })).rejects.toMatchObject({
      code: 'archive-signature',
      message: expect.stringMatching(/holds an archive already, and not one of this key/u),
    });
    expect(tree(mine.archiveDir)).toEqual(before);
  });

  it('makes a file again that was cut short behind its back, or that --recheck finds changed', async () => {
    const world = await makeWorld();
    const path = world.add('6.1.0-1-amd64');
    await world.publish();
    await world.copy();
    const bytes = world.read(path);
    writeFileSync(join(world.dir, path), bytes.subarray(1));
    expect(await world.copy()).toMatchObject({ fetched: 1 });
    bytes[0] ^= 1;
    writeFileSync(join(world.dir, path), bytes);
    expect(await world.copy()).toMatchObject({ fetched: 0 });
    expect(await world.copy({ recheck: true })).toMatchObject({ fetched: 1 });
    expect(tree(world.dir)).toEqual(tree(world.archiveDir));
  });

  it('a withdrawn kernel is not copied, and stays where it was copied before', async () => {
    const world = await makeWorld();
    const path = world.add('6.1.0-1-amd64');
    await world.publish();
    await world.copy();
    const key = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-1-amd64' };
    world.record.kernels.withdraw(key, 'wrong', NOW.toISOString());
    await world.publish();
    const other = await tempDirForTest('mirror');
    expect(await world.copy({ dir: other })).toMatchObject({ kernels: 0 });
    expect(existsSync(join(other, path))).toBe(false);
    await world.copy();
    expect(existsSync(join(world.dir, path))).toBe(true);
  });

  it('begins again when the source is published meanwhile', async () => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    await world.publish();
    world.add('6.1.0-2-amd64');
    let published: Promise<unknown> | undefined;
    world.server.setFault(({ path }) => {
      // The reader has the old manifest; the sums that it goes on to are new by then.
      if (path === '/manifest-1.json') published ??= world.publish();
      return undefined;
    });
    const report = await world.copy();
    await published;
    expect(report.restarts).toBeLessThanOrEqual(1);
    await world.copy();
    expect(tree(world.dir)).toMatchObject({
      'timestamp.json': world.read('timestamp.json').toString('latin1'),
    });
  });
});

describe('an attacker’s mirror', () => {
  const sound = async (): Promise<World> => {
    const world = await makeWorld();
    world.add('6.1.0-1-amd64');
    world.add('6.1.0-2-amd64');
    await world.publish();
    return world;
  };
  const refused = async (world: World, code: string, message: RegExp, more = {}): Promise<void> => {
    const before = tree(world.dir);
    await expect(world.copy(more)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(tree(world.dir)).toEqual(before);
  };
  const file = (path: string, more = {}): unknown => ({
    path,
    change: 'append',
    size: 3,
    sha256: sha256Of(Buffer.from('x')),
    ...more,
  });
  const manifest = (serial: number, files: readonly unknown[]): unknown => ({
    v: 1,
    serial,
    generated: NOW.toISOString(),
    kernels: 1,
    files,
  });

  it('an older serial', async () => {
    const world = await sound();
    const old = ['timestamp.json', 'timestamp.json.minisig'].map((name) => [name, world.read(name)] as const);
    world.add('6.1.0-3-amd64');
    await world.publish();
    await world.copy();
    for (const [name, bytes] of old) world.write(name, bytes);
    await refused(world, 'archive-rollback', /has serial 1, this copy has seen 2/u);
  });

  it('an older serial than that of a copy that another program has made', async () => {
    const world = await sound();
    const old = ['timestamp.json', 'timestamp.json.minisig'].map((name) => [name, world.read(name)] as const);
    world.add('6.1.0-3-amd64');
    await world.publish();
    cpSync(world.archiveDir, world.dir, { recursive: true });
    for (const [name, bytes] of old) world.write(name, bytes);
    await refused(world, 'archive-rollback', /has serial 1, this copy has seen 2/u);
  });

  it('an older serial, after a copy that was cut short', async () => {
    const world = await sound();
    const old = ['timestamp.json', 'timestamp.json.minisig'].map((name) => [name, world.read(name)] as const);
    const third = world.add('6.1.0-3-amd64');
    await world.publish();
    rmSync(join(world.archiveDir, third));
    await expect(world.copy()).rejects.toMatchObject({ code: 'http-not-found' });
    for (const [name, bytes] of old) world.write(name, bytes);
    await refused(world, 'archive-rollback', /this copy has seen 2/u);
  });

  it('the same serial with other content', async () => {
    const world = await sound();
    await world.copy();
    world.forge(1, manifest(1, []));
    await refused(world, 'archive-digest', /serial 1 has two manifests/u);
  });

  it('a timestamp that has expired, unless it is asked for', async () => {
    const world = await sound();
    const later = () => new Date(NOW.getTime() + 8 * DAY);
    await refused(world, 'archive-rollback', /expired on 2026-11-28/u, { now: later });
    expect(await world.copy({ now: later, allowExpired: true })).toMatchObject({ serial: 1 });
  });

  it('the files of two kernels changed for each other', async () => {
    const world = await sound();
    const [a, b] = ['1', '2'].map((n) => `debian/12/x86_64/6.1.0-${n}-amd64.btf.tar.xz`);
    const bytes = world.read(a);
    world.write(a, world.read(b));
    world.write(b, bytes);
    await refused(world, 'archive-digest', /SHA-256 is/u);
  });

  it('an index of another serial', async () => {
    const world = await sound();
    const lines = world.read(INDEX).toString().split('\n');
    world.write(INDEX, `${lines[1]}\n${lines[0]}\n`);
    await refused(world, 'archive-digest', /x86_64\.jsonl/u);
  });

  it('another key', async () => {
    const world = await sound();
    const stamp = world.read('timestamp.json');
    world.write('timestamp.json.minisig', signMinisign(stamp, generateSigningKey(), 'me'));
    await refused(world, 'archive-signature', /signed by key/u);
  });

  it('no signature, or one over something else', async () => {
    const world = await sound();
    const stamp = world.read('timestamp.json').toString();
    world.write('timestamp.json', stamp.replace('"serial":1', '"serial":9'));
    await refused(world, 'archive-signature', /not over this content/u);
    rmSync(join(world.archiveDir, 'timestamp.json.minisig'));
    await refused(world, 'http-not-found', /minisig/u);
  });

  it.each([
    ['climbs', file('../../etc/cron.d/x')],
    ['is absolute', file('/etc/passwd')],
    ['climbs below index/', file('index/../../x/y.jsonl')],
    ['has too many parts', file('index/a/b/c/d.jsonl')],
    ['hides', file('.ssh', { change: 'fixed' })],
    ['is a kernel’s', file('debian/12/x86_64/k.btf.tar.xz', { change: 'fixed' })],
    ['is the timestamp’s own', file('timestamp.json', { change: 'current' })],
    ['is an index that may be rewritten', file(INDEX, { change: 'current' })],
  ])('a manifest with a path that %s', async (_, entry) => {
    const world = await sound();
    world.forge(2, manifest(2, [entry]));
    await refused(world, 'archive-malformed', /manifest-2\.json/u);
  });

  it.each([
    ['climbs', '../../../../tmp/x'],
    ['is absolute', '/tmp/x'],
    ['hides', '.bashrc'],
  ])('an index with a kernel that %s', async (_, kernel) => {
    const world = await sound();
    const line = world.read(INDEX).toString().replace('6.1.0-1-amd64', kernel);
    world.write(INDEX, line);
    const bytes = Buffer.from(line);
    world.forge(2, manifest(2, [file(INDEX, { size: bytes.length, sha256: sha256Of(bytes) })]));
    await refused(world, 'archive-malformed', /x86_64\.jsonl:1/u);
  });

  it.each([
    ['a manifest', { manifest: 2 ** 40 }],
    ['an index', { index: 2 ** 40 }],
    ['a kernel’s file', { kernel: 2 ** 40 }],
  ])('%s of a terabyte', async (_, sizes: { manifest?: number; index?: number; kernel?: number }) => {
    const world = await sound();
    if (sizes.kernel !== undefined) {
      const line = world
        .read(INDEX)
        .toString()
        .replace(/"size":\d+/u, `"size":${sizes.kernel}`);
      world.write(INDEX, line);
    }
    const bytes = world.read(INDEX);
    const entry = file(INDEX, { size: sizes.index ?? bytes.length, sha256: sha256Of(bytes) });
    world.forge(2, manifest(2, [entry]));
    if (sizes.manifest !== undefined) {
      const stamp = world
        .read('timestamp.json')
        .toString()
        .replace(/"size":\d+/u, `"size":${sizes.manifest}`);
      world.write('timestamp.json', stamp);
      world.write('timestamp.json.minisig', signMinisign(Buffer.from(stamp), world.key, 'forged'));
    }
    await refused(world, 'archive-malformed', /more than an archive has/u);
  });

  it('a timestamp that never ends', async () => {
    const world = await sound();
    world.write('timestamp.json', Buffer.alloc(200_000, ' '));
    await refused(world, 'archive-malformed', /longer than/u);
  });

  it('JSON of the wrong shape, or none', async () => {
    const world = await sound();
    for (const content of ['<html>', '[]', '{"v":2}']) {
      const bytes = Buffer.from(content);
      world.write('timestamp.json', bytes);
      world.write('timestamp.json.minisig', signMinisign(bytes, world.key, 'forged'));
      await refused(world, 'archive-malformed', /timestamp\.json/u);
    }
  });
});
