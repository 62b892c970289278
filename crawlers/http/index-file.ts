/** Fetches index files: conditionally when their URL is known, not at all when their digest is known and cached. */

import { createHash } from 'node:crypto';
import { BtfmillError } from '../../errors/index.ts';
import type { CrawlContext, HttpValidator } from '../types.ts';
import { dropBody, readBody, writeBody } from './body-cache.ts';
import type { HttpResponse } from './client.ts';
import { isAbsent, readBodyWithRetries } from './read-body.ts';

export interface IndexFileOptions {
  /** SHA-256 that the signed parent gives, lower-case hex. */
  readonly expectSha256?: string;
  /** Longest body to accept; with a digest, the size that the signed parent gives. */
  readonly maxBytes?: number;
  /** Asked first; `url` is asked when it answers 404, and names the file in the validator store either way. */
  readonly byHashUrl?: string;
  /** What `url` names never changes: a kept copy is taken without asking. */
  readonly isImmutable?: boolean;
  /** Of each request; see `HttpRequestOptions`. */
  readonly maxAttempts?: number;
  /** Throws when the bytes must not be used; they are then not kept either. */
  readonly check?: (bytes: Buffer) => Promise<void>;
}

export interface IndexFile {
  readonly bytes: Buffer;
  /** Nothing but headers was moved, if that. */
  readonly fromCache: boolean;
  readonly fetchedBytes: number;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * The index file at `url`, or undefined when the mirror does not have it (404, 410).
 *
 * Throws `index-digest` when the bytes differ from `expectSha256`, `index-malformed` when they are too many, what
 * `check` throws, and the errors of the HTTP client.
 */
export async function fetchIndexFile(
  url: string,
  context: CrawlContext,
  options: IndexFileOptions = {},
): Promise<IndexFile | undefined> {
  const known = context.validators.get(url);
  const cachedDigest = options.expectSha256 ?? known?.sha256;
  const cached = cachedDigest === undefined ? undefined : await readBody(context.indexCacheDir, cachedDigest);
  const isCertain = options.expectSha256 !== undefined || options.isImmutable === true;
  if (isCertain && cached !== undefined) return useCached(cached, options);

  const answer = await ask(url, context, options, cached === undefined ? undefined : known);
  if (answer.kind === 'absent') return undefined;
  if (answer.kind === 'unchanged') {
    if (cached === undefined)
      throw new BtfmillError('http-status', `${url}: answered 304 to a plain request`);
    return useCached(cached, options);
  }

  const { bytes, etag, lastModified } = answer;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (options.expectSha256 !== undefined && sha256 !== options.expectSha256) {
    throw new BtfmillError(
      'index-digest',
      `${url}: has SHA-256 ${sha256}, its signed index says ${options.expectSha256}`,
    );
  }
  await options.check?.(bytes);
  // A copy that nothing could ever prove to be current is not worth its room.
  if (isCertain || etag !== undefined || lastModified !== undefined) {
    await writeBody(context.indexCacheDir, sha256, bytes);
    context.validators.set(url, {
      sha256,
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    });
  }
  if (known !== undefined && known.sha256 !== sha256) await dropBody(context.indexCacheDir, known.sha256);
  return { bytes, fromCache: false, fetchedBytes: bytes.length };
}

async function useCached(bytes: Buffer, options: IndexFileOptions): Promise<IndexFile> {
  await options.check?.(bytes);
  return { bytes, fromCache: true, fetchedBytes: 0 };
}

type Answer =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'body';
      readonly bytes: Buffer;
      readonly etag: string | undefined;
      readonly lastModified: string | undefined;
    };

async function ask(
  url: string,
  context: CrawlContext,
  options: IndexFileOptions,
  known: HttpValidator | undefined,
): Promise<Answer> {
  if (options.byHashUrl !== undefined) {
    const answer = await download(options.byHashUrl, context, options, {});
    if (answer.kind !== 'absent') return answer;
  }
  return download(url, context, options, conditionalHeaders(known));
}

function conditionalHeaders(known: HttpValidator | undefined): Record<string, string> {
  return {
    ...(known?.etag === undefined ? {} : { 'if-none-match': known.etag }),
    ...(known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified }),
  };
}

async function download(
  url: string,
  context: CrawlContext,
  options: IndexFileOptions,
  headers: Record<string, string>,
): Promise<Answer> {
  const request = {
    headers,
    ...(options.maxAttempts === undefined ? {} : { maxAttempts: options.maxAttempts }),
  };
  return readBodyWithRetries(url, context, request, (response) => readAnswer(url, response, options));
}

async function readAnswer(url: string, response: HttpResponse, options: IndexFileOptions): Promise<Answer> {
  const { statusCode, headers, body } = response;
  if (statusCode !== 200) {
    body.destroy();
    if (isAbsent(response)) return { kind: 'absent' };
    if (statusCode === 304) return { kind: 'unchanged' };
    throw new BtfmillError('http-status', `${url}: answered ${statusCode}`);
  }
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += (chunk as Buffer).length;
    if (length > maxBytes) {
      const code = options.expectSha256 === undefined ? 'index-malformed' : 'index-digest';
      throw new BtfmillError(code, `${url}: longer than the ${maxBytes} bytes it may have`);
    }
    chunks.push(chunk as Buffer);
  }
  return {
    kind: 'body',
    bytes: Buffer.concat(chunks, length),
    etag: headers['etag'],
    lastModified: headers['last-modified'],
  };
}
