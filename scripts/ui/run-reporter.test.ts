import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DebugPackage, KernelKey } from '../../crawlers/types.ts';
import type { RunEvent, RunReport } from '../../pipeline/run-types.ts';
import { palette } from './color.ts';
import { createLiveBlock } from './live-block.ts';
import { progressLines } from './progress-lines.ts';
import { createProgressModel } from './progress-model.ts';
import { createRunReporter, type ReporterOptions } from './run-reporter.ts';

const KEY: KernelKey = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-1-amd64' };
const OTHER: KernelKey = { ...KEY, kernel: '6.1.0-2-amd64' };
const PACKAGE: DebugPackage = {
  ...KEY,
  packageName: 'linux-image-6.1.0-1-amd64-dbg',
  packageVersion: '6.1.1-1',
  format: 'deb',
  url: 'http://mirror.test/x.deb',
  sizeBytes: 100_000_000,
  digest: `sha256:${'a'.repeat(64)}`,
  indexUrl: 'http://mirror.test/Packages',
  suite: 'bookworm',
  trust: 'signed-index',
};
const COUNTS = {
  published: 3,
  fetch: 2,
  recover: 0,
  'held-back': 1,
  postponed: 0,
  'no-debug-info': 0,
  withdrawn: 0,
};
const PLAN: RunEvent = {
  event: 'plan',
  items: [
    { pkg: PACKAGE, decision: 'fetch' },
    { pkg: { ...PACKAGE, ...OTHER }, decision: 'fetch' },
  ],
  counts: COUNTS,
  beyondLimit: 4,
  fetchCount: 2,
  fetchBytes: 200_000_000,
  postponedBytes: 0,
};
const REPORT: RunReport = {
  dryRun: false,
  stopped: false,
  looked: 6,
  decisions: COUNTS,
  published: 1,
  alreadyPublished: 3,
  noDebugInfo: 0,
  failed: 1,
  failedByCode: { 'cross-check': 1 },
  notBegun: 0,
  postponedBytes: 0,
  indexFailures: [],
  warnings: [],
  fetchedBytes: 200_000_000,
  indexBytes: 5000,
  indexRequests: 1,
  milliseconds: 65_000,
  exitCode: 3,
};
const EVENTS: readonly RunEvent[] = [
  { event: 'run.started', distros: ['debian'], dryRun: false, archive: '/a', record: '/r' },
  { event: 'note', message: 'bookworm: 6 kernels' },
  PLAN,
  { event: 'kernel.started', key: KEY, pkg: PACKAGE },
  { event: 'kernel.step', key: KEY, step: 'fetch' },
  { event: 'kernel.progress', key: KEY, step: 'fetch', doneBytes: 1, totalBytes: 2 },
  {
    event: 'kernel.done',
    done: {
      ...KEY,
      outcome: 'published',
      milliseconds: 61_000,
      fetchedBytes: 100_000_000,
      source: 'native',
      timings: [],
      crossCheck: {
        against: 'native',
        verdict: 'equal',
        firstDifferences: [],
        tolerated: [],
        milliseconds: 1,
      },
    },
  },
  {
    event: 'kernel.done',
    done: {
      ...OTHER,
      outcome: 'failed',
      code: 'cross-check',
      message: 'types differ\nfrom those of pahole',
      milliseconds: 2000,
      fetchedBytes: 0,
      timings: [],
    },
  },
  { event: 'run.finished', report: REPORT },
];

function report(options: Partial<ReporterOptions>, events = EVENTS): { stdout: string; stderr: string } {
  const written = { stdout: '', stderr: '' };
  const reporter = createRunReporter({
    stdout: { write: (text) => (written.stdout += text) },
    stderr: { write: (text) => (written.stderr += text) },
    env: {},
    json: false,
    quiet: false,
    color: true,
    dryRun: false,
    ...options,
  });
  for (const event of events) reporter.take(event);
  reporter.close();
  return written;
}

describe('createRunReporter', () => {
  it('writes one line per finished kernel to stderr and the summary to stdout', () => {
    const { stdout, stderr } = report({});
    expect(stderr.split('\n')).toEqual([
      'reading the indexes of debian',
      'bookworm: 6 kernels',
      'plan: 2 kernels (of 6, see --limit), 3 published already, 2 to fetch (200 MB), 1 held back after failures (see status --failed, --retry-failed)',
      'published      debian/12/x86_64/6.1.0-1-amd64  native BTF, equals native BTF, fetched 100 MB, 1m 01s',
      'failed         debian/12/x86_64/6.1.0-2-amd64  cross-check: types differ from those of pahole',
      '',
    ]);
    expect(stdout.split('\n').map((line) => line.replaceAll(/ +/gu, ' '))).toEqual([
      'summary',
      'published 1',
      'already there 3',
      'failed 1 1 cross-check',
      'held back 1 failed before; --retry-failed tries again',
      'fetched 200 MB and 5.00 kB of indexes in 1 request',
      'time 1m 05s',
      '',
    ]);
  });

  it('writes versioned JSON Lines to stdout and keeps talk out of it', () => {
    const { stdout, stderr } = report({ json: true });
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.every(({ v }) => v === 1)).toBe(true);
    expect(lines.map(({ event }) => event)).toEqual([
      'run.started',
      'note',
      'plan',
      'kernel.started',
      'kernel.step',
      'kernel.done',
      'kernel.done',
      'run.finished',
    ]);
    expect(lines[5]).toMatchObject({ ...KEY, outcome: 'published' });
    expect(lines.at(-1)).toMatchObject({ exitCode: 3, failedByCode: { 'cross-check': 1 } });
    expect(stderr).toContain('summary');
  });

  it('names problems only when quiet', () => {
    const { stdout, stderr } = report({ quiet: true });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^failed .*\n$/u);
  });

  it('prints the plan of a dry run as data', () => {
    const { stdout } = report({ dryRun: true }, [PLAN]);
    expect(stdout).toContain('debian/12/x86_64/6.1.0-2-amd64  to fetch  100 MB  bookworm  6.1.1-1');
    const json = report({ dryRun: true, json: true }, [PLAN]).stdout;
    expect(
      json
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { event: string }).event),
    ).toEqual(['plan.kernel', 'plan.kernel', 'plan']);
  });

  it('draws on a terminal, and takes its drawing away at the end', () => {
    vi.useFakeTimers();
    try {
      let screen = '';
      const stderr = { isTTY: true, columns: 100, write: (text: string) => (screen += text) };
      const reporter = createRunReporter({
        stdout: { write: () => true },
        stderr,
        env: { NO_COLOR: '1' },
        json: false,
        quiet: false,
        color: true,
        dryRun: false,
      });
      for (const event of EVENTS.slice(0, 5)) reporter.take(event);
      vi.advanceTimersByTime(100);
      expect(screen).toContain('debian/12/x86_64/6.1.0-1-amd64  fetch');
      expect(screen).toContain('0 of 2 kernels done');
      screen = '';
      for (const event of EVENTS.slice(5)) reporter.take(event);
      expect(screen.endsWith('\r\u001B[J')).toBe(true);
      vi.advanceTimersByTime(1000);
      expect(screen.endsWith('\r\u001B[J')).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});

type Model = ReturnType<typeof createProgressModel>;

function fetching(): Model {
  const model = createProgressModel();
  model.take(PLAN, 0);
  model.take({ event: 'kernel.started', key: KEY, pkg: PACKAGE }, 0);
  model.take({ event: 'kernel.step', key: KEY, step: 'fetch' }, 0);
  return model;
}

function at(model: Model, nowMs: number, doneBytes: number): void {
  model.take({ event: 'kernel.progress', key: KEY, step: 'fetch', doneBytes, totalBytes: 1e8 }, nowMs);
}

describe('createProgressModel', () => {
  it('knows speed and time left', () => {
    const model = fetching();
    at(model, 0, 0);
    at(model, 1000, 10_000_000);
    at(model, 2000, 20_000_000);
    expect(model.kernels(2000)).toMatchObject([
      { step: 'fetch', doneBytes: 20_000_000, bytesPerSecond: 10_000_000, remainingMilliseconds: 8000 },
    ]);
    expect(model.overall(2000)).toMatchObject({ doneKernels: 0, totalKernels: 2, fetchedBytes: 20_000_000 });
  });

  it('looks at the last seconds only, and sees a stall', () => {
    const model = fetching();
    for (let second = 0; second <= 20; second += 1) at(model, second * 1000, second * 1_000_000);
    at(model, 21_000, 50_000_000);
    expect(model.kernels(21_000)[0].bytesPerSecond).toBeGreaterThan(5_000_000);
    expect(model.kernels(60_000)[0].bytesPerSecond).toBeLessThan(1_000_000);
  });

  it('starts over with a download that does', () => {
    const model = fetching();
    at(model, 0, 0);
    at(model, 1000, 50_000_000);
    at(model, 2000, 0);
    at(model, 3000, 5_000_000);
    expect(model.kernels(3000)[0].bytesPerSecond).toBe(5_000_000);
  });

  it.each([
    ['interrupted', { doneKernels: 0, failedKernels: 0, fetchedBytes: 30_000_000 }],
    ['failed', { doneKernels: 1, failedKernels: 1, fetchedBytes: 30_000_000 }],
  ] as const)('counts what came of a kernel that was %s, and not its whole package', (outcome, expected) => {
    const model = fetching();
    at(model, 1000, 30_000_000);
    const done = { ...KEY, outcome, milliseconds: 1, fetchedBytes: 30_000_000, timings: [] };
    model.take({ event: 'kernel.done', done }, 1000);
    expect(model.overall(1000)).toMatchObject({ ...expected, totalKernels: 2 });
  });

  it('shows nothing when there is nothing to do', () => {
    const model = createProgressModel();
    expect(model.overall(0)).toBeUndefined();
    model.take({ ...PLAN, counts: { ...COUNTS, fetch: 0 } }, 0);
    expect(model.overall(0)).toBeUndefined();
  });
});

describe('progressLines', () => {
  it.each([1, 10, 30, 47, 60, 79, 200])('draws no line wider than %d', (width) => {
    const model = createProgressModel();
    for (const event of EVENTS.slice(0, 6)) model.take(event, 0);
    const lines = progressLines(model, 5000, width, palette(false));
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  });
});

describe('a kernel that waits', () => {
  it('says what for, until its next step', () => {
    const model = fetching();
    model.take({ event: 'kernel.waiting', key: KEY, for: 'work' }, 1000);
    const line = (): string => progressLines(model, 3000, 100, palette(false))[0];
    expect(line()).toMatch(/waiting +for its turn to be converted {2}2\.0 s$/u);
    model.take({ event: 'kernel.step', key: KEY, step: 'unpack' }, 2000);
    expect(line()).toMatch(/unpack +1\.0 s$/u);
  });
});

describe('progress by plane', () => {
  const planned = (releases: readonly string[]): RunEvent => {
    const items = releases.flatMap((release) =>
      ['a', 'b'].map((kernel) => ({ pkg: { ...PACKAGE, release, kernel }, decision: 'fetch' as const })),
    );
    return { ...PLAN, items, counts: { ...COUNTS, fetch: items.length } };
  };
  const done = (
    release: string,
    kernel: string,
    outcome: 'published' | 'failed' | 'interrupted',
  ): RunEvent => ({
    event: 'kernel.done',
    done: { ...KEY, release, kernel, outcome, milliseconds: 1, fetchedBytes: 1, timings: [] },
  });

  it('counts what is done and failed in each', () => {
    const model = createProgressModel();
    for (const event of [
      planned(['11', '12', '13']),
      done('11', 'a', 'published'),
      done('11', 'b', 'published'),
      done('12', 'a', 'failed'),
      done('13', 'a', 'interrupted'),
    ]) {
      model.take(event, 0);
    }
    const lines = progressLines(model, 1000, 79, palette(false));
    expect(lines.slice(0, -1)).toEqual([
      '  debian/12/x86_64  ##########..........  1 of 2, 1 failed',
      '  debian/13/x86_64  ....................  0 of 2',
      '  planes: 1 done',
    ]);
    expect(lines.at(-1)).toMatch(/^3 of 6 kernels done, 1 failed/u);
  });

  it('leaves room for the kernels when there are many planes, and is silent about a single one', () => {
    const model = createProgressModel();
    model.take(planned(Array.from({ length: 30 }, (_, index) => `r${index}`)), 0);
    const lines = progressLines(model, 0, 40, palette(false));
    expect(lines).toHaveLength(12);
    expect(lines.at(-2)).toBe('  planes: 20 more planes to do');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(40);
    model.take(planned(['12']), 0);
    expect(progressLines(model, 0, 79, palette(false))).toHaveLength(1);
  });
});

describe('createLiveBlock', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('goes up as many lines as it has drawn', () => {
    const writes: string[] = [];
    let lines = ['one', 'two'];
    const block = createLiveBlock({ write: (text) => writes.push(text), columns: 40 }, (width) => [
      ...lines,
      String(width),
    ]);
    vi.advanceTimersByTime(100);
    expect(writes).toEqual(['one\ntwo\n39\n']);
    lines = ['one'];
    block.log('a kernel is done');
    expect(writes[1]).toBe('\u001B[3A\r\u001B[Ja kernel is done\none\n39\n');
    block.close();
    expect(writes[2]).toBe('\u001B[2A\r\u001B[J');
    vi.advanceTimersByTime(1000);
    expect(writes).toHaveLength(3);
    block.log('what comes after');
    expect(writes[3]).toBe('what comes after\n');
  });

  it('is never higher than the terminal, and keeps its last line', () => {
    const writes: string[] = [];
    const lines = ['one', 'two', 'three', 'four', 'all'];
    const block = createLiveBlock({ write: (text) => writes.push(text), columns: 40, rows: 4 }, () => lines);
    vi.advanceTimersByTime(200);
    expect(writes).toEqual(['one\ntwo\nall\n', '\u001B[3A\r\u001B[Jone\ntwo\nall\n']);
    block.close();
  });
});
