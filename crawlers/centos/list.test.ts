/** Listings of CentOS on a made-up web: of indexes alone, no package is ever fetched here. */

import { describe, expect, test } from 'vitest';
import { type IndexedRpm, metalinkOf, RPM_DIGEST, rpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { EVERYTHING } from '../../test/support/crawl-context.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { CENTOS_7_KEYRING, CENTOS_OFFICIAL_KEYRING } from '../trust/index.ts';
import type { CrawlRequest, CrawlResult } from '../types.ts';
import { listCentos } from './list.ts';

const CERN = 'https://linuxsoft.cern.ch/centos-debuginfo/';
const STREAM = 'https://mirror.stream.centos.org/';

async function newWeb(): Promise<FakeWeb> {
  return createFakeWeb(await tempDirForTest('centos'));
}

function put(web: FakeWeb, base: string, rpms: readonly IndexedRpm[]): Buffer {
  const index = rpmIndex(rpms);
  for (const [path, bytes] of index.files) web.put(base + path, bytes);
  return index.repomd;
}

function list(web: FakeWeb, request: Partial<CrawlRequest> = {}): Promise<CrawlResult> {
  return listCentos({ ...EVERYTHING, archs: ['x86_64'], ...request }, web.context);
}

function rpm(name: string, evr: string, more: Partial<IndexedRpm> = {}): IndexedRpm {
  const dash = evr.indexOf('-');
  return { name, version: evr.slice(0, dash), release: evr.slice(dash + 1), arch: 'x86_64', ...more };
}

function kernels({ packages }: CrawlResult): string[] {
  return packages.map(({ release, arch, kernel }) => `${release}/${arch}/${kernel}`);
}

const SEVEN = [
  rpm('kernel-debuginfo', '3.10.0-1160.119.1.el7'),
  rpm('kernel-debug-debuginfo', '3.10.0-1160.119.1.el7'),
  rpm('kernel-debuginfo-common-x86_64', '3.10.0-1160.119.1.el7'),
  rpm('kernel-plus-debuginfo', '3.10.0-1127.el7.centos.plus'),
  rpm('kernel-rt-debuginfo', '3.10.0-1160.rt56.1131.el7'),
  rpm('bash-debuginfo', '4.2.46-34.el7'),
];

describe('CentOS 7', () => {
  test('kernels of every kind but debug ones, each to be signed by a key of CentOS 7', async () => {
    const web = await newWeb();
    put(web, 'https://debuginfo.centos.org/7/x86_64/', SEVEN);
    const result = await list(web, { releases: ['7'] });
    expect(result.failures).toEqual([]);
    expect(kernels(result)).toEqual([
      '7/x86_64/3.10.0-1160.119.1.el7.x86_64',
      '7/x86_64/3.10.0-1160.rt56.1131.el7.x86_64',
      '7/x86_64/3.10.0-1127.el7.centos.plus.x86_64',
    ]);
    expect(result.packages[0]).toEqual({
      distro: 'centos',
      release: '7',
      arch: 'x86_64',
      kernel: '3.10.0-1160.119.1.el7.x86_64',
      packageName: 'kernel-debuginfo',
      packageVersion: '3.10.0-1160.119.1.el7',
      format: 'rpm',
      url: 'https://debuginfo.centos.org/7/x86_64/Packages/k/kernel-debuginfo-3.10.0-1160.119.1.el7.x86_64.rpm',
      otherUrls: [
        `${CERN}7/x86_64/Packages/k/kernel-debuginfo-3.10.0-1160.119.1.el7.x86_64.rpm`,
        'https://mirror.facebook.net/centos-debuginfo/7/x86_64/Packages/k/kernel-debuginfo-3.10.0-1160.119.1.el7.x86_64.rpm',
      ],
      sizeBytes: 1000,
      digest: `sha256:${RPM_DIGEST}`,
      indexUrl: expect.stringMatching(/^https:\/\/debuginfo\.centos\.org\/7\/x86_64\/repodata\//),
      suite: '7-debuginfo',
      trust: 'tls-only',
      signature: { keyrings: [CENTOS_7_KEYRING], allowWeak: false },
    });
  });

  test('debug kernels on request', async () => {
    const web = await newWeb();
    put(web, 'https://debuginfo.centos.org/7/x86_64/', SEVEN);
    const result = await list(web, { releases: ['7'], variants: ['debug'], kernels: ['*.debug'] });
    expect(kernels(result)).toEqual(['7/x86_64/3.10.0-1160.119.1.el7.x86_64.debug']);
  });

  test('hosts are asked one after the other; over plain HTTP only the package can vouch for itself', async () => {
    const web = await newWeb();
    put(web, 'http://debuginfo.centos.org/7/x86_64/', SEVEN);
    const plain = await list(web, { releases: ['7'] });
    expect(new Set(plain.packages.map(({ trust }) => trust))).toEqual(new Set(['unanchored']));

    const other = await newWeb();
    other.kill('debuginfo.centos.org');
    put(other, `${CERN}7/x86_64/`, SEVEN);
    const found = await list(other, { releases: ['7'] });
    expect(found.failures).toEqual([]);
    expect(new Set(found.packages.map(({ trust, url }) => `${trust} ${new URL(url).host}`))).toEqual(
      new Set(['tls-only linuxsoft.cern.ch']),
    );
    expect(other.said.join('\n')).toContain('another way, because https://debuginfo.centos.org/');
  });

  test('nowhere → one failure that names every place', async () => {
    const web = await newWeb();
    const { failures } = await list(web, { releases: ['7'] });
    expect(failures).toMatchObject([
      { suite: '7-debuginfo', release: '7', error: { code: 'http-not-found' } },
    ]);
    expect(failures[0].error.message).toContain('mirror.facebook.net');
  });

  test('the AArch64 port is arm64 of the same release', async () => {
    const web = await newWeb();
    const port = [rpm('kernel-debuginfo', '4.14.0-115.10.1.el7a', { arch: 'aarch64' })];
    put(web, 'https://debuginfo.centos.org/7/aarch64/', port);
    const result = await list(web, { releases: ['7'], archs: ['arm64'] });
    expect(kernels(result)).toEqual(['7/arm64/4.14.0-115.10.1.el7a.aarch64']);
  });
});

describe('CentOS 8 and Stream 8', () => {
  const linux = rpm('kernel-debuginfo', '4.18.0-147.8.1.el8_1');
  const stream = rpm('kernel-debuginfo', '4.18.0-540.el8');
  const both = rpm('kernel-debuginfo', '4.18.0-240.el8');
  const EIGHT = 'https://debuginfo.centos.org/8/x86_64/';
  const EIGHT_STREAM = 'https://debuginfo.centos.org/8-stream/x86_64/';

  test('are filed side by side', async () => {
    const web = await newWeb();
    put(web, EIGHT, [linux, both]);
    put(web, EIGHT_STREAM, [stream, both]);
    const result = await list(web, { releases: ['8'] });
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ release, kernel, suite }) => `${release} ${kernel} ${suite}`)).toEqual([
      '8 4.18.0-540.el8.x86_64 8-stream-debuginfo',
      '8 4.18.0-240.el8.x86_64 8-debuginfo',
      '8 4.18.0-147.8.1.el8_1.x86_64 8-debuginfo',
    ]);
    expect(result.packages[0].signature?.keyrings).toEqual([CENTOS_OFFICIAL_KEYRING]);
  });

  test('one name for two files → index-conflict naming both, and neither is taken', async () => {
    const web = await newWeb();
    put(web, EIGHT, [linux, both]);
    put(web, EIGHT_STREAM, [stream, { ...both, digest: 'ef'.repeat(32) }]);
    const result = await list(web, { releases: ['8'] });
    expect(kernels(result)).toEqual([
      '8/x86_64/4.18.0-540.el8.x86_64',
      '8/x86_64/4.18.0-147.8.1.el8_1.x86_64',
    ]);
    expect(result.failures).toMatchObject([
      { suite: '8-stream-debuginfo', release: '8', error: { code: 'index-conflict', exitCode: 5 } },
    ]);
    const { message } = result.failures[0].error;
    for (const part of ['8/x86_64/4.18.0-240.el8.x86_64', EIGHT, EIGHT_STREAM, RPM_DIGEST, 'efefef']) {
      expect(message).toContain(part);
    }
  });

  test('who names one of the two gets that one', async () => {
    const web = await newWeb();
    put(web, EIGHT, [linux, both]);
    put(web, EIGHT_STREAM, [stream, { ...both, digest: 'ef'.repeat(32) }]);
    for (const [name, digest] of [
      ['8-linux', RPM_DIGEST],
      ['8-stream', 'ef'.repeat(32)],
    ]) {
      const { packages, failures } = await list(web, { releases: [name], kernels: ['4.18.0-240.*'] });
      expect(failures).toEqual([]);
      expect(packages.map((found) => found.digest)).toEqual([`sha256:${digest}`]);
    }
  });
});

describe('Streams', () => {
  const NINE = [
    rpm('kernel-debuginfo', '5.14.0-620.el9'),
    rpm('kernel-debug-debuginfo', '5.14.0-620.el9'),
    rpm('kernel-rt-debuginfo', '5.14.0-620.el9'),
  ];

  test('every repository that there is; a kernel in two of them is one', async () => {
    const web = await newWeb();
    put(web, `${STREAM}9-stream/BaseOS/x86_64/debug/tree/`, NINE.slice(0, 2));
    for (const name of ['RT', 'NFV']) {
      put(web, `${STREAM}9-stream/${name}/x86_64/debug/tree/`, NINE.slice(2));
    }
    const result = await list(web, { releases: ['9'] });
    expect(result.failures).toEqual([]);
    expect(kernels(result)).toEqual(['9/x86_64/5.14.0-620.el9.x86_64', '9/x86_64/5.14.0-620.el9.x86_64+rt']);
    expect(result.indexes.map(({ suite, kernels: count }) => `${suite} ${count}`)).toEqual([
      '9-stream-baseos-debug 1',
      '9-stream-rt-debug 1',
      '9-stream-nfv-debug 1',
    ]);
  });

  test('a metalink over HTTPS vouches for a plain mirror', async () => {
    const web = await newWeb();
    const mirror = 'http://ftp.example/centos/9-stream/BaseOS/x86_64/debug/tree/';
    const repomd = put(web, mirror, NINE);
    const metalink =
      'https://mirrors.centos.org/metalink?repo=centos-baseos-debug-9-stream&arch=x86_64&protocol=https,http';
    web.put(metalink, metalinkOf([mirror], [repomd]));
    const { packages } = await list(web, { releases: ['9'] });
    expect(packages.map(({ trust, url }) => `${trust} ${url.slice(0, mirror.length)}`)).toContain(
      `tls-only ${mirror}`,
    );
  });

  test('what left the mirrors is looked for in the vault', async () => {
    const web = await newWeb();
    put(web, 'https://vault.centos.org/9-stream/BaseOS/x86_64/debug/tree/', NINE);
    expect((await list(web, { releases: ['9'] })).failures).toEqual([]);
  });

  test('a later Stream is found by asking for it', async () => {
    const web = await newWeb();
    put(web, `${STREAM}11-stream/BaseOS/x86_64/debug/tree/`, [rpm('kernel-debuginfo', '7.1.0-5.el11')]);
    const result = await list(web);
    expect(kernels(result)).toEqual(['11/x86_64/7.1.0-5.el11.x86_64']);
    expect(new Set(result.failures.map(({ release }) => release))).toEqual(new Set(['7', '8', '9', '10']));
    expect(web.log.some((url) => url.includes('/12-stream/'))).toBe(true);
    expect(web.log.some((url) => url.includes('/13-stream/'))).toBe(false);
  });

  test('refused is an answer to that question, and no answer is a failure', async () => {
    const web = await newWeb();
    const question = `${STREAM}11-stream/BaseOS/x86_64/debug/tree/repodata/repomd.xml`;
    web.put(question, 403);
    const refused = await list(web);
    expect(refused.failures.map(({ release }) => release)).not.toContain('11');
    const unreachable = await newWeb();
    unreachable.kill('mirror.stream.centos.org');
    const { failures } = await list(unreachable);
    expect(failures).toContainEqual(
      expect.objectContaining({
        suite: '11-stream',
        release: '11',
        error: expect.objectContaining({ code: 'http-unreachable' }),
      }),
    );
  });

  test('a host out of reach is one failure per architecture, not one per repository', async () => {
    const web = await newWeb();
    for (const host of ['mirrors.centos.org', 'mirror.stream.centos.org', 'vault.centos.org']) web.kill(host);
    const { failures } = await list(web, { releases: ['9'], archs: ['x86_64', 'arm64'] });
    expect(failures.map(({ suite }) => suite)).toEqual(['9-stream-baseos-debug', '9-stream-baseos-debug']);
  });

  test('a repository that is broken where hosts answer does not cost its neighbours', async () => {
    const web = await newWeb();
    web.kill('mirrors.centos.org');
    for (const base of [STREAM, 'https://vault.centos.org/'])
      web.put(`${base}9-stream/BaseOS/x86_64/debug/tree/repodata/repomd.xml`, 403);
    put(web, `${STREAM}9-stream/RT/x86_64/debug/tree/`, NINE);
    const { failures, packages } = await list(web, { releases: ['9'], archs: ['x86_64'] });
    expect(failures).toMatchObject([{ suite: '9-stream-baseos-debug', error: { code: 'http-refused' } }]);
    expect(packages.length).toBeGreaterThan(0);
  });

  test.skipIf(needsTool('gpgv'))('an index with a signature by a stranger is a failure', async () => {
    const web = await newWeb();
    const base = `${STREAM}9-stream/BaseOS/x86_64/debug/tree/`;
    put(web, base, NINE);
    web.put(`${base}repodata/repomd.xml.asc`, 'no signature at all');
    const { failures, packages } = await list(web, { releases: ['9'] });
    expect(packages).toEqual([]);
    expect(failures).toMatchObject([{ suite: '9-stream-baseos-debug', error: { code: 'index-signature' } }]);
  });
});

describe('a mirror', () => {
  test('stands for everything; what it lacks is no failure unless asked for', async () => {
    const web = await newWeb();
    put(web, 'http://m.example/c/8/x86_64/', [rpm('kernel-debuginfo', '4.18.0-147.el8')]);
    const mirror = 'http://m.example/c/';
    for (const releases of [[], ['8']]) {
      const result = await list(web, { mirror, releases });
      expect(result.failures).toEqual([]);
      expect(kernels(result)).toEqual(['8/x86_64/4.18.0-147.el8.x86_64']);
    }
    expect(new Set(web.log.map((url) => new URL(url).host))).toEqual(new Set(['m.example']));
    const missing = await list(web, { mirror, releases: ['7', '8-stream'] });
    expect(missing.failures.map(({ suite, error }) => `${suite} ${error.code}`)).toEqual([
      '7-debuginfo http-not-found',
      '8-stream-debuginfo http-not-found',
    ]);
  });

  test('need not have every architecture of a release that was named, but something of it', async () => {
    const web = await newWeb();
    put(web, 'http://m.example/8/x86_64/', [rpm('kernel-debuginfo', '4.18.0-147.el8')]);
    const mirror = 'http://m.example';
    expect((await list(web, { mirror, releases: ['8'], archs: [] })).failures).toEqual([]);
    const missing = await list(web, { mirror, releases: ['9'], archs: [] });
    expect(missing.failures).toMatchObject([
      { suite: '9-stream', release: '9', error: { code: 'http-not-found' } },
    ]);
    const arm64 = await list(web, { mirror, releases: ['8-linux'], archs: ['arm64'] });
    expect(arm64.failures).toMatchObject([{ suite: '8-debuginfo', error: { code: 'http-not-found' } }]);
  });
});

test('an architecture that a release never had is passed over', async () => {
  const web = await newWeb();
  expect((await list(web, { releases: ['7'], archs: ['s390x'] })).failures).toEqual([]);
  await expect(list(web, { archs: ['mips'] })).rejects.toMatchObject({ code: 'usage' });
  await expect(list(web, { releases: ['6'] })).rejects.toMatchObject({ code: 'usage' });
});
