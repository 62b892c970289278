/** The main job from end to end: the real command crawls a local Debian mirror over HTTP. */

import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBtf } from '../../btf/index.ts';
import {
  BOOKWORM_AMD64,
  BOOKWORM_ARM64,
  NATIVE_KERNELS,
  SID_AMD64,
  TRIXIE_AMD64,
} from '../mirrors/sample-mirror.ts';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf } from '../support/pahole.ts';
import { expectExit } from '../support/run-btfmill.ts';
import { findTool, needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { archiveMembers, filesBelow, query, type Site, statesOf, treeOf } from './site.ts';

const asFiles = (kernels: readonly string[]): string[] =>
  kernels.map((kernel) => `${kernel}.btf.tar.xz`).sort();
const nameOf = (kernel: string): string => kernel.split('/').at(-1) ?? '';

describe.skipIf(needsTool(...E2E_TOOLS))('crawl of a local Debian mirror', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await startSample();
  });

  afterAll(async () => {
    await sample.close();
  });

  describe('one release, everything in it', () => {
    let site: Site;

    beforeAll(async () => {
      site = await sample.newSite();
      expectExit(await site.crawl(), 0);
    });

    it('publishes one file per kernel and nothing else', async () => {
      expect(Object.keys(await treeOf(site.archive))).toEqual(asFiles(BOOKWORM_AMD64));
      for (const file of await filesBelow(site.archive)) expect((await stat(file)).mode & 0o777).toBe(0o644);
    });

    it.each(BOOKWORM_AMD64)('%s holds one plain, timeless member', async (kernel) => {
      const members = await archiveMembers(join(site.archive, `${kernel}.btf.tar.xz`));
      expect(members.map(({ data, ...header }) => ({ ...header, isEmpty: data.length === 0 }))).toEqual([
        {
          name: `${nameOf(kernel)}.btf`,
          mode: 0o444,
          uid: 0,
          gid: 0,
          uname: 'root',
          mtime: new Date(0),
          isEmpty: false,
        },
      ]);
    });

    it('publishes what the default profile makes of the DWARF, and native bytes where there are any', async () => {
      const { dwarf5, dwarf4 } = sample.mirror.kernels;
      const sources: Record<string, string> = {
        '6.1.0-1-amd64': dwarf5,
        '6.1.0-2-cloud-amd64': dwarf5,
        '6.1.0-3-amd64': dwarf5,
        '6.1.0-4-rt-amd64': dwarf4,
        '6.1.0-5-amd64': dwarf5,
        '6.12.9+deb12-amd64': dwarf5,
      };
      for (const kernel of BOOKWORM_AMD64) {
        const [{ data }] = await archiveMembers(join(site.archive, `${kernel}.btf.tar.xz`));
        const source = sources[nameOf(kernel)];
        const isNative = NATIVE_KERNELS.includes(nameOf(kernel));
        expectSameBytes(data, isNative ? await paholeBtf(source) : convertBytes(await readFile(source)));
      }
    });

    it.skipIf(findTool('bpftool') === undefined)('publishes BTF that bpftool reads', async () => {
      const [{ data }] = await archiveMembers(join(site.archive, `${BOOKWORM_AMD64[0]}.btf.tar.xz`));
      const file = join(site.folder, 'published.btf');
      await writeFile(file, data);
      const { stdout } = await execa('bpftool', ['btf', 'dump', 'file', file, 'format', 'c']);
      expect(stdout).toContain('struct task_struct {');
    });

    it('records state, source, digests, timings and the comparison', async () => {
      const rows = query(
        site.db,
        `SELECT k.*, p.name AS package_name, p.suite, p.url FROM kernels k JOIN packages p ON p.id = k.package_id ORDER BY k.kernel`,
      );
      expect(rows.map((row) => `${row.distro}/${row.release}/${row.arch}/${row.kernel}`)).toEqual(
        BOOKWORM_AMD64,
      );
      const tree = await treeOf(site.archive);
      for (const row of rows) {
        const path = String(row.path);
        const [{ data }] = await archiveMembers(join(site.archive, path));
        expect(row).toMatchObject({
          state: 'published',
          source: NATIVE_KERNELS.includes(String(row.kernel)) ? 'native' : 'dwarf',
          trust: 'signed-index',
          signer: null,
          name_proof: 'path+banner',
          profile: 'pahole-1.30',
          package_name: `linux-image-${row.kernel}-dbg`,
          btf_size_bytes: data.length,
          type_count: decodeBtf(data).typeCount - 1,
          tar_sha256: tree[path],
          tar_size_bytes: (await stat(join(site.archive, path))).size,
        });
        expect(row.build_id).toMatch(/^[0-9a-f]{40}$/u);
        expect(JSON.parse(String(row.types_by_kind))).toMatchObject({ DATASEC: 1 });
      }
      expect(rows.find((row) => row.kernel === '6.1.0-5-amd64')).toMatchObject({
        suite: 'bookworm-security',
      });

      const steps = query(site.db, 'SELECT DISTINCT step FROM step_timings ORDER BY step');
      expect(steps.map(({ step }) => step)).toEqual(['convert', 'cross-check', 'fetch', 'store', 'unpack']);
      const checks = query(
        site.db,
        `SELECT k.source, c.against, c.verdict FROM cross_checks c
         JOIN attempts a ON a.id = c.attempt_id JOIN kernels k ON k.id = a.kernel_id GROUP BY 1, 2, 3`,
      );
      expect(checks).toEqual([
        { source: 'dwarf', against: 'pahole', verdict: 'equal' },
        { source: 'native', against: 'native', verdict: 'equal' },
      ]);
      expect(query(site.db, 'SELECT exit_code, published, failed FROM runs')).toEqual([
        { exit_code: 0, published: BOOKWORM_AMD64.length, failed: 0 },
      ]);
    });

    it('leaves no package and no work behind in the cache', async () => {
      const left = await filesBelow(site.cache);
      expect(left.filter((file) => /\.deb|\.part|vmlinux|btfmill-work/u.test(file))).toEqual([]);
    });

    it('is confirmed by verify, and does not get past it when damaged', async () => {
      const verify = (): ReturnType<Site['command']> =>
        site.command(['verify', '--archive', site.archive, '--db', site.db]);
      expectExit(await verify(), 0);

      const victim = join(site.archive, `${BOOKWORM_AMD64[1]}.btf.tar.xz`);
      const good = await readFile(victim);
      const flipped = Buffer.from(good);
      flipped[flipped.length >> 1] ^= 1;
      await writeFile(victim, flipped);
      const damaged = await verify();
      expectExit(damaged, 7);
      expect(damaged.stdout + damaged.stderr).toContain(nameOf(BOOKWORM_AMD64[1]));

      await truncate(victim, 100);
      expectExit(await verify(), 7);
      await writeFile(victim, good);
      expectExit(await verify(), 0);
    });

    it('shows up in status', async () => {
      const status = await site.command(['status', '--db', site.db, '--json']);
      expectExit(status, 0);
      expect(JSON.parse(status.stdout)).toMatchObject({
        planes: [
          { distro: 'debian', release: '12', arch: 'x86_64', kernels: { published: BOOKWORM_AMD64.length } },
        ],
        trust: [
          {
            distro: 'debian',
            release: '12',
            arch: 'x86_64',
            trust: 'signed-index',
            nameProof: 'path+banner',
            kernels: BOOKWORM_AMD64.length,
          },
        ],
      });
      const { stdout } = await site.command(['status', '--db', site.db, '--trust', '--arch', 'amd64']);
      expect(stdout).toMatch(
        new RegExp(`debian/12/x86_64 +signed-index +- +path\\+banner +${BOOKWORM_AMD64.length}$`, 'mu'),
      );
    });

    it('does nothing the second time, and moves only headers', async () => {
      const before = await treeOf(site.archive);
      const times = await mtimes(site.archive);
      sample.server.clear();
      const again = await site.crawl();
      expectExit(again, 0);
      expect(again.done.size).toBe(0);
      expect(await treeOf(site.archive)).toEqual(before);
      expect(await mtimes(site.archive)).toEqual(times);
      expect(sample.server.log.length).toBeGreaterThan(0);
      expect(sample.server.log.filter((entry) => entry.bodyBytes > 0)).toEqual([]);
      expect(sample.server.log.filter((entry) => entry.path.includes('/pool/'))).toEqual([]);
      expect(
        query(site.db, 'SELECT published, already_published, failed FROM runs ORDER BY id DESC LIMIT 1'),
      ).toEqual([{ published: 0, already_published: BOOKWORM_AMD64.length, failed: 0 }]);
    });

    it('makes up for a file that has gone', async () => {
      const before = await treeOf(site.archive);
      await rm(join(site.archive, `${BOOKWORM_AMD64[2]}.btf.tar.xz`));
      const again = await site.crawl();
      expectExit(again, 0);
      expect([...again.done.keys()]).toEqual([nameOf(BOOKWORM_AMD64[2])]);
      expect(await treeOf(site.archive)).toEqual(before);
    });
  });

  it('shows the plan in a dry run, and touches nothing', async () => {
    const site = await sample.newSite();
    const result = await site.command(site.args('--dry-run'));
    expectExit(result, 0);
    for (const kernel of BOOKWORM_AMD64) expect(result.stdout).toContain(nameOf(kernel));
    expect(result.stdout).not.toMatch(/linux-image-amd64-dbg|linux-image-6\.1-amd64/u);
    expect(sample.server.log.filter((entry) => entry.path.includes('/pool/'))).toEqual([]);
    expect(await filesBelow(site.archive)).toEqual([]);

    sample.server.clear();
    expectExit(await site.command(site.args('--dry-run')), 0);
    expect(sample.server.log.filter((entry) => entry.bodyBytes > 0)).toEqual([]);
  });

  it('takes the newest with --limit, and the same ones again', async () => {
    const site = await sample.newSite();
    expectExit(await site.crawl(['--limit', '2']), 0);
    const newest = ['debian/12/x86_64/6.1.0-5-amd64', 'debian/12/x86_64/6.12.9+deb12-amd64'];
    expect(Object.keys(await treeOf(site.archive))).toEqual(asFiles(newest));
    const again = await site.crawl(['--limit', '2']);
    expectExit(again, 0);
    expect(again.done.size).toBe(0);
  });

  it.each([
    { globs: ['*-cloud-amd64'], found: ['6.1.0-2-cloud-amd64'] },
    {
      globs: ['6.1.0-?-amd64', '*-rt-*'],
      found: ['6.1.0-1-amd64', '6.1.0-3-amd64', '6.1.0-4-rt-amd64', '6.1.0-5-amd64'],
    },
    { globs: ['6.12*'], found: ['6.12.9+deb12-amd64'] },
    { globs: ['6.1.0-[13]-*'], found: ['6.1.0-1-amd64', '6.1.0-3-amd64'] },
    { globs: ['no-such-kernel'], found: [] },
  ])('narrows by --kernel $globs', async ({ globs, found }) => {
    const site = await sample.newSite();
    expectExit(await site.crawl(globs.flatMap((glob) => ['--kernel', glob])), 0);
    expect(Object.keys(await treeOf(site.archive))).toEqual(
      asFiles(found.map((name) => `debian/12/x86_64/${name}`)),
    );
  });

  it.each(['12', 'bookworm', 'oldstable'])('knows the release as %s', async (release) => {
    const site = await sample.newSite();
    expectExit(await site.crawl(['--release', release, '--kernel', '*-rt-*']), 0);
    expect(Object.keys(await treeOf(site.archive))).toEqual(asFiles(['debian/12/x86_64/6.1.0-4-rt-amd64']));
  });

  it('crawls several releases and architectures in one run', async () => {
    const site = await sample.newSite();
    const planes = '--release bookworm --release 13 --arch x86_64 --arch arm64'.split(' ');
    const result = await site.crawl([...planes, '--kernel', '6.1.0-2-*', '--kernel', '*+deb13*']);
    expectExit(result, 0);
    expect(Object.keys(await treeOf(site.archive))).toEqual(
      asFiles([...BOOKWORM_ARM64, 'debian/12/x86_64/6.1.0-2-cloud-amd64', ...TRIXIE_AMD64]),
    );
  });

  it('lists everything there is without --release, and takes an expired suite only when told to', async () => {
    const site = await sample.newSite();
    const all = ['crawl', '--distro', 'debian', ...site.args().slice(site.args().indexOf('--mirror'))];
    const refused = await site.command([...all, '--dry-run']);
    expectExit(refused, 5);
    expect(refused.stderr).toMatch(/index-expired/u);
    expect(refused.stdout).toContain('6.12.94+deb13-amd64');
    expect(refused.stdout).not.toContain('deb14');

    const accepted = await site.command([...all, '--dry-run', '--allow-expired']);
    expectExit(accepted, 0);
    for (const kernel of [...BOOKWORM_AMD64, ...BOOKWORM_ARM64, ...TRIXIE_AMD64, ...SID_AMD64]) {
      expect(accepted.stdout).toContain(nameOf(kernel));
    }
  });

  it('publishes from the source it is told to', async () => {
    const dwarf = await sample.newSite();
    expectExit(await dwarf.crawl(['--kernel', '*-cloud-*', '--source', 'dwarf']), 0);
    expect(query(dwarf.db, 'SELECT source FROM kernels')).toEqual([{ source: 'dwarf' }]);

    const native = await sample.newSite();
    const result = await native.crawl(['--kernel', '6.1.0-[12]-*', '--source', 'native']);
    expect(result.done.get('6.1.0-2-cloud-amd64')).toMatchObject({ outcome: 'published' });
    expect(result.done.get('6.1.0-1-amd64')).not.toMatchObject({ outcome: 'published' });
    expect(Object.keys(await treeOf(native.archive))).toEqual(
      asFiles(['debian/12/x86_64/6.1.0-2-cloud-amd64']),
    );
  });

  it('gives the same bytes whatever the number of jobs and threads', async () => {
    const one = await sample.newSite();
    expectExit(await one.crawl(['--jobs', '1', '--threads', '1']), 0);
    const many = await sample.newSite();
    expectExit(await many.crawl(['--jobs', '4', '--threads', '2']), 0);
    expect(await treeOf(many.archive)).toEqual(await treeOf(one.archive));
  });

  it('writes versioned JSON Lines, and keeps stdout clean of talk', async () => {
    const site = await sample.newSite();
    const result = await site.crawl(['--kernel', '*-rt-*']);
    expectExit(result, 0);
    expect(result.events.length).toBeGreaterThan(3);
    for (const event of result.events)
      expect(event).toMatchObject({ v: 1, event: expect.any(String) as string });
    expect(result.events.at(-1)).toMatchObject({ event: 'run.finished' });
    expect(statesOf(site.db)).toEqual({ '6.1.0-4-rt-amd64': 'published' });
  });

  it('lets only one run at a time write an archive', async () => {
    const site = await sample.newSite();
    sample.server.setFault((seen) =>
      seen.path.includes('/pool/') ? { kind: 'trickle', chunkBytes: 1000, pauseMs: 50 } : undefined,
    );
    const first = site.crawl(['--kernel', '*-rt-*']);
    await sample.server.waitFor(/\/pool\//u, 1);
    const second = await site.crawl(['--kernel', '*-rt-*']);
    sample.server.setFault(() => undefined);
    expectExit(second, 6);
    expect(second.stderr).toMatch(/locked/u);
    expectExit(await first, 0);
  });

  it.each([
    ['no --distro', ['crawl']],
    ['an unknown distribution', ['crawl', '--distro', 'plan9']],
    ['an unknown flag', ['crawl', '--distro', 'debian', '--no-such-flag']],
    ['a limit that is no number', ['crawl', '--distro', 'debian', '--limit', 'x']],
    ['an unknown architecture', ['crawl', '--distro', 'debian', '--arch', 'pdp11', '--dry-run']],
    ['a mirror that is no URL', ['crawl', '--distro', 'debian', '--mirror', 'nonsense', '--dry-run']],
  ])('refuses %s with exit code 2', async (_what, args) => {
    const site = await sample.newSite();
    const result = await site.command(args);
    expectExit(result, 2);
    expect(result.stderr).toMatch(/usage/u);
    expect(result.stdout).toBe('');
  });
});

async function mtimes(folder: string): Promise<number[]> {
  const files = await filesBelow(folder);
  return Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
}
