/** Package downloads that go wrong on the way: what can be repaired is, what cannot fails alone. */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDebianMirror } from '../mirrors/debian-mirror.ts';
import { buildKernels } from '../mirrors/kernels.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { type Fault, type FileServer, type LoggedRequest, startFileServer } from '../support/file-server.ts';
import { expectExit } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS } from './sample.ts';
import { type Crawl, filesBelow, openSite, type Site, statesOf, treeOf } from './site.ts';

interface Case {
  readonly what: string;
  /** What goes wrong with request number `attempt` for the package. */
  readonly fault: (attempt: number) => Fault | undefined;
  /** Undefined: published in the end. */
  readonly code?: string;
  /** What the server must have seen. */
  readonly seen?: (requests: readonly LoggedRequest[]) => boolean;
}

const always = (fault: Fault) => (): Fault => fault;
const once =
  (fault: Fault) =>
  (attempt: number): Fault | undefined =>
    attempt === 1 ? fault : undefined;
const isResumed = ({ headers, statusCode }: LoggedRequest): boolean =>
  headers.range !== undefined && headers['if-range'] !== undefined && statusCode === 206;

/** Byte 4000 of some 8000 is inside data.tar: everything before has been taken in when it turns out wrong. */
const CASES: readonly Case[] = [
  { what: 'nothing', fault: () => undefined },
  { what: 'a flipped bit, always', fault: always({ kind: 'flip', offset: 4000 }), code: 'package-digest' },
  { what: 'a flipped bit, once', fault: once({ kind: 'flip', offset: 4000 }) },
  { what: 'a shorter file', fault: always({ kind: 'truncate', toBytes: 4000 }), code: 'package-digest' },
  {
    what: 'other content',
    fault: always({ kind: 'replace', body: Buffer.from('<html>login please</html>') }),
    code: 'package-digest',
  },
  {
    what: 'a cut in the middle',
    fault: once({ kind: 'cut', afterBytes: 4000 }),
    seen: (requests) => requests.length === 2 && isResumed(requests[1]),
  },
  {
    what: 'two cuts',
    fault: (attempt) => (attempt <= 2 ? { kind: 'cut', afterBytes: 2000 } : undefined),
    seen: (requests) => requests.length === 3 && isResumed(requests[1]) && isResumed(requests[2]),
  },
  {
    what: 'a cut, then a server without ranges',
    fault: (attempt) => (attempt === 1 ? { kind: 'cut', afterBytes: 4000 } : { kind: 'no-ranges' }),
    seen: (requests) => requests.length === 2 && requests[1].statusCode === 200,
  },
  { what: 'a promise of more than comes, once', fault: once({ kind: 'overstate', byBytes: 99 }) },
  { what: '404', fault: always({ kind: 'status', statusCode: 404 }), code: 'http-not-found' },
  {
    what: '403',
    fault: always({ kind: 'status', statusCode: 403 }),
    code: 'http-refused',
    seen: (requests) => requests.length === 1,
  },
  { what: '500, always', fault: always({ kind: 'status', statusCode: 500 }), code: 'http-status' },
  { what: '503, once', fault: once({ kind: 'status', statusCode: 503 }) },
  {
    what: '429 with Retry-After',
    fault: once({ kind: 'status', statusCode: 429, headers: { 'retry-after': '1' } }),
  },
  {
    what: 'a redirect in a circle',
    fault: always({ kind: 'redirect', location: '?again' }),
    code: 'http-redirect',
  },
  { what: 'a slow line', fault: always({ kind: 'trickle', chunkBytes: 1000, pauseMs: 20 }) },
];

const kernelOf = (index: number): string => `6.1.0-${201 + index}-amd64`;

describe.skipIf(needsTool(...E2E_TOOLS))('downloads with faults', () => {
  let folder: string;
  let signer: Signer;
  let server: FileServer;
  let site: Site;
  let crawl: Crawl;

  beforeAll(async () => {
    folder = await makeTempDir('transport');
    const { dwarf5 } = await buildKernels(folder);
    signer = await createSigner(folder);
    await buildDebianMirror({
      root: join(folder, 'mirror'),
      signer,
      architectures: ['amd64'],
      suites: [
        {
          name: 'bookworm',
          releaseVersion: '12.11',
          archive: 'debian',
          packages: CASES.map((_, i) => ({
            kernel: kernelOf(i),
            version: `6.1.${201 + i}-1`,
            architecture: 'amd64',
            vmlinux: dwarf5,
            place: 'boot',
            compression: 'gz',
          })),
        },
      ],
    });
    server = await startFileServer(join(folder, 'mirror'));
    server.setFault((seen) => {
      const index = CASES.findIndex((_, i) => seen.path.includes(`${kernelOf(i)}-dbg`));
      return index < 0 ? undefined : CASES[index].fault(seen.attempt);
    });
    site = openSite({ folder, mirror: `${server.url}/debian`, keyring: signer.keyring });
    crawl = await site.crawl(['--jobs', '8'], { timeoutMs: 120_000 });
  });

  afterAll(async () => {
    await server.close();
    await signer.close();
    await removeDir(folder);
  });

  it.each(CASES.map((one, i) => ({ ...one, kernel: kernelOf(i) })))('$what', ({ kernel, code, seen }) => {
    const done = crawl.done.get(kernel);
    if (code === undefined) expect(done).toMatchObject({ outcome: 'published' });
    else expect(done).toMatchObject({ outcome: 'failed', code });
    const requests = server.log.filter((entry) => entry.path.includes(`${kernel}-dbg`));
    if (seen !== undefined && !seen(requests)) throw new Error(JSON.stringify(requests, undefined, 1));
  });

  it('ends with the exit code of the worst, and publishes nothing that failed', async () => {
    // Somebody handed out bytes that the signed index does not vouch for.
    expectExit(crawl, 5);
    const published = CASES.flatMap(({ code }, i) => (code === undefined ? [kernelOf(i)] : []));
    expect(Object.keys(await treeOf(site.archive))).toEqual(
      published.map((kernel) => `debian/12/x86_64/${kernel}.btf.tar.xz`),
    );
    const states = CASES.map(({ code }, i) => [
      kernelOf(i),
      code === undefined ? 'published' : `failed(${code})`,
    ]);
    expect(statesOf(site.db)).toEqual(Object.fromEntries(states));
    expect((await filesBelow(site.cache)).filter((file) => file.endsWith('.deb'))).toEqual([]);
  });

  it('completes the archive when the mirror has recovered', async () => {
    server.setFault(() => undefined);
    expectExit(await site.crawl(), 0);
    expect(Object.keys(await treeOf(site.archive))).toHaveLength(CASES.length);
  });
});
