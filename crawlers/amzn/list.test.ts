/** Listings of Amazon Linux on a made-up web: of indexes alone, no package is ever fetched here. */

import { describe, expect, test } from 'vitest';
import { type IndexedRpm, RPM_DIGEST, rpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { EVERYTHING } from '../../test/support/crawl-context.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { AMAZON_2_KEYRING, AMAZON_2023_KEYRING } from '../trust/index.ts';
import type { CrawlRequest, CrawlResult } from '../types.ts';
import { listAmazon } from './list.ts';

const CDN = 'https://cdn.amazonlinux.com';
const REPO = 'http://repo.us-east-1.amazonaws.com/2018.03';

async function newWeb(): Promise<FakeWeb> {
  return createFakeWeb(await tempDirForTest('amzn'));
}

/** A repository at `base` (without a slash at its end), and the list that names it as `line`. */
function put(web: FakeWeb, list: string, base: string, rpms: readonly IndexedRpm[], line = base): void {
  for (const [path, bytes] of rpmIndex(rpms).files) web.put(`${base}/${path}`, bytes);
  web.put(`${list}/mirror.list`, line);
}

function list(web: FakeWeb, request: Partial<CrawlRequest> = {}): Promise<CrawlResult> {
  return listAmazon({ ...EVERYTHING, archs: ['x86_64'], ...request }, web.context);
}

function rpm(name: string, version: string, release: string, more: Partial<IndexedRpm> = {}): IndexedRpm {
  return { name, version, release, arch: 'x86_64', ...more };
}

function kernels({ packages }: CrawlResult): string[] {
  return packages.map(({ release, arch, kernel }) => `${release}/${arch}/${kernel}`);
}

describe('Amazon Linux 2023', () => {
  const LATEST = `${CDN}/al2023/core/mirrors/latest/debuginfo/x86_64`;
  const BASE = `${CDN}/al2023/core/guids/46ff4933/x86_64`;
  const blob = (file: string) => ({ href: `../../../../blobstore/${'ab'.repeat(32)}/${file}` });

  test('every kernel stream by its name’s structure; packages in the store beside the repository', async () => {
    const web = await newWeb();
    const rpms = [
      rpm('kernel-debuginfo', '6.1.79', '99.167.amzn2023', { epoch: 1, ...blob('kernel-debuginfo.rpm') }),
      rpm('kernel6.12-debuginfo', '6.12.35', '55.103.amzn2023', blob('kernel6.12-debuginfo.rpm')),
      rpm('kernel6.12-debuginfo-common-x86_64', '6.12.35', '55.103.amzn2023'),
      rpm('kernel-livepatch-6.12.35-55.103-debuginfo', '1.0', '0.amzn2023'),
    ];
    put(web, LATEST, BASE, rpms, `${BASE}/`);
    const result = await list(web, { releases: ['2023'] });
    expect(result.failures).toEqual([]);
    expect(kernels(result)).toEqual([
      '2023/x86_64/6.12.35-55.103.amzn2023.x86_64',
      '2023/x86_64/6.1.79-99.167.amzn2023.x86_64',
    ]);
    expect(result.packages[1]).toEqual({
      distro: 'amzn',
      release: '2023',
      arch: 'x86_64',
      kernel: '6.1.79-99.167.amzn2023.x86_64',
      packageName: 'kernel-debuginfo',
      packageVersion: '1:6.1.79-99.167.amzn2023',
      format: 'rpm',
      url: `${CDN}/al2023/blobstore/${'ab'.repeat(32)}/kernel-debuginfo.rpm`,
      sizeBytes: 1000,
      digest: `sha256:${RPM_DIGEST}`,
      indexUrl: expect.stringContaining(`${BASE}/repodata/`),
      suite: 'al2023-debuginfo',
      trust: 'tls-only',
      signature: { keyrings: [AMAZON_2023_KEYRING], allowWeak: false },
    });
  });

  test('a dated state of it is filed with it', async () => {
    const web = await newWeb();
    const dated = `${CDN}/al2023/core/mirrors/2023.6.20241031/debuginfo/x86_64`;
    put(web, dated, BASE, [rpm('kernel-debuginfo', '6.1.112', '124.190.amzn2023')]);
    const result = await list(web, { releases: ['2023.6.20241031'] });
    expect(kernels(result)).toEqual(['2023/x86_64/6.1.112-124.190.amzn2023.x86_64']);
    const { failures } = await list(web, { releases: ['2023.7.20250101'] });
    expect(failures).toMatchObject([{ release: '2023', error: { code: 'http-not-found' } }]);
  });

  test('with history, every state that the release lists', async () => {
    const web = await newWeb();
    put(web, LATEST, BASE, [rpm('kernel-debuginfo', '6.1.150', '1.amzn2023')]);
    const old = `${CDN}/al2023/core/mirrors/2023.0.20230222/debuginfo/x86_64`;
    put(web, old, `${CDN}/al2023/core/guids/0`, [rpm('kernel-debuginfo', '6.1.12', '17.42.amzn2023')]);
    const gone = `${CDN}/al2023/core/mirrors/2023.6.20241031/debuginfo/x86_64/mirror.list`;
    web.put(gone, 403);
    const states = ['2023.0.20230222', '2023.6.20241031'].map((state) => `<release version="${state}"/>`);
    const releasemd = `${CDN}/al2023/core/releasemd.xml`;
    web.put(releasemd, `<root><releases>${states.join('')}</releases></root>`);
    const latest = await list(web, { releases: ['2023'] });
    expect(kernels(latest)).toEqual(['2023/x86_64/6.1.150-1.amzn2023.x86_64']);
    expect(web.log).not.toContain(releasemd);
    const all = await list(web, { releases: ['2023'], history: true });
    expect(all.failures).toEqual([]);
    expect(kernels(all)).toEqual([
      '2023/x86_64/6.1.150-1.amzn2023.x86_64',
      '2023/x86_64/6.1.12-17.42.amzn2023.x86_64',
    ]);
    expect(web.log).toContain(gone);

    web.put(releasemd, '<html/>');
    const damaged = await list(web, { releases: ['2023'], history: true });
    expect(damaged.failures).toMatchObject([
      { suite: 'al2023-releases', error: { code: 'index-malformed' } },
    ]);
    expect(kernels(damaged)).toEqual(kernels(latest));
  });

  test('the next release is found without being known; where it is not, 403 says so', async () => {
    const web = await newWeb();
    const next = (host: string) => `${host}/al2027/core/mirrors/latest/debuginfo/x86_64`;
    put(web, LATEST, BASE, [rpm('kernel-debuginfo', '6.1.79', '99.167.amzn2023')]);
    web.put(`${next(CDN)}/mirror.list`, 403);
    const before = await list(web);
    expect(before.failures.map(({ release }) => release)).not.toContain('2027');
    put(web, next(CDN), `${CDN}/al2027/core/guids/1/x86_64`, [
      rpm('kernel-debuginfo', '7.2.1', '1.amzn2027'),
    ]);
    expect(kernels(await list(web))).toContain('2027/x86_64/7.2.1-1.amzn2027.x86_64');
  });

  test('the second way in, when the first host is dead', async () => {
    const web = await newWeb();
    web.kill('cdn.amazonlinux.com');
    const bucket = 'https://al2023-repos-us-west-2-de612dc2.s3.dualstack.us-west-2.amazonaws.com/core';
    put(web, `${bucket}/mirrors/latest/debuginfo/x86_64`, `${bucket}/guids/1/x86_64`, [
      rpm('kernel-debuginfo', '6.1.79', '99.167.amzn2023'),
    ]);
    const result = await list(web, { releases: ['2023'] });
    expect(result.failures).toEqual([]);
    expect(kernels(result)).toHaveLength(1);
  });
});

describe('Amazon Linux 2', () => {
  const CORE = `${CDN}/2/core/latest/debuginfo/x86_64`;
  const CORE_BASE = `${CDN}/2/core/2.0/debuginfo/x86_64/221a4af0`;
  const extras = (topic: string) => `${CDN}/2/extras/${topic}/latest/debuginfo/x86_64`;
  const catalog = (...topics: readonly string[]) => JSON.stringify({ topics: topics.map((n) => ({ n })) });

  function putCore(web: FakeWeb): void {
    put(web, CORE, CORE_BASE, [rpm('kernel-debuginfo', '4.14.281', '212.502.amzn2')]);
  }

  test('core, and every topic of the catalog that holds kernels', async () => {
    const web = await newWeb();
    putCore(web);
    web.put(
      `${CDN}/2/extras-catalog-x86_64.json`,
      catalog('docker', 'kernel-ng', 'kernel-5.10', 'kernel-7.2'),
    );
    for (const [topic, version] of [
      ['kernel-5.10', '5.10.247'],
      ['kernel-7.2', '7.2.1'],
    ]) {
      put(web, extras(topic), `${CDN}/2/extras/${topic}/stable/debuginfo/x86_64/1`, [
        rpm('kernel-debuginfo', version, '1.amzn2'),
      ]);
    }
    web.put(`${extras('kernel-ng')}/mirror.list`, 403);
    const result = await list(web, { releases: ['2'] });
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ suite, kernel }) => `${suite} ${kernel}`)).toEqual([
      'amzn2extra-kernel-7.2-debuginfo 7.2.1-1.amzn2.x86_64',
      'amzn2extra-kernel-5.10-debuginfo 5.10.247-1.amzn2.x86_64',
      'amzn2-core-debuginfo 4.14.281-212.502.amzn2.x86_64',
    ]);
    expect(result.packages[0].signature?.keyrings).toEqual([AMAZON_2_KEYRING]);
    expect(web.said).toContain('amzn2extra-kernel-ng-debuginfo x86_64: not there');
    expect(web.log.some((url) => url.includes('/docker/'))).toBe(false);
  });

  test('the catalog of all architectures, where there is none of one', async () => {
    const web = await newWeb();
    putCore(web);
    web.put(`${CDN}/2/extras-catalog-x86_64.json`, 403);
    web.put(`${CDN}/2/extras-catalog.json`, catalog('kernel-5.4'));
    put(web, extras('kernel-5.4'), `${CDN}/2/extras/x`, [rpm('kernel-debuginfo', '5.4.1', '1.amzn2')]);
    expect(kernels(await list(web, { releases: ['2'] }))).toContain('2/x86_64/5.4.1-1.amzn2.x86_64');
  });

  test.each([
    ['a damaged catalog', '{"topics": [', 'index-malformed'],
    ['a catalog that is not there', 404, 'http-not-found'],
  ] as const)('%s → %s fails alone', async (_what, answer, code) => {
    const web = await newWeb();
    putCore(web);
    web.put(`${CDN}/2/extras-catalog-x86_64.json`, answer);
    const result = await list(web, { releases: ['2'] });
    expect(result.failures).toMatchObject([{ suite: 'amzn2-extras-catalog', release: '2', error: { code } }]);
    expect(kernels(result)).toEqual(['2/x86_64/4.14.281-212.502.amzn2.x86_64']);
  });

  test('a dead first mirror is passed over, a host of nobody is not asked', async () => {
    const web = await newWeb();
    const bucket = 'amazonlinux-2-repos-us-east-2.s3.dualstack.us-east-2.amazonaws.com';
    const dead = `https://${bucket}/2/core/x`;
    web.kill(bucket);
    web.put(`${CDN}/2/extras-catalog-x86_64.json`, catalog());
    const lines = ['https://evil.example/2/core/x', dead, CORE_BASE].join('\n');
    put(web, CORE, CORE_BASE, [rpm('kernel-debuginfo', '4.14.281', '212.502.amzn2')], lines);
    const result = await list(web, { releases: ['2'] });
    expect(result.failures).toEqual([]);
    expect(kernels(result)).toHaveLength(1);
    expect(web.log.some((url) => url.includes('evil.example'))).toBe(false);
    expect(web.said.join('\n')).toContain('evil.example');
  });

  test.each([
    ['another host', 'https://evil.example/kernel-debuginfo.rpm'],
    ['somebody’s bucket', 'https://packages.s3.amazonaws.com/kernel-debuginfo.rpm'],
    [
      'another one that looks like Amazon’s',
      'https://amazonlinux-2-repos-evil.s3.dualstack.us-east-2.amazonaws.com/kernel-debuginfo.rpm',
    ],
    ['plain HTTP', 'http://cdn.amazonlinux.com/2/kernel-debuginfo.rpm'],
  ])('a package on %s → index-unsafe-path', async (_what, href) => {
    const web = await newWeb();
    web.put(`${CDN}/2/extras-catalog-x86_64.json`, catalog());
    put(web, CORE, CORE_BASE, [rpm('kernel-debuginfo', '4.14.281', '212.502.amzn2', { href })]);
    const result = await list(web, { releases: ['2'] });
    expect(result.packages).toEqual([]);
    expect(result.failures).toMatchObject([
      { suite: 'amzn2-core-debuginfo', error: { code: 'index-unsafe-path' } },
    ]);
  });
});

describe('Amazon Linux 1', () => {
  const KEYRINGS = ['/keys/amazon-ga'];

  function putBoth(web: FakeWeb): void {
    const base = 'http://packages.us-west-2.amazonaws.com/2018.03';
    const dead = 'http://packages.eu-west-1.amazonaws.com/2018.03';
    web.kill('packages.eu-west-1.amazonaws.com');
    const main = `${base}/main/debuginfo/06e7`;
    put(
      web,
      `${REPO}/main/debuginfo`,
      `${main}/x86_64`,
      [rpm('kernel-debuginfo', '4.14.26', '46.32.amzn1')],
      `${dead}/main/debuginfo/06e7/$basearch\n${main}/$basearch\n`,
    );
    put(web, `${REPO}/updates/debuginfo/x86_64`, `${base}/updates/debuginfo/c539/x86_64`, [
      rpm('kernel-debuginfo', '4.14.355', '196.647.amzn1'),
    ]);
  }

  test('main and updates, x86_64 alone; only the package can vouch for itself', async () => {
    const web = await newWeb();
    putBoth(web);
    for (const name of ['1', '2018', '2018.03']) {
      const result = await list(web, { releases: [name], keyrings: KEYRINGS, archs: [] });
      expect(result.failures).toEqual([]);
      expect(kernels(result)).toEqual([
        '2018/x86_64/4.14.355-196.647.amzn1.x86_64',
        '2018/x86_64/4.14.26-46.32.amzn1.x86_64',
      ]);
      expect(result.packages.map(({ trust, signature }) => [trust, signature?.keyrings])).toEqual([
        ['unanchored', KEYRINGS],
        ['unanchored', KEYRINGS],
      ]);
    }
  });

  test('without its key: package-signature when asked for, left out of everything', async () => {
    const web = await newWeb();
    putBoth(web);
    const asked = await list(web, { releases: ['2018'] });
    expect(asked.packages).toEqual([]);
    expect(asked.failures).toMatchObject([
      {
        release: '2018',
        error: { code: 'package-signature', message: expect.stringContaining('--keyring') },
      },
    ]);
    const all = await list(web);
    expect(all.failures.map(({ release }) => release)).not.toContain('2018');
    expect(web.said.join('\n')).toContain('2018: left out');
    expect(web.log.some((url) => url.includes('2018.03'))).toBe(false);
    expect(kernels(await list(web, { keyrings: KEYRINGS }))).toHaveLength(2);
  });

  test('insecurely nobody is asked for a key', async () => {
    const web = await newWeb();
    putBoth(web);
    const { packages } = await list(web, { insecure: true });
    expect(packages.map(({ trust, signature }) => [trust, signature])).toEqual([
      ['insecure', undefined],
      ['insecure', undefined],
    ]);
  });
});

test('a mirror need not have every architecture of a release that was named, but something of it', async () => {
  const web = await newWeb();
  const base = 'http://m.example/2/core/2.0/debuginfo/x86_64/1';
  put(web, 'http://m.example/2/core/latest/debuginfo/x86_64', base, [
    rpm('kernel-debuginfo', '4.14.281', '212.502.amzn2'),
  ]);
  const mirror = 'http://m.example';
  for (const releases of [[], ['2']]) {
    const result = await list(web, { mirror, releases, archs: [] });
    expect(result.failures).toEqual([]);
    expect(kernels(result)).toHaveLength(1);
  }
  const missing = await list(web, { mirror, releases: ['2023'], archs: [] });
  expect(missing.failures).toMatchObject([{ release: '2023', error: { code: 'http-not-found' } }]);
  const arm64 = await list(web, { mirror, releases: ['2'], archs: ['arm64'] });
  expect(arm64.failures).toMatchObject([
    { suite: 'amzn2-core-debuginfo', error: { code: 'http-not-found' } },
  ]);
});
