/**
 * What package-faults.test.ts does with .debs, with rpms: damaged payloads and headers, hostile members, broken ELF and
 * DWARF, wrong signatures. The real command crawls a CentOS 8 of the local internet.
 */

import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { kernelRpm, openKitchen } from '../mirrors/kernel-rpm.ts';
import { buildKernels, KERNEL_TOOLS } from '../mirrors/kernels.ts';
import { RPM_TOOLS, rpmFileName } from '../mirrors/rpm-package.ts';
import { buildRawRepository, type RawRpm, REPOSITORY_TOOLS } from '../mirrors/rpm-repository.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { expectExit, runBtfmill } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { vmlinuxFaults } from './bad-kernels.ts';
import { type BadRpm, buildBadRpms } from './bad-rpms.ts';
import { type Crawl, filesBelow, query, readCrawl, statesOf, treeOf } from './site.ts';

const TOOLS = [...KERNEL_TOOLS, ...RPM_TOOLS, ...REPOSITORY_TOOLS, ...INTERNET_TOOLS, 'gpgv', 'flock'];
/** The oldest and the newest: work goes on after the first failure and before the last. */
const GOOD = ['1.el8', '999.el8'];
const nameOf = (release: string): string => `4.18.0-${release}.x86_64`;

describe.skipIf(needsTool(...TOOLS))('rpm packages with faults', () => {
  let folder: string;
  let signers: Signer[];
  let internet: Internet;
  let bad: BadRpm[];
  let crawl: Crawl;

  beforeAll(async () => {
    folder = await makeTempDir('rpm-faults');
    const kernels = await buildKernels(folder);
    signers = await Promise.all(
      ['ours', 'theirs'].map(async (name) => createSigner(join(folder, name), 0, 'rsa2048')),
    );
    const [signer, stranger] = signers;
    const faults = await vmlinuxFaults(folder, kernels);
    bad = await buildBadRpms({ vmlinux: await readFile(kernels.dwarf5), faults, signer, stranger });
    const base = join(folder, 'debuginfo.centos.org/8/x86_64');
    await buildRawRepository(
      base,
      new Map([...(await goodRpms(folder, kernels.dwarf5, signer)), ...raw(bad)]),
    );
    const hosts = new Map([['debuginfo.centos.org', join(folder, 'debuginfo.centos.org')]]);
    internet = await startInternet(join(folder, 'authority'), hosts);
    const what = [
      '--distro',
      'centos',
      '--release',
      '8-linux',
      '--arch',
      'x86_64',
      '--keyring',
      signer.keyring,
    ];
    const where = ['--archive', 'archive', '--db', 'record.sqlite', '--cache', 'cache'];
    const home = join(folder, 'site');
    await mkdir(home);
    const options = { cwd: home, env: internet.env, timeoutMs: 120_000 };
    crawl = readCrawl(await runBtfmill(['crawl', ...what, ...where, '--json', '--jobs', '4'], options));
  });

  afterAll(async () => {
    await internet.close();
    for (const signer of signers) await signer.close();
    await removeDir(folder);
  });

  const record = (): string => join(folder, 'site/record.sqlite');

  it('fails each alone, with its code and where it is', () => {
    // Packages without a good signature are among them.
    expectExit(crawl, 5);
    expect(bad.length).toBeGreaterThan(50);
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

  it('publishes the others, with what vouches for each, and leaves nothing half-made', async () => {
    const published = bad.filter(({ outcome }) => outcome === 'published');
    const rows = query(record(), `SELECT kernel, trust FROM kernels WHERE state = 'published'`);
    expect(Object.fromEntries(rows.map(({ kernel, trust }) => [kernel, trust]))).toEqual(
      Object.fromEntries([
        ...GOOD.map((release) => [nameOf(release), 'signed-package']),
        ...published.map(({ kernel, trust }) => [kernel, trust]),
      ]),
    );
    const names = [...GOOD.map(nameOf), ...published.map(({ kernel }) => kernel)].sort();
    expect(Object.keys(await treeOf(join(folder, 'site/archive')))).toEqual(
      names.map((kernel) => `centos/8/x86_64/${kernel}.btf.tar.xz`),
    );
    const left = (await filesBelow(join(folder, 'site/cache'))).filter((file) =>
      /\.rpm|\.part|vmlinux|btfmill-work/u.test(file),
    );
    expect(left).toEqual([]);
    await expect(access('/tmp/btfmill-climbed')).rejects.toThrow(/ENOENT/u);
  });

  it('records every failure', () => {
    const states = bad.map(({ kernel, outcome, code }) => [
      kernel,
      outcome === 'failed' ? `failed(${code})` : outcome,
    ]);
    expect(statesOf(record())).toEqual(
      Object.fromEntries([...states, ...GOOD.map((release) => [nameOf(release), 'published'])]),
    );
  });
});

/** Built by rpmbuild and signed by rpmsign. */
async function goodRpms(folder: string, vmlinux: string, signer: Signer): Promise<[string, RawRpm][]> {
  const identities = GOOD.map((release) => ({
    name: 'kernel-debuginfo',
    version: '4.18.0',
    release,
    arch: 'x86_64',
  }));
  const rpms = await Promise.all(identities.map(async (one) => kernelRpm({ ...one, vmlinux })));
  const files = await openKitchen(join(folder, 'kitchen'), signer).cook(rpms);
  return Promise.all(
    identities.map(async (one): Promise<[string, RawRpm]> => {
      const name = rpmFileName(one);
      return [`Packages/${name}`, { ...one, bytes: await readFile(files.get(name) ?? '') }];
    }),
  );
}

function raw(bad: readonly BadRpm[]): [string, RawRpm][] {
  return bad.map((one) => [`Packages/${rpmFileName(one.package)}`, one.package]);
}
