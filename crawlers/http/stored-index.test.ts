import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type FileServer, startFileServer } from '../../test/support/file-server.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import type { CrawlContext, HttpValidator, PackageDigest } from '../types.ts';
import { createHttpClient } from './client.ts';
import { fetchStoredIndex } from './stored-index.ts';

interface Setting {
  readonly server: FileServer;
  readonly context: CrawlContext;
  /** Puts the file on the server and asks for it as what it is. */
  readonly fetch: (
    text: string,
    options?: { algorithm?: 'sha1' | 'sha256' | 'sha512'; sizeBytes?: number; digestOf?: string },
  ) => ReturnType<typeof fetchStoredIndex>;
}

async function setUp(): Promise<Setting> {
  const root = await tempDirForTest('stored-index');
  await mkdir(join(root, 'www'));
  const server = await startFileServer(join(root, 'www'));
  const http = createHttpClient({ backoffBaseMs: 5, maxAttempts: 2, stallTimeoutMs: 200 });
  onTestFinished(async () => {
    await http.close();
    await server.close();
  });
  const validators = new Map<string, HttpValidator>();
  const context: CrawlContext = {
    http,
    validators: { get: (key) => validators.get(key), set: (key, value) => validators.set(key, value) },
    indexCacheDir: join(root, 'cache'),
    signal: new AbortController().signal,
    say: () => undefined,
  };
  return {
    server,
    context,
    async fetch(text, { algorithm = 'sha256', sizeBytes, digestOf = text } = {}) {
      await writeFile(join(root, 'www', 'primary'), text);
      const digest: PackageDigest = `${algorithm}:${createHash(algorithm).update(digestOf).digest('hex')}`;
      return fetchStoredIndex(`${server.url}/primary`, context, { digest, sizeBytes, key: 'key' });
    },
  };
}

test.each(['sha1', 'sha256', 'sha512'] as const)(
  '%s: fetched once, kept by its SHA-256',
  async (algorithm) => {
    const { server, context, fetch } = await setUp();
    const first = await fetch('one', { algorithm });
    expect(first).toMatchObject({ fromCache: false, fetchedBytes: 3 });
    expect(await fetch('one', { algorithm })).toMatchObject({
      fromCache: true,
      fetchedBytes: 0,
      path: first?.path,
    });
    expect(server.log).toHaveLength(1);
    const sha256 = createHash('sha256').update('one').digest('hex');
    expect(await readdir(context.indexCacheDir)).toEqual([sha256]);
  },
);

test('the next file under the same key takes its place', async () => {
  const { context, fetch } = await setUp();
  await fetch('one', { algorithm: 'sha512' });
  const two = await fetch('two', { algorithm: 'sha512' });
  expect(await readFile(two?.path ?? '', 'utf8')).toBe('two');
  expect(await readdir(context.indexCacheDir)).toHaveLength(1);
});

test('a damaged copy is fetched again', async () => {
  const { server, fetch } = await setUp();
  const first = await fetch('one');
  await writeFile(first?.path ?? '', 'two');
  expect(await fetch('one')).toMatchObject({ fromCache: false });
  expect(await readFile(first?.path ?? '', 'utf8')).toBe('one');
  expect(server.log).toHaveLength(2);
});

test('other bytes, or more than said → index-digest, and nothing is kept', async () => {
  const { context, fetch } = await setUp();
  await expect(fetch('one', { digestOf: 'two' })).rejects.toMatchObject({
    code: 'index-digest',
    exitCode: 5,
  });
  await expect(fetch('one', { sizeBytes: 2 })).rejects.toMatchObject({ code: 'index-digest' });
  expect(await readdir(context.indexCacheDir)).toEqual([]);
});

test.each(['cut', 'stall'] as const)('a body that is %s starts again', async (kind) => {
  const { server, context, fetch } = await setUp();
  server.setFault(({ attempt }) => (attempt < 3 ? { kind, afterBytes: 4 } : undefined));
  expect(await fetch('a longer text')).toMatchObject({ fetchedBytes: 13 });
  server.setFault(() => ({ kind, afterBytes: 4 }));
  await expect(fetch('another text')).rejects.toMatchObject({
    code: kind === 'cut' ? 'http-truncated' : 'http-stalled',
  });
  expect(await readdir(context.indexCacheDir)).toHaveLength(1);
});

test('missing → undefined; any other answer → http-status', async () => {
  const { server, context, fetch } = await setUp();
  server.setFault(() => ({ kind: 'status', statusCode: 410 }));
  expect(await fetch('one')).toBeUndefined();
  server.setFault(() => ({ kind: 'status', statusCode: 418 }));
  await expect(fetch('one')).rejects.toMatchObject({ code: 'http-status' });
  expect(await readdir(context.indexCacheDir)).toEqual([]);
});
