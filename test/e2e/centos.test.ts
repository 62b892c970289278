/** The real command crawls a small CentOS, on CentOS's own host names: every kind of tree, and what goes wrong there. */

import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../mirrors/built-mirror.ts';
import { buildCentosMirror, CENTOS_HOSTS, type CentosMirror } from '../mirrors/centos-mirror.ts';
import { kernelRpm, openKitchen } from '../mirrors/kernel-rpm.ts';
import { signRpms } from '../mirrors/rpm-package.ts';
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

const SEVEN = ['--release', '7', '--arch', 'x86_64'];
const ONE_OF_SEVEN = [...SEVEN, '--kernel', '3.10.0-1160.el7.x86_64'];

describe.skipIf(needsTool(...RPM_E2E_TOOLS))('crawl of a local CentOS', () => {
  let world: World<CentosMirror>;

  beforeAll(async () => {
    world = await startWorld('centos', buildCentosMirror);
  });
  afterAll(() => world.close());

  /** Puts `files` into a repository beside what it has; undoes it at the end of `use`. */
  async function withPackages(
    path: string,
    files: readonly string[],
    use: () => Promise<void>,
  ): Promise<void> {
    const base = world.mirror.baseOf(CENTOS_HOSTS.debuginfo, path);
    const kept = `${base}.kept`;
    await cp(base, kept, { recursive: true });
    try {
      await execa('cp', ['--remove-destination', ...files, join(base, 'Packages')]);
      await execa('createrepo_c', ['--quiet', base]);
      await use();
    } finally {
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

    it('publishes every kernel of both architectures, debug kernels not among them', async () => {
      const expected = keysOf(world.mirror);
      for (const release of ['7', '8', '9', '10']) {
        expect(expected.filter((key) => key.startsWith(`centos/${release}/`)).length).toBeGreaterThan(2);
      }
      expect(await site.published()).toEqual(expected);
    });

    it('publishes the BTF of each kernel’s own vmlinux', () => expectOwnBtf(site, world.mirror));

    it('records what each rests on', () => {
      const rows = query(site.record, 'SELECT DISTINCT release, kernel, trust FROM kernels ORDER BY kernel');
      const trusts = (pattern: RegExp) => [
        ...new Set(rows.filter(({ kernel }) => pattern.test(String(kernel))).map(({ trust }) => trust)),
      ];
      // RT and NFV sign no index: their packages do.
      expect(trusts(/\.el[78]|\+rt/)).toEqual(['signed-package']);
      expect(trusts(/\.el(9|10)\.(x86_64|aarch64)$/)).toEqual(['signed-index']);
    });

    it('asked for one later Stream, and took the answer', () => {
      const asked = world.internet.requests(/\/1[1-9]-stream\//);
      expect(asked.map(({ url, statusCode }) => `${url} ${statusCode}`)).toEqual([
        'https://mirror.stream.centos.org/11-stream/BaseOS/x86_64/debug/tree/repodata/repomd.xml 404',
      ]);
    });

    it('a second crawl moves no index and no package', async () => {
      world.internet.reset();
      expectExit(await site.crawl([]), 0);
      const moved = world.internet.log.filter(
        ({ host, bodyBytes }) => bodyBytes > 0 && host !== CENTOS_HOSTS.metalink,
      );
      expect(moved.map(({ url }) => url)).toEqual([]);
      expect(world.internet.requests(/\.rpm$|primary/)).toEqual([]);
    });
  });

  it('debug kernels on request, each by the name of its time', async () => {
    const site = await world.newSite();
    expectExit(await site.crawl(['--arch', 'x86_64', '--variant', 'debug', '--kernel', '*debug']), 0);
    const expected = world.mirror.kernels.filter(({ variant }) => variant === 'debug').map(({ key }) => key);
    expect(await site.published()).toEqual([...new Set(expected)].sort());
    expect(expected).toContain('centos/7/x86_64/3.10.0-1160.el7.x86_64.debug');
    expect(expected).toContain('centos/9/x86_64/5.14.0-620.el9.x86_64+rt-debug');
    await expectOwnBtf(site, world.mirror);
  });

  describe('hosts that fail', () => {
    it('the first is dead: its copies have everything', async () => {
      const site = await world.newSite();
      world.internet.unplug(CENTOS_HOSTS.debuginfo);
      expectExit(await site.crawl(SEVEN), 0);
      expect(await site.published()).toEqual(keysOf(world.mirror, 'centos/7/x86_64/'));
      const hosts = query(site.record, 'SELECT url FROM packages').map(
        ({ url }) => new URL(String(url)).host,
      );
      expect(new Set(hosts)).toEqual(new Set(['linuxsoft.cern.ch']));
    });

    it('the first has lost a package that its index lists', async () => {
      const site = await world.newSite();
      world.internet.fail(/debuginfo\.centos\.org.*\.rpm$/, { kind: 'status', statusCode: 404 });
      expectExit(await site.crawl(ONE_OF_SEVEN), 0);
      expect(await site.published()).toEqual(['centos/7/x86_64/3.10.0-1160.el7.x86_64']);
      expect(world.internet.requests(/linuxsoft\.cern\.ch.*\.rpm$/)).not.toEqual([]);
    });

    it('none speaks HTTPS: what the package’s own signature covers is published', async () => {
      const site = await world.newSite();
      world.internet.fail(/^https:\/\/(debuginfo|linuxsoft|mirror\.facebook)/, { kind: 'hang-up' });
      expectExit(await site.crawl(['--release', '8-linux', '--arch', 'x86_64']), 0);
      const rows = query(site.record, 'SELECT DISTINCT trust FROM kernels');
      expect(rows).toEqual([{ trust: 'signed-package' }]);
      const urls = query(site.record, 'SELECT url FROM packages').map(({ url }) => String(url));
      for (const url of urls) expect(url).toMatch(/^http:\/\/debuginfo\.centos\.org\/8\//);
    });

    it('all are dead: that release fails alone', async () => {
      const site = await world.newSite();
      for (const host of [CENTOS_HOSTS.debuginfo, ...CENTOS_HOSTS.copies]) world.internet.unplug(host);
      const crawl = await site.crawl(['--release', '8-linux', '--release', '9', '--arch', 'x86_64']);
      expectExit(crawl, 4);
      expect(indexFailures(crawl)).toEqual(['8-debuginfo 8 http-unreachable']);
      expect(await site.published()).toEqual(keysOf(world.mirror, 'centos/9/x86_64/'));
    });

    it('no metalink: the Stream’s own host does', async () => {
      const site = await world.newSite();
      world.internet.unplug(CENTOS_HOSTS.metalink);
      expectExit(await site.crawl(['--release', '10', '--arch', 'x86_64']), 0);
      expect(await site.published()).toEqual(keysOf(world.mirror, 'centos/10/x86_64/'));
    });
  });

  it('a Stream that nobody foresaw is found', async () => {
    const site = await world.newSite();
    const base = (stream: string) => world.mirror.baseOf(CENTOS_HOSTS.stream, `${stream}/BaseOS`);
    await cp(base('10-stream'), base('11-stream'), { recursive: true });
    try {
      // Both releases have the very same package.
      expectExit(await site.crawl(['--arch', 'x86_64', '--kernel', '6.12.0-150.el10.x86_64']), 0);
      expect(await site.published()).toEqual([
        'centos/10/x86_64/6.12.0-150.el10.x86_64',
        'centos/11/x86_64/6.12.0-150.el10.x86_64',
      ]);
    } finally {
      await rm(world.mirror.baseOf(CENTOS_HOSTS.stream, '11-stream'), { recursive: true });
    }
  });

  describe('Stream 8 beside 8', () => {
    const name = 'kernel-debuginfo-4.18.0-80.el8.x86_64.rpm';
    const conflict = '4.18.0-80.el8.x86_64';
    const theirs = () => join(world.mirror.baseOf(CENTOS_HOSTS.debuginfo, '8/x86_64'), 'Packages', name);

    it('the same package in both is one kernel', async () => {
      const site = await world.newSite();
      await withPackages('8-stream/x86_64', [theirs()], async () => {
        expectExit(await site.crawl(['--release', '8', '--arch', 'x86_64']), 0);
      });
      expect(await site.published()).toEqual(keysOf(world.mirror, 'centos/8/x86_64/'));
    });

    it('another package of the same name → index-conflict, and neither is published', async () => {
      const site = await world.newSite();
      const kitchen = openKitchen(join(world.folder, 'rebuilt'), world.signer);
      const rebuilt = await kernelRpm({
        name: 'kernel-debuginfo',
        version: '4.18.0',
        release: '80.el8',
        arch: 'x86_64',
        vmlinux: world.kernels.dwarf5,
      });
      const cooked = await kitchen.cook([rebuilt]);
      await withPackages('8-stream/x86_64', [...cooked.values()], async () => {
        const crawl = await site.crawl(['--release', '8', '--arch', 'x86_64']);
        expectExit(crawl, 5);
        expect(indexFailures(crawl)).toEqual(['8-stream-debuginfo 8 index-conflict']);
        expect(crawl.stdout).toContain(`/8/x86_64/Packages/${name}`);
        expect(crawl.stdout).toContain(`/8-stream/x86_64/Packages/${name}`);
        expect(await site.published()).toEqual(
          keysOf(world.mirror, 'centos/8/x86_64/').filter((key) => !key.endsWith(`/${conflict}`)),
        );
        expectExit(await site.crawl(['--release', '8-stream', '--kernel', conflict]), 0);
        expect(await site.published()).toContain(`centos/8/x86_64/${conflict}`);
      });
    });
  });

  describe('packages that are not what they should be', () => {
    it('signed by a stranger, or by nobody → package-signature; the others are published', async () => {
      const site = await world.newSite();
      const folder = world.mirror.baseOf(CENTOS_HOSTS.debuginfo, '8/x86_64/Packages');
      const names = ['4.18.0-80.el8', '4.18.0-147.8.1.el8_1'].map((b) => `kernel-debuginfo-${b}.x86_64.rpm`);
      const files = names.map((name) => join(world.folder, name));
      for (const [index, file] of files.entries()) await cp(join(folder, names[index]), file);
      await signRpms([files[0]], world.stranger);
      await execa('rpmsign', ['--delsign', files[1]]);
      await withPackages('8/x86_64', files, async () => {
        const crawl = await site.crawl(['--release', '8-linux', '--arch', 'x86_64']);
        expectExit(crawl, 5);
        expect(outcomes(crawl)).toEqual({
          '4.18.0-80.el8.x86_64': 'package-signature',
          '4.18.0-147.8.1.el8_1.x86_64': 'package-signature',
          '4.18.0-305.rt7.72.el8.x86_64': 'ok',
        });
      });
    });

    it('a kernel of another name inside → kernel-name, naming both', async () => {
      const site = await world.newSite();
      const kitchen = openKitchen(join(world.folder, 'misnamed'), world.signer);
      const cooked = await kitchen.cook([
        await kernelRpm({
          name: 'kernel-rt-debuginfo',
          version: '4.18.0',
          release: '999.el8',
          arch: 'x86_64',
          suffix: '',
          vmlinux: world.kernels.dwarf5,
        }),
      ]);
      await withPackages('8/x86_64', [...cooked.values()], async () => {
        const crawl = await site.crawl(['--release', '8-linux', '--arch', 'x86_64', '--kernel', '*-999.*']);
        expectExit(crawl, 3);
        expect(outcomes(crawl)).toEqual({ '4.18.0-999.el8.x86_64+rt': 'kernel-name' });
        const message = [...crawl.done.values()][0].message ?? '';
        expect(message).toContain('4.18.0-999.el8.x86_64+rt');
        expect(message.replaceAll('4.18.0-999.el8.x86_64+rt', '')).toContain('4.18.0-999.el8.x86_64');
      });
    });

    it('an index that its signature does not fit → index-signature', async () => {
      const site = await world.newSite();
      const repomd = join(
        world.mirror.baseOf(CENTOS_HOSTS.stream, '10-stream/BaseOS/x86_64/debug/tree'),
        'repodata/repomd.xml',
      );
      const body = Buffer.from(`${await readFile(repomd, 'utf8')}<!-- later -->`);
      world.internet.unplug(CENTOS_HOSTS.metalink);
      world.internet.fail(/10-stream\/BaseOS\/x86_64.*repomd\.xml$/, { kind: 'replace', body });
      const crawl = await site.crawl(['--release', '10', '--arch', 'x86_64']);
      expectExit(crawl, 5);
      expect(indexFailures(crawl)).toEqual(['10-stream-baseos-debug 10 index-signature']);
      expect(await site.published()).toEqual(['centos/10/x86_64/6.12.0-150.el10.x86_64+rt']);
    });
  });
});
