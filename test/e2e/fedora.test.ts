/** The real command crawls a small Fedora, on Fedora's own host names: releases, archive, rawhide, and what goes wrong. */

import { copyFile, mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { keysOf } from '../mirrors/built-mirror.ts';
import { buildFedoraMirror, type FedoraMirror } from '../mirrors/fedora-mirror.ts';
import { kernelRpm, unameOf } from '../mirrors/kernel-rpm.ts';
import { buildKernels, KERNEL_TOOLS } from '../mirrors/kernels.ts';
import { metalinkOf } from '../mirrors/metalink.ts';
import { buildRpm, RPM_TOOLS, signRpms } from '../mirrors/rpm-package.ts';
import { REPOSITORY_TOOLS } from '../mirrors/rpm-repository.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf } from '../support/pahole.ts';
import { expectExit, runBtfmill } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { archiveMembers, type Crawl, query, readCrawl, treeOf } from './site.ts';

const TOOLS = [...KERNEL_TOOLS, ...RPM_TOOLS, ...REPOSITORY_TOOLS, ...INTERNET_TOOLS, 'rpm', 'gpgv', 'flock'];
/** What the small Fedora has for x86_64. */
const RELEASES = ['43', '31', '27', '24', 'rawhide'];
const FROM_RAWHIDE = 'fedora/44/x86_64/6.18.0-0.rc6.48.fc44.x86_64';

interface Site {
  readonly archive: string;
  readonly record: string;
  crawl(...words: readonly string[]): Promise<Crawl>;
}

describe.skipIf(needsTool(...TOOLS))('crawl of a local Fedora', () => {
  let folder: string;
  let signer: Signer;
  let stranger: Signer;
  let mirror: FedoraMirror;
  let internet: Internet;
  let sites = 0;

  beforeAll(async () => {
    folder = await makeTempDir('e2e-fedora');
    const kernels = await buildKernels(folder);
    signer = await createSigner(join(folder, 'ours'), 0, 'rsa2048');
    stranger = await createSigner(join(folder, 'theirs'), 0, 'rsa2048');
    mirror = await buildFedoraMirror({ folder: join(folder, 'hosts'), signer, kernels });
    internet = await startInternet(join(folder, 'authority'), mirror.hosts);
  });

  afterAll(async () => {
    await internet.close();
    await signer.close();
    await stranger.close();
    await removeDir(folder);
  });

  beforeEach(() => {
    internet.reset();
    internet.serveAll(mirror.hosts);
  });

  async function newSite(): Promise<Site> {
    const home = join(folder, `site${sites++}`);
    await mkdir(home);
    const [archive, record] = [join(home, 'archive'), join(home, 'record.sqlite')];
    const places = ['--archive', archive, '--db', record, '--cache', join(home, 'cache')];
    const crawl = async (...words: readonly string[]) => {
      const args = [
        'crawl',
        '--distro',
        'fedora',
        '--keyring',
        mirror.keyring,
        ...places,
        '--json',
        ...words,
      ];
      return readCrawl(await runBtfmill(args, { cwd: home, env: internet.env, timeoutMs: 120_000 }));
    };
    return { archive, record, crawl };
  }

  function releases(...names: readonly string[]): string[] {
    return names.flatMap((name) => ['--release', name]);
  }

  async function published({ archive }: Site): Promise<string[]> {
    return Object.keys(await treeOf(archive))
      .filter((path) => path.endsWith('.btf.tar.xz'))
      .map((path) => path.replace('.btf.tar.xz', ''))
      .sort();
  }

  function indexFailures({ events }: Crawl): string[] {
    return events
      .filter(({ event }) => event === 'index.failed')
      .map(({ suite, release, code }) => `${String(suite)} ${String(release)} ${String(code)}`);
  }

  /** Does something to a kernel's package, and makes the repository's index anew. */
  async function tamper(base: string, name: string, act: (file: string) => Promise<void>): Promise<void> {
    const file = join(base, 'Packages/k', `${name}.rpm`);
    // The file is linked from elsewhere.
    await copyFile(file, `${file}.new`);
    await act(`${file}.new`);
    await rename(`${file}.new`, file);
    await execa('createrepo_c', ['--quiet', base]);
  }

  describe('releases, updates, testing and rawhide', () => {
    let site: Site;

    beforeAll(async () => {
      site = await newSite();
      internet.reset();
      expectExit(await site.crawl('--arch', 'x86_64', ...releases(...RELEASES)), 0);
    });

    it('publishes every kernel of x86_64, debug kernels not among them', async () => {
      const expected = keysOf(mirror).filter((key) => key.includes('/x86_64/'));
      expect(expected).toContain(FROM_RAWHIDE);
      expect(expected.length).toBeGreaterThan(9);
      expect(await published(site)).toEqual(expected);
    });

    it('publishes the BTF of each kernel’s own vmlinux', async () => {
      for (const key of await published(site)) {
        const [{ data }] = await archiveMembers(join(site.archive, `${key}.btf.tar.xz`));
        const { vmlinux } = mirror.kernels.find((one) => one.key === key) as FedoraMirror['kernels'][number];
        const isNative = vmlinux.endsWith('native');
        expectSameBytes(data, isNative ? await paholeBtf(vmlinux) : convertBytes(await readFile(vmlinux)));
      }
    });

    it('records that their packages were signed', () => {
      const rows = query(site.record, 'SELECT DISTINCT trust FROM kernels');
      expect(rows).toEqual([{ trust: 'signed-package' }]);
    });

    it('asks the archive for archived releases, and a mirror that the metalink names for current ones', () => {
      const rows = query(site.record, 'SELECT url FROM packages').map(({ url }) => new URL(String(url)));
      for (const { host, pathname } of rows) {
        const isCurrent = /fc4[34]/.test(pathname);
        expect(host).toBe(isCurrent ? 'mirror.fedora.example.net' : 'archives.fedoraproject.org');
      }
    });

    it('a second crawl moves headers only, and asks for no package', async () => {
      internet.reset();
      expectExit(await site.crawl('--arch', 'x86_64', ...releases(...RELEASES)), 0);
      const moved = internet.log.filter(
        ({ host, bodyBytes }) => bodyBytes > 0 && host !== 'mirrors.fedoraproject.org',
      );
      expect(moved.map(({ url }) => url)).toEqual([]);
      expect(internet.requests(/\.rpm$|primary/)).toEqual([]);
      expect(internet.log.length).toBeLessThan(40);
    });
  });

  it('arm64, from the folders called aarch64', async () => {
    const site = await newSite();
    expectExit(await site.crawl('--arch', 'arm64', ...releases('43')), 0);
    expect(await published(site)).toEqual(keysOf(mirror, 'fedora/43/arm64/'));
  });

  it('debug kernels on request, beside the others', async () => {
    const site = await newSite();
    expectExit(
      await site.crawl('--arch', 'x86_64', '--variant', 'debug', '--kernel', '*6.17.8*', ...releases('43')),
      0,
    );
    expect(await published(site)).toEqual([
      'fedora/43/x86_64/6.17.8-300.fc43.x86_64',
      'fedora/43/x86_64/6.17.8-300.fc43.x86_64+debug',
    ]);
  });

  it('a repository that has gone fails alone', async () => {
    const site = await newSite();
    internet.fail(/updates-released-debug-f43|\/updates\/43\//, { kind: 'status', statusCode: 404 });
    const crawl = await site.crawl('--arch', 'x86_64', ...releases('43'));
    expectExit(crawl, 4);
    expect(indexFailures(crawl)).toEqual(['updates-released-debug-f43 43 http-not-found']);
    expect(await published(site)).toEqual([
      'fedora/43/x86_64/6.17.1-300.fc43.x86_64',
      'fedora/43/x86_64/6.17.9-300.fc43.x86_64',
    ]);
  });

  describe('metalinks', () => {
    const cases: readonly (readonly [string, () => void])[] = [
      ['MirrorManager does not answer', () => internet.unplug('mirrors.fedoraproject.org')],
      [
        'it says that it knows no such repository',
        () => internet.fail(/metalink/, { kind: 'status', statusCode: 404 }),
      ],
      [
        'it sends a page instead',
        () => internet.fail(/metalink/, { kind: 'replace', body: Buffer.from('<html>503</html>') }),
      ],
      [
        'the first mirror has something else for repomd.xml',
        () => internet.fail(/example\.net.*repomd/, { kind: 'replace', body: Buffer.from('<repomd/>') }),
      ],
      ['the first mirror is dead', () => internet.unplug('mirror.fedora.example.net')],
      [
        'the first mirror has another list of packages than its repomd.xml says',
        () => internet.fail(/example\.net.*primary/, { kind: 'flip', offset: 40 }),
      ],
      [
        'the first mirror has another package than its index says',
        () => internet.fail(/example\.net.*\.rpm$/, { kind: 'flip', offset: 4000 }),
      ],
    ];

    it('one of an older state than the mirrors have: the host itself is asked, by HTTPS', async () => {
      const site = await newSite();
      internet.serve('mirrors.fedoraproject.org', ({ searchParams }) => {
        if (searchParams.get('repo') !== 'fedora-debug-43') return undefined;
        const base = 'https://mirror.fedora.example.net/fedora/releases/43/Everything/x86_64/debug/tree';
        const urls = [`${base}/repodata/repomd.xml`];
        return { body: metalinkOf({ urls, current: Buffer.from('<repomd>older</repomd>') }) };
      });
      const words = ['--arch', 'x86_64', '--kernel', '6.17.1-*', ...releases('43')];
      const crawl = await site.crawl(...words);
      expectExit(crawl, 0);
      expect(crawl.stdout).toContain('is no version that its metalink lists');
      expect(query(site.record, 'SELECT DISTINCT trust FROM kernels')).toEqual([{ trust: 'signed-package' }]);
      const [{ url }] = query(site.record, 'SELECT url FROM packages');
      expect(url).toMatch(/^https:\/\/dl\.fedoraproject\.org\//);
    });

    it('a push of updates while they are read: the new state is read', async () => {
      const site = await newSite();
      const base = mirror.baseOf('dl.fedoraproject.org', 'updates/43/Everything/x86_64/debug');
      const name = 'kernel-debuginfo-6.17.7-300.fc43.x86_64';
      internet.before(
        /updates\/43.*primary/,
        () => tamper(base, name, (file) => signRpms([file], signer, { digest: 'sha512' })),
        { times: 1 },
      );
      expectExit(await site.crawl('--arch', 'x86_64', '--kernel', '6.17.7-*', ...releases('43')), 0);
      expect(await published(site)).toEqual(['fedora/43/x86_64/6.17.7-300.fc43.x86_64']);
      expect(internet.requests(/updates\/43.*repomd/).length).toBeGreaterThan(1);
    });

    it.each(cases)('%s: the kernel is published all the same', async (_what, breakIt) => {
      const site = await newSite();
      breakIt();
      const words = ['--arch', 'x86_64', '--kernel', '6.17.1-*', ...releases('43')];
      expectExit(await site.crawl(...words), 0);
      expect(await published(site)).toEqual(['fedora/43/x86_64/6.17.1-300.fc43.x86_64']);
    });
  });

  describe('packages that nobody vouches for', () => {
    it('another key, and no signature at all → package-signature; the others are published', async () => {
      const updates = mirror.baseOf('archives.fedoraproject.org', 'updates/31/Everything/x86_64/debug');
      await tamper(updates, 'kernel-debuginfo-5.8.18-100.fc31.x86_64', (file) => signRpms([file], stranger));
      const release = mirror.baseOf('archives.fedoraproject.org', 'releases/27/Everything/x86_64/debug/tree');
      await tamper(release, 'kernel-debuginfo-4.13.9-300.fc27.x86_64', async (file) => {
        await execa('rpmsign', ['--delsign', file]);
      });
      const site = await newSite();
      const crawl = await site.crawl('--arch', 'x86_64', ...releases('31', '27'));
      expectExit(crawl, 5);
      const outcomes = Object.fromEntries(
        [...crawl.done].map(([kernel, { code }]) => [kernel, code ?? 'ok']),
      );
      expect(outcomes).toEqual({
        '5.8.18-100.fc31.x86_64': 'package-signature',
        '5.3.7-301.fc31.x86_64': 'ok',
        '4.13.9-300.fc27.x86_64': 'package-signature',
        '4.18.19-100.fc27.x86_64': 'ok',
      });
    });

    it('a debug kernel in the package of the ordinary one → kernel-name', async () => {
      const base = mirror.baseOf('dl.fedoraproject.org', 'development/rawhide/Everything/x86_64/debug/tree');
      const build = { version: '6.18.0', release: '0.rc6.48.fc44', arch: 'x86_64' };
      const { vmlinux } = mirror.kernels.find(
        ({ key }) => key === FROM_RAWHIDE,
      ) as FedoraMirror['kernels'][number];
      await tamper(base, `kernel-debuginfo-${unameOf(build)}`, async (file) => {
        await buildRpm(
          await kernelRpm({ ...build, name: 'kernel-debuginfo', suffix: '+debug', vmlinux }),
          file,
        );
        await signRpms([file], signer);
      });
      const site = await newSite();
      const crawl = await site.crawl('--arch', 'x86_64', ...releases('rawhide'));
      expectExit(crawl, 3);
      expect([...crawl.done.values()]).toMatchObject([{ kernel: unameOf(build), code: 'kernel-name' }]);
      expect(await published(site)).toEqual([]);
    });

    it('a release whose key is not here → package-signature, naming the key', async () => {
      const site = await newSite();
      const args = [
        'crawl',
        '--distro',
        'fedora',
        '--release',
        '43',
        '--kernel',
        '6.17.1-*',
        '--arch',
        'x86_64',
      ];
      const places = [
        '--archive',
        site.archive,
        '--db',
        site.record,
        '--cache',
        join(folder, 'no-key'),
        '--json',
      ];
      const crawl = readCrawl(
        await runBtfmill([...args, ...places], { cwd: folder, env: internet.env, timeoutMs: 60_000 }),
      );
      expectExit(crawl, 5);
      const [{ code, message }] = [...crawl.done.values()];
      expect(code).toBe('package-signature');
      expect(message).toMatch(/unknown-key [0-9A-F]{16}/);
      expect(await published(site)).toEqual([]);
    });
  });
});
