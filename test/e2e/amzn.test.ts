/** The real command crawls a small Amazon Linux, on Amazon's own host names: every release, and what goes wrong there. */

import { cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AmazonMirror,
  buildAmazonMirror,
  isOfOlderState,
  OLDER_STATE,
  REGIONS,
} from '../mirrors/amzn-mirror.ts';
import { keysOf } from '../mirrors/built-mirror.ts';
import { signRpms } from '../mirrors/rpm-package.ts';
import { buildRepository, type RepositoryForm } from '../mirrors/rpm-repository.ts';
import { expectExit } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import {
  expectOwnBtf,
  indexFailures,
  type InternetSite,
  outcomes,
  RPM_E2E_TOOLS,
  startWorld,
  type World,
} from './internet-site.ts';
import { query } from './site.ts';

const CDN = 'cdn.amazonlinux.com';
const LIST_OF_2023 = `${CDN}/al2023/core/mirrors/latest/debuginfo/aarch64/mirror.list`;
const ARM64_OF_2023 = ['--release', '2023', '--arch', 'arm64'];

describe.skipIf(needsTool(...RPM_E2E_TOOLS))('crawl of a local Amazon Linux', () => {
  let world: World<AmazonMirror>;

  beforeAll(async () => {
    world = await startWorld('amzn', buildAmazonMirror);
  });
  afterAll(() => world.close());

  function expected(prefix: string): string[] {
    const older = new Set(world.mirror.kernels.filter(isOfOlderState).map(({ key }) => key));
    return keysOf(world.mirror, prefix).filter((key) => !older.has(key));
  }

  /** Makes the repository of 2023 for arm64 anew, with what `change` did to its packages; undone at the end. */
  async function withRepository(
    form: RepositoryForm,
    change: (files: readonly string[]) => Promise<void>,
    use: () => Promise<void>,
  ): Promise<void> {
    const base = world.mirror.baseOf(LIST_OF_2023);
    const store = join(world.folder, 'hosts', CDN, 'al2023/blobstore');
    const stage = join(world.folder, 'stage');
    const kept = `${base}.kept`;
    await cp(base, kept, { recursive: true });
    try {
      await execa('sh', ['-c', `mkdir ${stage} && cp $(find ${store} -name '*.aarch64.rpm') ${stage}`]);
      const names = await readdir(stage);
      await change(names.map((name) => join(stage, name)));
      const packages = new Map(names.map((name) => [`Packages/${name}`, join(stage, name)]));
      await buildRepository({ ...form, folder: base, packages });
      await use();
    } finally {
      await rm(stage, { recursive: true });
      await rm(base, { recursive: true });
      await execa('mv', [kept, base]);
    }
  }

  describe('everything', () => {
    let site: InternetSite;

    beforeAll(async () => {
      site = await world.newSite();
      expectExit(await site.crawl([]), 0);
    });

    it('publishes every kernel of every release', async () => {
      const all = expected('amzn/');
      for (const plane of ['2018/x86_64', '2/x86_64', '2/arm64', '2023/x86_64', '2023/arm64']) {
        expect(all.filter((key) => key.startsWith(`amzn/${plane}/`)).length).toBeGreaterThan(1);
      }
      expect(await site.published()).toEqual(all);
    });

    it('publishes the BTF of each kernel’s own vmlinux', () => expectOwnBtf(site, world.mirror));

    it('records that their packages were signed', () => {
      expect(query(site.record, 'SELECT DISTINCT trust FROM kernels')).toEqual([{ trust: 'signed-package' }]);
    });

    it('took packages from the store beside the repositories, and from nobody else', () => {
      const urls = query(site.record, 'SELECT url FROM packages').map(({ url }) => new URL(String(url)));
      for (const { host, pathname } of urls) {
        expect(host).toMatch(/^(cdn\.amazonlinux\.com|packages\.us-west-2\.amazonaws\.com)$/);
        if (host === CDN) expect(pathname).toMatch(/^(\/al2023)?\/blobstore\/[0-9a-f]{64}\//);
      }
    });

    it('a second crawl moves no index and no package', async () => {
      world.internet.reset();
      expectExit(await site.crawl([]), 0);
      expect(world.internet.requests(/\.rpm$|primary/)).toEqual([]);
      // Answers of a program have no validators: lists and the catalog come again.
      const moved = world.internet.log.filter(({ bodyBytes }) => bodyBytes > 0);
      expect(moved.filter(({ url }) => !/mirror\.list$|\.json$|repomd\.xml$/.test(url))).toEqual([]);
    });
  });

  it('an older state of 2023 has kernels that the latest has not', async () => {
    const site = await world.newSite();
    expectExit(await site.crawl(['--release', OLDER_STATE, '--arch', 'x86_64']), 0);
    const older = world.mirror.kernels.filter(isOfOlderState).map(({ key }) => key);
    expect(older.length).toBeGreaterThan(0);
    expect(await site.published()).toEqual(older);
  });

  it('with --history every state that 2023 lists', async () => {
    const site = await world.newSite();
    const list = join(world.folder, 'hosts', CDN, 'al2023/core/releasemd.xml');
    await writeFile(list, `<root><releases><release version="${OLDER_STATE}"/></releases></root>`);
    expectExit(await site.crawl(['--release', '2023', '--arch', 'x86_64', '--history']), 0);
    expect(await site.published()).toEqual(keysOf(world.mirror, 'amzn/2023/x86_64/'));
    await rm(list);
  });

  describe('the key of Amazon Linux 1', () => {
    it('asked for without it → package-signature, and nothing is fetched', async () => {
      const site = await world.newSite();
      const crawl = await site.crawl(['--release', '2018'], []);
      expectExit(crawl, 5);
      expect(indexFailures(crawl)).toEqual(['2018-debuginfo 2018 package-signature']);
      expect(crawl.stderr).toContain('--keyring');
      expect(world.internet.log).toEqual([]);
    });

    it('of everything it is left out without it, and that is told', async () => {
      const site = await world.newSite();
      const crawl = await site.crawl(['--dry-run'], []);
      expectExit(crawl, 0);
      expect(crawl.stderr).toContain('2018: left out');
      expect(world.internet.requests(/2018\.03/)).toEqual([]);
    });

    it('the wrong one → package-signature for every package', async () => {
      const site = await world.newSite();
      const crawl = await site.crawl(['--release', '1'], [world.stranger.keyring]);
      expectExit(crawl, 5);
      expect(new Set(Object.values(outcomes(crawl)))).toEqual(new Set(['package-signature']));
      expect(await site.published()).toEqual([]);
    });
  });

  describe('lists', () => {
    it('that name a dead mirror first', async () => {
      const site = await world.newSite();
      world.internet.unplug(REGIONS[0]);
      expectExit(await site.crawl(['--release', '2018']), 0);
      expect(await site.published()).toEqual(expected('amzn/2018/'));
      const hosts = query(site.record, 'SELECT url FROM packages').map(
        ({ url }) => new URL(String(url)).host,
      );
      expect(new Set(hosts)).toEqual(new Set([REGIONS[1]]));
    });

    it('that name a host of somebody else’s: it is not asked', async () => {
      const site = await world.newSite();
      const body = Buffer.from('https://mirror.example.com/al2023/x86_64/\n');
      world.internet.fail(/mirrors\/latest.*mirror\.list$/, { kind: 'replace', body });
      const crawl = await site.crawl(ARM64_OF_2023);
      expectExit(crawl, 5);
      expect(indexFailures(crawl)).toEqual(['al2023-debuginfo 2023 index-unsafe-path']);
      expect(world.internet.requests(/mirror\.example\.com/)).toEqual([]);
    });

    it('that are not there: that release fails alone', async () => {
      const site = await world.newSite();
      world.internet.fail(/al2023\/core\/mirrors\/latest/, { kind: 'status', statusCode: 403 });
      const crawl = await site.crawl(['--release', '2023', '--release', '2', '--arch', 'arm64']);
      expectExit(crawl, 4);
      expect(indexFailures(crawl).map((line) => line.slice(0, 21))).toEqual(['al2023-debuginfo 2023']);
      expect(await site.published()).toEqual(expected('amzn/2/arm64/'));
    });

    it('a catalog that is none: the core repository is crawled', async () => {
      const site = await world.newSite();
      world.internet.fail(/extras-catalog/, { kind: 'replace', body: Buffer.from('<html>') });
      const crawl = await site.crawl(['--release', '2', '--arch', 'arm64']);
      expectExit(crawl, 5);
      expect(indexFailures(crawl)).toEqual(['amzn2-extras-catalog 2 index-malformed']);
      expect((await site.published()).every((key) => key.includes('/4.14.'))).toBe(true);
      expect(await site.published()).not.toEqual([]);
    });
  });

  describe('repositories', () => {
    it('whose packages are said to be on another host → index-unsafe-path', async () => {
      const site = await world.newSite();
      const form = { plainNames: true, baseUrl: 'https://evil.example.com/al2023' };
      const keep = () => Promise.resolve();
      await withRepository(form, keep, async () => {
        const crawl = await site.crawl(ARM64_OF_2023);
        expectExit(crawl, 5);
        expect(indexFailures(crawl)).toEqual(['al2023-debuginfo 2023 index-unsafe-path']);
      });
      expect(world.internet.requests(/evil\.example/)).toEqual([]);
      expect(await site.published()).toEqual([]);
    });

    it('with databases alone in other compressions, and SHA-1', async () => {
      for (const compression of ['bz2', 'xz'] as const) {
        const site = await world.newSite();
        const form: RepositoryForm = { checksum: 'sha1', database: { compression, alone: true } };
        const keep = () => Promise.resolve();
        await withRepository(form, keep, async () => {
          expectExit(await site.crawl(ARM64_OF_2023), 0);
        });
        expect(await site.published()).toEqual(expected('amzn/2023/arm64/'));
      }
    });

    it('with a package that a stranger signed → package-signature; the others are published', async () => {
      const site = await world.newSite();
      const change = async (files: readonly string[]) => {
        await signRpms(
          files.filter((file) => file.includes('/kernel6.12-debuginfo-6')),
          world.stranger,
        );
      };
      await withRepository({ plainNames: true }, change, async () => {
        const crawl = await site.crawl(ARM64_OF_2023);
        expectExit(crawl, 5);
        expect(outcomes(crawl)).toEqual({
          '6.1.79-99.167.amzn2023.aarch64': 'ok',
          '6.12.35-55.103.amzn2023.aarch64': 'package-signature',
          '6.18.1-1.1.amzn2023.aarch64': 'ok',
        });
      });
    });
  });

  it('a mirror laid out as the original', async () => {
    const site = await world.newSite();
    const crawl = await site.crawl(['--release', '2023', '--arch', 'arm64', '--mirror', `https://${CDN}`]);
    expectExit(crawl, 0);
    expect(await site.published()).toEqual(expected('amzn/2023/arm64/'));
    expect(world.internet.log.every(({ host }) => host === CDN)).toBe(true);
  });
});
