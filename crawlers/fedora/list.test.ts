/** The listing on a made-up web with Fedora's own hosts: no package is ever fetched here. */

import { beforeEach, describe, expect, test } from 'vitest';
import { type IndexedRpm, metalinkOf, rpmIndex } from '../../test/mirrors/rpm-indexes.ts';
import { EVERYTHING } from '../../test/support/crawl-context.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { FEDORA_KEYRINGS } from '../trust/index.ts';
import type { CrawlRequest, CrawlResult } from '../types.ts';
import { listFedora } from './list.ts';
import { BUILT_IN, FIRST_BY_DEFAULT } from './releases.ts';

const LIVE = 'https://dl.fedoraproject.org/pub/fedora/linux';
const ARCHIVE = 'https://archives.fedoraproject.org/pub/archive/fedora/linux';
const METALINK = 'https://mirrors.fedoraproject.org/metalink';
const RELEASES = 'https://fedoraproject.org/releases.json';
const NEWEST = Math.max(...BUILT_IN.current);

let web: FakeWeb;

beforeEach(async () => {
  web = createFakeWeb(await tempDirForTest('fedora'));
});

/** `6.17.1-300.fc43` as a kernel-debuginfo package with what lies beside it. */
function kernel(build: string, arch = 'x86_64', debug = false): IndexedRpm[] {
  const [version, release] = build.split('-');
  const names = ['kernel-debuginfo', `kernel-debuginfo-common-${arch}`, 'kernel-tools-debuginfo'];
  return [...names, ...(debug ? ['kernel-debug-debuginfo'] : [])].map((name) => ({
    name,
    version,
    release,
    arch,
  }));
}

/** @param repository name for MirrorManager, where it knows it */
function putRepository(
  base: string,
  rpms: readonly IndexedRpm[],
  repository?: string,
  arch = 'x86_64',
): void {
  const index = rpmIndex(rpms);
  for (const [path, bytes] of index.files) web.put(base + path, bytes);
  if (repository !== undefined) {
    web.put(`${METALINK}?repo=${repository}&arch=${arch}`, metalinkOf([base], [index.repomd]));
  }
}

function putReleases(...versions: readonly string[]): void {
  web.put(RELEASES, JSON.stringify(versions.map((version) => ({ version, arch: 'x86_64', link: 'x' }))));
}

function list(request: Partial<CrawlRequest> = {}): Promise<CrawlResult> {
  return listFedora({ ...EVERYTHING, archs: ['x86_64'], ...request }, web.context);
}

function kernels({ packages }: CrawlResult): string[] {
  return packages.map(({ release, arch, kernel: name }) => `${release}/${arch}/${name}`);
}

function codes({ failures }: CrawlResult): string[] {
  return failures.map(({ suite, release, error }) => `${suite} ${release} ${error.code}`);
}

describe('a release by name', () => {
  test('release, updates and testing come together, the newest build first', async () => {
    putRepository(
      `${LIVE}/releases/43/Everything/x86_64/debug/tree/`,
      kernel('6.17.1-300.fc43'),
      'fedora-debug-43',
    );
    putRepository(
      `${LIVE}/updates/43/Everything/x86_64/debug/`,
      [...kernel('6.17.8-300.fc43'), ...kernel('6.17.10-300.fc43')],
      'updates-released-debug-f43',
    );
    putRepository(
      `${LIVE}/updates/testing/43/Everything/x86_64/debug/`,
      [...kernel('6.17.10-300.fc43'), ...kernel('6.17.11-300.fc43')],
      'updates-testing-debug-f43',
    );
    const found = await list({ releases: ['43'] });
    expect(found.failures).toEqual([]);
    expect(kernels(found)).toEqual([
      '43/x86_64/6.17.11-300.fc43.x86_64',
      '43/x86_64/6.17.10-300.fc43.x86_64',
      '43/x86_64/6.17.8-300.fc43.x86_64',
      '43/x86_64/6.17.1-300.fc43.x86_64',
    ]);
    expect(found.packages[1]).toMatchObject({
      distro: 'fedora',
      packageName: 'kernel-debuginfo',
      packageVersion: '6.17.10-300.fc43',
      format: 'rpm',
      suite: 'updates-released-debug-f43',
      trust: 'tls-only',
      signature: { keyrings: [FEDORA_KEYRINGS.get(43)], allowWeak: false },
    });
    expect(found.indexes.map(({ suite, kernels: count }) => [suite, count])).toEqual([
      ['fedora-debug-43', 1],
      ['updates-released-debug-f43', 2],
      ['updates-testing-debug-f43', 2],
    ]);
    expect(web.log).not.toContain(RELEASES);
  });

  test('debug kernels only on request, and never confused with the others', async () => {
    putRepository(
      `${ARCHIVE}/releases/31/Everything/x86_64/debug/tree/`,
      kernel('5.3.7-301.fc31', 'x86_64', true),
    );
    putRepository(`${ARCHIVE}/updates/31/Everything/x86_64/debug/`, []);
    expect(kernels(await list({ releases: ['31'] }))).toEqual(['31/x86_64/5.3.7-301.fc31.x86_64']);
    const { packages, failures } = await list({ releases: ['31'], variants: ['debug'] });
    expect(failures).toEqual([]);
    expect(packages.map(({ packageName, kernel: name }) => [packageName, name])).toEqual([
      ['kernel-debuginfo', '5.3.7-301.fc31.x86_64'],
      ['kernel-debug-debuginfo', '5.3.7-301.fc31.x86_64+debug'],
    ]);
  });

  test.each([
    ['24', '4.5.5-300.fc24', false],
    ['12', '2.6.31.5-127.fc12', true],
    ['13', '2.6.33.3-85.fc13', false],
  ])('%s has its own key and no other; weak signatures only up to 12', async (name, build, allowWeak) => {
    const path = Number(name) >= 24 ? 'debug/tree' : 'debug';
    putRepository(`${ARCHIVE}/releases/${name}/Everything/x86_64/${path}/`, kernel(build));
    const { packages } = await list({ releases: [name], keyrings: ['/mine'] });
    const own = FEDORA_KEYRINGS.get(Number(name));
    expect(packages[0].signature).toEqual({ keyrings: [own, '/mine'], allowWeak });
  });

  test('one that nobody has → http-not-found', async () => {
    expect(codes(await list({ releases: ['60'] }))).toEqual(['rawhide-debug 60 http-not-found']);
    const onMirror = await list({ releases: ['60', '42'], mirror: 'https://m.example/fedora/linux' });
    expect(codes(onMirror)).toEqual(['60 60 http-not-found', '42 42 http-not-found']);
  });

  test('one without a key here is listed, and told about', async () => {
    putRepository(
      `${LIVE}/development/60/Everything/x86_64/debug/tree/`,
      kernel('9.9.1-300.fc60'),
      'fedora-debug-60',
    );
    putRepository(`${LIVE}/development/rawhide/Everything/x86_64/debug/tree/`, kernel('9.9.9-300.fc61'));
    const found = await list({ releases: ['60'] });
    expect(found.failures).toEqual([]);
    expect(kernels(found)).toEqual(['60/x86_64/9.9.1-300.fc60.x86_64']);
    expect(found.packages[0].signature).toEqual({ keyrings: [], allowWeak: false });
    expect(web.said.join('\n')).toContain('fedora 60: its key is not here');
    web.said.length = 0;
    const [withKey] = (await list({ releases: ['60'], keyrings: ['/mine'] })).packages;
    expect(withKey.signature).toEqual({ keyrings: ['/mine'], allowWeak: false });
    expect(web.said.join('\n')).not.toContain('its key');
  });

  test('an old secondary architecture, on request', async () => {
    const secondary = 'https://archives.fedoraproject.org/pub/archive/fedora-secondary';
    putRepository(`${secondary}/releases/30/Everything/i386/debug/tree/`, [
      ...kernel('5.0.9-301.fc30', 'i686'),
      { name: 'kernel-PAE-debuginfo', version: '5.0.9', release: '301.fc30', arch: 'i686' },
      ...kernel('5.0.9-301.fc30', 'x86_64'),
    ]);
    const found = await list({ releases: ['30'], archs: ['i686'] });
    expect(found.failures).toEqual([]);
    expect(kernels(found)).toEqual(['30/i686/5.0.9-301.fc30.i686', '30/i686/5.0.9-301.fc30.i686+PAE']);
  });
});

describe('where a release is', () => {
  const path = '/releases/44/Everything/x86_64/debug/tree/';
  const updates = '/updates/44/Everything/x86_64/debug/';

  test('moved to the archive since this was written', async () => {
    putRepository(ARCHIVE + path, kernel('7.0.1-300.fc44'));
    putRepository(ARCHIVE + updates, kernel('7.0.9-200.fc44'));
    const found = await list({ releases: ['44'] });
    expect(found.failures).toEqual([]);
    expect(found.packages.map(({ url }) => new URL(url).host)).toEqual([
      'archives.fedoraproject.org',
      'archives.fedoraproject.org',
    ]);
  });

  test('archived early or late: asked for at the host as well', async () => {
    putRepository(`${LIVE}/releases/31/Everything/x86_64/debug/tree/`, kernel('5.3.7-301.fc31'));
    putRepository(`${LIVE}/updates/31/Everything/x86_64/debug/`, []);
    expect(kernels(await list({ releases: ['31'] }))).toHaveLength(1);
  });

  test('a repository that is gone fails alone', async () => {
    putRepository(LIVE + path, kernel('7.0.1-300.fc44'), 'fedora-debug-44');
    const found = await list({ releases: ['44'] });
    expect(codes(found)).toEqual(['updates-released-debug-f44 44 http-not-found']);
    expect(kernels(found)).toEqual(['44/x86_64/7.0.1-300.fc44.x86_64']);
  });

  test.each([
    ['MirrorManager is down', () => web.kill('mirrors.fedoraproject.org')],
    ['its metalink is of an older state than every mirror', () => putMetalink([LIVE + path], 'older')],
    [
      'its metalink names only mirrors that are gone',
      () => putMetalink(['https://gone.example/debug/'], 'right'),
    ],
    ['its metalink is a page of excuses', () => web.put(metalinkUrl, '<html>busy</html>')],
    ['it refuses', () => web.put(metalinkUrl, 403)],
  ])('%s: the host itself is asked', async (_what, breakIt) => {
    putRepository(LIVE + path, kernel('7.0.1-300.fc44'), 'fedora-debug-44');
    putRepository(LIVE + updates, [], 'updates-released-debug-f44');
    breakIt();
    const found = await list({ releases: ['44'] });
    expect(found.failures).toEqual([]);
    expect(found.packages).toMatchObject([{ release: '44', trust: 'tls-only' }]);
    expect(found.packages[0].url.startsWith(LIVE)).toBe(true);
  });

  const metalinkUrl = `${METALINK}?repo=fedora-debug-44&arch=x86_64`;
  function putMetalink(bases: readonly string[], state: 'older' | 'right'): void {
    const { repomd } = rpmIndex(kernel('7.0.1-300.fc44'), state === 'older' ? 1 : undefined);
    web.put(metalinkUrl, metalinkOf(bases, [repomd]));
  }

  test('on a mirror that somebody else runs', async () => {
    const mirror = 'http://mirror.example/fedora/linux';
    putRepository(`${mirror}/releases/27/Everything/x86_64/debug/tree/`, kernel('4.13.9-300.fc27'));
    putRepository(`${mirror}/updates/27/x86_64/debug/`, kernel('4.18.19-100.fc27'));
    putRepository(`${mirror}/development/rawhide/Everything/x86_64/debug/tree/`, kernel('7.3.0-1.fc47'));
    const found = await list({ mirror: `${mirror}/` });
    expect(found.failures).toEqual([]);
    expect(kernels(found)).toEqual([
      '47/x86_64/7.3.0-1.fc47.x86_64',
      '27/x86_64/4.18.19-100.fc27.x86_64',
      '27/x86_64/4.13.9-300.fc27.x86_64',
    ]);
    expect(new Set(found.packages.map(({ trust }) => trust))).toEqual(new Set(['unanchored']));
    expect(new Set(web.log.map((url) => new URL(url).host))).toEqual(new Set(['mirror.example']));
  });
});

describe('rawhide', () => {
  beforeEach(() => {
    putRepository(
      `${LIVE}/development/rawhide/Everything/x86_64/debug/tree/`,
      [...kernel('7.2.0-0.rc6.48.fc46'), ...kernel('7.3.0-0.rc1.15.fc47')],
      'rawhide-debug',
    );
  });

  test('is filed under the number that it will have', async () => {
    const found = await list({ releases: ['rawhide'] });
    expect(kernels(found)).toEqual([
      '47/x86_64/7.3.0-0.rc1.15.fc47.x86_64',
      '47/x86_64/7.2.0-0.rc6.48.fc46.x86_64',
    ]);
    expect(found.indexes).toMatchObject([{ suite: 'rawhide-debug', release: '47', kernels: 2 }]);
  });

  test('is signed with the key of a release that is not out yet', async () => {
    const [{ signature }] = (await list({ releases: ['rawhide'] })).packages;
    const future = [...FEDORA_KEYRINGS.keys()].filter((number) => number > NEWEST);
    expect(future.length).toBeGreaterThan(0);
    expect(signature).toEqual({
      keyrings: future.map((number) => FEDORA_KEYRINGS.get(number)),
      allowWeak: false,
    });
  });

  test('is found by its number, too; under another number it is not', async () => {
    expect(kernels(await list({ releases: ['47'] }))).toHaveLength(2);
    const other = await list({ releases: ['46'] });
    expect(kernels(other)).toEqual([]);
    expect(codes(other)).toEqual(['46 46 http-not-found']);
  });

  test('without any kernel it is rawhide', async () => {
    putRepository(`${LIVE}/development/rawhide/Everything/x86_64/debug/tree/`, [], 'rawhide-debug');
    expect(await list({ releases: ['rawhide'] })).toMatchObject({
      packages: [],
      failures: [],
      indexes: [{ release: 'rawhide' }],
    });
  });
});

describe('without a request', () => {
  /** Every repository that has to be there, with one kernel in each release. */
  function putWorld(current: readonly number[]): void {
    for (const arch of ['x86_64', 'aarch64']) {
      for (let number = FIRST_BY_DEFAULT; number <= Math.max(...current); number += 1) {
        if (arch === 'aarch64' && number < 28) continue;
        const isCurrent = current.includes(number);
        const base = isCurrent ? LIVE : ARCHIVE;
        const tree = number >= 24 ? 'debug/tree' : 'debug';
        const everything = number >= 28 ? 'Everything/' : '';
        putRepository(
          `${base}/releases/${number}/Everything/${arch}/${tree}/`,
          kernel(`5.${number}.1-300.fc${number}`, arch),
          isCurrent ? `fedora-debug-${number}` : undefined,
          arch,
        );
        putRepository(
          `${base}/updates/${number}/${everything}${arch}/debug/`,
          kernel(`5.${number}.2-300.fc${number}`, arch),
          isCurrent ? `updates-released-debug-f${number}` : undefined,
          arch,
        );
      }
      putRepository(
        `${LIVE}/development/rawhide/Everything/${arch}/debug/tree/`,
        kernel(`6.1.0-0.rc1.fc${NEWEST + 1}`, arch),
        'rawhide-debug',
        arch,
      );
    }
  }
  const everything = (NEWEST - FIRST_BY_DEFAULT + 1) * 2 + (NEWEST - 28 + 1) * 2 + 2;

  test('every release, and rawhide', async () => {
    putWorld(BUILT_IN.current);
    putReleases(...BUILT_IN.current.map(String));
    const found = await list({ archs: [] });
    expect(found.failures).toEqual([]);
    expect(found.packages).toHaveLength(everything);
    expect(kernels(found)).toContain(`20/x86_64/5.20.1-300.fc20.x86_64`);
    expect(kernels(found)).not.toContain(`27/arm64/5.27.1-300.fc27.aarch64`);
  });

  test('is polite: some requests per repository, and headers only the second time', async () => {
    putWorld(BUILT_IN.current);
    putReleases(...BUILT_IN.current.map(String));
    const first = await list({ archs: [] });
    expect(first.indexRequests).toBe(web.log.length);
    expect(first.indexRequests).toBeLessThan(400);
    expect(new Set(web.log).size).toBe(web.log.length);
    web.log.length = 0;
    const second = await list({ archs: [] });
    expect(second.packages).toEqual(first.packages);
    expect(second.indexBytes).toBe(0);
    expect(web.log.filter((url) => url.includes('primary'))).toEqual([]);
    expect(second.indexRequests).toBeLessThan(first.indexRequests * 0.75);
  });

  test.each([
    ['gone', () => undefined, 'http-not-found'],
    ['unreachable', () => web.kill('fedoraproject.org'), 'http-unreachable'],
    ['of another form', () => web.put(RELEASES, '{"releases": [45]}'), 'index-malformed'],
  ])('the list of releases is %s: one failure, and nothing is lost', async (_what, breakIt, code) => {
    putWorld(BUILT_IN.current);
    breakIt();
    const found = await list({ archs: [] });
    expect(codes(found)).toEqual([`releases.json releases.json ${code}`]);
    expect(found.packages).toHaveLength(everything);
  });

  test('releases that came since are found with the list, and without it', async () => {
    const current = [NEWEST + 1, NEWEST + 2];
    for (const isListed of [true, false]) {
      web = createFakeWeb(await tempDirForTest('fedora'));
      putWorld([NEWEST - 2, NEWEST - 1, NEWEST, ...current]);
      if (isListed) putReleases(...current.map(String));
      const found = await list({ archs: [] });
      const releases = new Set(found.packages.map(({ release }) => Number(release)));
      for (const number of current) expect(releases).toContain(number);
      expect(codes(found)).toEqual(isListed ? [] : ['releases.json releases.json http-not-found']);
    }
  });

  test('a release that disappears fails alone', async () => {
    putWorld(BUILT_IN.current);
    putReleases(...BUILT_IN.current.map(String));
    const base = `${ARCHIVE}/updates/30/Everything/x86_64/debug/`;
    web.put(`${base}repodata/repomd.xml`, 404);
    const found = await list({ archs: [] });
    expect(codes(found)).toEqual(['updates-released-debug-f30 30 http-not-found']);
    expect(found.packages).toHaveLength(everything - 1);
  });

  test('a host that is dead is asked once', async () => {
    putWorld(BUILT_IN.current);
    putReleases(...BUILT_IN.current.map(String));
    web.kill('archives.fedoraproject.org');
    const found = await list({ archs: [] });
    expect(web.log.filter((url) => url.includes('archives.fedoraproject.org'))).toHaveLength(1);
    expect(new Set(found.failures.map(({ error }) => error.code))).toEqual(new Set(['http-unreachable']));
    expect(found.packages.length).toBeGreaterThan(0);
  });
});
