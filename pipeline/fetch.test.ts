import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../crawlers/http/client.ts';
import { type Fault, type FileServer, startFileServer } from '../test/support/file-server.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { type FetchOptions, fetchPackage } from './fetch.ts';
import type { FetchedPackage } from './types.ts';

const CONTENT = randomBytes(5_000_000);
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');
const CUT: Fault = { kind: 'cut', afterBytes: 1_500_000 };

interface Mirror {
  readonly server: FileServer;
  /** The file behind the package's address. */
  readonly file: string;
  readonly cacheDir: string;
  readonly part: string;
  readonly sidecar: string;
  readonly fetch: (
    options?: Partial<FetchOptions> & { sizeBytes?: number; url?: string },
  ) => Promise<FetchedPackage>;
}

async function startMirror(content: Uint8Array = CONTENT): Promise<Mirror> {
  const folder = await tempDirForTest('fetch');
  const file = join(folder, 'x.deb');
  await writeFile(file, content);
  const server = await startFileServer(folder);
  onTestFinished(() => server.close());
  const cacheDir = join(folder, 'cache');
  const part = join(cacheDir, `${SHA256}.part`);
  const fetch = fetcher(cacheDir, `${server.url}/x.deb`);
  return { server, file, cacheDir, part, sidecar: `${part}.json`, fetch };
}

function fetcher(cacheDir: string, defaultUrl: string): Mirror['fetch'] {
  const http = createHttpClient({ maxAttempts: 2, backoffBaseMs: 1, stallTimeoutMs: 300 });
  onTestFinished(() => http.close());
  return ({ sizeBytes = CONTENT.length, url = defaultUrl, ...options } = {}) =>
    fetchPackage(
      { url, digest: `sha256:${SHA256}`, sizeBytes, format: 'deb' },
      { http, cacheDir, signal: new AbortController().signal, backoffBaseMs: 1, ...options },
    );
}

/** The package is under its final name, right, and alone. */
async function expectFetched(
  { path }: FetchedPackage,
  { cacheDir }: Pick<Mirror, 'cacheDir'>,
): Promise<void> {
  expect(path).toBe(join(cacheDir, `${SHA256}.deb`));
  expect((await readFile(path)).equals(CONTENT)).toBe(true);
  expect(await readdir(cacheDir)).toEqual([`${SHA256}.deb`]);
}

/** Requests so far: status, Range, If-Range. */
function requests({ server }: Mirror): unknown[] {
  return server.log.map(({ statusCode, headers }) => [
    statusCode,
    headers.range,
    headers['if-range'] !== undefined,
  ]);
}

/** After a run that ended with 1 500 000 bytes of the package. */
async function interrupted(): Promise<Mirror> {
  const mirror = await startMirror();
  mirror.server.setFault(() => CUT);
  await expect(mirror.fetch({ maxAttempts: 1 })).rejects.toMatchObject({ code: 'http-truncated' });
  mirror.server.setFault(() => undefined);
  mirror.server.clear();
  return mirror;
}

describe('a mirror that behaves', () => {
  it('gives the package once', async () => {
    const mirror = await startMirror();
    const calls: [number, number | undefined][] = [];
    const fetched = await mirror.fetch({ onProgress: (done, total) => calls.push([done, total]) });
    await expectFetched(fetched, mirror);
    expect(fetched).toMatchObject({ sizeBytes: CONTENT.length, fetchedBytes: CONTENT.length, resumedAt: 0 });
    expect(calls[0]).toEqual([0, CONTENT.length]);
    expect(calls.at(-1)).toEqual([CONTENT.length, CONTENT.length]);

    const again = await mirror.fetch();
    await expectFetched(again, mirror);
    expect(again).toMatchObject({ fetchedBytes: 0, resumedAt: CONTENT.length });
    expect(mirror.server.log).toHaveLength(1);
  });

  it('is asked again when the cached copy is damaged', async () => {
    const mirror = await startMirror();
    const { path } = await mirror.fetch();
    await writeFile(path, CONTENT.subarray(1));
    await expectFetched(await mirror.fetch(), mirror);
    expect(mirror.server.log).toHaveLength(2);
  });

  it('is not asked when nothing can be right', async () => {
    const mirror = await startMirror();
    for (const sizeBytes of [0, -1, 1.5, Number.NaN]) {
      await expect(mirror.fetch({ sizeBytes })).rejects.toMatchObject({ code: 'index-malformed' });
    }
    expect(mirror.server.log).toHaveLength(0);
  });

  it('is not asked for more than the disk can take', async () => {
    const mirror = await startMirror();
    await expect(mirror.fetch({ sizeBytes: 2 ** 50 })).rejects.toMatchObject({ code: 'disk-full' });
    expect(mirror.server.log).toHaveLength(0);
  });
});

describe('cuts and stalls', () => {
  it('tells of what came although it fails', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(() => CUT);
    let bytes = 0;
    const failed = mirror.fetch({ maxAttempts: 1, onTraffic: (more) => (bytes += more) });
    await expect(failed).rejects.toMatchObject({ code: 'http-truncated' });
    expect(bytes).toBe(1_500_000);
  });

  it('resumes as often as the mirror cuts, when there is progress', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(() => CUT);
    const fetched = await mirror.fetch({ maxAttempts: 2 });
    await expectFetched(fetched, mirror);
    expect(fetched.fetchedBytes).toBe(CONTENT.length);
    expect(requests(mirror)).toEqual([
      [200, undefined, false],
      [206, 'bytes=1500000-', true],
      [206, 'bytes=3000000-', true],
      [206, 'bytes=4500000-', true],
    ]);
  });

  it('resumes after a stall', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(({ attempt }) =>
      attempt === 1 ? { kind: 'stall', afterBytes: 2_000_000 } : undefined,
    );
    await expectFetched(await mirror.fetch(), mirror);
    expect(requests(mirror)).toEqual([
      [200, undefined, false],
      [206, 'bytes=2000000-', true],
    ]);
  });

  it('gives up without progress, and keeps what came', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(({ attempt }) => ({ kind: 'cut', afterBytes: attempt === 1 ? 2_000_000 : 10 }));
    await expect(mirror.fetch({ maxAttempts: 3 })).rejects.toMatchObject({ code: 'http-truncated' });
    expect(mirror.server.log).toHaveLength(3);
    expect((await stat(mirror.part)).size).toBe(2_000_020);
    expect(await readdir(mirror.cacheDir)).toEqual([`${SHA256}.part`, `${SHA256}.part.json`]);
  });

  it('does not go in circles with a mirror that cuts and knows no ranges', async () => {
    const folder = await tempDirForTest('fetch');
    const url = await serve((_, response) => {
      response.writeHead(200, { 'content-length': String(CONTENT.length) });
      response.write(CONTENT.subarray(0, 3_000_000), () => setTimeout(() => response.destroy(), 20));
    });
    await expect(fetcher(folder, url)({ maxAttempts: 3 })).rejects.toMatchObject({ code: 'http-truncated' });
  });

  it('finishes with a mirror that knows no ranges', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(({ attempt }) => (attempt === 1 ? CUT : { kind: 'no-ranges' }));
    const fetched = await mirror.fetch();
    await expectFetched(fetched, mirror);
    expect(fetched).toMatchObject({ fetchedBytes: CONTENT.length + 1_500_000, resumedAt: 0 });
  });
});

describe('across runs', () => {
  it('goes on where the last run ended', async () => {
    const mirror = await interrupted();
    const fetched = await mirror.fetch();
    await expectFetched(fetched, mirror);
    expect(fetched).toMatchObject({ fetchedBytes: CONTENT.length - 1_500_000, resumedAt: 1_500_000 });
    expect(requests(mirror)).toEqual([[206, 'bytes=1500000-', true]]);
  });

  it('goes on after an abort', async () => {
    const mirror = await startMirror();
    const stop = new AbortController();
    const onProgress = (done: number): void => {
      if (done > 1_000_000) stop.abort();
    };
    await expect(mirror.fetch({ signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'aborted',
    });
    const { size } = await stat(mirror.part);
    expect(size).toBeGreaterThan(1_000_000);
    const fetched = await mirror.fetch();
    await expectFetched(fetched, mirror);
    expect(fetched.resumedAt).toBe(size);
  });

  it('goes on at another mirror, without the first one’s validators', async () => {
    const mirror = await interrupted();
    const other = await startMirror();
    const fetched = await mirror.fetch({ url: `${other.server.url}/x.deb` });
    await expectFetched(fetched, mirror);
    expect(requests(other)).toEqual([[206, 'bytes=1500000-', false]]);
  });

  it('starts over when the file at the mirror is a newer one', async () => {
    const mirror = await interrupted();
    await utimes(mirror.file, 1, 1);
    const fetched = await mirror.fetch();
    await expectFetched(fetched, mirror);
    expect(requests(mirror)).toEqual([[200, 'bytes=1500000-', true]]);
    expect(fetched.resumedAt).toBe(0);
  });

  it('asks for nothing when only the rename was missing', async () => {
    const mirror = await interrupted();
    await writeFile(mirror.part, CONTENT);
    await expectFetched(await mirror.fetch(), mirror);
    expect(mirror.server.log).toHaveLength(0);
  });

  it('throws a damaged part away and starts over', async () => {
    const mirror = await interrupted();
    await writeFile(mirror.part, Buffer.alloc(1_500_000));
    const fetched = await mirror.fetch();
    await expectFetched(fetched, mirror);
    expect(requests(mirror)).toEqual([
      [206, 'bytes=1500000-', true],
      [200, undefined, false],
    ]);
    expect(mirror.server.log[1].headers['cache-control']).toBe('no-cache');
    expect(fetched.resumedAt).toBe(0);
  });

  it.each([
    ['no sidecar', ''],
    ['a torn sidecar', '{"url":"http'],
    ['a strange sidecar', '{"url":7,"size":5000000}'],
    ['a sidecar of a file of another size', '{"url":"http://x/","size":1}'],
    ['a sidecar that is null', 'null'],
  ])('starts over with %s', async (_, text) => {
    const mirror = await interrupted();
    await writeFile(mirror.sidecar, text);
    await expectFetched(await mirror.fetch(), mirror);
    expect(requests(mirror)).toEqual([[200, undefined, false]]);
  });

  it('starts over with a part that is too long', async () => {
    const mirror = await interrupted();
    await writeFile(mirror.part, Buffer.alloc(CONTENT.length + 1));
    await expectFetched(await mirror.fetch(), mirror);
  });
});

describe('files that are not the package', () => {
  it('retries once from zero, past caches', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(({ attempt }) =>
      attempt === 1 ? { kind: 'flip', offset: 3_333_333 } : undefined,
    );
    await expectFetched(await mirror.fetch(), mirror);
    expect(mirror.server.log.map(({ headers }) => headers['cache-control'])).toEqual([undefined, 'no-cache']);
  });

  it.each<[string, Fault, RegExp]>([
    ['a flipped bit', { kind: 'flip', offset: 1 }, /SHA-256 is [0-9a-f]{64}, the index says/u],
    ['a shorter file', { kind: 'truncate', toBytes: 100 }, /it has 100 bytes, the index says 5000000/u],
    ['another file', { kind: 'replace', body: Buffer.from('<html>') }, /it has 6 bytes/u],
    ['a length that is a lie', { kind: 'overstate', byBytes: 7 }, /it has 5000007 bytes/u],
  ])('gives up after the second time: %s', async (_, fault, message) => {
    const mirror = await startMirror();
    mirror.server.setFault(() => fault);
    await expect(mirror.fetch()).rejects.toMatchObject({
      code: 'package-digest',
      message: expect.stringMatching(message),
    });
    expect(mirror.server.log).toHaveLength(2);
    expect(await readdir(mirror.cacheDir)).toEqual([]);
  });

  it.each<[string, number, string]>([
    ['longer', CONTENT.length + 1, 'package-digest'],
    ['shorter', CONTENT.length - 1, 'http-truncated'],
  ])('sees a body without a stated length that is %s', async (_, length, code) => {
    const folder = await tempDirForTest('fetch');
    const url = await serve((_request, response) => {
      response.writeHead(200);
      response.end(Buffer.alloc(length));
    });
    await expect(fetcher(folder, url)({ maxAttempts: 2 })).rejects.toMatchObject({ code });
  });

  it('does not splice when the ETag changes and If-Range is ignored', async () => {
    const folder = await tempDirForTest('fetch');
    const old = Buffer.alloc(CONTENT.length, 'old');
    let count = 0;
    const seen: (string | undefined)[] = [];
    const url = await serve(({ headers }, response) => {
      count += 1;
      seen.push(headers.range);
      const content = count === 1 ? old : CONTENT;
      const start = Number(/^bytes=(?<start>\d+)-$/u.exec(headers.range ?? '')?.groups?.start ?? 0);
      const range = { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
      response.writeHead(start > 0 ? 206 : 200, {
        etag: `"${Math.min(count, 2)}"`,
        'content-length': String(content.length - start),
        ...(start > 0 ? range : {}),
      });
      if (count > 1) response.end(content.subarray(start));
      // Time for the client to read it all, on a busy machine too: destroying at once may throw it away.
      else response.write(content.subarray(0, 2_000_000), () => setTimeout(() => response.destroy(), 200));
    });
    await expectFetched(await fetcher(folder, url)(), { cacheDir: folder });
    expect(seen).toEqual([undefined, 'bytes=2000000-', undefined]);
  });

  it('starts over when the mirror says there is no such range', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(({ attempt }) =>
      attempt === 1 ? CUT : attempt === 2 ? { kind: 'status', statusCode: 416 } : undefined,
    );
    await expectFetched(await mirror.fetch(), mirror);
    expect(requests(mirror).at(-1)).toEqual([200, undefined, false]);
  });
});

describe('a mirror that refuses', () => {
  it.each([
    [404, 'http-not-found', 1],
    [410, 'http-not-found', 1],
    [403, 'http-refused', 1],
    [429, 'http-refused', 2],
    [503, 'http-status', 2],
    [418, 'http-status', 1],
  ])('%i is %s', async (statusCode, code, count) => {
    const mirror = await startMirror();
    mirror.server.setFault(() => ({ kind: 'status', statusCode }));
    await expect(mirror.fetch()).rejects.toMatchObject({ code });
    expect(mirror.server.log).toHaveLength(count);
  });

  it('follows redirects, and resumes through them', async () => {
    const mirror = await startMirror();
    const url = await serve((_, response) => {
      response.writeHead(302, { location: `${mirror.server.url}/x.deb` });
      response.end();
    });
    mirror.server.setFault(({ attempt }) => (attempt === 1 ? CUT : undefined));
    await expectFetched(await mirror.fetch({ url }), mirror);
    expect(requests(mirror)).toEqual([
      [200, undefined, false],
      [206, 'bytes=1500000-', true],
    ]);
  });

  it('keeps the part when the mirror goes away', async () => {
    const mirror = await startMirror();
    mirror.server.setFault(({ attempt }) => (attempt === 1 ? CUT : { kind: 'status', statusCode: 503 }));
    await expect(mirror.fetch()).rejects.toMatchObject({ code: 'http-status' });
    expect((await stat(mirror.part)).size).toBe(1_500_000);
  });
});

describe('a cache folder that cannot be used', () => {
  it('is an io error', async () => {
    const mirror = await startMirror();
    await writeFile(mirror.cacheDir, 'a file');
    await expect(mirror.fetch()).rejects.toMatchObject({ code: 'io-failed' });
    const other = await startMirror();
    await mkdir(join(other.cacheDir, `${SHA256}.part`), { recursive: true });
    await expect(other.fetch()).rejects.toMatchObject({ code: 'io-failed' });
  });
});

/** A server with one answer of the test's own making. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.deb`;
}
