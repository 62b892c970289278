import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../crawlers/http/client.ts';
import { type Fault, type FileServer, startFileServer } from '../test/support/file-server.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { type FetchOptions, fetchPackage } from './fetch.ts';
import type { FetchedPackage } from './types.ts';

const CONTENT = randomBytes(3_000_000);
const SHA1 = createHash('sha1').update(CONTENT).digest('hex');
const OTHER = randomBytes(CONTENT.length);

interface Mirrors {
  readonly servers: readonly FileServer[];
  readonly cacheDir: string;
  readonly fetch: (options?: Partial<FetchOptions>) => Promise<FetchedPackage>;
}

/** Mirrors of one file, the first in line at first; each has its own fault, if any. */
async function startMirrors(...faults: readonly (Fault | undefined)[]): Promise<Mirrors> {
  const folder = await tempDirForTest('mirrors');
  const cacheDir = join(folder, 'cache');
  const servers: FileServer[] = [];
  for (const [index, fault] of faults.entries()) {
    const root = join(folder, `mirror-${index}`);
    await mkdir(root);
    await writeFile(join(root, 'x.rpm'), CONTENT);
    const server = await startFileServer(root);
    onTestFinished(() => server.close());
    server.setFault(() => fault);
    servers.push(server);
  }
  const http = createHttpClient({ maxAttempts: 2, backoffBaseMs: 1, stallTimeoutMs: 300 });
  onTestFinished(() => http.close());
  const [url, ...otherUrls] = servers.map((server) => `${server.url}/x.rpm`);
  const pkg = { url, otherUrls, digest: `sha1:${SHA1}`, sizeBytes: CONTENT.length, format: 'rpm' } as const;
  return {
    servers,
    cacheDir,
    fetch: (options = {}) =>
      fetchPackage(pkg, {
        http,
        cacheDir,
        signal: new AbortController().signal,
        backoffBaseMs: 1,
        maxAttempts: 2,
        ...options,
      }),
  };
}

async function expectFetched({ path }: FetchedPackage, { cacheDir }: Mirrors): Promise<void> {
  expect((await readFile(path)).equals(CONTENT)).toBe(true);
  expect(await readdir(cacheDir)).toEqual([`${SHA1}.rpm`]);
}

const NOT_FOUND: Fault = { kind: 'status', statusCode: 404 };

describe('when a mirror fails, the next one gives the package', () => {
  it.each<[string, Fault]>([
    ['404', NOT_FOUND],
    ['410', { kind: 'status', statusCode: 410 }],
    ['403', { kind: 'status', statusCode: 403 }],
    ['400', { kind: 'status', statusCode: 400 }],
    ['500', { kind: 'status', statusCode: 500 }],
    ['a redirect to nowhere', { kind: 'redirect', location: 'http://' }],
    ['another file', { kind: 'replace', body: OTHER }],
    ['another size', { kind: 'replace', body: Buffer.from('<html>parked</html>') }],
    ['a flipped bit', { kind: 'flip', offset: 1_000_000 }],
  ])('%s', async (_what, fault) => {
    const mirrors = await startMirrors(fault, undefined, undefined);
    await expectFetched(await mirrors.fetch(), mirrors);
    expect(mirrors.servers[1].log).toHaveLength(1);
    expect(mirrors.servers[2].log).toHaveLength(0);
  });

  it('out of reach', async () => {
    const mirrors = await startMirrors(undefined, undefined);
    await mirrors.servers[0].close();
    await expectFetched(await mirrors.fetch(), mirrors);
  });

  it.each<[string, Fault]>([
    ['cut for good', { kind: 'cut', afterBytes: 900_000 }],
    ['stalled for good', { kind: 'stall', afterBytes: 900_000 }],
  ])('%s, going on where the one before ended', async (_what, fault) => {
    const mirrors = await startMirrors(fault, undefined);
    // No second request gets any further: the first one's progress is all there is.
    mirrors.servers[0].setFault(({ attempt }) =>
      attempt === 1 ? fault : ({ ...fault, afterBytes: 0 } as Fault),
    );
    const fetched = await mirrors.fetch();
    await expectFetched(fetched, mirrors);
    expect(fetched.fetchedBytes).toBe(CONTENT.length);
    expect(mirrors.servers[1].log).toMatchObject([{ statusCode: 206, headers: { range: 'bytes=900000-' } }]);
    expect(mirrors.servers[1].log[0].headers).not.toHaveProperty('if-range');
  });

  it('starts over when the one before gave the beginning of another file', async () => {
    const mirrors = await startMirrors({ kind: 'cut', afterBytes: 900_000 }, undefined);
    await writeFile(join(mirrors.cacheDir, '../mirror-0/x.rpm'), OTHER);
    mirrors.servers[0].setFault(({ attempt }) => ({ kind: 'cut', afterBytes: attempt === 1 ? 900_000 : 0 }));
    await expectFetched(await mirrors.fetch(), mirrors);
    expect(mirrors.servers[1].log.map(({ headers }) => headers.range)).toEqual(['bytes=900000-', undefined]);
  });

  it('in a later run too, with what the former has left', async () => {
    const mirrors = await startMirrors({ kind: 'cut', afterBytes: 900_000 }, NOT_FOUND);
    mirrors.servers[0].setFault(({ attempt }) => ({ kind: 'cut', afterBytes: attempt === 1 ? 900_000 : 0 }));
    await expect(mirrors.fetch()).rejects.toMatchObject({ code: 'http-truncated' });
    mirrors.servers[0].setFault(() => NOT_FOUND);
    mirrors.servers[1].setFault(() => undefined);
    const fetched = await mirrors.fetch();
    await expectFetched(fetched, mirrors);
    expect(fetched).toMatchObject({ resumedAt: 900_000, fetchedBytes: CONTENT.length - 900_000 });
  });
});

it('is less patient with a mirror while there are others', async () => {
  const mirrors = await startMirrors(
    { kind: 'status', statusCode: 503 },
    { kind: 'status', statusCode: 503 },
  );
  const http = createHttpClient({ maxAttempts: 4, backoffBaseMs: 1 });
  onTestFinished(() => http.close());
  await expect(mirrors.fetch({ http })).rejects.toMatchObject({ code: 'http-status' });
  expect(mirrors.servers.map(({ log }) => log.length)).toEqual([2, 4]);

  for (const server of mirrors.servers) {
    server.clear();
    server.setFault(() => ({ kind: 'cut', afterBytes: 10 }));
  }
  await expect(mirrors.fetch({ maxAttempts: 4 })).rejects.toMatchObject({ code: 'http-truncated' });
  expect(mirrors.servers.map(({ log }) => log.length)).toEqual([2, 4]);
});

describe('when all mirrors fail', () => {
  it('by not having it, that is http-not-found, naming them all', async () => {
    const mirrors = await startMirrors(NOT_FOUND, NOT_FOUND, NOT_FOUND);
    const failed = mirrors.fetch();
    await expect(failed).rejects.toMatchObject({ code: 'http-not-found', retryable: true });
    for (const { url } of mirrors.servers) await expect(failed).rejects.toThrow(`${url}/x.rpm`);
  });

  it('by having another file, that is package-digest, and nothing of it stays', async () => {
    const replaced: Fault = { kind: 'replace', body: OTHER };
    const mirrors = await startMirrors(replaced, NOT_FOUND, replaced);
    await expect(mirrors.fetch()).rejects.toMatchObject({ code: 'package-digest', retryable: true });
    expect(await readdir(mirrors.cacheDir)).toEqual([]);
    expect(mirrors.servers.map(({ log }) => log.length)).toEqual([2, 1, 2]);
  });

  it('in different ways, that is the first that tells of more than absence', async () => {
    const mirrors = await startMirrors(NOT_FOUND, { kind: 'status', statusCode: 403 }, NOT_FOUND);
    await expect(mirrors.fetch()).rejects.toMatchObject({ code: 'http-refused' });
  });
});

describe('a run with many packages', () => {
  it('does not begin with a dead mirror each time', async () => {
    const mirrors = await startMirrors({ kind: 'status', statusCode: 403 }, undefined);
    const troubledHosts = new Set<string>();
    const { path } = await mirrors.fetch({ troubledHosts });
    await writeFile(path, 'damaged');
    await expectFetched(await mirrors.fetch({ troubledHosts }), mirrors);
    expect(mirrors.servers.map(({ log }) => log.length)).toEqual([1, 2]);
  });
});

it('does not go on to the next mirror when it is stopped', async () => {
  const mirrors = await startMirrors({ kind: 'stall', afterBytes: 10 }, undefined);
  const stop = new AbortController();
  const failed = mirrors.fetch({ signal: stop.signal });
  await mirrors.servers[0].waitFor(/x\.rpm/u, 10);
  stop.abort();
  await expect(failed).rejects.toMatchObject({ code: 'aborted' });
  expect(mirrors.servers[1].log).toHaveLength(0);
});
