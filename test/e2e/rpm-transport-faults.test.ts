/**
 * Downloads of rpms that go wrong on the way, with the same files on other hosts: what can be repaired is, what cannot
 * fails alone. The real command crawls a CentOS 8 whose three hosts are on the local internet.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Internet, type InternetRequest, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { buildCentosMirror, CENTOS_HOSTS } from '../mirrors/centos-mirror.ts';
import { buildKernels, KERNEL_TOOLS } from '../mirrors/kernels.ts';
import { RPM_TOOLS } from '../mirrors/rpm-package.ts';
import { REPOSITORY_TOOLS } from '../mirrors/rpm-repository.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import type { Fault } from '../support/answer.ts';
import { expectExit, runBtfmill } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { type Crawl, filesBelow, readCrawl, statesOf, treeOf } from './site.ts';

const FIRST = CENTOS_HOSTS.debuginfo;
const ANY = '[^/]+';

interface Case {
  readonly what: string;
  readonly fault?: Fault;
  /** Pattern of the hosts that it is for; default the first. */
  readonly host?: string;
  readonly times?: number;
  /** Undefined: published in the end. */
  readonly code?: string;
  /** What must have been asked. */
  readonly seen?: (requests: readonly InternetRequest[]) => boolean;
}

const cameFromElsewhere = (requests: readonly InternetRequest[]): boolean =>
  requests.some(({ host, statusCode }) => host !== FIRST && statusCode === 200);

const CASES: readonly Case[] = [
  { what: 'nothing', seen: ({ length }) => length === 1 },
  {
    what: 'a flipped bit on every host',
    fault: { kind: 'flip', offset: 6000 },
    host: ANY,
    code: 'package-digest',
  },
  { what: 'a flipped bit on the first host', fault: { kind: 'flip', offset: 6000 }, seen: cameFromElsewhere },
  {
    what: 'another file on every host, since the index was read',
    fault: { kind: 'replace', body: Buffer.from('built again') },
    host: ANY,
    code: 'package-digest',
  },
  {
    what: 'a shorter file on every host',
    fault: { kind: 'truncate', toBytes: 5000 },
    host: ANY,
    code: 'package-digest',
  },
  { what: '404 on the first host', fault: { kind: 'status', statusCode: 404 }, seen: cameFromElsewhere },
  {
    what: '404 on every host',
    fault: { kind: 'status', statusCode: 404 },
    host: ANY,
    code: 'http-not-found',
  },
  { what: '403 on the first host', fault: { kind: 'status', statusCode: 403 }, seen: cameFromElsewhere },
  {
    what: 'a cut in the middle, once',
    fault: { kind: 'cut', afterBytes: 5000 },
    times: 1,
    seen: ({ length }) => length === 2,
  },
  { what: 'a promise of more than comes, once', fault: { kind: 'overstate', byBytes: 99 }, times: 1 },
  { what: 'a hang-up, once', fault: { kind: 'hang-up' }, times: 1 },
  {
    what: 'a redirect to an address without TLS on every host',
    fault: { kind: 'redirect', location: `http://${FIRST}/8/x86_64/Packages/elsewhere.rpm` },
    host: ANY,
    code: 'http-redirect',
  },
];

const buildOf = (index: number): string => `4.18.0-${201 + index}.el8`;
const kernelOf = (index: number): string => `${buildOf(index)}.x86_64`;

const TOOLS = [...KERNEL_TOOLS, ...RPM_TOOLS, ...REPOSITORY_TOOLS, ...INTERNET_TOOLS, 'gpgv', 'flock'];

describe.skipIf(needsTool(...TOOLS))('downloads of rpms with faults', () => {
  let folder: string;
  let signer: Signer;
  let internet: Internet;
  let crawl: Crawl;

  const run = async (): Promise<Crawl> => {
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
    const args = ['crawl', ...what, ...where, '--jobs', '8', '--retry-failed', '--json'];
    return readCrawl(
      await runBtfmill(args, { cwd: join(folder, 'site'), env: internet.env, timeoutMs: 120_000 }),
    );
  };

  beforeAll(async () => {
    folder = await makeTempDir('rpm-transport');
    const kernels = await buildKernels(folder);
    signer = await createSigner(folder, 0, 'rsa2048');
    const mirror = await buildCentosMirror({ folder: join(folder, 'hosts'), signer, kernels }, [
      {
        release: '8',
        host: FIRST,
        path: '8/x86_64',
        arch: 'x86_64',
        form: {},
        kernels: CASES.map((_, i) => ['kernel-debuginfo', buildOf(i), '', 'dwarf5', 'gzip'] as const),
      },
    ]);
    const base = mirror.baseOf(FIRST, '8/x86_64');
    await writeFile(join(base, 'Packages/elsewhere.rpm'), 'what somebody put there');
    internet = await startInternet(join(folder, 'authority'), mirror.hosts);
    for (const [i, { fault, host = FIRST, times }] of CASES.entries()) {
      const pattern = new RegExp(`//${host}/.*-${buildOf(i)}\\.`, 'u');
      if (fault !== undefined) internet.fail(pattern, fault, times === undefined ? {} : { times });
    }
    await mkdir(join(folder, 'site'));
    crawl = await run();
  });

  afterAll(async () => {
    await internet.close();
    await signer.close();
    await removeDir(folder);
  });

  it.each(CASES.map((one, i) => ({ ...one, index: i })))('$what', ({ index, code, seen }) => {
    const done = crawl.done.get(kernelOf(index));
    if (code === undefined) expect(done).toMatchObject({ outcome: 'published' });
    else expect(done).toMatchObject({ outcome: 'failed', code });
    const requests = internet.requests(new RegExp(`-${buildOf(index)}\\.`, 'u'));
    if (seen !== undefined && !seen(requests)) throw new Error(JSON.stringify(requests, undefined, 1));
  });

  it('never asks without TLS for what it found with it', () => {
    expect(internet.requests(/^http:.*\.rpm$/u).map(({ url }) => url)).toEqual([]);
  });

  it('ends with the exit code of the worst, and publishes nothing that failed', async () => {
    expectExit(crawl, 5);
    const published = CASES.flatMap(({ code }, i) => (code === undefined ? [kernelOf(i)] : []));
    expect(Object.keys(await treeOf(join(folder, 'site/archive')))).toEqual(
      published.map((kernel) => `centos/8/x86_64/${kernel}.btf.tar.xz`),
    );
    const states = CASES.map(({ code }, i) => [
      kernelOf(i),
      code === undefined ? 'published' : `failed(${code})`,
    ]);
    expect(statesOf(join(folder, 'site/record.sqlite'))).toEqual(Object.fromEntries(states));
    const packages = (await filesBelow(join(folder, 'site/cache'))).filter((file) => file.endsWith('.rpm'));
    expect(packages).toEqual([]);
  });

  it('completes the archive when the hosts have recovered, the first one gone', async () => {
    internet.reset();
    internet.before(/\.rpm$/u, () => internet.unplug(FIRST), { times: 1 });
    expectExit(await run(), 0);
    expect(Object.keys(await treeOf(join(folder, 'site/archive')))).toHaveLength(CASES.length);
  });
});
