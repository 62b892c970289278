/** Reads a published archive over HTTP: each answer bounded, and nothing given on that its digest does not vouch for. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpClient } from '../../crawlers/http/client.ts';
import { retryDelayMs } from '../../crawlers/http/retry-delay.ts';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';

export interface RemoteArchive {
  /** Without a trailing slash. */
  readonly base: string;
  readonly http: HttpClient;
  readonly signal: AbortSignal;
  /** Told of every chunk that came. */
  readonly onTraffic: (bytes: number) => void;
}

/** What a file must be. */
export interface WantedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** The file may go on behind `size`; the rest is not read. */
  readonly isPrefix?: boolean;
}

/** Tries of one body; a mirror that cuts more often than that is left for the next run. */
const MAX_BODY_ATTEMPTS = 4;
const BODY_BACKOFF_MS = 250;

/** A file that nothing vouches for yet. Throws `archive-malformed` when it has more than `maxBytes`. */
export async function readSmallFile(archive: RemoteArchive, path: string, maxBytes: number): Promise<Buffer> {
  return withRetries(archive, async () => {
    const chunks: Buffer[] = [];
    let length = 0;
    await receive(archive, path, (chunk) => {
      length += chunk.length;
      if (length > maxBytes) {
        throw new BtfmillError('archive-malformed', `${urlOf(archive, path)}: longer than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
      return true;
    });
    return Buffer.concat(chunks, length);
  });
}

/** Throws `archive-digest` when the file there is another one, shorter or longer ones included. */
export async function readVerifiedFile(archive: RemoteArchive, wanted: WantedFile): Promise<Buffer> {
  const { path, size, sha256, isPrefix = false } = wanted;
  const wrong = (why: string): BtfmillError =>
    new BtfmillError('archive-digest', `${urlOf(archive, path)}: ${why}`);
  return withRetries(archive, async () => {
    const content = Buffer.allocUnsafe(size);
    let length = 0;
    await receive(archive, path, (chunk) => {
      const room = size - length;
      if (chunk.length > room && !isPrefix) throw wrong(`has more than ${size} bytes`);
      length += chunk.copy(content, length, 0, room);
      return length < size || !isPrefix;
    });
    if (length < size) throw wrong(`has ${length} bytes instead of ${size}`);
    const digest = createHash('sha256').update(content).digest('hex');
    if (digest !== sha256) throw wrong(`SHA-256 is ${digest}, its signed index says ${sha256}`);
    return content;
  });
}

/** Feeds the body to `take` until it says that it has enough. */
async function receive(
  archive: RemoteArchive,
  path: string,
  take: (chunk: Buffer) => boolean,
): Promise<void> {
  const { http, signal, onTraffic } = archive;
  const url = urlOf(archive, path);
  // Whatever lies between must not answer from its own store: half of an old state and half of a new one fit nowhere.
  const headers = { 'accept-encoding': 'identity', 'cache-control': 'no-cache' };
  const { statusCode, body } = await http.request(url, { headers, signal });
  try {
    if (statusCode === 404 || statusCode === 410) {
      throw new BtfmillError('http-not-found', `${url}: answered ${statusCode}`);
    }
    if (statusCode !== 200) throw new BtfmillError('http-status', `${url}: answered ${statusCode}`);
    for await (const chunk of body) {
      onTraffic((chunk as Buffer).length);
      if (!take(chunk as Buffer)) return;
    }
  } finally {
    body.destroy();
  }
}

async function withRetries<T>({ signal }: RemoteArchive, read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      const isCut = error.code === 'http-truncated' || error.code === 'http-stalled';
      if (!isCut || attempt === MAX_BODY_ATTEMPTS) throw error;
      await sleep(retryDelayMs(attempt, BODY_BACKOFF_MS), undefined, { signal });
    }
  }
}

/** `+` and `~` are plain characters in a path, but some servers read a `+` as a blank. */
export function urlOf({ base }: Pick<RemoteArchive, 'base'>, path: string): string {
  return `${base}/${path.split('/').map(encodeURIComponent).join('/')}`;
}
