/**
 * A small internet on the loopback: a forward proxy that answers for real host names, `http://` as a proxy request and
 * `https://` through CONNECT, under certificates of a test authority. Hosts that nobody serves do not answer. The real
 * command runs with `env` and does not notice.
 */

import { mkdir } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { callbackify } from 'node:util';
import { EnvHttpProxyAgent } from 'undici';
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../../crawlers/http/client.ts';
import {
  answer,
  bytesContent,
  type Content,
  type Fault,
  fileContent,
  type LoggedRequest,
} from '../support/answer.ts';
import { AUTHORITY_TOOLS, createAuthority } from './authority.ts';

/** Programs that {@link startInternet} runs. */
export const INTERNET_TOOLS: readonly string[] = AUTHORITY_TOOLS;

/** What a host has: the folder that is its root, or a program. */
export type HostContent = string | HostProgram;

/** Answers a request whose address means more than a path; `undefined` is 404. */
export type HostProgram = (url: URL) => HostAnswer | undefined | Promise<HostAnswer | undefined>;

export type HostAnswer =
  | { readonly body: string | Uint8Array }
  /** Path of a file. */
  | { readonly file: string }
  | { readonly redirect: string }
  /** Nothing but a status. */
  | { readonly statusCode: number };

export interface InternetRequest extends LoggedRequest {
  /** Whole, as the client meant it, e.g. `https://mirrors.fedoraproject.org/metalink?repo=rawhide-debug&arch=x86_64`. */
  readonly url: string;
  readonly host: string;
}

/** Which of the requests that a rule matches it is for; default all. */
export interface RuleRange {
  /** The first is 1. */
  readonly from?: number;
  readonly times?: number;
}

export interface Internet {
  /** For a child process: proxies, and the authority as one to be trusted. */
  readonly env: Readonly<Record<string, string>>;
  /** Every request since the start or the last `reset()`. */
  readonly log: readonly InternetRequest[];
  /** Adds a host, or puts something else in its place. */
  serve(host: string, content: HostContent): void;
  serveAll(hosts: ReadonlyMap<string, HostContent>): void;
  /** From now on nobody answers for this host; `serve` brings it back. */
  unplug(host: string): void;
  /** Requests whose `url` matches go wrong. The first rule that applies counts. */
  fail(pattern: RegExp, fault: Fault, range?: RuleRange): void;
  /** Runs `action` before a request whose `url` matches is answered: the world changes between two requests. */
  before(pattern: RegExp, action: () => void | Promise<void>, range?: RuleRange): void;
  /** Forgets the log and all rules. */
  reset(): void;
  /** Logged requests whose `url` matches. */
  requests(pattern: RegExp): InternetRequest[];
  /** Body bytes that a host has handed out. */
  bytesOf(host: string): number;
  /** btfmill's own client, in this process; its proxy and authority are this internet's. The caller closes it. */
  createClient(options?: HttpClientOptions): HttpClient;
  close(): Promise<void>;
}

interface Rule {
  readonly pattern: RegExp;
  readonly from: number;
  readonly times: number;
  readonly fault?: Fault;
  readonly action?: () => void | Promise<void>;
  seen: number;
}

/** @param folder is made; holds the authority's files and is the caller's to remove */
export async function startInternet(
  folder: string,
  hosts: ReadonlyMap<string, HostContent> = new Map(),
): Promise<Internet> {
  await mkdir(folder, { recursive: true });
  const authority = await createAuthority(folder);
  const contents = new Map(hosts);
  const log: InternetRequest[] = [];
  const attempts = new Map<string, number>();
  const tunnels = new Map<Duplex, string>();
  let rules: Rule[] = [];

  async function respond(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const attempt = (attempts.get(url.href) ?? 0) + 1;
    attempts.set(url.href, attempt);
    const entry: InternetRequest = {
      method: request.method ?? 'GET',
      url: url.href,
      host: url.hostname,
      path: decodeURIComponent(url.pathname),
      headers: request.headers,
      attempt,
      statusCode: 0,
      bodyBytes: 0,
    };
    log.push(entry);
    const applying = rules.filter((rule) => rule.pattern.test(url.href) && isInRange(rule));
    for (const { action } of applying) await action?.();
    const content = contents.get(url.hostname);
    if (content === undefined) {
      response.destroy();
      return;
    }
    const fault = applying.find((rule) => rule.fault !== undefined)?.fault;
    const found = await lookUp(content, url, entry.path);
    // An answer without a body is what the fault of the same name makes.
    if (found !== undefined && 'kind' in found) await answer(undefined, entry, fault ?? found, response);
    else await answer(found, entry, fault, response);
  }

  const listener =
    (urlOf: (request: IncomingMessage) => string): RequestListener =>
    (request, response) => {
      const url = urlOf(request);
      if (!URL.canParse(url)) {
        response.writeHead(400).end();
        return;
      }
      respond(new URL(url), request, response).catch(() => response.destroy());
    };

  const secure = createHttpsServer(
    {
      SNICallback: callbackify((host: string) => authority.contextOf(host)),
    },
    listener((request) => `https://${request.headers.host}${request.url}`),
  );
  const proxy = createHttpServer(listener((request) => request.url ?? ''));
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    const [, host = '', port = ''] = /^(.*):(\d+)$/u.exec(request.url ?? '') ?? [];
    socket.on('error', () => socket.destroy());
    if (port !== '443' || !contents.has(host)) {
      // What proxies say of a host that they cannot reach; no answer of the host itself.
      socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    tunnels.set(socket, host);
    socket.on('close', () => tunnels.delete(socket));
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    secure.emit('connection', socket);
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  const addRule = (
    pattern: RegExp,
    { from = 1, times = Infinity }: RuleRange,
    what: Pick<Rule, 'fault' | 'action'>,
  ): void => {
    rules.push({ pattern, from, times, ...what, seen: 0 });
  };

  return {
    env: {
      http_proxy: proxyUrl,
      https_proxy: proxyUrl,
      no_proxy: '',
      NODE_EXTRA_CA_CERTS: authority.certificateFile,
    },
    log,
    serve: (host, content) => {
      contents.set(host, content);
    },
    serveAll(more) {
      for (const [host, content] of more) contents.set(host, content);
    },
    unplug(host) {
      contents.delete(host);
      for (const [socket, name] of tunnels) {
        if (name === host) socket.destroy();
      }
    },
    fail: (pattern, fault, range = {}) => addRule(pattern, range, { fault }),
    before: (pattern, action, range = { times: 1 }) => addRule(pattern, range, { action }),
    reset() {
      log.length = 0;
      attempts.clear();
      rules = [];
    },
    requests: (pattern) => log.filter(({ url }) => pattern.test(url)),
    bytesOf: (host) => log.reduce((sum, entry) => sum + (entry.host === host ? entry.bodyBytes : 0), 0),
    createClient: (options = {}) =>
      createHttpClient({
        backoffBaseMs: 5,
        ...options,
        dispatcher: new EnvHttpProxyAgent({
          httpProxy: proxyUrl,
          httpsProxy: proxyUrl,
          noProxy: '',
          proxyTunnel: false,
          requestTls: { ca: authority.certificate },
        }),
      }),
    async close() {
      for (const socket of tunnels.keys()) socket.destroy();
      proxy.closeAllConnections();
      await new Promise((resolve) => {
        proxy.close(resolve);
      });
    },
  };
}

/** Counts the request, too. */
function isInRange(rule: Rule): boolean {
  rule.seen += 1;
  return rule.seen >= rule.from && rule.seen < rule.from + rule.times;
}

async function lookUp(content: HostContent, url: URL, path: string): Promise<Content | Fault | undefined> {
  if (typeof content === 'string') return fileContent(content, path);
  const found = await content(url);
  if (found === undefined) return undefined;
  if ('redirect' in found) return { kind: 'redirect', location: found.redirect };
  if ('statusCode' in found) return { kind: 'status', statusCode: found.statusCode };
  return 'file' in found ? fileContent('/', found.file) : bytesContent(found.body);
}
