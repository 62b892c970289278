/** The nightly job on a local Debian mirror: a first night, one with nothing new, and nights on which something is wrong. */

import { copyFile, mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lockFile } from '../../pipeline/lock.ts';
import { BOOKWORM_AMD64, TRIXIE_AMD64 } from '../mirrors/sample-mirror.ts';
import { type CommandResult, expectExit, jsonLines, spawnBtfmill } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { query, type Site, statesOf, treeOf } from './site.ts';

interface Night extends CommandResult {
  /** Lines of the log. */
  readonly log: readonly Record<string, unknown>[];
}

describe.skipIf(needsTool(...E2E_TOOLS))('nightly on a local Debian mirror', () => {
  let sample: Sample;
  let site: Site;

  beforeAll(async () => {
    sample = await startSample();
  });

  afterAll(async () => {
    await sample.close();
  });

  async function configure(more: object = {}, debian: object = {}): Promise<void> {
    const config = {
      archive: 'archive',
      db: 'record.sqlite',
      cache: 'cache',
      metrics: 'btfmill.prom',
      publish: { key: 'btfmill.key' },
      distros: {
        debian: {
          releases: ['12', '13'],
          archs: ['amd64'],
          mirror: sample.url,
          keyrings: [sample.mirror.signer.keyring],
          ...debian,
        },
      },
      ...more,
    };
    await writeFile(join(site.folder, 'btfmill.config.json'), JSON.stringify(config));
  }

  async function night(...args: readonly string[]): Promise<Night> {
    sample.server.clear();
    const result = await site.command(['nightly', ...args]);
    const isLog = result.stderr.startsWith('{');
    // What ends a night is a line of text behind it.
    const lines = result.stderr.split('\n').filter((line) => line.startsWith('{'));
    return { ...result, log: isLog ? jsonLines(lines.join('\n')) : [] };
  }

  async function metrics(): Promise<ReadonlyMap<string, number>> {
    const lines = (await readFile(join(site.folder, 'btfmill.prom'), 'utf8')).trimEnd().split('\n');
    const samples = lines.filter((line) => !line.startsWith('#'));
    for (const line of samples)
      expect(line).toMatch(/^btfmill_[a-z_]+(\{([a-z]+="[^"\n]*",?)+\})? -?[\d.]+$/u);
    return new Map(
      samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
    );
  }

  async function report(run: number): Promise<{ markdown: string; json: Record<string, unknown> }> {
    const name = join(site.folder, 'reports', `run-${run}`);
    return {
      markdown: await readFile(`${name}.md`, 'utf8'),
      json: JSON.parse(await readFile(`${name}.json`, 'utf8')) as Record<string, unknown>,
    };
  }

  beforeEach(async () => {
    site = await sample.newSite();
    expectExit(await site.command(['keygen', 'btfmill.key']), 0);
    await configure();
  });

  it('fills and publishes the archive, and the second night moves nothing but headers', async () => {
    const first = await night();
    expectExit(first, 0);
    const kernels = [...BOOKWORM_AMD64, ...TRIXIE_AMD64];
    const files = Object.keys(await treeOf(site.archive));
    expect(files).toEqual(expect.arrayContaining(kernels.map((kernel) => `${kernel}.btf.tar.xz`)));
    expect(files).toEqual(expect.arrayContaining(['timestamp.json', 'timestamp.json.minisig', 'SHA256SUMS']));
    expect(first.log.every(({ run, v }) => run === 1 && v === 1)).toBe(true);
    expect(first.log.filter(({ event }) => event === 'kernel.done')).toHaveLength(kernels.length);
    expect(first.log.find(({ event }) => event === 'publish.done')).toMatchObject({
      serial: 1,
      outcome: 'new',
    });
    expect(await report(1)).toMatchObject({
      json: { v: 1, run: { id: 1, published: kernels.length }, failed: [], night: { exitCode: 0 } },
    });
    expect((await report(1)).markdown).toContain(`| new | ${kernels.length} |`);
    const values = await metrics();
    expect(values.get('btfmill_kernels{distro="debian",release="12",arch="x86_64",state="published"}')).toBe(
      6,
    );
    expect(values.get('btfmill_last_run_exit_code')).toBe(0);
    expect(values.get('btfmill_published_serial')).toBe(1);
    const success = values.get('btfmill_last_success_timestamp_seconds{distro="debian"}') ?? 0;
    expect(Math.abs(success - Date.now() / 1000)).toBeLessThan(60);
    expect(values.get('btfmill_downloaded_bytes_total{kind="packages"}')).toBeGreaterThan(1000);
    const copies = await readdir(join(site.folder, 'backups'));
    expect(copies).toEqual([expect.stringMatching(/^btfmill-\d{8}T\d{6}Z\.sqlite$/u)]);
    expect(statesOf(join(site.folder, 'backups', copies[0]))).toEqual(statesOf(site.db));

    const before = await treeOf(site.archive);
    const second = await night();
    expectExit(second, 0);
    expect(sample.server.log.length).toBeGreaterThan(0);
    expect(sample.server.log.filter(({ path }) => path.includes('/pool/'))).toEqual([]);
    for (const { path, headers, statusCode, bodyBytes } of sample.server.log) {
      if (statusCode === 404) continue;
      expect({ path, statusCode, bodyBytes }).toEqual({ path, statusCode: 304, bodyBytes: 0 });
      expect(headers['if-none-match'] ?? headers['if-modified-since']).toBeDefined();
    }
    expect(await treeOf(site.archive)).toEqual(before);
    expect(second.log.find(({ event }) => event === 'publish.done')).toMatchObject({ outcome: 'unchanged' });
    expect(second.log.find(({ event }) => event === 'run.finished')).toMatchObject({
      run: 2,
      published: 0,
      alreadyPublished: kernels.length,
      fetchedBytes: 0,
    });
    expect(await readdir(join(site.folder, 'backups'))).toEqual(copies);
    expect((await report(2)).json).toMatchObject({ published: [], failed: [] });
  });

  it('fails alone with a suite whose signature is bad, and with a package that is gone', async () => {
    await configure({}, { keyrings: [] });
    const untrusted = await night();
    expectExit(untrusted, 5);
    expect((await metrics()).get('btfmill_last_run_exit_code')).toBe(5);
    expect((await metrics()).get('btfmill_last_success_timestamp_seconds{distro="debian"}')).toBe(0);
    expect((await report(1)).json).toMatchObject({
      published: [],
      indexFailures: expect.arrayContaining([expect.objectContaining({ code: 'index-signature' })]),
    });

    await configure();
    sample.server.setFault(({ path }) => {
      if (path.includes('6.1.0-3-amd64')) return { kind: 'status', statusCode: 404 };
      return path.includes('/dists/trixie/') ? { kind: 'status', statusCode: 403 } : undefined;
    });
    const missing = await night();
    expectExit(missing, 4);
    expect(missing.log.find(({ event }) => event === 'index.failed')).toMatchObject({
      level: 'warn',
      distro: 'debian',
      suite: 'trixie',
      code: 'http-refused',
    });
    expect(
      missing.log.find(({ event, outcome }) => event === 'kernel.done' && outcome === 'failed'),
    ).toMatchObject({
      level: 'warn',
      kernel: '6.1.0-3-amd64',
      code: 'http-not-found',
    });
    expect((await metrics()).get('btfmill_failed_kernels{code="http-not-found"}')).toBe(1);
    expect(missing.log.find(({ event }) => event === 'publish.done')).toMatchObject({
      serial: 2,
      kernels: 5,
    });

    sample.server.setFault(() => undefined);
    const repaired = await night();
    expectExit(repaired, 0);
    expect((await report(3)).json).toMatchObject({
      recovered: [{ path: 'debian/12/x86_64/6.1.0-3-amd64.btf.tar.xz' }],
    });
    expect(repaired.log.find(({ event }) => event === 'publish.done')).toMatchObject({
      serial: 3,
      kernels: 7,
    });
  });

  it('leaves at once with exit code 6 when another run is under way', async () => {
    const lock = await lockFile(`${site.db}.lock`, 'the record');
    try {
      const before = performance.now();
      const result = await night();
      expectExit(result, 6);
      expect(result.stderr).toContain('locked');
      expect(performance.now() - before).toBeLessThan(5000);
      expect(sample.server.log).toEqual([]);
      await expect(stat(join(site.folder, 'btfmill.prom'))).rejects.toMatchObject({ code: 'ENOENT' });
    } finally {
      await lock.release();
    }
  });

  describe('a night that does not do what it is to do', () => {
    it('is neither a success nor one with failed kernels when nothing fits into the cache', async () => {
      const broken = await night('--cache-size', '10 B');
      expectExit(broken, 1);
      expect(broken.stderr).toMatch(/^btfmill: disk-full: the cache may have 10 bytes/mu);
      const values = await metrics();
      expect(values.get('btfmill_last_success_timestamp_seconds{distro="debian"}')).toBe(0);
      expect(values.get('btfmill_last_run_exit_code')).toBe(1);
      expect((await report(1)).markdown).toContain('**disk-full**: the cache may have');
      expect((await site.command(['status', '--db', site.db])).stdout).toContain(
        '\ndisk-full: the cache may',
      );
    });

    it('is no success when it cannot publish, and the expiry of what is published stays in sight', async () => {
      await configure({}, { releases: ['13'] });
      expectExit(await night(), 0);
      const good = await metrics();
      const path = `debian/13/x86_64/${TRIXIE_AMD64[0].split('/').at(-1)}`;
      const [copy] = await readdir(join(site.folder, 'backups'));
      expectExit(await site.command(['withdraw', path, '--reason', 'bad', '--db', site.db]), 0);
      expectExit(await night(), 0);
      await copyFile(join(site.folder, 'backups', copy), site.db);
      const conflict = await night();
      expectExit(conflict, 1);
      expect(conflict.log.find(({ event }) => event === 'publish.failed')).toMatchObject({
        code: 'archive-conflict',
      });
      const values = await metrics();
      const success = 'btfmill_last_success_timestamp_seconds{distro="debian"}';
      expect(values.get(success)).toBe(good.get(success));
      expect(values.get('btfmill_published_serial')).toBe(2);
      expect(values.get('btfmill_published_expiry_timestamp_seconds')).toBeGreaterThan(Date.now() / 1000);
    });

    it('says with its exit code that report and copies could not be written', async () => {
      await configure({ reports: '/dev/null/reports', backups: { folder: '/dev/null/backups' } });
      const silent = await night('--limit-kernels', '1', '--no-publish');
      expectExit(silent, 1);
      expect((await metrics()).get('btfmill_last_run_exit_code')).toBe(1);
    });
  });

  it.each(['gone', 'empty'])(
    'does not start over when the record is %s and the archive is not',
    async (how) => {
      await configure({ publish: false }, { releases: ['13'] });
      expectExit(await night(), 0);
      await rm(site.db);
      if (how === 'empty') await writeFile(site.db, '');
      const lost = await night();
      expectExit(lost, 1);
      expect(lost.stderr).toMatch(/record-damaged: .*knows of no run and no kernel.*README\.md/u);
      expect(sample.server.log).toEqual([]);
    },
  );

  describe('when the record is damaged', () => {
    /** Two nights, the second with more; gives the copy that the first has left. */
    async function damage(): Promise<string> {
      await configure({}, { releases: ['13'] });
      expectExit(await night(), 0);
      const [copy] = await readdir(join(site.folder, 'backups'));
      await configure({}, { kernels: ['*-rt-*', '*deb13*'] });
      expectExit(await night(), 0);
      const bytes = await readFile(site.db);
      bytes.fill(0x5a, 4096, 3 * 4096);
      await writeFile(site.db, bytes);
      return join(site.folder, 'backups', copy);
    }

    async function archived(): Promise<Record<string, string>> {
      const tree = await treeOf(site.archive);
      return Object.fromEntries(Object.entries(tree).filter(([path]) => path.endsWith('.btf.tar.xz')));
    }

    it('stops before anything is fetched, and goes on from an older copy of it', async () => {
      const copy = await damage();
      const before = await archived();
      expect(Object.keys(before)).toHaveLength(2);
      const damaged = await night();
      expectExit(damaged, 1);
      expect(damaged.stderr).toContain('record-damaged');
      expect(damaged.stderr).toContain('README.md');
      expect(sample.server.log).toEqual([]);

      await copyFile(copy, site.db);
      const restored = await night();
      expectExit(restored, 0);
      expect(restored.log.find(({ event }) => event === 'run.finished')).toMatchObject({
        published: 1,
        alreadyPublished: 1,
        failed: 0,
      });
      expect(restored.log.find(({ event }) => event === 'publish.done')).toMatchObject({ kernels: 2 });
      expect(await archived()).toEqual(before);
      expectExit(await site.command(['verify', '--deep', '--archive', site.archive, '--db', site.db]), 0);
    });

    it('goes on from the archive alone', async () => {
      await damage();
      const before = await archived();
      await rm(site.db);
      expectExit(await site.command(['import', site.archive, '--db', site.db]), 0);
      const restored = await night();
      expectExit(restored, 0);
      expect(restored.log.find(({ event }) => event === 'run.finished')).toMatchObject({
        published: 0,
        alreadyPublished: 2,
        fetchedBytes: 0,
      });
      expect(restored.log.find(({ event }) => event === 'publish.done')).toMatchObject({ kernels: 2 });
      expect(await archived()).toEqual(before);
    });
  });

  it('does no more than its limits, and tells what is left', async () => {
    await configure({ limits: { kernels: 2 }, publish: false });
    const first = await night();
    expectExit(first, 0);
    const done = (one: Night): string[] =>
      one.log.filter(({ event }) => event === 'kernel.done').map(({ release }) => String(release));
    expect(done(first).toSorted()).toEqual(['12', '13']);
    expect(first.log.find(({ event }) => event === 'run.finished')).toMatchObject({
      published: 2,
      decisions: { fetch: 2, postponed: 5 },
      exitCode: 0,
    });
    expect((await report(1)).markdown).toMatch(
      /left for the next run: beyond the limits \| 5 \(\d+ bytes\)/u,
    );
    expect((await metrics()).get('btfmill_last_run_kernels{outcome="left"}')).toBe(5);

    expect(done(await night('--limit-kernels', '3'))).toEqual(['12', '12', '12']);
    const tooLate = await night('--limit-minutes', '0.000001', '--limit-kernels', '9');
    expectExit(tooLate, 0);
    expect(tooLate.log.find(({ event }) => event === 'run.finished')).toMatchObject({
      published: 0,
      notBegun: 2,
    });
    expect(sample.server.log.filter(({ path }) => path.includes('/pool/'))).toEqual([]);

    const tooSmall = await night('--limit-bytes', '100 B');
    expectExit(tooSmall, 0);
    expect(tooSmall.log.filter(({ event }) => event === 'warning')).toMatchObject([
      { code: 'package-too-large' },
      { code: 'package-too-large' },
    ]);
    expectExit(await night(), 0);
    expect(Object.keys(await treeOf(site.archive))).toHaveLength(7);
  });

  it('stays within the cache that it is given, and says when that is too small', async () => {
    await configure({ publish: false }, { releases: ['13'] });
    expectExit(await night('--limit-minutes', '0.000001'), 0);
    const [{ bytes }] = query(site.db, 'SELECT size_bytes AS bytes FROM packages');
    const tooSmall = await night('--cache-size', String(bytes));
    expectExit(tooSmall, 3);
    expect(tooSmall.log.find(({ event }) => event === 'kernel.done')).toMatchObject({
      outcome: 'failed',
      code: 'disk-full',
      message: expect.stringContaining('no room for'),
    });
    const enough = await night('--cache-size', '100 MB', '--jobs', '1', '--downloads', '1');
    expectExit(enough, 0);
    const { gates } = enough.log.find(({ event }) => event === 'run.finished') as {
      gates: { cachePeakBytes: number; waitedFor: object };
    };
    expect(gates).toMatchObject({ jobs: 1, downloads: 1, cacheLimitBytes: expect.any(Number) });
    expect(gates.cachePeakBytes).toBeLessThan(100_000_000);
    expect((await report(3)).markdown).toContain('| it waited most for |');
  });

  it('stops on SIGTERM, tells of it, and goes on the next night', async () => {
    await configure({ publish: false });
    sample.server.setFault(({ path }) =>
      path.includes('/pool/') ? { kind: 'stall', afterBytes: 1000 } : undefined,
    );
    const running = spawnBtfmill(['nightly', '--json'], { cwd: site.folder });
    await sample.server.waitFor(/\/pool\//u, 1000);
    const before = performance.now();
    running.kill('SIGTERM');
    const stopped = await running.finished;
    expect(performance.now() - before).toBeLessThan(10_000);
    expectExit(stopped, 143);
    expect((await report(1)).json).toMatchObject({ night: { exitCode: 143, run: { stopped: true } } });
    expect((await metrics()).get('btfmill_last_success_timestamp_seconds{distro="debian"}')).toBe(0);
    sample.server.setFault(() => undefined);
    expectExit(await night(), 0);
    expect(new Set(Object.values(statesOf(site.db)))).toEqual(new Set(['published']));
  });

  it('publishes what two nights have made that did not get to it', async () => {
    const stop = async (): Promise<void> => {
      sample.server.setFault(({ path }) =>
        path.includes('-rt-') ? { kind: 'stall', afterBytes: 0 } : undefined,
      );
      const running = spawnBtfmill(['nightly', '--json', '--jobs', '1'], { cwd: site.folder });
      await running.waitForStdout(/"outcome":"published"|alreadyPublished|"published":[1-9]/u);
      running.kill('SIGKILL');
      await running.finished;
      sample.server.setFault(() => undefined);
    };
    await stop();
    await stop();
    const third = await night('--limit-minutes', '0.000001');
    const steps = third.log.map(({ event }) => event);
    expect(steps.indexOf('publish.done')).toBeLessThan(steps.indexOf('run.started'));
    expect(steps).toContain('publish.done');
    expect((await metrics()).get('btfmill_published_serial')).toBe(1);
  });

  it('fetches nothing without xz, which every kernel needs', async () => {
    const folder = join(site.folder, 'bin');
    await mkdir(folder);
    for (const name of ['flock', 'gpgv']) {
      const { stdout } = await execa('sh', ['-c', `command -v ${name}`]);
      await symlink(stdout, join(folder, name));
    }
    sample.server.clear();
    const result = await spawnBtfmill(['nightly'], { cwd: site.folder, path: folder }).finished;
    expectExit(result, 2);
    expect(result.stderr).toMatch(/^btfmill: tool-missing: xz is not installed/mu);
    expect(sample.server.log).toEqual([]);
  });

  it('keeps in the cache what may be gone on with, and not for ever', async () => {
    const packages = join(site.folder, 'cache/packages');
    await mkdir(packages, { recursive: true });
    for (const name of ['old.part', 'new.part']) await writeFile(join(packages, name), 'half a package');
    const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);
    await utimes(join(packages, 'old.part'), daysAgo(8), daysAgo(8));
    await utimes(join(packages, 'new.part'), daysAgo(6), daysAgo(6));
    expectExit(await night('--limit-kernels', '1', '--no-publish'), 0);
    expect(await readdir(packages)).toEqual(['new.part']);
  });

  it('wants a key before it begins, and tells what the configuration lacks', async () => {
    await rm(join(site.folder, 'btfmill.key'));
    expectExit(await night(), 2);
    await configure({ job: 3, publish: false });
    const misspelt = await night();
    expectExit(misspelt, 2);
    expect(misspelt.stderr).toContain('btfmill.config.json: job: unknown key; did you mean "jobs"?');
    await rm(join(site.folder, 'btfmill.config.json'));
    expect((await night()).stderr).toContain('no such configuration file');
    expect(sample.server.log).toEqual([]);
  });
});
