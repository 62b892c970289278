/** The web as a table from URL to answer, for what reads indexes over HTTPS without a server. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { HttpClient } from '../../crawlers/http/client.ts';
import type { CrawlContext, HttpValidator } from '../../crawlers/types.ts';
import { BtfmillError } from '../../errors/index.ts';

/** A body or a status. A function is asked with the number of the request for this URL, from 1. */
export type FakeAnswer = FixedAnswer | ((attempt: number) => FixedAnswer);
type FixedAnswer = string | Uint8Array | 403 | 404;

export interface FakeWeb {
  readonly context: CrawlContext;
  /** URLs asked for, in their order. */
  readonly log: string[];
  /** What `context.say` heard. */
  readonly said: string[];
  readonly validators: Map<string, HttpValidator>;
  put(url: string, answer: FakeAnswer): void;
  /** Everything below `url` (with a slash at its end) is read from `folder`; `put` goes first. */
  mount(url: string, folder: string): void;
  /** Nobody answers there. */
  kill(host: string): void;
}

/** @param indexCacheDir for the context */
export function createFakeWeb(indexCacheDir: string): FakeWeb {
  const answers = new Map<string, FakeAnswer>();
  const mounts = new Map<string, string>();
  const dead = new Set<string>();
  const attempts = new Map<string, number>();
  const validators = new Map<string, HttpValidator>();
  const log: string[] = [];
  const said: string[] = [];

  async function findBody(url: string): Promise<Uint8Array | undefined> {
    const attempt = (attempts.get(url) ?? 0) + 1;
    attempts.set(url, attempt);
    const put = answers.get(url);
    const answer = typeof put === 'function' ? put(attempt) : put;
    if (answer === 404) return undefined;
    if (answer === 403) {
      throw new BtfmillError('http-refused', `${url}: answered 403`, { retryable: false });
    }
    if (answer !== undefined) return Buffer.from(answer);
    for (const [prefix, folder] of mounts) {
      if (!url.startsWith(prefix)) continue;
      return readFile(join(folder, decodeURIComponent(url.slice(prefix.length)))).catch(() => undefined);
    }
    return undefined;
  }

  const http: HttpClient = {
    async request(url, { headers = {} }) {
      log.push(url);
      if (dead.has(new URL(url).host)) throw new BtfmillError('http-unreachable', `${url}: no route to host`);
      const body = await findBody(url);
      if (body === undefined) return { statusCode: 404, headers: {}, url, body: Readable.from([]) };
      const etag = createHash('sha256').update(body).digest('hex');
      const isUnchanged = headers['if-none-match'] === etag;
      return {
        statusCode: isUnchanged ? 304 : 200,
        headers: { etag },
        url,
        body: Readable.from(isUnchanged ? [] : [Buffer.from(body)]),
      };
    },
    close: () => Promise.resolve(),
  };

  return {
    log,
    said,
    validators,
    context: {
      http,
      validators: { get: (key) => validators.get(key), set: (key, value) => validators.set(key, value) },
      indexCacheDir,
      signal: new AbortController().signal,
      say: (message) => said.push(message),
    },
    put: (url, answer) => answers.set(url, answer),
    mount: (url, folder) => mounts.set(url, folder),
    kill: (host) => dead.add(host),
  };
}
