/** The main job on Ubuntu: the real command, with nothing but what a user types, on a local internet. */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Internet } from '../internet/internet.ts';
import {
  startUbuntuInternet,
  UBUNTU_INTERNET_TOOLS,
  type UbuntuInternet,
} from '../mirrors/ubuntu-internet.ts';
import type { UbuntuMirror } from '../mirrors/ubuntu-mirror.ts';
import { convertBytes } from '../support/conversion.ts';
import { expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf } from '../support/pahole.ts';
import { expectExit, runBtfmill } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS } from './sample.ts';
import { archiveMembers, query, readCrawl, treeOf } from './site.ts';

describe.skipIf(needsTool(...E2E_TOOLS, ...UBUNTU_INTERNET_TOOLS))('crawl of Ubuntu', () => {
  let ubuntu: UbuntuInternet;
  let folder: string;
  let mirror: UbuntuMirror;
  let internet: Internet;

  beforeAll(async () => {
    ubuntu = await startUbuntuInternet('e2e-ubuntu');
    ({ folder, mirror, internet } = ubuntu);
  });
  afterAll(() => ubuntu?.close());

  async function crawl(...extra: readonly string[]) {
    const cwd = join(folder, 'site');
    await mkdir(cwd, { recursive: true });
    const places = ['--archive', 'archive', '--db', 'record.sqlite', '--cache', 'cache', '--json'];
    const args = ['crawl', '--distro', 'ubuntu', '--keyring', mirror.keyring, ...places, ...extra];
    return readCrawl(await runBtfmill(args, { cwd, env: internet.env, timeoutMs: 120_000 }));
  }

  it('publishes every kernel, those that only Launchpad has left with --history', async () => {
    const current = mirror.kernels.filter(({ suite }) => suite !== 'launchpad').map(({ key }) => key);
    expectExit(await crawl(), 0);
    const archive = join(folder, 'site/archive');
    expect(Object.keys(await treeOf(archive))).toEqual(current.map((key) => `${key}.btf.tar.xz`).sort());

    internet.reset();
    expectExit(await crawl('--history'), 0);
    expect(internet.requests(/ddebs\.ubuntu\.com.*\.ddeb$/)).toEqual([]);
    expect(internet.requests(/launchpadlibrarian\.net/)).toHaveLength(2);
    const all = mirror.kernels.map(({ key }) => `${key}.btf.tar.xz`).sort();
    expect(Object.keys(await treeOf(archive))).toEqual(all);

    for (const { key, vmlinux } of mirror.kernels) {
      const [{ data }] = await archiveMembers(join(archive, `${key}.btf.tar.xz`));
      const isNative = vmlinux === ubuntu.kernels.native;
      expectSameBytes(data, isNative ? await paholeBtf(vmlinux) : convertBytes(await readFile(vmlinux)));
    }
  });

  it('records where each came from and what it rests on', () => {
    const rows = query(
      join(folder, 'site/record.sqlite'),
      `SELECT k.distro || '/' || k.release || '/' || k.arch || '/' || k.kernel AS key, k.state, k.trust, k.name_proof, p.suite
       FROM kernels k JOIN packages p ON p.id = k.package_id ORDER BY key`,
    );
    expect(rows).toHaveLength(mirror.kernels.length);
    for (const { key, suite } of mirror.kernels) {
      const isPruned = suite === 'launchpad';
      expect(rows.find((row) => row.key === key)).toMatchObject({
        state: 'published',
        trust: isPruned ? 'tls-only' : 'signed-index',
        name_proof: 'path+banner',
      });
      if (isPruned) expect(rows.find((row) => row.key === key)?.suite).toBe(suite);
    }
  });

  it('one uname -r in two releases is two kernels, each with its own BTF', async () => {
    const kernel = '5.4.0-92-generic';
    const files = ['18.04', '20.04'].map((release) =>
      join(folder, 'site/archive/ubuntu', release, 'x86_64', `${kernel}.btf.tar.xz`),
    );
    const [bionic, focal] = await Promise.all(files.map(archiveMembers));
    expect(bionic[0].name).toBe(focal[0].name);
    expect(bionic[0].data.equals(focal[0].data)).toBe(false);
  });

  it('with nothing new, does nothing, and fetches no index again', async () => {
    internet.reset();
    const result = await crawl();
    expectExit(result, 0);
    expect([...result.done.values()].filter(({ fetchedBytes }) => (fetchedBytes ?? 0) > 0)).toEqual([]);
    expect(internet.bytesOf('ddebs.ubuntu.com')).toBe(0);
  });
});
