import { createHash } from 'node:crypto';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { type FileServer, startFileServer } from '../../test/support/file-server.ts';
import { BtfmillError } from '../../errors/index.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import type { CrawlContext, HttpValidator } from '../types.ts';
import { createHttpClient } from './client.ts';
import { createIndexClient } from './index-client.ts';
import { fetchIndexFile } from './index-file.ts';

interface Setting {
  readonly server: FileServer;
  readonly context: CrawlContext;
  readonly validators: Map<string, HttpValidator>;
  readonly url: string;
  /** Writes a file below the server's root; resolves with its digest. */
  readonly put: (path: string, text: string) => Promise<string>;
}

async function setUp(): Promise<Setting> {
  const root = await tempDirForTest('index-file');
  const server = await startFileServer(join(root, 'www'));
  const http = createHttpClient({ backoffBaseMs: 5, maxAttempts: 2, stallTimeoutMs: 200 });
  onTestFinished(async () => {
    await http.close();
    await server.close();
  });
  const validators = new Map<string, HttpValidator>();
  return {
    server,
    validators,
    url: `${server.url}/InRelease`,
    context: {
      http,
      validators: { get: (url) => validators.get(url), set: (url, value) => validators.set(url, value) },
      indexCacheDir: join(root, 'cache'),
      signal: new AbortController().signal,
      say: () => undefined,
    },
    async put(path, text) {
      const file = join(root, 'www', path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      // One second apart: Last-Modified tells no more.
      await utimes(file, new Date(), new Date(Date.now() - 10_000 + text.length * 1000));
      return createHash('sha256').update(text).digest('hex');
    },
  };
}

test('an unchanged file costs headers only, a changed one replaces the copy', async () => {
  const { put, url, context, server } = await setUp();
  await put('InRelease', 'one');
  expect(await fetchIndexFile(url, context)).toMatchObject({ fromCache: false, fetchedBytes: 3 });
  expect(await fetchIndexFile(url, context)).toMatchObject({ fromCache: true, fetchedBytes: 0 });
  expect(server.log.map(({ statusCode, bodyBytes }) => [statusCode, bodyBytes])).toEqual([
    [200, 3],
    [304, 0],
  ]);
  await put('InRelease', 'three');
  const changed = await fetchIndexFile(url, context);
  expect(changed?.bytes.toString()).toBe('three');
  expect(await readdir(context.indexCacheDir)).toHaveLength(1);
});

test('a damaged copy is fetched again, without conditions', async () => {
  const { put, url, context, server } = await setUp();
  const digest = await put('InRelease', 'one');
  await fetchIndexFile(url, context);
  await writeFile(join(context.indexCacheDir, digest), 'two');
  expect((await fetchIndexFile(url, context))?.bytes.toString()).toBe('one');
  expect(server.log.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
});

test('a known digest that is in the cache costs nothing', async () => {
  const { put, url, context, server } = await setUp();
  const expectSha256 = await put('InRelease', 'one');
  await fetchIndexFile(url, context, { expectSha256 });
  server.clear();
  expect(await fetchIndexFile(url, context, { expectSha256 })).toMatchObject({ fromCache: true });
  expect(server.log).toEqual([]);
});

test('what never changes is asked for once', async () => {
  const { put, url, context, server } = await setUp();
  await put('InRelease', 'one');
  await fetchIndexFile(url, context, { isImmutable: true });
  server.clear();
  expect(await fetchIndexFile(url, context, { isImmutable: true })).toMatchObject({ fromCache: true });
  expect(server.log).toEqual([]);
});

test('a copy that nothing could prove to be current is not kept', async () => {
  const { url, context, validators, put, server } = await setUp();
  await put('InRelease', 'one');
  const isPlain = { kind: 'replace', body: Buffer.from('no validators') } as const;
  server.setFault(() => isPlain);
  expect((await fetchIndexFile(url, context))?.bytes.toString()).toBe('no validators');
  expect(await readdir(context.indexCacheDir).catch(() => [])).toEqual([]);
  expect(validators.size).toBe(0);
  expect((await fetchIndexFile(url, context))?.bytes.toString()).toBe('no validators');
});

test('other bytes than the digest says → index-digest, and nothing is kept', async () => {
  const { put, url, context, validators } = await setUp();
  await put('InRelease', 'one');
  const expectSha256 = createHash('sha256').update('two').digest('hex');
  await expect(fetchIndexFile(url, context, { expectSha256 })).rejects.toMatchObject({
    code: 'index-digest',
    exitCode: 5,
  });
  expect(validators.size).toBe(0);
});

test('by hash first, by name when the mirror keeps none', async () => {
  const { put, url, context, server } = await setUp();
  const expectSha256 = await put('InRelease', 'one');
  const byHashUrl = `${server.url}/by-hash/SHA256/${expectSha256}`;
  await fetchIndexFile(url, context, { expectSha256, byHashUrl });
  expect(server.log.map(({ statusCode }) => statusCode)).toEqual([404, 200]);

  const other = await put('by-hash/SHA256/other', 'other');
  server.clear();
  await fetchIndexFile(url, context, {
    expectSha256: other,
    byHashUrl: `${server.url}/by-hash/SHA256/other`,
  });
  expect(server.log.map(({ path }) => path)).toEqual(['/by-hash/SHA256/other']);
});

test('what the check refuses is not kept', async () => {
  const { put, url, context, validators } = await setUp();
  await put('InRelease', 'one');
  await expect(fetchIndexFile(url, context, { check: refuse })).rejects.toThrow('unsigned');
  expect(validators.size).toBe(0);
});

test('the check sees the kept copy as well', async () => {
  const { put, url, context } = await setUp();
  await put('InRelease', 'one');
  const seen: string[] = [];
  const check = async (bytes: Buffer) => {
    seen.push(bytes.toString());
  };
  await fetchIndexFile(url, context, { check });
  await fetchIndexFile(url, context, { check });
  expect(seen).toEqual(['one', 'one']);
});

test.each(['cut', 'stall'] as const)('a body that is %s starts again', async (kind) => {
  const { put, url, context, server } = await setUp();
  await put('InRelease', 'a longer text');
  server.setFault(({ attempt }) => (attempt < 3 ? { kind, afterBytes: 4 } : undefined));
  expect((await fetchIndexFile(url, context))?.bytes.toString()).toBe('a longer text');
  server.setFault(() => ({ kind, afterBytes: 4 }));
  await put('InRelease', 'another text');
  await expect(fetchIndexFile(url, context)).rejects.toMatchObject({
    code: kind === 'cut' ? 'http-truncated' : 'http-stalled',
  });
});

test('missing → undefined; too long → refused', async () => {
  const { put, url, context } = await setUp();
  expect(await fetchIndexFile(url, context)).toBeUndefined();
  const expectSha256 = await put('InRelease', 'one');
  await expect(fetchIndexFile(url, context, { maxBytes: 2 })).rejects.toMatchObject({
    code: 'index-malformed',
  });
  await expect(fetchIndexFile(url, context, { maxBytes: 2, expectSha256 })).rejects.toMatchObject({
    code: 'index-digest',
  });
});

test('304 to a plain request is no file', async () => {
  const { url, context, server } = await setUp();
  server.setFault(() => ({ kind: 'status', statusCode: 304 }));
  await expect(fetchIndexFile(url, context)).rejects.toMatchObject({ code: 'http-status' });
});

test('the index client counts, and gives up on a dead host', async () => {
  const { put, url, context, server } = await setUp();
  await put('InRelease', 'one');
  const client = createIndexClient(context.http);
  const counted = { ...context, http: client.http };
  await fetchIndexFile(url, counted);
  await fetchIndexFile(url, counted);
  expect(client.cost()).toEqual({ requests: 2, bytes: 3 });

  await server.close();
  const tries: unknown[] = [];
  for (const path of ['a', 'b']) {
    tries.push(await fetchIndexFile(`${server.url}/${path}`, counted).catch((error: unknown) => error));
  }
  expect(tries).toEqual([
    expect.objectContaining({ code: 'http-unreachable' }),
    expect.objectContaining({ code: 'http-unreachable', message: expect.stringContaining('out of reach') }),
  ]);
});

test('a host that hangs up on one address is asked for another, and given up when it hangs up again', async () => {
  const { put, url, context, server } = await setUp();
  await put('InRelease', 'one');
  const counted = { ...context, http: createIndexClient(context.http).http };
  const at = (path: string): string => `${server.url}/${path}`;
  const hangUp = expect.objectContaining({
    code: 'http-unreachable',
    message: expect.not.stringContaining('out of reach'),
  });
  server.setFault(({ path }) => (path.startsWith('/bad') ? { kind: 'hang-up' } : undefined));
  await expect(fetchIndexFile(at('bad1'), counted)).rejects.toEqual(hangUp);
  expect((await fetchIndexFile(url, counted))?.bytes.toString()).toBe('one');
  await expect(fetchIndexFile(at('bad2'), counted)).rejects.toEqual(hangUp);
  await expect(fetchIndexFile(at('bad3'), counted)).rejects.toEqual(hangUp);
  await expect(fetchIndexFile(url, counted)).rejects.toMatchObject({
    message: expect.stringContaining('out of reach'),
  });
});

test.each([
  ['never answers', { kind: 'stall', afterBytes: 0 }],
  ['falls silent in the middle', { kind: 'stall', afterBytes: 2 }],
  ['has had too many requests', { kind: 'status', statusCode: 429 }],
] as const)('so is one that %s', async (_, fault) => {
  const { put, url, context, server } = await setUp();
  await put('InRelease', 'one');
  for (const name of ['bad1', 'bad2', 'bad3']) await put(name, 'some text');
  const counted = { ...context, http: createIndexClient(context.http).http };
  const ask = (path: string) => fetchIndexFile(`${server.url}/${path}`, counted);
  const own = expect.objectContaining({ code: expect.not.stringContaining('http-unreachable') });
  server.setFault(({ path }) => (path.startsWith('/bad') ? fault : undefined));
  // However often: it may be the address.
  await expect(ask('bad1')).rejects.toEqual(own);
  await expect(ask('bad1')).rejects.toEqual(own);
  expect((await fetchIndexFile(url, counted))?.bytes.toString()).toBe('one');
  await expect(ask('bad2')).rejects.toEqual(own);
  await expect(ask('bad3')).rejects.toMatchObject({ code: expect.stringMatching(/^http-/) });
  await expect(ask('InRelease')).rejects.toMatchObject({ message: expect.stringContaining('out of reach') });
});

test('a host that was given up in haste is asked again by who has patience', async () => {
  const { context } = await setUp();
  const url = 'http://mirror.example/a';
  let isThere = false;
  const http = createIndexClient({
    ...context.http,
    request: () =>
      isThere
        ? Promise.resolve({ statusCode: 404, headers: {}, url, body: Readable.from([]) })
        : Promise.reject(new BtfmillError('http-unreachable', 'refused')),
  }).http;
  const ask = (maxAttempts?: number) =>
    fetchIndexFile(url, { ...context, http }, maxAttempts === undefined ? {} : { maxAttempts });
  await expect(ask(2)).rejects.toThrow('refused');
  isThere = true;
  await expect(ask(2)).rejects.toThrow('out of reach');
  expect(await ask()).toBeUndefined();
});

test('a host that does not speak HTTPS is still asked over HTTP', async () => {
  const { put, url, context } = await setUp();
  await put('InRelease', 'one');
  const counted = { ...context, http: createIndexClient(context.http).http };
  const secure = url.replace('http:', 'https:');
  await expect(fetchIndexFile(secure, counted)).rejects.toMatchObject({ code: 'http-unreachable' });
  expect((await fetchIndexFile(url, counted))?.bytes.toString()).toBe('one');
});

function refuse(): Promise<void> {
  return Promise.reject(new Error('unsigned'));
}
