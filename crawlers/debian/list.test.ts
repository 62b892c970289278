/** The listing over a mirror of indexes alone: no package is ever fetched here. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { INDEXED_DIGEST, type IndexedSuite, packageStanza } from '../../test/mirrors/apt-indexes.ts';
import { APT_ARCHIVE_TOOLS, useAptArchive } from '../../test/support/apt-archive.ts';
import { crawlContextForTest, EVERYTHING } from '../../test/support/crawl-context.ts';
import { needsTool } from '../../test/support/tools.ts';
import type { CrawlRequest, CrawlResult, HttpValidator } from '../types.ts';
import { listDebian } from './list.ts';

type SuiteText = Omit<IndexedSuite, 'base'> & { readonly base?: string };

describe.skipIf(needsTool(...APT_ARCHIVE_TOOLS))('listing', () => {
  const archive = useAptArchive('list');
  let validators: Map<string, HttpValidator>;
  let said: string[];

  beforeEach(() => {
    validators = new Map();
    said = [];
  });

  function putSuite({ base = 'debian', ...suite }: SuiteText): Promise<void> {
    return archive.putSuite({ base, ...suite });
  }

  function list(
    request: Partial<CrawlRequest> = {},
    signal = new AbortController().signal,
  ): Promise<CrawlResult> {
    const context = crawlContextForTest({ cacheDir: archive.cacheDir, validators, signal, said });
    const mirror = {
      releases: ['12'],
      mirror: `${archive.server.url}/debian`,
      keyrings: [archive.signer.keyring],
    };
    return listDebian({ ...EVERYTHING, ...mirror, ...request }, context, '/nowhere');
  }

  const bookworm: SuiteText = {
    path: 'bookworm',
    release: ['Suite: oldstable', 'Codename: bookworm', 'Version: 12.15'],
    packages: {
      amd64: [stanza('6.1.0-47-amd64', '6.1.170-3'), stanza('6.1.0-50-amd64', '6.1.176-1')],
      arm64: [stanza('6.1.0-50-arm64', '6.1.176-1', 'arm64')],
      s390x: [stanza('6.1.0-50-s390x', '6.1.176-1', 's390x')],
    },
  };
  const security: SuiteText = {
    base: 'debian-security',
    path: 'bookworm-security',
    release: ['Suite: oldstable-security', 'Codename: bookworm-security', 'Version: 12'],
    packages: { amd64: [stanza('6.1.0-53-amd64', '6.1.187-1')], arm64: [] },
  };

  test('suites of a release come together, newest package first, under its VERSION_ID', async () => {
    await putSuite(bookworm);
    await putSuite(security);
    await putSuite({
      path: 'bookworm-backports',
      release: ['Suite: oldstable-backports', 'Codename: bookworm-backports'],
      packages: { amd64: [stanza('6.12.95+deb12-amd64', '6.12.95-1~bpo12+1')] },
    });
    const result = await list();
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ release, arch, kernel }) => `${release}/${arch}/${kernel}`)).toEqual([
      '12/x86_64/6.12.95+deb12-amd64',
      '12/x86_64/6.1.0-53-amd64',
      '12/arm64/6.1.0-50-arm64',
      '12/x86_64/6.1.0-50-amd64',
      '12/x86_64/6.1.0-47-amd64',
    ]);
    expect(result.packages[1]).toEqual({
      distro: 'debian',
      release: '12',
      arch: 'x86_64',
      kernel: '6.1.0-53-amd64',
      packageName: 'linux-image-6.1.0-53-amd64-dbg',
      packageVersion: '6.1.187-1',
      format: 'deb',
      url: `${archive.server.url}/debian-security/pool/main/l/linux/linux-image-6.1.0-53-amd64-dbg.deb`,
      sizeBytes: 1000,
      digest: `sha256:${INDEXED_DIGEST}`,
      indexUrl: `${archive.server.url}/debian-security/dists/bookworm-security/main/binary-amd64/Packages.gz`,
      suite: 'bookworm-security',
      trust: 'signed-index',
    });
    expect(said).toContain('bookworm-security: 1 kernel');
  });

  test('a second listing moves headers only', async () => {
    await putSuite(bookworm);
    await putSuite(security);
    const first = await list();
    expect(first.indexBytes).toBeGreaterThan(0);
    archive.server.clear();
    const second = await list();
    expect(second.packages).toEqual(first.packages);
    expect(second.indexBytes).toBe(0);
    expect(archive.server.log.filter(({ path }) => path.includes('Packages'))).toEqual([]);
    expect(archive.server.log.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([
      304, 304, 404, 404, 404, 404, 404, 404,
    ]);
  });

  test('one kernel in two suites is one, in its newest build', async () => {
    await putSuite(bookworm);
    await putSuite({ ...security, packages: { amd64: [stanza('6.1.0-50-amd64', '6.1.176-2')] } });
    const found = (await list({ kernels: ['6.1.0-50-*'], archs: ['amd64'] })).packages;
    expect(found.map(({ packageVersion, suite }) => [packageVersion, suite])).toEqual([
      ['6.1.176-2', 'bookworm-security'],
    ]);
  });

  test('architectures and kernels narrow', async () => {
    await putSuite(bookworm);
    expect((await list({ archs: ['s390x'] })).packages.map(({ kernel }) => kernel)).toEqual([
      '6.1.0-50-s390x',
    ]);
    const found = await list({ kernels: ['6.1.0-4?-*', '*-arm64'] });
    expect(found.packages.map(({ kernel }) => kernel)).toEqual(['6.1.0-50-arm64', '6.1.0-47-amd64']);
    await expect(list({ archs: ['vax'] })).rejects.toMatchObject({ code: 'usage' });
    await expect(list({ releases: ['1.2.3'] })).rejects.toMatchObject({ code: 'usage' });
  });

  test('security suites inside the mirror itself', async () => {
    await putSuite(bookworm);
    await putSuite({ ...security, base: 'debian' });
    expect((await list({ kernels: ['6.1.0-53-*'] })).packages.map(({ url }) => url)).toEqual([
      `${archive.server.url}/debian/pool/main/l/linux/linux-image-6.1.0-53-amd64-dbg.deb`,
    ]);
  });

  test('the version comes from the Release: a release that nobody foresaw is found', async () => {
    const forky = { ...bookworm, release: ['Suite: stable', 'Codename: forky', 'Version: 14.1'] };
    await putSuite({ ...forky, path: 'forky' });
    await putSuite({ ...forky, path: 'stable' });
    for (const releases of [['14'], ['forky'], ['stable'], []]) {
      const result = await list({ releases });
      expect(result.failures).toEqual([]);
      expect(new Set(result.packages.map(({ release }) => release))).toEqual(new Set(['14']));
    }
  });

  test('unstable under sid, experimental under its own name', async () => {
    await putSuite({ ...bookworm, path: 'sid', release: ['Suite: unstable', 'Codename: sid'] });
    await putSuite({
      ...bookworm,
      path: 'experimental',
      release: ['Suite: experimental', 'Codename: rc-buggy'],
    });
    for (const [name, segment] of [
      ['unstable', 'sid'],
      ['rc-buggy', 'experimental'],
    ]) {
      const { packages } = await list({ releases: [name] });
      expect(new Set(packages.map(({ release }) => release))).toEqual(new Set([segment]));
    }
  });

  test('an archived release: old security suite, expired by design', async () => {
    const expired = 'Valid-Until: Thu, 19 Nov 2020 00:00:00 UTC';
    await putSuite({
      path: 'buster',
      release: ['Suite: oldoldstable', 'Codename: buster', 'Version: 10.13', expired],
      packages: { amd64: [stanza('4.19.0-21-amd64', '4.19.249-2')] },
    });
    await putSuite({
      base: 'debian-security',
      path: 'buster/updates',
      release: ['Suite: oldoldstable', 'Codename: buster', 'Version: 10', expired],
      packages: { amd64: [stanza('4.19.0-27-amd64', '4.19.316-1')] },
    });
    const result = await list({ releases: ['10'] });
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ release, kernel }) => `${release}/${kernel}`)).toEqual([
      '10/4.19.0-27-amd64',
      '10/4.19.0-21-amd64',
    ]);
  });

  test('past its Valid-Until → index-expired with the date, unless allowed', async () => {
    const expired = {
      ...bookworm,
      release: [...bookworm.release, 'Valid-Until: Fri, 06 Nov 2020 08:08:01 UTC'],
    };
    await putSuite(expired);
    await putSuite(security);
    const result = await list();
    expect(result.failures).toMatchObject([
      {
        suite: 'bookworm',
        release: '12',
        error: { code: 'index-expired', message: expect.stringContaining('06 Nov 2020 08:08:01') },
      },
    ]);
    expect(result.packages.map(({ suite }) => suite)).toEqual(['bookworm-security']);
    expect((await list({ allowExpired: true })).failures).toEqual([]);
  });

  test('not signed by a trusted key → index-signature, unless insecure', async () => {
    await putSuite(bookworm);
    const result = await list({ keyrings: [] });
    expect(result.failures).toMatchObject([{ suite: 'bookworm', error: { code: 'index-signature' } }]);
    expect(result.packages).toEqual([]);
    const insecure = await list({ keyrings: [], insecure: true });
    expect(new Set(insecure.packages.map(({ trust }) => trust))).toEqual(new Set(['insecure']));
  });

  test('a mirror that signs nothing, insecurely', async () => {
    await putSuite(bookworm);
    await rm(join(archive.www, 'debian/dists/bookworm/InRelease'));
    expect((await list()).failures).toMatchObject([{ error: { code: 'http-not-found' } }]);
    expect((await list({ insecure: true })).packages).toHaveLength(3);
  });

  test('the Release of another suite → index-malformed', async () => {
    await putSuite({ ...bookworm, release: ['Suite: stable', 'Codename: trixie', 'Version: 13.1'] });
    const result = await list();
    expect(result.failures).toMatchObject([
      { error: { code: 'index-malformed', message: expect.stringContaining('trixie') } },
    ]);
  });

  test('Packages that differ from the Release → index-digest; the other architecture goes on', async () => {
    await putSuite(bookworm);
    await archive.put('debian/dists/bookworm/main/binary-amd64/Packages.gz', gzipSync('Package: evil\n'));
    const result = await list();
    expect(result.failures).toMatchObject([{ suite: 'bookworm', error: { code: 'index-digest' } }]);
    expect(result.packages.map(({ arch }) => arch)).toEqual(['arm64']);
  });

  test.each([
    ['a file outside the mirror', { Filename: '../../etc/passwd' }, 'index-unsafe-path'],
    ['another host', { Filename: '//evil.invalid/a.deb' }, 'index-unsafe-path'],
    ['a digest that is none', { SHA256: 'abc' }, 'index-malformed'],
    ['no size', { Size: '' }, 'index-malformed'],
    ['a negative size', { Size: '-1' }, 'index-malformed'],
    ['a foreign architecture', { Architecture: 'arm64' }, 'index-malformed'],
    ['no version', { Version: '' }, 'index-malformed'],
  ])('%s → %s', async (_name, fields, code) => {
    const bad = stanza('6.1.0-50-amd64', '6.1.176-1', 'amd64', fields);
    await putSuite({ ...bookworm, packages: { amd64: [bad] } });
    expect((await list()).failures).toMatchObject([{ suite: 'bookworm', error: { code } }]);
  });

  test.each([
    [{ kind: 'status', statusCode: 403 }, 'http-refused'],
    [{ kind: 'status', statusCode: 429 }, 'http-refused'],
    [{ kind: 'status', statusCode: 503 }, 'http-status'],
    [{ kind: 'stall', afterBytes: 50 }, 'http-stalled'],
    [{ kind: 'cut', afterBytes: 50 }, 'http-truncated'],
    [{ kind: 'redirect', location: '/debian/dists/bookworm/InRelease' }, 'http-redirect'],
  ] as const)('%j → %s for that suite only', async (fault, code) => {
    await putSuite(bookworm);
    await putSuite(security);
    archive.server.setFault(({ path }) => (path === '/debian/dists/bookworm/InRelease' ? fault : undefined));
    const result = await list();
    expect(result.failures).toMatchObject([{ suite: 'bookworm', error: { code, exitCode: 4 } }]);
    expect(result.packages.map(({ suite }) => suite)).toEqual(['bookworm-security']);
  });

  test('a mirror that is not there: failures to connect and nothing else', async () => {
    await archive.server.close();
    for (const releases of [['12'], ['stable'], []]) {
      const result = await list({ releases });
      expect(result.packages).toEqual([]);
      expect(result.failures.length).toBeGreaterThan(0);
      expect(new Set(result.failures.map(({ error }) => error.code))).toEqual(new Set(['http-unreachable']));
    }
  });

  test('a release that the mirror lacks → http-not-found when it was asked for', async () => {
    expect((await list({ releases: ['13'] })).failures).toMatchObject([
      { suite: 'trixie', release: '13', error: { code: 'http-not-found' } },
    ]);
  });

  test('an abort ends the listing', async () => {
    await putSuite(bookworm);
    await expect(list({}, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });
});

function stanza(
  kernel: string,
  version: string,
  arch = 'amd64',
  fields: Readonly<Record<string, string>> = {},
): string {
  return packageStanza(`linux-image-${kernel}-dbg`, version, { Architecture: arch, ...fields });
}
