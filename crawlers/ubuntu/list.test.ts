/** The listing over an archive of indexes alone; what every crawler must hold is in contract.test.ts. */

import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type IndexedSuite, packageStanza } from '../../test/mirrors/apt-indexes.ts';
import { APT_ARCHIVE_TOOLS, useAptArchive } from '../../test/support/apt-archive.ts';
import { crawlContextForTest, EVERYTHING } from '../../test/support/crawl-context.ts';
import {
  type LaunchpadServer,
  publicationEntry,
  publishedFile,
  publishedName,
  startLaunchpad,
} from '../../test/support/launchpad-service.ts';
import { needsTool } from '../../test/support/tools.ts';
import type { CrawlRequest, CrawlResult } from '../types.ts';
import { listUbuntu } from './list.ts';
import { DEFAULT_SOURCES, type UbuntuSources } from './sources.ts';

const META_RELEASE = `Dist: focal
Version: 20.04.6 LTS
Supported: 1

Dist: tame
Version: 27.04
Supported: 1
`;

describe.skipIf(needsTool(...APT_ARCHIVE_TOOLS))('listing', () => {
  const archive = useAptArchive('list-ubuntu');
  let launchpad: LaunchpadServer;
  let said: string[];

  beforeEach(async () => {
    launchpad = await startLaunchpad();
    said = [];
  });
  afterEach(() => launchpad.close());

  function putPocket(path: string, more: Partial<IndexedSuite> = {}): Promise<void> {
    const [codename] = path.split('-');
    const version = { xenial: '16.04', bionic: '18.04', focal: '20.04', tame: '27.04' }[codename] ?? '99.04';
    const release = [`Suite: ${path}`, `Codename: ${codename}`, `Version: ${version}`];
    return archive.putSuite({ base: 'ddebs', path, release, packages: { amd64: [] }, ...more });
  }

  /** As without `--mirror`, with every host played by the one archive.server. */
  function listAll(request: Partial<CrawlRequest> = {}): Promise<CrawlResult> {
    const sources: UbuntuSources = {
      base: `${archive.server.url}/ddebs`,
      metaRelease: `${archive.server.url}/meta-release`,
      isPartial: false,
      launchpad: { ...DEFAULT_SOURCES.launchpad, api: launchpad.api },
    };
    const context = crawlContextForTest({ cacheDir: archive.cacheDir, said });
    return listUbuntu({ ...EVERYTHING, keyrings: [archive.signer.keyring], ...request }, context, sources);
  }

  test('pockets of a release come together; one that is absent is no failure unless it must be there', async () => {
    await putPocket('focal', { packages: { amd64: [unsigned('5.4.0-26-generic', '5.4.0-26.30')] } });
    await putPocket('focal-updates', {
      packages: { amd64: [unsigned('5.4.0-90-generic', '5.4.0-90.101')] },
    });
    await putPocket('focal-proposed', {
      packages: { 'universe/amd64': [unsigned('5.4.0-1099-aws', '5.4.0-1099.1')] },
    });
    const result = await listAll({ releases: ['20.04'] });
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ kernel, suite, format }) => [kernel, suite, format])).toEqual([
      ['5.4.0-1099-aws', 'focal-proposed', 'deb'],
      ['5.4.0-90-generic', 'focal-updates', 'deb'],
      ['5.4.0-26-generic', 'focal', 'deb'],
    ]);
    expect(said).toContain('focal-updates: 1 kernel');

    await rm(join(archive.www, 'ddebs/dists/focal-updates'), { recursive: true });
    const without = await listAll({ releases: ['focal'] });
    expect(without.failures).toMatchObject([{ suite: 'focal-updates', error: { code: 'http-not-found' } }]);
    expect(without.packages).toHaveLength(2);
  });

  test('shims and metapackages are passed over; of two packages of a kernel the unsigned one stands', async () => {
    const kernel = '5.4.0-92-generic';
    const shim = { Source: 'linux-signed', 'Installed-Size': '23', Size: '16556' };
    await putPocket('focal', {
      packages: {
        amd64: [
          packageStanza('linux-image-generic-dbgsym', '5.4.0.92.96'),
          packageStanza(`linux-image-${kernel}-dbgsym`, '5.4.0-92.103', shim),
          packageStanza(`linux-image-unsigned-${kernel}-dbgsym`, '5.4.0-92.103'),
          packageStanza('linux-modules-5.4.0-92-generic-dbgsym', '5.4.0-92.103'),
        ],
      },
    });
    // Not recognisable as a shim, and newer.
    await putPocket('focal-updates', {
      packages: { amd64: [packageStanza(`linux-image-${kernel}-dbgsym`, '5.4.0-92.103+1')] },
    });
    const { packages } = await listAll({ releases: ['focal'] });
    expect(packages.map(({ packageName }) => packageName)).toEqual([`linux-image-unsigned-${kernel}-dbgsym`]);
  });

  test('all releases: those that the published list names and those that are known', async () => {
    await archive.put('meta-release', META_RELEASE);
    for (const codename of ['bionic', 'focal', 'tame']) {
      await putPocket(codename, { packages: { amd64: [unsigned('5.4.0-1-generic', '5.4.0-1.1')] } });
      await putPocket(`${codename}-updates`);
    }
    const result = await listAll();
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ release }) => release)).toEqual(['18.04', '20.04', '27.04']);
  });

  test('a supported release that disappears fails alone, an old one without a word', async () => {
    await archive.put('meta-release', META_RELEASE);
    await putPocket('bionic', { packages: { amd64: [unsigned('4.15.0-1-generic', '4.15.0-1.1')] } });
    await putPocket('bionic-updates');
    await putPocket('tame');
    await putPocket('tame-updates');
    const result = await listAll();
    expect(result.failures).toMatchObject([
      { suite: 'focal', release: '20.04', error: { code: 'http-not-found' } },
      { suite: 'focal-updates', release: '20.04', error: { code: 'http-not-found' } },
    ]);
    expect(result.packages).toHaveLength(1);
  });

  test('a connection that is dropped for the release itself does not cost its other pockets', async () => {
    await putPocket('focal');
    await putPocket('focal-updates');
    await putPocket('focal-security', { packages: { amd64: [unsigned('5.4.0-1-generic', '5.4.0-1.1')] } });
    archive.server.setFault(({ path }) => (path.includes('/dists/focal/') ? { kind: 'hang-up' } : undefined));
    const result = await listAll({ releases: ['focal'] });
    expect(result.failures).toMatchObject([{ suite: 'focal', error: { code: 'http-unreachable' } }]);
    expect(result.packages).toHaveLength(1);
  });

  test.each(['absent', 'damaged'])(
    'a published list that is %s is a failure and loses nothing',
    async (how) => {
      if (how === 'damaged') await archive.put('meta-release', '<html>');
      await putPocket('focal', { packages: { amd64: [unsigned('5.4.0-1-generic', '5.4.0-1.1')] } });
      await putPocket('focal-updates');
      const result = await listAll();
      expect(result.failures).toMatchObject([
        { suite: 'meta-release', error: { code: how === 'damaged' ? 'index-malformed' : 'http-not-found' } },
      ]);
      expect(result.packages).toHaveLength(1);
      expect((await listAll({ releases: ['20.04'] })).failures).toEqual([]);
      const unheardOf = await listAll({ releases: ['27.04'] });
      expect(unheardOf.failures).toMatchObject([{ suite: 'meta-release' }]);
      expect(unheardOf.packages).toEqual([]);
    },
  );

  test('a release in the making, by its codename', async () => {
    await archive.put('meta-release', META_RELEASE);
    await putPocket('vast', {
      release: ['Suite: vast', 'Codename: vast', 'Version: 28.04'],
      packages: { amd64: [unsigned('8.0.0-1-generic', '8.0.0-1.1')] },
    });
    await putPocket('vast-updates');
    const result = await listAll({ releases: ['vast'] });
    expect(result.failures).toEqual([]);
    expect(result.packages.map(({ release }) => release)).toEqual(['28.04']);
    await expect(listAll({ releases: ['wonky'] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('27.04 (tame)'),
    });
  });

  test('an archive that signs beside its Release, as the debug archive of 20.04 did', async () => {
    await putPocket('focal', { packages: { amd64: [unsigned('5.4.0-1-generic', '5.4.0-1.1')] } });
    await putPocket('focal-updates');
    for (const pocket of ['focal', 'focal-updates']) {
      const file = join(archive.www, 'ddebs/dists', pocket, 'Release');
      await archive.signer.detachSign(file, `${file}.gpg`);
      await rm(join(dirname(file), 'InRelease'));
    }
    const result = await listAll({ releases: ['focal'] });
    expect(result.failures).toEqual([]);
    expect(result.packages).toMatchObject([{ trust: 'signed-index' }]);
    expect(result.indexes[0].signer).toMatch(/^[0-9A-F]{40}$/);

    await archive.put(
      'ddebs/dists/focal/Release',
      'Suite: focal\nDate: Thu, 19 Nov 2026 02:12:54 UTC\nSHA256:\n',
    );
    expect((await listAll({ releases: ['focal'] })).failures).toMatchObject([
      { suite: 'focal', error: { code: 'index-signature' } },
    ]);
    await rm(join(archive.www, 'ddebs/dists/focal/Release.gpg'));
    expect((await listAll({ releases: ['focal'] })).failures).toMatchObject([
      { suite: 'focal', error: { code: 'http-not-found' } },
    ]);
  });

  test('a pocket whose Release names the release only, and one of another release', async () => {
    const release = ['Codename: focal', 'Version: 20.04'];
    await putPocket('focal', { release, packages: { amd64: [unsigned('5.4.0-1-generic', '5.4.0-1.1')] } });
    await putPocket('focal-updates', {
      release,
      packages: { amd64: [unsigned('5.4.0-2-generic', '5.4.0-2.2')] },
    });
    await putPocket('focal-security', { release: ['Suite: jammy-security', 'Codename: jammy'] });
    const result = await listAll({ releases: ['focal'] });
    expect(result.packages).toHaveLength(2);
    expect(result.failures).toMatchObject([
      {
        suite: 'focal-security',
        error: { code: 'index-malformed', message: expect.stringContaining('jammy') },
      },
    ]);
  });

  test('a Release that contradicts what the release is known as is not filed anywhere', async () => {
    await putPocket('focal', {
      release: ['Suite: focal', 'Codename: focal', 'Version: 22.04'],
      packages: { amd64: [unsigned('5.4.0-1-generic', '5.4.0-1.1')] },
    });
    const result = await listAll({ releases: ['focal'] });
    expect(result.packages).toEqual([]);
    expect(result.failures).toMatchObject([
      { suite: 'focal', error: { code: 'index-malformed', message: expect.stringContaining('22.04') } },
    ]);
  });

  describe('with --history', () => {
    const request = { releases: ['16.04'], archs: ['x86_64'], history: true };

    beforeEach(() => {
      const kernels = ['4.4.0-98-generic', '4.4.0-210-generic'];
      launchpad.pages = (query) => ({
        body: {
          entries: query.get('distro_arch_series')?.endsWith('/ubuntu/xenial/amd64')
            ? kernels.map((kernel) => publicationEntry(launchpad.api, kernel))
            : [],
        },
      });
      launchpad.files = (id) => ({ body: [publishedFile(publishedName(id))] });
    });

    test('what the debug archive has no longer comes from Launchpad, the rest from the archive', async () => {
      const left = packageStanza('linux-image-4.4.0-210-generic-dbgsym', '4.4.0-210.242');
      await putPocket('xenial', { packages: { amd64: [left] } });
      await putPocket('xenial-updates');
      const result = await listAll(request);
      expect(result.failures).toEqual([]);
      expect(result.packages.map(({ kernel, suite, trust }) => [kernel, suite, trust])).toEqual([
        ['4.4.0-210-generic', 'xenial', 'signed-index'],
        ['4.4.0-98-generic', 'launchpad', 'tls-only'],
      ]);
      launchpad.asked.length = 0;
      expect((await listAll({ ...request, history: false })).packages).toHaveLength(1);
      expect(launchpad.asked).toEqual([]);
    });

    test('is pointed to when a kernel that was named is not there', async () => {
      await putPocket('xenial');
      await putPocket('xenial-updates');
      const kernels = ['4.4.0-98-generic', '4.15.*'];
      await listAll({ ...request, kernels, history: false });
      expect(said).toContain('4.4.0-98-generic: not in the debug archive; --history asks Launchpad as well');
    });

    test('a release that has left the debug archive is all there', async () => {
      const result = await listAll(request);
      expect(result.failures).toEqual([]);
      expect(result.packages.map(({ suite }) => suite)).toEqual(['launchpad', 'launchpad']);
    });

    test('is not asked about a release whose indexes could not be read', async () => {
      await putPocket('xenial');
      await putPocket('xenial-updates', { packages: { amd64: [packageStanza('linux-image-x', '1')] } });
      archive.server.setFault(({ path }) =>
        path.includes('/xenial-updates/main/') ? { kind: 'status', statusCode: 404 } : undefined,
      );
      const result = await listAll(request);
      expect(result.failures).toMatchObject([{ suite: 'xenial-updates' }]);
      expect(launchpad.asked).toEqual([]);
      expect(said.join('\n')).toContain('launchpad 16.04: not asked');
    });

    test('is left alone once it refuses', async () => {
      launchpad.pages = () => ({ statusCode: 403, body: '' });
      const result = await listAll({ ...request, releases: ['16.04', '18.04'], archs: [] });
      expect(result.failures).toMatchObject([{ suite: 'launchpad', error: { code: 'http-refused' } }]);
      expect(launchpad.asked).toHaveLength(1);
    });
  });
});

function unsigned(kernel: string, version: string): string {
  return packageStanza(`linux-image-unsigned-${kernel}-dbgsym`, version);
}
