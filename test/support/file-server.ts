/**
 * A static file server on the loopback that answers like a Debian mirror (ETag, Last-Modified, Range, If-Range,
 * conditional requests) and misbehaves on request.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What goes wrong with one answer. `afterBytes` counts body bytes of this answer. */
export type Fault =
  | { readonly kind: 'status'; readonly statusCode: number; readonly headers?: Record<string, string> }
  | { readonly kind: 'redirect'; readonly location: string; readonly statusCode?: number }
  /** The socket is destroyed in the middle of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** No byte follows, the connection stays open. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** One byte of the file (counted from its start) is flipped, the length stays right. */
  | { readonly kind: 'flip'; readonly offset: number }
  /** The answer is well formed, but only this much of the file, stated as the whole. */
  | { readonly kind: 'truncate'; readonly toBytes: number }
  /** Content-Length promises more than is sent before the connection closes. */
  | { readonly kind: 'overstate'; readonly byBytes: number }
  /** Other content altogether. */
  | { readonly kind: 'replace'; readonly body: Uint8Array }
  /** Range and validators are ignored: always 200 and everything. */
  | { readonly kind: 'no-ranges' }
  /** Slowed down: this many bytes, then a pause, and so on. */
  | { readonly kind: 'trickle'; readonly chunkBytes: number; readonly pauseMs: number };

export interface SeenRequest {
  readonly method: string;
  /** Decoded path from the server's root, e.g. `/debian/dists/bookworm/InRelease`. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Which request for this path it is, from 1. */
  readonly attempt: number;
}

export interface LoggedRequest extends SeenRequest {
  statusCode: number;
  /** Body bytes handed to the socket. */
  bodyBytes: number;
}

export interface FileServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Every request since the start or the last `clear()`. */
  readonly log: readonly LoggedRequest[];
  clear(): void;
  /** Decides per request what goes wrong; `undefined` = nothing. Replaces the one before. */
  setFault(choose: (request: SeenRequest) => Fault | undefined): void;
  /** Resolves when a request for a path that matches has been answered with at least so many body bytes. */
  waitFor(pattern: RegExp, bodyBytes?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startFileServer(root: string): Promise<FileServer> {
  const log: LoggedRequest[] = [];
  const attempts = new Map<string, number>();
  let choose: ((request: SeenRequest) => Fault | undefined) | undefined;

  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    const attempt = (attempts.get(path) ?? 0) + 1;
    attempts.set(path, attempt);
    const entry: LoggedRequest = {
      method: request.method ?? 'GET',
      path,
      headers: request.headers,
      attempt,
      statusCode: 0,
      bodyBytes: 0,
    };
    log.push(entry);
    answer(root, entry, choose?.(entry), response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    log,
    clear() {
      log.length = 0;
      attempts.clear();
    },
    setFault(next) {
      choose = next;
    },
    async waitFor(pattern, bodyBytes = 0) {
      while (!log.some((entry) => pattern.test(entry.path) && entry.bodyBytes >= bodyBytes)) await sleep(5);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function answer(
  root: string,
  entry: LoggedRequest,
  fault: Fault | undefined,
  response: ServerResponse,
): Promise<void> {
  const send = (statusCode: number, headers: Record<string, string> = {}): void => {
    entry.statusCode = statusCode;
    response.writeHead(statusCode, headers);
  };
  if (fault?.kind === 'status') {
    send(fault.statusCode, { 'content-length': '0', ...fault.headers });
    response.end();
    return;
  }
  if (fault?.kind === 'redirect') {
    send(fault.statusCode ?? 302, { location: fault.location, 'content-length': '0' });
    response.end();
    return;
  }
  const file = join(root, normalize(entry.path));
  const info = await stat(file).catch(() => undefined);
  if (info === undefined || !info.isFile()) {
    send(404, { 'content-length': '0' });
    response.end();
    return;
  }
  if (fault?.kind === 'replace') {
    send(200, { 'content-length': String(fault.body.length) });
    entry.bodyBytes = fault.body.length;
    response.end(fault.body);
    return;
  }

  const size = fault?.kind === 'truncate' ? Math.min(fault.toBytes, info.size) : info.size;
  const etag = `"${info.size.toString(16)}-${Math.round(info.mtimeMs).toString(16)}"`;
  const lastModified = new Date(Math.floor(info.mtimeMs / 1000) * 1000).toUTCString();
  const common = { etag, 'last-modified': lastModified, 'accept-ranges': 'bytes' };
  if (fault?.kind !== 'no-ranges' && isUnchanged(entry, etag, lastModified)) {
    send(304, common);
    response.end();
    return;
  }
  const start = fault?.kind === 'no-ranges' ? 0 : rangeStart(entry, etag, lastModified);
  if (start > 0 && start >= size) {
    send(416, { 'content-range': `bytes */${size}`, 'content-length': '0' });
    response.end();
    return;
  }
  const extra = fault?.kind === 'overstate' ? fault.byBytes : 0;
  const headers: Record<string, string> = { ...common, 'content-length': String(size - start + extra) };
  if (start > 0) headers['content-range'] = `bytes ${start}-${size - 1}/${size}`;
  send(start > 0 ? 206 : 200, headers);
  if (entry.method === 'HEAD') response.end();
  else await sendBody(file, { start, end: size }, fault, entry, response);
}

function isUnchanged(entry: SeenRequest, etag: string, lastModified: string): boolean {
  const tags = entry.headers['if-none-match'];
  if (tags !== undefined) return tags.split(/\s*,\s*/u).includes(etag);
  const since = entry.headers['if-modified-since'];
  return since !== undefined && Date.parse(since) >= Date.parse(lastModified);
}

function rangeStart(entry: SeenRequest, etag: string, lastModified: string): number {
  const range = /^bytes=(\d+)-$/u.exec(entry.headers.range ?? '');
  if (range === null) return 0;
  const condition = entry.headers['if-range'];
  const isCurrent = condition === undefined || condition === etag || condition === lastModified;
  return isCurrent ? Number(range[1]) : 0;
}

async function sendBody(
  file: string,
  range: { readonly start: number; readonly end: number },
  fault: Fault | undefined,
  entry: LoggedRequest,
  response: ServerResponse,
): Promise<void> {
  const stopAfter = fault?.kind === 'cut' || fault?.kind === 'stall' ? fault.afterBytes : Infinity;
  const chunkBytes = fault?.kind === 'trickle' ? fault.chunkBytes : 64 * 1024;
  let position = range.start;
  if (range.end > range.start) {
    const body = createReadStream(file, {
      start: range.start,
      end: range.end - 1,
      highWaterMark: chunkBytes,
    });
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (fault?.kind === 'flip' && fault.offset >= position && fault.offset < position + chunk.length) {
        chunk[fault.offset - position] ^= 0x10;
      }
      const left = stopAfter - entry.bodyBytes;
      const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
      if (!(await write(response, part))) return;
      entry.bodyBytes += part.length;
      position += part.length;
      if (entry.bodyBytes >= stopAfter) break;
      if (fault?.kind === 'trickle') await sleep(fault.pauseMs);
    }
  }
  if (fault?.kind === 'stall') return;
  if (fault?.kind === 'cut' || fault?.kind === 'overstate') {
    // Leaves the client the time to read what was sent: destroying at once may throw it away.
    await sleep(200);
    response.destroy();
    return;
  }
  response.end();
}

/** False when the client has gone. */
async function write(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve(false);
    else response.write(chunk, (error) => resolve(error === null || error === undefined));
  });
}
