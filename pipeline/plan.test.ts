import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DebugPackage } from '../crawlers/types.ts';
import { kernelId, type KnownKernel, planCrawl, type PlanInput } from './plan.ts';
import { debugPackage } from '../test/support/debug-package.ts';

const NOW = '2026-11-20T12:00:00.000Z';
const LATER = '2026-11-21T12:00:00.000Z';
const EARLIER = '2026-11-19T12:00:00.000Z';

/** One digest for all, so that what is known can name "the same package". */
function packageOf(kernel: string, more: Partial<DebugPackage> = {}): DebugPackage {
  return debugPackage(kernel, { digest: `sha256:${'a'.repeat(64)}`, ...more });
}

function input(packages: readonly DebugPackage[], more: Partial<PlanInput> = {}): PlanInput {
  return {
    packages,
    known: new Map(),
    archiveFiles: new Map(),
    now: NOW,
    setup: () => 's1',
    retryFailed: false,
    ...more,
  };
}

function decisionFor(known: KnownKernel, fileSizeBytes?: number, more: Partial<PlanInput> = {}): string {
  const pkg = packageOf('6.1.0-1-amd64');
  const id = kernelId(pkg);
  const archiveFiles = new Map(fileSizeBytes === undefined ? [] : [[id, fileSizeBytes]]);
  return planCrawl(input([pkg], { known: new Map([[id, known]]), archiveFiles, ...more })).items[0].decision;
}

function failed(setup: string, retryAfter?: string, sha = 'a'): KnownKernel {
  return {
    state: 'failed',
    packageDigest: `sha256:${sha.repeat(64)}`,
    lastFailure: { setup, ...(retryAfter === undefined ? {} : { retryAfter }) },
  };
}

describe('planCrawl', () => {
  it('fetches what nothing is known of, whether a file is there or not', () => {
    const pkg = packageOf('6.1.0-1-amd64');
    expect(planCrawl(input([pkg])).items).toEqual([{ pkg, decision: 'fetch' }]);
    const withFile = input([pkg], { archiveFiles: new Map([[kernelId(pkg), 5]]) });
    expect(planCrawl(withFile).items).toEqual([{ pkg, decision: 'fetch', fileSizeBytes: 5 }]);
  });

  it('calls published only what the record and the file agree on', () => {
    expect(decisionFor({ state: 'published', tarSizeBytes: 9 }, 9)).toBe('published');
    expect(decisionFor({ state: 'published', tarSizeBytes: 9 }, 8)).toBe('fetch');
    expect(decisionFor({ state: 'published', tarSizeBytes: 9 })).toBe('fetch');
  });

  it('keeps what is published when the package was rebuilt', () => {
    const known: KnownKernel = {
      state: 'published',
      tarSizeBytes: 9,
      packageDigest: `sha256:${'b'.repeat(64)}`,
    };
    expect(decisionFor(known, 9)).toBe('published');
  });

  it('recovers a kernel whose file arrived without its record', () => {
    expect(decisionFor({ state: 'pending', btfSha256: 'c'.repeat(64) }, 9)).toBe('recover');
    expect(decisionFor({ state: 'pending', btfSha256: 'c'.repeat(64) })).toBe('fetch');
    expect(decisionFor({ state: 'pending' }, 9)).toBe('fetch');
  });

  it('does not look twice for debug info in the same package', () => {
    const sha = `sha256:${'a'.repeat(64)}`;
    expect(decisionFor({ state: 'no-debug-info', packageDigest: sha })).toBe('no-debug-info');
    expect(decisionFor({ state: 'no-debug-info', packageDigest: `sha256:${'b'.repeat(64)}` })).toBe('fetch');
  });

  it('never touches what was withdrawn', () => {
    expect(decisionFor({ state: 'withdrawn' })).toBe('withdrawn');
  });

  it('holds back only the same package in the same setup before its time', () => {
    expect(decisionFor(failed('s1', LATER))).toBe('held-back');
    expect(decisionFor(failed('s1', EARLIER))).toBe('fetch');
    expect(decisionFor(failed('s1'))).toBe('fetch');
    expect(decisionFor(failed('s2', LATER))).toBe('fetch');
    expect(decisionFor(failed('s1', LATER, 'b'))).toBe('fetch');
    expect(decisionFor(failed('s1', LATER), undefined, { retryFailed: true })).toBe('fetch');
  });

  it('believes no time that only a clock gone wrong can have written', () => {
    expect(decisionFor(failed('s1', '2026-12-19T12:00:00.000Z'))).toBe('held-back');
    expect(decisionFor(failed('s1', '2026-12-21T12:00:00.000Z'))).toBe('fetch');
    expect(decisionFor(failed('s1', '2038-01-19T03:14:07.000Z'))).toBe('fetch');
  });

  describe('under a budget', () => {
    const packages = [
      packageOf('6.1.0-2-amd64', { sizeBytes: 50 }),
      packageOf('6.1.0-1-amd64', { sizeBytes: 50 }),
      packageOf('6.8.1', { distro: 'fedora', sizeBytes: 40 }),
      packageOf('6.8.0', { distro: 'fedora', sizeBytes: 400 }),
    ];
    const lastTried = new Map<string, string>();

    it('postpones what lies beyond it, and names what never fits', () => {
      const plan = planCrawl(input(packages, { budget: { bytes: 100, lastTried } }));
      expect(plan.items.map(({ decision }) => decision)).toEqual([
        'fetch',
        'postponed',
        'fetch',
        'postponed',
      ]);
      expect(plan).toMatchObject({
        counts: { fetch: 2, postponed: 2 },
        fetchCount: 2,
        fetchBytes: 90,
        postponedBytes: 450,
      });
      expect(plan.tooLarge.map(({ pkg }) => pkg.kernel)).toEqual(['6.8.0']);
    });

    it('recovers first, at no cost, and works by turns', () => {
      const id = kernelId(packages[3]);
      const known = new Map<string, KnownKernel>([[id, { state: 'pending', btfSha256: 'x' }]]);
      const plan = planCrawl(
        input(packages, { known, archiveFiles: new Map([[id, 1]]), budget: { kernels: 3, lastTried } }),
      );
      expect(plan.work.map(({ pkg }) => pkg.kernel)).toEqual([
        '6.8.0',
        '6.1.0-2-amd64',
        '6.8.1',
        '6.1.0-1-amd64',
      ]);
      expect(plan.counts).toMatchObject({ recover: 1, fetch: 3, postponed: 0 });
    });

    it('has the order of the input without one', () => {
      expect(planCrawl(input(packages)).work.map(({ pkg }) => pkg)).toEqual(packages);
    });
  });

  it('counts the limit per distribution and over what exists', () => {
    const packages = [
      packageOf('6.1.0-3-amd64'),
      packageOf('6.1.0-2-amd64'),
      packageOf('6.8.1', { distro: 'fedora' }),
    ];
    const known = new Map<string, KnownKernel>([
      [kernelId(packages[0]), { state: 'published', tarSizeBytes: 1 }],
    ]);
    const plan = planCrawl(
      input(packages, { known, archiveFiles: new Map([[kernelId(packages[0]), 1]]), limit: () => 1 }),
    );
    expect(plan.items.map(({ pkg, decision }) => [pkg.kernel, decision])).toEqual([
      ['6.1.0-3-amd64', 'published'],
      ['6.8.1', 'fetch'],
    ]);
    expect(plan.beyondLimit).toBe(1);
  });

  it('adds up, keeps the order, and is done after its work is done', () => {
    const anyPackage = fc
      .record({ distro: fc.constantFrom('debian', 'fedora'), n: fc.nat(8), sizeBytes: fc.nat(1e9) })
      .map(({ distro, n, sizeBytes }) => packageOf(`6.1.0-${n}-amd64`, { distro, sizeBytes }));
    const anyKnown = fc.constantFrom<KnownKernel | undefined>(
      undefined,
      { state: 'pending' },
      { state: 'pending', btfSha256: 'c'.repeat(64) },
      { state: 'published', tarSizeBytes: 7 },
      { state: 'withdrawn' },
      { state: 'no-debug-info', packageDigest: `sha256:${'a'.repeat(64)}` },
      {
        state: 'failed',
        packageDigest: `sha256:${'a'.repeat(64)}`,
        lastFailure: { setup: 's1', retryAfter: LATER },
      },
    );
    const anyFile = fc.constantFrom(undefined, 7, 8);
    const anyCase = fc.array(fc.tuple(anyPackage, anyKnown, anyFile), { maxLength: 12 });
    const anyLimit = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined });
    fc.assert(
      fc.property(anyCase, anyLimit, (cases, limit) => {
        const packages = cases.map(([pkg]) => pkg);
        const known = new Map<string, KnownKernel>();
        const archiveFiles = new Map<string, number>();
        for (const [pkg, state, size] of cases) {
          if (state !== undefined) known.set(kernelId(pkg), state);
          if (size !== undefined) archiveFiles.set(kernelId(pkg), size);
        }
        const one = input(packages, {
          known,
          archiveFiles,
          ...(limit === undefined ? {} : { limit: () => limit }),
        });
        const plan = planCrawl(one);

        const ids = plan.items.map(({ pkg }) => kernelId(pkg));
        const all = [...new Set(packages.map(kernelId))];
        expect(ids).toEqual(all.filter((id) => ids.includes(id)));
        expect(ids.length + plan.beyondLimit).toBe(all.length);
        expect(Object.values(plan.counts).reduce((a, b) => a + b, 0)).toBe(ids.length);
        const fetched = plan.items.filter(({ decision }) => decision === 'fetch');
        expect(plan.fetchCount).toBe(fetched.length);
        expect(plan.fetchBytes).toBe(fetched.reduce((sum, { pkg }) => sum + pkg.sizeBytes, 0));

        for (const { pkg } of plan.items.filter(({ decision }) => /fetch|recover/u.test(decision))) {
          known.set(kernelId(pkg), { state: 'published', tarSizeBytes: 7 });
          archiveFiles.set(kernelId(pkg), 7);
        }
        const again = planCrawl(one);
        expect(again.counts.fetch + again.counts.recover).toBe(0);
        expect(again.items.map(({ pkg }) => kernelId(pkg))).toEqual(ids);
      }),
    );
  });
});
