/** One repository of a listing, on a made-up web. */

import { describe, expect, test } from 'vitest';
import { metalinkOf, RPM_DIGEST, rpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { EVERYTHING } from '../../test/support/crawl-context.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { parseArch } from '../arch.ts';
import { openListing } from '../listing.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import type { CrawlRequest, CrawlResult } from '../types.ts';
import { listRepository, type RepositoryPlan } from './list.ts';

const NEW = 'https://new.example/debug/';
const OLD = 'https://old.example/debug/';
const METALINK = 'https://lists.example/metalink?repo=x';
const KERNEL = { name: 'kernel-debuginfo', version: '6.1.5', release: '1.el9', arch: 'x86_64' };
const INDEX = rpmIndex([
  KERNEL,
  { ...KERNEL, version: '6.1.9', epoch: 1 },
  { ...KERNEL, arch: 'i686' },
  { ...KERNEL, name: 'bash-debuginfo' },
]);
const SIGNATURE = { keyrings: ['/keys'], allowWeak: false };

const PLAN: RepositoryPlan = {
  distro: 'centos',
  name: 'debug-9',
  release: '9',
  arch: parseArch('x86_64'),
  anchors: [
    { kind: 'metalink', url: METALINK },
    { kind: 'base', url: NEW },
    { kind: 'base', url: OLD },
  ],
  policy: { keyrings: [], repomdSignature: 'none', insecure: false },
  isRequired: true,
  packageArchs: ['x86_64'],
  isWanted: (name) => name === 'kernel-debuginfo',
  kernelOf: ({ version, release }) => `${version}-${release}`,
  signature: SIGNATURE,
};

function put(web: FakeWeb, base: string): void {
  for (const [path, bytes] of INDEX.files) web.put(base + path, bytes);
}

async function list(
  web: FakeWeb,
  plan: Partial<RepositoryPlan> = {},
  request: Partial<CrawlRequest> = {},
): Promise<CrawlResult & { readonly isThere: boolean }> {
  const { finish, ...listing } = openListing({ ...EVERYTHING, ...request }, web.context);
  const isThere = await listRepository({ ...PLAN, ...plan }, listing);
  return { isThere, ...finish(compareRpmVersions) };
}

async function newWeb(): Promise<FakeWeb> {
  return createFakeWeb(await tempDirForTest('rpm-distro'));
}

describe('a repository that is there', () => {
  test('gives its kernels, newest first, with what vouches for them', async () => {
    const web = await newWeb();
    put(web, NEW);
    const { isThere, packages, indexes, failures } = await list(web);
    expect([isThere, failures]).toEqual([true, []]);
    expect(packages.map(({ packageVersion }) => packageVersion)).toEqual(['1:6.1.9-1.el9', '6.1.5-1.el9']);
    expect(packages[1]).toEqual({
      distro: 'centos',
      release: '9',
      arch: 'x86_64',
      kernel: '6.1.5-1.el9',
      packageName: 'kernel-debuginfo',
      packageVersion: '6.1.5-1.el9',
      format: 'rpm',
      url: `${NEW}Packages/k/kernel-debuginfo-6.1.5-1.el9.x86_64.rpm`,
      sizeBytes: 1000,
      digest: `sha256:${RPM_DIGEST}`,
      indexUrl: NEW + INDEX.primaryPath,
      suite: 'debug-9',
      trust: 'tls-only',
      signature: SIGNATURE,
    });
    expect(indexes).toEqual([
      {
        suite: 'debug-9',
        release: '9',
        arch: 'x86_64',
        url: NEW + INDEX.primaryPath,
        trust: 'tls-only',
        date: new Date(1_700_000_000_000),
        kernels: 2,
      },
    ]);
    expect(web.said).toEqual(['debug-9 x86_64: 2 kernels']);
  });

  test('several mirrors of a metalink are other places for the same package', async () => {
    const web = await newWeb();
    put(web, NEW);
    put(web, OLD);
    web.put(METALINK, metalinkOf([OLD, NEW], [INDEX.repomd]));
    const [{ url, otherUrls }] = (await list(web)).packages;
    expect([url, otherUrls]).toMatchObject([expect.stringContaining(OLD), [expect.stringContaining(NEW)]]);
  });

  test('may tell its release itself, or that it is none that was asked for', async () => {
    const web = await newWeb();
    put(web, NEW);
    const told = await list(web, { releaseOf: (kernels) => String(kernels.length) });
    expect(new Set(told.packages.map(({ release }) => release))).toEqual(new Set(['2']));
    expect(told.indexes.map(({ release }) => release)).toEqual(['2']);
    const none = await list(web, { releaseOf: () => undefined });
    expect(none).toMatchObject({ isThere: false, packages: [], indexes: [], failures: [] });
  });

  test('insecurely, nobody need have signed a package', async () => {
    const web = await newWeb();
    put(web, NEW);
    const policy = { ...PLAN.policy, insecure: true };
    const [found] = (await list(web, { policy }, { insecure: true })).packages;
    expect(found.trust).toBe('insecure');
    expect(found).not.toHaveProperty('signature');
  });

  test('only kernels that were asked for count', async () => {
    const web = await newWeb();
    put(web, NEW);
    const { packages, indexes } = await list(web, {}, { kernels: ['6.1.5-*'] });
    expect(packages.map(({ kernel }) => kernel)).toEqual(['6.1.5-1.el9']);
    expect(indexes[0].kernels).toBe(1);
  });
});

describe('a repository that is not where it was', () => {
  test('is found at the next place', async () => {
    const web = await newWeb();
    put(web, OLD);
    const { packages, failures } = await list(web);
    expect(failures).toEqual([]);
    expect(packages[0].url).toContain(OLD);
  });

  test.each([
    ['a metalink that is none', '<html>busy</html>'],
    ['a metalink of another repomd.xml', metalinkOf([NEW], [Buffer.from('other')])],
    ['a metalink that is refused', 403],
  ] as const)('%s is no reason not to ask elsewhere, and is told', async (_what, metalink) => {
    const web = await newWeb();
    put(web, NEW);
    web.put(METALINK, metalink);
    const { packages, failures } = await list(web);
    expect(failures).toEqual([]);
    expect(packages).toHaveLength(2);
    expect(web.said.join('\n')).toMatch(/debug-9 x86_64: another way, because .*lists\.example|new\.example/);
  });

  test('is a failure when it is required, and nothing when it is not', async () => {
    const web = await newWeb();
    const required = await list(web);
    expect(required.isThere).toBe(true);
    expect(required.failures).toMatchObject([
      {
        suite: 'debug-9',
        release: '9',
        error: { code: 'http-not-found', message: expect.stringContaining(OLD) },
      },
    ]);
    expect(await list(web, { isRequired: false })).toMatchObject({ isThere: false, failures: [] });
  });

  test('is found at the next place as well when its list of packages cannot be read', async () => {
    const web = await newWeb();
    put(web, NEW);
    put(web, OLD);
    web.put(NEW + INDEX.primaryPath, 404);
    const { packages, failures, indexes } = await list(web);
    expect(failures).toEqual([]);
    expect(packages[0].url).toContain(OLD);
    expect(indexes.map(({ url }) => url)).toEqual([OLD + INDEX.primaryPath]);
    expect(web.said.join('\n')).toMatch(/debug-9 x86_64: another way, because .*new\.example/);
  });

  test('where 403 means that it is not there, it is absent; elsewhere that is a failure', async () => {
    const web = await newWeb();
    for (const url of [METALINK, `${NEW}repodata/repomd.xml`, `${OLD}repodata/repomd.xml`]) web.put(url, 403);
    const bucket = { isAbsentWhenRefused: true, isRequired: false };
    expect(await list(web, bucket)).toMatchObject({ isThere: false, failures: [] });
    const required = await list(web, { ...bucket, isRequired: true });
    expect(required.failures).toMatchObject([{ error: { code: 'http-not-found' } }]);
    put(web, NEW);
    web.put(NEW + INDEX.primaryPath, 403);
    const broken = await list(web, bucket);
    expect(broken.failures).toMatchObject([{ error: { code: 'http-refused' } }]);
    web.put(`${NEW}repodata/repomd.xml`, 403);
    const elsewhere = await list(web, { isRequired: false });
    expect(elsewhere.failures).toMatchObject([{ error: { code: 'http-refused' } }]);
  });

  test('is a failure when nobody could be asked', async () => {
    const web = await newWeb();
    for (const host of ['lists.example', 'new.example', 'old.example']) web.kill(host);
    const { failures } = await list(web, { isRequired: false });
    expect(failures.map(({ error }) => error.code)).toEqual(['http-unreachable']);
  });

  test('and need not be anywhere: that the last place is out of reach is worth a word', async () => {
    const web = await newWeb();
    web.kill('old.example');
    expect(await list(web, { isRequired: false })).toMatchObject({ isThere: false, failures: [] });
    expect(web.said.join()).toContain('old.example');
    expect((await list(web)).failures).toMatchObject([{ error: { code: 'http-unreachable' } }]);
  });

  test('and a place that lies about it says more than one that says nothing', async () => {
    const web = await newWeb();
    web.kill('lists.example');
    put(web, OLD);
    web.put(OLD + INDEX.primaryPath, 'damaged');
    expect((await list(web)).failures).toMatchObject([{ error: { code: 'index-digest' } }]);
  });

  test('what is wrong with its index is that repository’s failure', async () => {
    const web = await newWeb();
    put(web, NEW);
    web.put(NEW + INDEX.primaryPath, 'damaged');
    const { isThere, failures, packages } = await list(web);
    expect([isThere, packages]).toEqual([true, []]);
    expect(failures).toMatchObject([{ suite: 'debug-9', error: { code: 'index-digest' } }]);
  });
});
