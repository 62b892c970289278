/** What a crawler gets to work with, for tests of listings. */

import { onTestFinished } from 'vitest';
import { createHttpClient, type HttpClient } from '../../crawlers/http/client.ts';
import type { CrawlContext, CrawlRequest, HttpValidator } from '../../crawlers/types.ts';

export interface CrawlContextOptions {
  /** For index bodies; two listings that share it and `validators` are as two runs of one installation. */
  readonly cacheDir: string;
  readonly validators?: Map<string, HttpValidator>;
  readonly signal?: AbortSignal;
  readonly said?: string[];
  /** The test's own client, which it closes; by default one that is quick to give up. */
  readonly http?: HttpClient;
}

/** A context of the current test. */
export function crawlContextForTest({
  cacheDir,
  validators = new Map(),
  signal = new AbortController().signal,
  said = [],
  http = hastyClientForTest(),
}: CrawlContextOptions): CrawlContext {
  return {
    http,
    validators: { get: (url) => validators.get(url), set: (url, value) => validators.set(url, value) },
    indexCacheDir: cacheDir,
    signal,
    say: (message) => said.push(message),
  };
}

/** A request for everything, which a test narrows. */
export const EVERYTHING: CrawlRequest = {
  releases: [],
  archs: [],
  kernels: [],
  variants: [],
  allowExpired: false,
  insecure: false,
};

function hastyClientForTest(): HttpClient {
  const http = createHttpClient({ maxAttempts: 2, backoffBaseMs: 5, stallTimeoutMs: 300 });
  onTestFinished(() => http.close());
  return http;
}
