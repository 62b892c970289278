/** Fetches index files too large to hold: into the cache folder, with their digest known beforehand. */

import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { parsePackageDigest } from '../package-digest.ts';
import type { CrawlContext, PackageDigest } from '../types.ts';
import { bodyPath, dropBody, PARTIAL_SUFFIX } from './body-cache.ts';
import type { HttpResponse } from './client.ts';
import { isAbsent, readBodyWithRetries } from './read-body.ts';

export interface StoredIndexOptions {
  /** Of the body, as the index that names the file says. */
  readonly digest: PackageDigest;
  /** Its length, where that index tells it. */
  readonly sizeBytes: number | undefined;
  /**
   * Names the file in the validator store; the copy that was kept under this key before makes room for the new one.
   * Not its URL: that often holds the digest, and then no copy would ever make room.
   */
  readonly key: string;
}

export interface StoredIndex {
  /** In the cache folder; its bytes have the digest. */
  readonly path: string;
  readonly fromCache: boolean;
  readonly fetchedBytes: number;
}

/** For files whose length nobody tells. The largest known lists of packages have some 50 MB. */
const MAX_BYTES = 1024 * 1024 * 1024;

/**
 * The index file at `url`, or undefined when the mirror does not have it (404, 410). Nothing is asked of the mirror
 * when the cache has it. Throws `index-digest` when the bytes are others or too many, and the errors of the HTTP client.
 */
export async function fetchStoredIndex(
  url: string,
  context: CrawlContext,
  options: StoredIndexOptions,
): Promise<StoredIndex | undefined> {
  const { validators, indexCacheDir } = context;
  const known = validators.get(options.key);
  const { algorithm, hex } = splitDigest(options.digest);
  const cached = algorithm === 'sha256' ? hex : known?.sha256;
  if (cached !== undefined) {
    const path = bodyPath(indexCacheDir, cached);
    if ((await hashFile(path, algorithm)) === hex) return { path, fromCache: true, fetchedBytes: 0 };
  }

  await mkdir(indexCacheDir, { recursive: true });
  const partial = join(indexCacheDir, `${randomUUID()}${PARTIAL_SUFFIX}`);
  try {
    const body = await readBodyWithRetries(url, context, {}, (response) =>
      store(response, partial, url, options),
    );
    if (body === undefined) return undefined;
    const path = bodyPath(indexCacheDir, body.sha256);
    await rename(partial, path);
    validators.set(options.key, { sha256: body.sha256 });
    if (known !== undefined && known.sha256 !== body.sha256) await dropBody(indexCacheDir, known.sha256);
    return { path, fromCache: false, fetchedBytes: body.length };
  } finally {
    await rm(partial, { force: true });
  }
}

/** Writes the body and judges it; undefined when there is none. */
async function store(
  response: HttpResponse,
  path: string,
  url: string,
  { digest, sizeBytes }: StoredIndexOptions,
): Promise<{ readonly sha256: string; readonly length: number } | undefined> {
  if (response.statusCode !== 200) {
    response.body.destroy();
    if (isAbsent(response)) return undefined;
    throw new BtfmillError('http-status', `${url}: answered ${response.statusCode}`);
  }
  const { algorithm, hex } = splitDigest(digest);
  const maxBytes = Math.min(sizeBytes ?? MAX_BYTES, MAX_BYTES);
  const expected = createHash(algorithm);
  const sha256 = createHash('sha256');
  let length = 0;
  const file = await open(path, 'w');
  try {
    for await (const chunk of response.body) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > maxBytes) {
        throw new BtfmillError('index-digest', `${url}: longer than the ${maxBytes} bytes it may have`);
      }
      expected.update(bytes);
      if (algorithm !== 'sha256') sha256.update(bytes);
      await file.writeFile(bytes);
    }
  } finally {
    await file.close();
  }
  const actual = expected.digest('hex');
  if (actual !== hex) {
    throw new BtfmillError('index-digest', `${url}: has ${algorithm} ${actual}, its index says ${hex}`);
  }
  return { sha256: algorithm === 'sha256' ? actual : sha256.digest('hex'), length };
}

/** Undefined when there is no such file. */
async function hashFile(path: string, algorithm: string): Promise<string | undefined> {
  const hash = createHash(algorithm);
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
      hash.update(chunk as Buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

function splitDigest(digest: PackageDigest): NonNullable<ReturnType<typeof parsePackageDigest>> {
  const parts = parsePackageDigest(digest);
  if (parts === undefined) throw new RangeError(`not a digest: ${digest}`);
  return parts;
}
