/** Bad input beyond a good signature: damaged packages, hostile members, broken ELF and DWARF, BTF that is no kernel's. */

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDebianMirror } from '../mirrors/debian-mirror.ts';
import { buildKernels } from '../mirrors/kernels.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { expectExit } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { type BadKernel, buildBadKernels } from './bad-kernels.ts';
import { E2E_TOOLS } from './sample.ts';
import { type Crawl, filesBelow, openSite, query, type Site, statesOf, treeOf } from './site.ts';

const GOOD = ['6.1.0-1-amd64', '6.1.0-999-amd64'];

describe.skipIf(needsTool(...E2E_TOOLS))('packages with faults', () => {
  let folder: string;
  let signer: Signer;
  let server: FileServer;
  let site: Site;
  let bad: BadKernel[];
  let crawl: Crawl;

  beforeAll(async () => {
    folder = await makeTempDir('faults');
    const kernels = await buildKernels(folder);
    signer = await createSigner(folder);
    bad = await buildBadKernels(folder, kernels);
    const good = {
      architecture: 'amd64',
      place: 'boot',
      vmlinux: kernels.dwarf5,
      compression: 'xz',
    } as const;
    await buildDebianMirror({
      root: join(folder, 'mirror'),
      signer,
      architectures: ['amd64'],
      suites: [
        {
          name: 'bookworm',
          releaseVersion: '12.11',
          archive: 'debian',
          packages: [
            // The oldest and the newest: work goes on after the first failure and before the last.
            { ...good, kernel: GOOD[0], version: '6.1.1-1' },
            ...bad.map((one) => one.package),
            { ...good, kernel: GOOD[1], version: '6.1.999-1' },
          ],
        },
      ],
    });
    server = await startFileServer(join(folder, 'mirror'));
    site = openSite({ folder, mirror: `${server.url}/debian`, keyring: signer.keyring });
    crawl = await site.crawl();
  });

  afterAll(async () => {
    await server.close();
    await signer.close();
    await removeDir(folder);
  });

  it('fails each alone, with its code and where it is', () => {
    expect(bad.length).toBeGreaterThan(30);
    const wrong = bad.flatMap(({ kernel, what, outcome, code, message }) => {
      const done = crawl.done.get(kernel);
      const isRight =
        done?.outcome === outcome &&
        done.code === code &&
        (message === undefined || message.test(done.message ?? ''));
      return isRight
        ? []
        : [`${what}: ${done?.outcome} ${done?.code}: ${done?.message}, not ${code} ${String(message)}`];
    });
    expect(wrong).toEqual([]);
  });

  it('publishes the others, ends with exit code 3, and leaves nothing half-made', async () => {
    expectExit(crawl, 3);
    expect(Object.keys(await treeOf(site.archive))).toEqual(
      GOOD.map((kernel) => `debian/12/x86_64/${kernel}.btf.tar.xz`),
    );
    expect(
      (await filesBelow(site.cache)).filter((file) => /\.deb|\.part|vmlinux|btfmill-work/u.test(file)),
    ).toEqual([]);
    for (const name of ['btfmill-climbed', 'btfmill-absolute']) {
      await expect(access(join('/tmp', name))).rejects.toThrow(/ENOENT/u);
    }
  });

  it('records every failure', () => {
    const expected = bad.map(({ kernel, outcome, code }) => [
      kernel,
      outcome === 'failed' ? `failed(${code})` : outcome,
    ]);
    expect(statesOf(site.db)).toEqual(
      Object.fromEntries([...expected, ...GOOD.map((kernel) => [kernel, 'published'])]),
    );
    const [run] = query(site.db, 'SELECT exit_code, published, failed FROM runs');
    const failed = bad.filter(({ outcome }) => outcome === 'failed').length;
    expect(run).toEqual({ exit_code: 3, published: GOOD.length, failed });
  });

  it('shows them in status', async () => {
    const { stdout } = await site.command(['status', '--db', site.db, '--failed']);
    for (const { kernel, outcome } of bad) {
      if (outcome === 'failed') expect(stdout).toContain(kernel);
    }
  });
});
