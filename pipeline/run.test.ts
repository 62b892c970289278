import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { CrawlResult, DebugPackage } from '../crawlers/types.ts';
import { type BtfRecord, openRecord } from '../db/index.ts';
import { BtfmillError, type ErrorCode } from '../errors/index.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { archivePath } from './archive-path.ts';
import { readKernelStates } from './report/kernel-states.ts';
import { tellRun } from './report/run-story.ts';
import { runCrawl } from './run.ts';
import type { CrossCheckVerdict } from './cross-check.ts';
import type { RunEvent, RunOptions, RunReport, RunSteps } from './run-types.ts';
import type { StoredFacts } from './store.ts';
import { WORK_FOLDER } from './sweep.ts';
import { debugPackage } from '../test/support/debug-package.ts';

const HOUR_MS = 3_600_000;
const SIGNER = '99DB70FAE1D7CE227FB6488205B555B38483C65D';

function verdict(
  verdict: CrossCheckVerdict['verdict'],
  against: CrossCheckVerdict['against'] = 'pahole',
): CrossCheckVerdict {
  const firstDifferences = verdict === 'equal' ? [] : ['struct task_struct: size 8, not 16'];
  return { against, verdict, firstDifferences, tolerated: [], milliseconds: 1 };
}

const sha = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A world in which every step works: files are `tar:` + the BTF, which is `btf of <kernel>`. */
interface World {
  readonly options: RunOptions;
  readonly record: BtfRecord;
  readonly steps: RunSteps;
  readonly events: RunEvent[];
  readonly stop: AbortController;
  /** Steps called, as `fetch 6.1.0-1`. */
  readonly calls: string[];
  clock: Date;
  run(options?: Partial<RunOptions>, steps?: Partial<RunSteps>): Promise<RunReport>;
  file(kernel: string): string;
}

async function makeWorld(packages: readonly DebugPackage[]): Promise<World> {
  const folder = await tempDirForTest('run');
  const archiveDir = join(folder, 'archive');
  const cacheDir = join(folder, 'cache');
  mkdirSync(archiveDir);
  mkdirSync(cacheDir);
  const record = openRecord(join(folder, 'record.sqlite'));
  onTestFinished(() => {
    record.close();
  });
  const calls: string[] = [];
  const options: RunOptions = {
    distros: ['debian'],
    request: { releases: [], archs: [], kernels: [], variants: [], allowExpired: false, insecure: false },
    mirrors: {},
    dryRun: false,
    jobs: 2,
    archiveDir,
    cacheDir,
    source: 'auto',
    crossCheck: 'auto',
    profile: 'pahole-1.24',
    threads: 1,
    keepPackages: false,
    retryFailed: false,
  };
  const read = (path: string): StoredFacts => {
    const text = readFileSync(join(archiveDir, path), 'utf8');
    if (!text.startsWith('tar:')) throw new BtfmillError('archive-damaged', `${path}: no tar`);
    const btf = text.slice(4);
    return {
      path,
      btfSha256: sha(btf),
      btfSizeBytes: btf.length,
      tarSha256: sha(text),
      tarSizeBytes: text.length,
      typeCount: 3,
      typesByKind: { INT: 3 },
    };
  };
  const steps: RunSteps = {
    list: async () => ({ packages, indexes: [], failures: [], indexBytes: 10, indexRequests: 1 }),
    fetch: async (pkg, { onProgress, onTraffic }) => {
      calls.push(`fetch ${pkg.kernel}`);
      const path = join(cacheDir, `${pkg.kernel}.deb`);
      writeFileSync(path, 'deb');
      onProgress(pkg.sizeBytes, pkg.sizeBytes);
      onTraffic(pkg.sizeBytes);
      return { path, sizeBytes: pkg.sizeBytes, fetchedBytes: pkg.sizeBytes, resumedAt: 0 };
    },
    verify: async (pkg) => {
      calls.push(`verify ${pkg.kernel}`);
      return { covers: 'whole', signer: SIGNER };
    },
    unpack: async (pkg, _packagePath, workDir) => {
      calls.push(`unpack ${pkg.kernel}`);
      const path = join(workDir, `vmlinux-${pkg.kernel}`);
      writeFileSync(path, 'elf');
      return { path, sizeBytes: 1000, memberPath: 'm', kernel: pkg.kernel };
    },
    readBanner: async (path) => path.replace(/.*vmlinux-/u, ''),
    convert: async (path) => {
      const kernel = path.replace(/.*vmlinux-/u, '');
      calls.push(`convert ${kernel}`);
      return { fromDwarf: Buffer.from(`btf of ${kernel}`), buildId: 'c0ffee', profile: 'pahole-1.24' };
    },
    crossCheck: async () => verdict('equal'),
    store: async (key, btf) => {
      calls.push(`store ${key.kernel}`);
      const path = archivePath(key);
      mkdirSync(dirname(join(archiveDir, path)), { recursive: true });
      writeFileSync(join(archiveDir, path), `tar:${Buffer.from(btf).toString()}`);
      return read(path);
    },
    inspect: async (key) => {
      calls.push(`inspect ${key.kernel}`);
      return read(archivePath(key));
    },
  };
  const world: World = {
    options,
    record,
    steps,
    events: [],
    stop: new AbortController(),
    calls,
    clock: new Date('2026-11-20T10:00:00.000Z'),
    file: (kernel) => join(archiveDir, archivePath(debugPackage(kernel))),
    run: (moreOptions = {}, otherSteps = {}) => {
      calls.length = 0;
      world.events.length = 0;
      return runCrawl(
        { ...options, ...moreOptions },
        {
          record,
          steps: { ...steps, ...otherSteps },
          toolVersions: { btfmill: '0.1.0', xz: '5.4.1' },
          now: () => world.clock,
          emit: (event) => world.events.push(event),
          signal: world.stop.signal,
          stoppedExitCode: () => 130,
        },
      );
    },
  };
  return world;
}

/** A step that fails. */
function fails(code: ErrorCode): () => Promise<never> {
  return async () => {
    throw new BtfmillError(code, 'no');
  };
}

/** A converter that copes with native BTF only, or with nothing. */
function helplessConverter(hasNative: boolean): RunSteps['convert'] {
  return async (_path, source) => {
    if (source !== 'native') throw new BtfmillError('dwarf-unsupported', 'dwarf .debug_info+0x0: form 0x99');
    if (!hasNative) throw new BtfmillError('native-none', 'none');
    return { native: Buffer.from('theirs'), profile: 'pahole-1.24' };
  };
}

/** Takes the row back to what `announce` had left. */
function killBetweenRenameAndRecord({ record }: World): void {
  const row = record.kernels.find(A);
  if (row?.btfSha256 === undefined) throw new Error('not published');
  record.kernels.announce(row.id, { ...(row as Required<typeof row>), source: 'dwarf' }, row.changedAt);
}

const A = debugPackage('6.1.0-2-amd64');
const B = debugPackage('6.1.0-1-amd64');

describe('a run in which everything works', () => {
  it('publishes every kernel, records it, and leaves no package and no work folder', async () => {
    const world = await makeWorld([A, B]);
    const report = await world.run();
    expect(report).toMatchObject({ exitCode: 0, published: 2, failed: 0, fetchedBytes: 200, indexBytes: 10 });
    const row = world.record.kernels.find(A);
    expect(row).toMatchObject({
      state: 'published',
      source: 'dwarf',
      trust: 'signed-index',
      buildId: 'c0ffee',
      btfSha256: sha('btf of 6.1.0-2-amd64'),
      tarSizeBytes: readFileSync(world.file(A.kernel)).length,
      profile: 'pahole-1.24',
      toolVersions: { btfmill: '0.1.0', xz: '5.4.1' },
    });
    const [attempt] = world.record.attempts.ofKernel(row?.id ?? 0, 1);
    expect(attempt).toMatchObject({ outcome: 'published', fetchedBytes: 100 });
    const steps = world.record.stepTimings.ofAttempt(attempt.id).map(({ step, bytes }) => [step, bytes]);
    expect(Object.fromEntries(steps)).toMatchObject({
      fetch: 100,
      unpack: 1000,
      convert: 1000,
      'cross-check': 0,
    });
    expect(world.record.crossChecks.ofAttempt(attempt.id)).toMatchObject([{ verdict: 'equal' }]);
    expect(world.record.runs.latest()).toMatchObject({ exitCode: 0, published: 2 });
    expect(readdirSync(world.options.cacheDir)).toEqual([WORK_FOLDER]);
    expect(readdirSync(join(world.options.cacheDir, WORK_FOLDER))).toEqual([]);
  });

  it('does nothing the second time', async () => {
    const world = await makeWorld([A, B]);
    await world.run();
    expect(await world.run()).toMatchObject({
      exitCode: 0,
      published: 0,
      alreadyPublished: 2,
      fetchedBytes: 0,
    });
    expect(world.calls).toEqual([]);
  });

  it('makes again what was lost, and says so', async () => {
    const world = await makeWorld([A]);
    await world.run();
    rmSync(world.file(A.kernel));
    expect(await world.run()).toMatchObject({ published: 1, warnings: [{ code: 'archive-damaged' }] });
    writeFileSync(world.file(A.kernel), 'cut');
    expect(await world.run()).toMatchObject({ published: 1, warnings: [{ code: 'archive-damaged' }] });
    expect(readFileSync(world.file(A.kernel), 'utf8')).toBe('tar:btf of 6.1.0-2-amd64');
  });

  describe('what was published and is lost', () => {
    const both = {
      fromDwarf: Buffer.from('ours'),
      native: Buffer.from('theirs'),
      profile: 'pahole-1.24' as const,
    };
    const convert = async () => both;
    const conflict = { exitCode: 3, published: 0, failedByCode: { 'archive-conflict': 1 } };

    async function lostFile(): Promise<World> {
      const world = await makeWorld([A]);
      await world.run({}, { convert });
      rmSync(world.file(A.kernel));
      return world;
    }

    it('is not replaced by other content, and the record goes on to say what it was', async () => {
      const world = await lostFile();
      const before = world.record.kernels.find(A);
      expect(await world.run({ source: 'dwarf' }, { convert })).toMatchObject(conflict);
      expect(existsSync(world.file(A.kernel))).toBe(false);
      expect(world.record.kernels.find(A)).toEqual(before);
      const [attempt] = world.record.attempts.ofKernel(before?.id ?? 0, 1);
      expect(attempt).toMatchObject({ outcome: 'failed', code: 'archive-conflict' });
      expect(attempt.message).toContain('crawl with --source native --profile pahole-1.24');

      expect(await world.run({ source: 'native' }, { convert })).toMatchObject({ exitCode: 0, published: 1 });
      expect(world.record.kernels.find(A)?.btfSha256).toBe(sha('theirs'));
    });

    it.each(['fetch', 'unpack', 'store'] as const)('not after a stop in %s either', async (step) => {
      const world = await lostFile();
      const stopped = async (): Promise<never> => {
        world.stop.abort(new BtfmillError('aborted', 'stopped by SIGINT'));
        throw new BtfmillError('aborted', 'stopped');
      };
      expect(await world.run({}, { convert, [step]: stopped })).toMatchObject({ exitCode: 130 });
      Object.assign(world, { stop: new AbortController() });
      const report = await world.run({ source: 'dwarf' }, { convert });
      expect(report).toMatchObject({ ...conflict, warnings: [{ code: 'archive-damaged' }] });
      expect(existsSync(world.file(A.kernel))).toBe(false);
    });

    it('nor after failures, nor when it is damaged only', async () => {
      const world = await lostFile();
      writeFileSync(world.file(A.kernel), 'cut');
      const helpless = { convert: fails('dwarf-none') };
      expect(await world.run({}, helpless)).toMatchObject({ exitCode: 3, noDebugInfo: 0, failed: 1 });
      expect(await world.run({ source: 'dwarf' }, { convert })).toMatchObject(conflict);
      expect(readFileSync(world.file(A.kernel), 'utf8')).toBe('cut');
    });

    it('is not fetched every night in vain, and a copy put back settles it', async () => {
      const world = await lostFile();
      const dwarf = { source: 'dwarf' } as const;
      await world.run(dwarf, { convert });
      await world.run(dwarf, { convert });
      expect(await world.run(dwarf, { convert })).toMatchObject({
        decisions: { 'held-back': 1 },
        warnings: [{ code: 'archive-damaged', message: expect.stringContaining('waits') }],
      });
      writeFileSync(world.file(A.kernel), 'tar:theirs');
      expect(await world.run(dwarf, { convert })).toMatchObject({ alreadyPublished: 1, warnings: [] });
    });
  });

  it('keeps packages when told to', async () => {
    const world = await makeWorld([A]);
    await world.run({ keepPackages: true });
    expect(readdirSync(world.options.cacheDir).sort()).toEqual(['6.1.0-2-amd64.deb', WORK_FOLDER]);
  });

  it('has no more kernels in work than jobs', async () => {
    const many = [1, 2, 3, 4, 5, 6].map((n) => debugPackage(`6.1.0-${n}-amd64`));
    const world = await makeWorld(many);
    let inWork = 0;
    let most = 0;
    await world.run(
      { jobs: 3 },
      {
        crossCheck: async () => {
          inWork += 1;
          most = Math.max(most, inWork);
          // Others have the time to come, on a busy machine too.
          for (let waited = 0; waited < 100; waited += 1) {
            if (most >= 3) break;
            await sleep(10);
          }
          await sleep(10);
          inWork -= 1;
          return undefined;
        },
      },
    );
    expect(most).toBe(3);
  });

  it('downloads ahead of what is converted, so many kernels and no more', async () => {
    const many = [1, 2, 3, 4, 5, 6].map((n) => debugPackage(`6.1.0-${n}-amd64`));
    const world = await makeWorld(many);
    let fetched = 0;
    let seen = 0;
    await world.run(
      { jobs: 1, downloads: 2 },
      {
        fetch: async (pkg, control) => {
          const result = await world.steps.fetch(pkg, control);
          fetched += 1;
          return result;
        },
        crossCheck: async () => {
          for (let waited = 0; waited < 100; waited += 1) {
            if (fetched >= 3) break;
            await sleep(10);
          }
          if (seen === 0) seen = fetched;
          return undefined;
        },
      },
    );
    expect(seen).toBe(3);
    expect(world.events.filter(({ event }) => event === 'kernel.waiting')).toEqual(
      expect.arrayContaining([expect.objectContaining({ for: 'work' })]),
    );
    expect(world.record.kernels.inState('published')).toHaveLength(6);
  });

  it('begins no kernel when its time is up, and shares its budget', async () => {
    const many = [1, 2, 3].map((n) => debugPackage(`6.1.0-${n}-amd64`));
    const world = await makeWorld(many);
    expect(await world.run({ budget: { milliseconds: 0 } })).toMatchObject({
      published: 0,
      notBegun: 3,
      exitCode: 0,
    });
    expect(world.calls).toEqual([]);
    expect(await world.run({ budget: { kernels: 2 } })).toMatchObject({
      published: 2,
      notBegun: 0,
      decisions: { fetch: 2, postponed: 1 },
      postponedBytes: many[2].sizeBytes,
    });
    expect(await world.run({ budget: { kernels: 2 } })).toMatchObject({ published: 1, alreadyPublished: 2 });
  });

  describe('with room for one kernel a night', () => {
    const [first, second] = ['6.1.0-2-amd64', '6.1.0-1-amd64'].map((kernel) => debugPackage(kernel));
    const budget = { kernels: 1 };

    it('gets to the second although the first fails every night', async () => {
      const world = await makeWorld([first, second]);
      expect(await world.run({ budget }, { fetch: fails('http-not-found') })).toMatchObject({ failed: 1 });
      expect(await world.run({ budget })).toMatchObject({ published: 1 });
      expect(world.record.kernels.find(second)).toMatchObject({ state: 'published' });
    });

    it('gets to the second although the first brings every night down', async () => {
      const world = await makeWorld([first, second]);
      const die = (): void => {
        const runId = world.record.runs.start({ startedAt: '2026-11-01', btfmillVersion: '0', options: {} });
        const kernelId = world.record.kernels.ensure(first, '2026-11-01');
        const packageId = world.record.packages.see(first, '2026-11-01');
        world.record.attempts.start({ kernelId, runId, packageId, setup: 's', startedAt: '2026-11-01' });
      };
      die();
      die();
      expect(await world.run({ budget })).toMatchObject({ published: 1 });
      expect(world.record.kernels.find(second)).toMatchObject({ state: 'published' });
      expect(await world.run({ budget })).toMatchObject({ published: 1, alreadyPublished: 1 });
    });

    it('does not let a plane wait for ever whose last time lies in the future', async () => {
      const others = [3, 2, 1].map((n) => debugPackage(`6.12.0-${n}-amd64`, { release: '13' }));
      const world = await makeWorld([first, second, ...others]);
      const now = world.clock;
      world.clock = new Date('2099-01-01T00:00:00Z');
      await world.run({ budget });
      world.clock = now;
      await world.run({ budget });
      expect(world.record.kernels.find(second)).toMatchObject({ state: 'published' });
    });
  });

  it('takes one package for two kernels one after the other, and fetches it once', async () => {
    const { digest } = A;
    const world = await makeWorld([A, debugPackage(A.kernel, { release: 'sid', digest }), B]);
    let holders = 0;
    let most = 0;
    const fetch: RunSteps['fetch'] = async (pkg, control) => {
      const path = join(world.options.cacheDir, `${pkg.digest.slice(7)}.deb`);
      if (existsSync(path)) return { path, sizeBytes: 3, fetchedBytes: 0, resumedAt: 3 };
      const fetched = await world.steps.fetch(pkg, control);
      renameSync(fetched.path, path);
      return { ...fetched, path };
    };
    const unpack: RunSteps['unpack'] = async (pkg, packagePath, workDir, control) => {
      const isTwin = pkg.digest === digest;
      if (isTwin) holders += 1;
      most = Math.max(most, holders);
      await sleep(30);
      expect(existsSync(packagePath)).toBe(true);
      if (isTwin) holders -= 1;
      return world.steps.unpack(pkg, packagePath, workDir, control);
    };
    expect(await world.run({ jobs: 3 }, { fetch, unpack })).toMatchObject({ exitCode: 0, published: 3 });
    expect(most).toBe(1);
    const fetches = world.calls.filter((call) => call.startsWith('fetch'));
    expect(new Set(fetches)).toEqual(new Set([`fetch ${B.kernel}`, `fetch ${A.kernel}`]));
    expect(fetches).toHaveLength(2);
    expect(readdirSync(world.options.cacheDir)).toEqual([WORK_FOLDER]);
  });

  it('looks at the newest only, and knows of the others', async () => {
    const world = await makeWorld([A, B]);
    expect(await world.run({ limit: 1 })).toMatchObject({ published: 1, looked: 1 });
    expect(world.record.kernels.find(B)?.state).toBe('pending');
    expect(await world.run({ limit: 1 })).toMatchObject({ published: 0, alreadyPublished: 1 });
  });
});

describe('a dry run', () => {
  it('plans, and changes nothing', async () => {
    const world = await makeWorld([A, B]);
    const report = await world.run({ dryRun: true });
    expect(report).toMatchObject({ dryRun: true, exitCode: 0, looked: 2, published: 0 });
    expect(world.events.find(({ event }) => event === 'plan')).toMatchObject({
      fetchCount: 2,
      fetchBytes: 200,
    });
    expect(world.calls).toEqual([]);
    expect(world.record.kernels.countByPlane()).toEqual([]);
    expect(world.record.runs.latest()).toBeUndefined();
  });
});

describe('BTF sources and cross-checks', () => {
  const both = {
    fromDwarf: Buffer.from('ours'),
    native: Buffer.from('theirs'),
    profile: 'pahole-1.24' as const,
  };

  it('publishes native bytes before our own', async () => {
    const world = await makeWorld([A]);
    await world.run({}, { convert: async () => both });
    expect(world.record.kernels.find(A)).toMatchObject({ source: 'native', btfSha256: sha('theirs') });
  });

  it('publishes our own when told to', async () => {
    const world = await makeWorld([A]);
    await world.run({ source: 'dwarf' }, { convert: async () => both });
    expect(world.record.kernels.find(A)).toMatchObject({ source: 'dwarf', btfSha256: sha('ours') });
  });

  it('does not publish our own when its types differ', async () => {
    const world = await makeWorld([A, B]);
    const crossCheck: RunSteps['crossCheck'] = async (_converted, path) =>
      verdict(path.includes(A.kernel) ? 'types-differ' : 'equal');
    expect(await world.run({}, { crossCheck })).toMatchObject({
      exitCode: 3,
      published: 1,
      failedByCode: { 'cross-check': 1 },
    });
    expect(existsSync(world.file(A.kernel))).toBe(false);
    const row = world.record.kernels.find(A);
    expect(row).toMatchObject({ state: 'failed', code: 'cross-check' });
    expect(row?.reason).toContain('task_struct');
    const [attempt] = world.record.attempts.ofKernel(row?.id ?? 0, 1);
    expect(world.record.crossChecks.ofAttempt(attempt.id)).toMatchObject([{ verdict: 'types-differ' }]);
  });

  it('publishes native bytes although our types differ, loudly', async () => {
    const world = await makeWorld([A]);
    const report = await world.run(
      {},
      { convert: async () => both, crossCheck: async () => verdict('types-differ', 'native') },
    );
    expect(report).toMatchObject({ exitCode: 0, published: 1, warnings: [{ code: 'cross-check' }] });
  });

  it('publishes when only functions differ, and says so', async () => {
    const world = await makeWorld([A]);
    const report = await world.run({}, { crossCheck: async () => verdict('functions-differ') });
    expect(report).toMatchObject({ exitCode: 0, published: 1, warnings: [{ code: 'cross-check' }] });
  });

  it('publishes what could not be checked, and says so, unless nobody wanted a check', async () => {
    const world = await makeWorld([A, B]);
    const crossCheck: RunSteps['crossCheck'] = async (_converted, path) =>
      verdict(path.includes(A.kernel) ? 'unavailable' : 'skipped');
    const report = await world.run({}, { crossCheck });
    expect(report).toMatchObject({ exitCode: 0, published: 2, warnings: [{ code: 'cross-check' }] });
    expect(report.warnings[0].message).toMatch(/6\.1\.0-2-amd64: made from DWARF and published unchecked: /u);
    for (const [kernel, expected] of [
      [A, 'unavailable'],
      [B, 'skipped'],
    ] as const) {
      const [attempt] = world.record.attempts.ofKernel(world.record.kernels.find(kernel)?.id ?? 0, 1);
      expect(world.record.crossChecks.ofAttempt(attempt.id)).toMatchObject([{ verdict: expected }]);
    }
  });

  it('keeps native bytes when our converter gives up', async () => {
    const world = await makeWorld([A]);
    const convert = helplessConverter(true);
    const report = await world.run({}, { convert });
    expect(report).toMatchObject({ exitCode: 0, published: 1, warnings: [{ code: 'cross-check' }] });
    expect(world.record.kernels.find(A)).toMatchObject({ state: 'published', source: 'native' });
    expect(await world.run({ source: 'dwarf' }, { convert })).toMatchObject({ alreadyPublished: 1 });
  });

  it('fails with the converter when there are no native bytes, or a check is a must', async () => {
    const world = await makeWorld([A]);
    const convert = helplessConverter(false);
    const failed = { failedByCode: { 'dwarf-unsupported': 1 } };
    expect(await world.run({}, { convert })).toMatchObject(failed);
    expect(await world.run({ crossCheck: 'always' }, { convert })).toMatchObject(failed);
  });

  it('knows kernels without debug info, and does not fetch them again', async () => {
    const world = await makeWorld([A]);
    const convert = fails('dwarf-none');
    expect(await world.run({}, { convert })).toMatchObject({ exitCode: 0, noDebugInfo: 1, failed: 0 });
    expect(world.record.kernels.find(A)?.state).toBe('no-debug-info');
    expect(await world.run({}, { convert })).toMatchObject({ noDebugInfo: 0, fetchedBytes: 0 });
    expect(world.calls).toEqual([]);
  });

  it('fails when what was forced is not there', async () => {
    const world = await makeWorld([A, B]);
    const fromDwarf = { fromDwarf: Buffer.from('ours'), profile: 'pahole-1.24' as const };
    const native = await world.run({ source: 'native' }, { convert: async () => fromDwarf });
    expect(native).toMatchObject({ exitCode: 3, failedByCode: { 'native-none': 2 } });
    const convert = fails('dwarf-none');
    expect(await world.run({ source: 'dwarf' }, { convert })).toMatchObject({
      failedByCode: { 'dwarf-none': 2 },
    });
  });
});

describe('packages that are signed themselves', () => {
  const RPM = debugPackage('5.14.0-70.el9.x86_64', {
    distro: 'centos',
    release: '9',
    format: 'rpm',
    trust: 'tls-only',
    signature: { keyrings: ['centos.pgp'], allowWeak: false },
  });

  it('are verified between fetch and unpack, and the record says who signed', async () => {
    const world = await makeWorld([RPM, A]);
    expect(await world.run({ jobs: 1 })).toMatchObject({ exitCode: 0, published: 2 });
    expect(world.calls.filter((call) => call.endsWith(RPM.kernel)).slice(0, 3)).toEqual(
      ['fetch', 'verify', 'unpack'].map((step) => `${step} ${RPM.kernel}`),
    );
    expect(world.calls).not.toContain(`verify ${A.kernel}`);
    const row = world.record.kernels.find(RPM);
    expect(row).toMatchObject({ trust: 'signed-package', signer: SIGNER, nameProof: 'path+banner' });
    const [attempt] = world.record.attempts.ofKernel(row?.id ?? 0, 1);
    const steps = world.record.stepTimings.ofAttempt(attempt.id).map(({ step }) => step);
    expect(steps).toContain('verify');
    expect(world.record.kernels.find(A)).not.toHaveProperty('signer');
    const done = world.events.find((event) => event.event === 'kernel.done');
    expect(done).toMatchObject({ done: { trust: 'signed-package', signer: SIGNER } });
  });

  it.each([
    ['badly', RPM, fails('package-signature')],
    [
      'in the header only, with an index that rests on nothing',
      { ...RPM, trust: 'unanchored' } as const,
      async () => ({ covers: 'header', signer: SIGNER }) as const,
    ],
  ])('%s are refused before anything is unpacked', async (_how, pkg, verify) => {
    const world = await makeWorld([pkg, A]);
    const report = await world.run({}, { verify });
    expect(report).toMatchObject({ exitCode: 5, published: 1, failedByCode: { 'package-signature': 1 } });
    expect(world.calls).not.toContain(`unpack ${pkg.kernel}`);
    expect(readdirSync(world.options.cacheDir)).toEqual([WORK_FOLDER]);
  });

  it('are not verified with --insecure, which the record says', async () => {
    const world = await makeWorld([RPM]);
    const request = { ...world.options.request, insecure: true };
    expect(await world.run({ request })).toMatchObject({ exitCode: 0, published: 1 });
    expect(world.calls).not.toContain(`verify ${RPM.kernel}`);
    expect(world.record.kernels.find(RPM)).toMatchObject({ trust: 'insecure' });
    expect(world.record.kernels.find(RPM)).not.toHaveProperty('signer');
  });

  it('wait after two bad signatures, unless other keys are to count', async () => {
    const world = await makeWorld([RPM]);
    const bad = { verify: fails('package-signature') };
    await world.run({}, bad);
    await world.run({}, bad);
    expect(await world.run({}, bad)).toMatchObject({ decisions: { 'held-back': 1 } });
    const request = { ...world.options.request, keyrings: ['mine.pgp'] };
    expect(await world.run({ request })).toMatchObject({ published: 1 });
  });
});

describe('the name of a kernel', () => {
  it('is not taken from the index when the banner says another', async () => {
    const world = await makeWorld([A, B]);
    const report = await world.run({}, { readBanner: async () => A.kernel });
    expect(report).toMatchObject({ exitCode: 3, published: 1, failedByCode: { 'kernel-name': 1 } });
    const row = world.record.kernels.find(B);
    expect(row?.reason).toContain(A.kernel);
    expect(row?.reason).toContain(B.kernel);
    expect(world.calls).not.toContain(`convert ${B.kernel}`);
  });

  it('is that of the path when there is no banner, which the record says', async () => {
    const world = await makeWorld([A]);
    expect(await world.run({}, { readBanner: async () => undefined })).toMatchObject({ published: 1 });
    expect(world.record.kernels.find(A)).toMatchObject({ nameProof: 'path' });
  });
});

describe('failures', () => {
  it.each([
    ['dwarf-malformed', 3],
    ['http-stalled', 3],
    ['package-digest', 5],
    ['unexpected', 1],
  ] as const)('a kernel that fails with %s makes the exit code %i', async (code, exitCode) => {
    const world = await makeWorld([A]);
    expect(await world.run({}, { fetch: fails(code) })).toMatchObject({
      exitCode,
      failedByCode: { [code]: 1 },
    });
    expect(world.record.kernels.find(A)).toMatchObject({ state: 'failed', code });
  });

  it('turns any thrown thing into a failure of that kernel alone', async () => {
    const world = await makeWorld([A, B]);
    const { steps } = world;
    const report = await world.run(
      {},
      {
        unpack: async (pkg, ...rest) => {
          if (pkg.kernel === A.kernel) throw new TypeError('x is not a function');
          return steps.unpack(pkg, ...rest);
        },
      },
    );
    expect(report).toMatchObject({ exitCode: 1, published: 1, failedByCode: { unexpected: 1 } });
  });

  it('holds back what failed twice in the same way, until its time', async () => {
    const world = await makeWorld([A]);
    const bad = { fetch: fails('dwarf-malformed') };
    expect(await world.run({}, bad)).toMatchObject({ failed: 1 });
    expect(await world.run({}, bad)).toMatchObject({ failed: 1 });
    expect(await world.run({}, bad)).toMatchObject({ failed: 0, decisions: { 'held-back': 1 }, exitCode: 0 });
    expect(await world.run({ retryFailed: true }, bad)).toMatchObject({ failed: 1 });
    world.clock = new Date(world.clock.getTime() + 47 * HOUR_MS);
    expect(await world.run()).toMatchObject({ published: 1 });
  });

  it('tries again at once what another try may cure', async () => {
    const world = await makeWorld([A]);
    await world.run({}, { fetch: fails('http-stalled') });
    await world.run({}, { fetch: fails('http-stalled') });
    await world.run({}, { fetch: fails('http-stalled') });
    expect(await world.run()).toMatchObject({ published: 1 });
  });

  it('knows of a kernel that it has tried that it is no longer there', async () => {
    const world = await makeWorld([A]);
    const suite = { ...A, suite: 'bookworm', url: 'http://x/', trust: 'signed-index' as const };
    const list =
      (...packages: DebugPackage[]) =>
      async (): Promise<CrawlResult> => {
        world.clock = new Date(world.clock.getTime() + HOUR_MS);
        const indexes = [{ ...suite, kernels: packages.length }];
        return { packages, indexes, failures: [], indexBytes: 0, indexRequests: 1 };
      };
    const ticking: Partial<RunSteps> = {
      fetch: async () => {
        world.clock = new Date(world.clock.getTime() + 1);
        throw new BtfmillError('http-not-found', 'no');
      },
    };
    await world.run(
      { jobs: 1 },
      { list: list({ ...B, suite: 'bookworm' }, { ...A, suite: 'bookworm' }), ...ticking },
    );
    const { runId = 0 } = await world.run({}, { list: list({ ...B, suite: 'bookworm' }), ...ticking });
    expect(tellRun(world.record, runId)?.vanished).toMatchObject([
      { path: expect.stringContaining(A.kernel) },
    ]);
    expect(readKernelStates(world.record).counts).toContainEqual(
      expect.objectContaining({ state: 'gone', kernels: 1 }),
    );
  });

  it('misses a release of which there is no index any more, once', async () => {
    const world = await makeWorld([A]);
    const listOf =
      (...releases: readonly string[]): RunSteps['list'] =>
      async () => ({
        packages: [],
        indexes: releases.map((release) => ({
          suite: release,
          release,
          arch: 'x86_64',
          url: 'http://x/',
          trust: 'signed-index',
          kernels: 0,
        })),
        failures: [],
        indexBytes: 0,
        indexRequests: 1,
      });
    expect(await world.run({}, { list: listOf('12', '13') })).toMatchObject({ exitCode: 0 });
    expect(await world.run({}, { list: listOf('13') })).toMatchObject({
      exitCode: 4,
      indexFailures: [
        { release: '12', code: 'http-not-found', message: expect.stringContaining('12/x86_64') },
      ],
    });
    expect(await world.run({}, { list: listOf('13') })).toMatchObject({ exitCode: 0, indexFailures: [] });
    for (const again of [1, 2]) {
      expect(await world.run({}, { list: listOf() }), `night ${again}`).toMatchObject({
        exitCode: 4,
        indexFailures: [{ release: '*', code: 'http-not-found' }],
      });
    }
  });

  it('goes on without an index that fails', async () => {
    const world = await makeWorld([A]);
    const list = async (): Promise<CrawlResult> => ({
      packages: [A],
      indexes: [],
      failures: [{ suite: 'sid', release: 'sid', error: new BtfmillError('http-unreachable', 'no route') }],
      indexBytes: 0,
      indexRequests: 1,
    });
    expect(await world.run({}, { list })).toMatchObject({
      exitCode: 4,
      published: 1,
      indexFailures: [{ suite: 'sid', code: 'http-unreachable' }],
    });
    expect(await world.run({}, { list: fails('index-signature') })).toMatchObject({ exitCode: 5, looked: 0 });
  });

  it('leaves out a kernel whose name could lead out of the archive', async () => {
    const evil = debugPackage('..', { suite: 'evil' });
    const world = await makeWorld([evil, debugPackage('a/../../b'), A]);
    expect(await world.run()).toMatchObject({
      exitCode: 5,
      published: 1,
      indexFailures: [{ code: 'index-unsafe-path', suite: 'evil' }, { code: 'index-unsafe-path' }],
    });
  });

  it('ends at once when the request makes no sense', async () => {
    const world = await makeWorld([A]);
    await expect(world.run({}, { list: fails('usage') })).rejects.toMatchObject({ code: 'usage' });
    expect(world.record.runs.latest()).toMatchObject({ exitCode: 2 });
  });

  it('ends at once when the record breaks', async () => {
    const world = await makeWorld([A, B]);
    world.record.attempts.finish = () => {
      throw new Error('disk I/O error');
    };
    await expect(world.run({ jobs: 1 })).rejects.toMatchObject({ code: 'unexpected' });
    expect(world.calls).not.toContain(`fetch ${B.kernel}`);
  });
});

describe('what a run cannot go on with', () => {
  it('is an archive that takes no files, before anything is asked of a mirror', async () => {
    const world = await makeWorld([A]);
    const list = vi.fn<RunSteps['list']>();
    const options = { archiveDir: '/proc/self' };
    await expect(world.run(options, { list })).rejects.toThrow(/the archive \/proc\/self cannot be written/u);
    expect(list).not.toHaveBeenCalled();
    expect(world.record.runs.latest()).toBeUndefined();
  });

  it('is an archive that takes no files any more', async () => {
    const world = await makeWorld([A, B]);
    const store: RunSteps['store'] = async () => {
      rmSync(world.options.archiveDir, { recursive: true });
      throw new BtfmillError('io-failed', 'gone');
    };
    await expect(world.run({ jobs: 1 }, { store })).rejects.toMatchObject({ code: 'io-failed' });
    expect(world.calls).not.toContain(`fetch ${B.kernel}`);
    expect(world.record.kernels.find(A)).toMatchObject({ state: 'failed', code: 'io-failed' });
    expect(world.record.runs.latest()).toMatchObject({ exitCode: 1, failed: 1 });
  });

  it('is not one file that could not be written', async () => {
    const world = await makeWorld([A, B]);
    const { steps } = world;
    const store: RunSteps['store'] = async (key, btf, signal) => {
      if (key.kernel === A.kernel) throw new BtfmillError('io-failed', 'no');
      return steps.store(key, btf, signal);
    };
    expect(await world.run({ jobs: 1 }, { store })).toMatchObject({ failed: 1, published: 1 });
  });

  it('is a record that is full, which is said even though it cannot be recorded', async () => {
    const world = await makeWorld([A]);
    const full = (): never => {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
    };
    world.record.attempts.finish = full;
    world.record.runs.finish = full;
    await expect(world.run()).rejects.toMatchObject({
      code: 'disk-full',
      exitCode: 3,
      message: 'the record: database or disk is full',
    });
    expect(world.events).toContainEqual(expect.objectContaining({ event: 'warning', code: 'disk-full' }));
  });
});

describe('being stopped and killed', () => {
  it('counts what came of downloads that came to nothing', async () => {
    const world = await makeWorld([A, B]);
    // Both are under way at once: the stop must not come before A's download has begun.
    let beginA = (): void => {};
    const begunA = new Promise<void>((resolve) => {
      beginA = resolve;
    });
    const report = await world.run(
      {},
      {
        fetch: async (pkg, { onTraffic }) => {
          onTraffic(30);
          if (pkg.kernel === A.kernel) {
            beginA();
            throw new BtfmillError('http-stalled', 'no byte');
          }
          await begunA;
          world.stop.abort(new BtfmillError('aborted', 'stopped by SIGINT'));
          throw new BtfmillError('aborted', 'stopped');
        },
      },
    );
    expect(report).toMatchObject({ fetchedBytes: 60 });
    expect(world.record.runs.latest()).toMatchObject({ fetchedBytes: 60 });
    const row = world.record.kernels.find(B);
    expect(world.record.attempts.ofKernel(row?.id ?? 0, 1)).toMatchObject([
      { outcome: 'interrupted', fetchedBytes: 30 },
    ]);
  });

  it('stops in the middle, and the same command completes it', async () => {
    const world = await makeWorld([A, B]);
    const report = await world.run(
      { jobs: 1 },
      {
        unpack: async () => {
          world.stop.abort(new BtfmillError('aborted', 'stopped by SIGINT'));
          throw new BtfmillError('tool-failed', 'xz: killed by SIGINT');
        },
      },
    );
    expect(report).toMatchObject({ exitCode: 130, stopped: true, failed: 0, published: 0 });
    expect(world.record.kernels.find(A)?.state).toBe('pending');
    expect(existsSync(join(world.options.cacheDir, `${A.kernel}.deb`))).toBe(true);
    expect(world.record.runs.latest()).toMatchObject({ exitCode: 130 });
    Object.assign(world, { stop: new AbortController() });
    expect(await world.run()).toMatchObject({ exitCode: 0, published: 2 });
  });

  it('stops while listing', async () => {
    const world = await makeWorld([A]);
    const list = async (): Promise<never> => {
      world.stop.abort(new BtfmillError('aborted', 'stopped by SIGINT'));
      throw new BtfmillError('http-unreachable', 'socket closed');
    };
    expect(await world.run({}, { list })).toMatchObject({ exitCode: 130, stopped: true, looked: 0 });
  });

  it('records a file that arrived without its record, without making it again', async () => {
    const world = await makeWorld([A]);
    await world.run();
    const before = world.record.kernels.find(A);
    killBetweenRenameAndRecord(world);
    const report = await world.run();
    expect(report).toMatchObject({ exitCode: 0, published: 1, fetchedBytes: 0 });
    expect(world.calls).toEqual([`inspect ${A.kernel}`]);
    expect(world.record.kernels.find(A)).toEqual(before);
    const [attempt] = world.record.attempts.ofKernel(before?.id ?? 0, 1);
    expect(attempt.outcome).toBe('published');
  });

  it('makes it again when that file is not what was announced', async () => {
    const world = await makeWorld([A]);
    await world.run();
    killBetweenRenameAndRecord(world);
    writeFileSync(world.file(A.kernel), 'torn');
    expect(await world.run()).toMatchObject({ published: 1, fetchedBytes: 100 });
    expect(readFileSync(world.file(A.kernel), 'utf8')).toBe('tar:btf of 6.1.0-2-amd64');
  });

  it('adopts a sound file with the same BTF when the record was lost', async () => {
    const world = await makeWorld([A]);
    mkdirSync(dirname(world.file(A.kernel)), { recursive: true });
    writeFileSync(world.file(A.kernel), 'tar:btf of 6.1.0-2-amd64');
    expect(await world.run()).toMatchObject({ published: 1 });
    expect(world.calls).not.toContain(`store ${A.kernel}`);
  });

  it('never replaces a sound file that it does not know', async () => {
    const world = await makeWorld([A]);
    mkdirSync(dirname(world.file(A.kernel)), { recursive: true });
    writeFileSync(world.file(A.kernel), 'tar:somebody else made this');
    expect(await world.run()).toMatchObject({ exitCode: 3, failedByCode: { 'archive-conflict': 1 } });
    expect(readFileSync(world.file(A.kernel), 'utf8')).toBe('tar:somebody else made this');
  });

  it('sweeps up after a killed run, and closes its attempt', async () => {
    const world = await makeWorld([A]);
    const leftover = join(world.options.archiveDir, 'debian', '.6.1.0-9-amd64.btf.tar.xz.1234');
    mkdirSync(dirname(leftover), { recursive: true });
    writeFileSync(leftover, 'half');
    mkdirSync(join(world.options.cacheDir, WORK_FOLDER, '7'), { recursive: true });
    await world.run();
    expect(existsSync(leftover)).toBe(false);
    expect(readdirSync(join(world.options.cacheDir, WORK_FOLDER))).toEqual([]);
  });
});
