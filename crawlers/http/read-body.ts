/** Asks for an index file until its body has come whole. */

import { setTimeout as sleep } from 'node:timers/promises';
import { BtfmillError } from '../../errors/index.ts';
import type { CrawlContext } from '../types.ts';
import type { HttpRequestOptions, HttpResponse } from './client.ts';
import { retryDelayMs } from './retry-delay.ts';

/** Tries of one body; a cut or stalled index starts again from its first byte. */
const MAX_BODY_ATTEMPTS = 3;
const BODY_BACKOFF_MS = 250;

/** What `read` makes of the answer; it is called with another one when the body breaks off in the middle. */
export async function readBodyWithRetries<T>(
  url: string,
  context: CrawlContext,
  request: Omit<HttpRequestOptions, 'signal'>,
  read: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await context.http.request(url, { ...request, signal: context.signal });
    try {
      return await read(response);
    } catch (error) {
      if (!isBrokenBody(error) || attempt === MAX_BODY_ATTEMPTS) throw error;
    }
    await sleep(retryDelayMs(attempt, BODY_BACKOFF_MS), undefined, { signal: context.signal });
  }
}

/** The mirror does not have the file. */
export function isAbsent(response: HttpResponse): boolean {
  return response.statusCode === 404 || response.statusCode === 410;
}

function isBrokenBody(error: unknown): boolean {
  return error instanceof BtfmillError && (error.code === 'http-truncated' || error.code === 'http-stalled');
}
