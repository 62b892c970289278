/**
 * The machine's Debian mirror on a loopback port: a file is fetched once and kept for the next who asks, so that two
 * tools measured by turns get the same bytes at the same speed, whatever the network is doing.
 */

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { HttpClient } from '../../crawlers/http/client.ts';
import { BtfmillError } from '../../errors/index.ts';

export interface LoopbackMirror {
  /** What `--mirror` takes; its security archive stands beside it, as on Debian's mirrors. */
  readonly base: string;
  /** Where a file of the mirror is to be had here. */
  urlOf(url: string): string;
  close(): Promise<void>;
}

export interface LoopbackMirrorOptions {
  readonly main: string;
  readonly security: string;
  /** For the files; the caller's to remove. */
  readonly folder: string;
  readonly http: HttpClient;
  readonly signal: AbortSignal;
}

const OK = 200;
const NOT_FOUND = 404;
const BAD_GATEWAY = 502;

export async function startLoopbackMirror(options: LoopbackMirrorOptions): Promise<LoopbackMirror> {
  const roots = [
    { path: '/debian/', base: `${options.main}/` },
    { path: '/debian-security/', base: `${options.security}/` },
  ];
  const files = new Map<string, Promise<string | undefined>>();
  const get = (url: string): Promise<string | undefined> => {
    const known = files.get(url);
    if (known !== undefined) return known;
    const fetched = keep(url, options);
    files.set(url, fetched);
    return fetched;
  };
  const server = createServer((request, response) => {
    const root = roots.find(({ path }) => request.url?.startsWith(path));
    const url = root === undefined ? undefined : root.base + (request.url ?? '').slice(root.path.length);
    void answer(url === undefined ? Promise.resolve(undefined) : get(url), request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    base: `${origin}/debian`,
    urlOf(url) {
      const root = roots.find(({ base }) => url.startsWith(base));
      if (root === undefined) throw new BtfmillError('unexpected', `${url}: of neither archive`);
      return origin + root.path + url.slice(root.base.length);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Path of the fetched file; undefined when the mirror has none. */
async function keep(
  url: string,
  { folder, http, signal }: LoopbackMirrorOptions,
): Promise<string | undefined> {
  const { statusCode, body } = await http.request(url, { signal });
  if (statusCode !== OK) {
    body.destroy();
    return undefined;
  }
  const path = join(folder, createHash('sha256').update(url).digest('hex'));
  await pipeline(body, createWriteStream(path));
  return path;
}

async function answer(
  file: Promise<string | undefined>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const path = await file;
    if (path === undefined) {
      response.writeHead(NOT_FOUND).end();
      return;
    }
    response.writeHead(OK, { 'content-length': (await stat(path)).size });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), response);
  } catch {
    // The reader went away, or the mirror failed; whoever asked sees an answer that ends early, or none.
    if (response.headersSent) response.destroy();
    else response.writeHead(BAD_GATEWAY).end();
  }
}
