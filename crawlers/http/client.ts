/** The one way out to mirrors: undici with retries until headers arrive, redirects, a stall watchdog and named errors. */

import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, EnvHttpProxyAgent, request as undiciRequest } from 'undici';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { bodyError, connectError } from './failures.ts';
import { checkProxyVariables } from './proxy.ts';
import { relayBody } from './relay-body.ts';
import { isTooLongToWait, retryAfterMs, retryDelayMs } from './retry-delay.ts';
import { createTunnelPool } from './tunnel-pool.ts';

/** The head of an answer and its body, which the caller must read to its end or destroy. */
export interface HttpResponse {
  readonly statusCode: number;
  /** Lower-case names; a repeated header is joined with `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** After redirects. */
  readonly url: string;
  /** Fails with a BtfmillError: `http-stalled`, `http-truncated` or `aborted`. Never content-decoded. */
  readonly body: Readable;
}

export interface HttpRequestOptions {
  /** Sent unchanged to every hop of a redirect: never put credentials here. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly method?: 'GET' | 'HEAD';
  /** Tries, the first included, where the client's own number is too many: the same file is elsewhere as well. */
  readonly maxAttempts?: number;
}

export interface HttpClient {
  /**
   * Resolves with the head of a 2xx, 304 or 4xx answer for the caller to judge. Connection failures, 5xx, 408
   * and 429 are tried again before; then, and for 401, 403 and hopeless redirects, throws a BtfmillError
   * (`http-unreachable`, `http-stalled`, `http-refused`, `http-status`, `http-redirect`, `aborted`).
   */
  request(url: string, options: HttpRequestOptions): Promise<HttpResponse>;
  /** Ends idle connections; answers in flight are finished first. */
  close(): Promise<void>;
}

export interface HttpClientOptions {
  readonly userAgent?: string;
  readonly connectionsPerHost?: number;
  /** Tries of one request, the first included. */
  readonly maxAttempts?: number;
  /** Longest silence, while waiting for headers or between two chunks of a body; ten times as long for each MiB of it. */
  readonly stallTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** First pause between tries; doubles each time, with jitter. */
  readonly backoffBaseMs?: number;
  /** Where the environment names no proxy. */
  readonly proxies?: HttpProxies;
  /** In place of a pool over the environment's proxies. Closed with the client. */
  readonly dispatcher?: Dispatcher;
}

/** Addresses of proxies, and the hosts that are asked directly, with commas between. */
export interface HttpProxies {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly no?: string | undefined;
}

const DEFAULTS = {
  userAgent: 'btfmill (kernel debug package crawler)',
  connectionsPerHost: 3,
  maxAttempts: 5,
  stallTimeoutMs: 30_000,
  connectTimeoutMs: 15_000,
  backoffBaseMs: 500,
} as const satisfies Required<Omit<HttpClientOptions, 'dispatcher' | 'proxies'>>;

/**
 * How far a body may be ahead of its reader. undici 7.30 throws where nobody can catch it when a server closes the
 * connection behind a body that waits for its reader (nodejs/undici#5360, mended in 8 only), so waiting has to be rare.
 */
const BODY_BUFFER_BYTES = 8 * 1024 * 1024;
/** How many times the longest silence a MiB of a body may take: five minutes, by default. */
const SILENCES_PER_MIB = 10;
const MAX_REDIRECTS = 5;
const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * A client over its own connection pool. Proxies come from `http_proxy`, `https_proxy` and `no_proxy`, then the options.
 * Throws `usage` for a proxy in the environment whose address is none.
 */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const settings = { ...DEFAULTS, ...options };
  checkProxyVariables(process.env);
  const dispatcher =
    options.dispatcher ??
    new EnvHttpProxyAgent({
      connections: settings.connectionsPerHost,
      connect: { timeout: settings.connectTimeoutMs },
      // Plain http goes to the proxy as a plain request: common proxies allow CONNECT to port 443 only.
      proxyTunnel: false,
      clientFactory: createTunnelPool,
      ...proxyOptions(settings.proxies ?? {}, process.env),
    });

  const pace = { windowMs: settings.stallTimeoutMs * SILENCES_PER_MIB };

  async function requestOnce(url: URL, request: HttpRequestOptions): Promise<HttpResponse> {
    const failed = { url, signal: request.signal, stallTimeoutMs: settings.stallTimeoutMs };
    try {
      const answer = await undiciRequest(url, {
        dispatcher,
        method: request.method ?? 'GET',
        headers: { 'user-agent': settings.userAgent, ...request.headers },
        signal: request.signal,
        // Per request: undici's connections to a proxy do not take these from the agent.
        headersTimeout: settings.stallTimeoutMs,
        bodyTimeout: settings.stallTimeoutMs,
        highWaterMark: BODY_BUFFER_BYTES,
      });
      return {
        statusCode: answer.statusCode,
        headers: joinHeaders(answer.headers),
        url: url.href,
        body: relayBody(answer.body, (error) => bodyError(error, failed), { pace }),
      };
    } catch (error) {
      throw connectError(error, failed);
    }
  }

  async function requestWithRetries(url: URL, request: HttpRequestOptions): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt += 1) {
      let failure: BtfmillError;
      let askedMs = 0;
      try {
        const response = await requestOnce(url, request);
        const refusal = judgeStatus(response, url);
        if (refusal === undefined) return response;
        response.body.destroy();
        askedMs = retryAfterMs(response.headers['retry-after']);
        failure = refusal;
      } catch (error) {
        failure = toBtfmillError(error);
      }
      const isWorthATry = failure.retryable && failure.code !== 'aborted' && !isTooLongToWait(askedMs);
      if (attempt >= (request.maxAttempts ?? settings.maxAttempts) || !isWorthATry) throw failure;
      await pause(Math.max(retryDelayMs(attempt, settings.backoffBaseMs), askedMs), request.signal);
    }
  }

  async function request(url: string, requestOptions: HttpRequestOptions): Promise<HttpResponse> {
    let current = new URL(url);
    for (let hops = 0; ; hops += 1) {
      const response = await requestWithRetries(current, requestOptions);
      if (!REDIRECT_STATUSES.has(response.statusCode)) return response;
      response.body.destroy();
      if (hops === MAX_REDIRECTS) {
        throw new BtfmillError('http-redirect', `${url}: more than ${MAX_REDIRECTS} redirects`);
      }
      current = redirectTarget(current, response.headers['location']);
    }
  }

  return { request, close: () => dispatcher.close() };
}

/** What the environment says counts; undici would take an option before it. */
function proxyOptions(
  proxies: HttpProxies,
  env: NodeJS.ProcessEnv,
): { httpProxy?: string; httpsProxy?: string; noProxy?: string } {
  const { http, https, no } = proxies;
  const says = (name: string): boolean =>
    env[name.toLowerCase()] !== undefined || env[name.toUpperCase()] !== undefined;
  return {
    ...(http === undefined || says('http_proxy') ? {} : { httpProxy: http }),
    ...(https === undefined || says('https_proxy') ? {} : { httpsProxy: https }),
    ...(no === undefined || says('no_proxy') ? {} : { noProxy: no }),
  };
}

/** The error that a status stands for, or undefined when the caller decides. */
function judgeStatus(response: HttpResponse, url: URL): BtfmillError | undefined {
  const { statusCode } = response;
  const message = `${url.href}: answered ${statusCode}`;
  if (statusCode === 401 || statusCode === 403) {
    return new BtfmillError('http-refused', message, { retryable: false });
  }
  if (statusCode === 429) return new BtfmillError('http-refused', `${message} (too many requests)`);
  if (statusCode === 408 || statusCode >= 500) {
    return new BtfmillError('http-status', message, { retryable: statusCode !== 501 && statusCode !== 505 });
  }
  return undefined;
}

function redirectTarget(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new BtfmillError('http-redirect', `${from.href}: redirected to no usable address`);
  }
  const target = new URL(location, from);
  const isAllowed =
    target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:');
  if (!isAllowed) {
    throw new BtfmillError(
      'http-redirect',
      `${from.href}: redirected to ${target.href}, which is less protected`,
    );
  }
  return target;
}

function joinHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string | undefined> {
  const joined: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) {
    joined[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return joined;
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(delayMs, undefined, { signal });
  } catch (error) {
    throw new BtfmillError('aborted', 'stopped while waiting to try again', { cause: error });
  }
}
