/**
 * One answer of a test server: like a static file server's (ETag, Last-Modified, Range, If-Range, conditional
 * requests), or wrong in a way that was asked for.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What goes wrong with one answer. `afterBytes` counts body bytes of this answer. */
export type Fault =
  | { readonly kind: 'status'; readonly statusCode: number; readonly headers?: Record<string, string> }
  | { readonly kind: 'redirect'; readonly location: string; readonly statusCode?: number }
  /** The socket is destroyed before the answer. */
  | { readonly kind: 'hang-up' }
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
  /** Decoded path without the query, e.g. `/debian/dists/bookworm/InRelease`. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Which request for this address it is, from 1. */
  readonly attempt: number;
}

export interface LoggedRequest extends SeenRequest {
  statusCode: number;
  /** Body bytes handed to the socket. */
  bodyBytes: number;
}

/** What there is to send. */
export interface Content {
  readonly sizeBytes: number;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Bytes `start` (inclusive) to `end` (exclusive), in chunks that the reader may change. */
  read(start: number, end: number, chunkBytes: number): AsyncIterable<Buffer>;
}

/** A file below `root`, or undefined when there is none at this decoded path. */
export async function fileContent(root: string, path: string): Promise<Content | undefined> {
  const file = join(root, normalize(path));
  const info = await stat(file).catch(() => undefined);
  if (info === undefined || !info.isFile()) return undefined;
  return {
    sizeBytes: info.size,
    etag: `"${info.size.toString(16)}-${Math.round(info.mtimeMs).toString(16)}"`,
    lastModified: new Date(Math.floor(info.mtimeMs / 1000) * 1000).toUTCString(),
    read: (start, end, chunkBytes) =>
      createReadStream(file, { start, end: end - 1, highWaterMark: chunkBytes }) as AsyncIterable<Buffer>,
  };
}

/** Bytes that were made for this answer; without validators, as a program's answers are. */
export function bytesContent(body: string | Uint8Array): Content {
  const bytes = Buffer.from(body);
  return {
    sizeBytes: bytes.length,
    async *read(start, end, chunkBytes) {
      for (let at = start; at < end; at += chunkBytes) {
        yield Buffer.from(bytes.subarray(at, Math.min(end, at + chunkBytes)));
      }
    },
  };
}

/** Sends one answer: the content, 404 when there is none, or what the fault makes of it. Fills in `entry`. */
export async function answer(
  content: Content | undefined,
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
  if (fault?.kind === 'hang-up') {
    response.destroy();
    return;
  }
  if (content === undefined) {
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

  const size = fault?.kind === 'truncate' ? Math.min(fault.toBytes, content.sizeBytes) : content.sizeBytes;
  const { etag, lastModified } = content;
  const common = {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
    'accept-ranges': 'bytes',
  };
  if (fault?.kind !== 'no-ranges' && isUnchanged(entry, content)) {
    send(304, common);
    response.end();
    return;
  }
  const start = fault?.kind === 'no-ranges' ? 0 : rangeStart(entry, content);
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
  else await sendBody(content, { start, end: size }, fault, entry, response);
}

function isUnchanged(entry: SeenRequest, { etag, lastModified }: Content): boolean {
  const tags = entry.headers['if-none-match'];
  if (tags !== undefined) return etag !== undefined && tags.split(/\s*,\s*/u).includes(etag);
  const since = entry.headers['if-modified-since'];
  return since !== undefined && lastModified !== undefined && Date.parse(since) >= Date.parse(lastModified);
}

function rangeStart(entry: SeenRequest, { etag, lastModified }: Content): number {
  const range = /^bytes=(\d+)-$/u.exec(entry.headers.range ?? '');
  if (range === null) return 0;
  const condition = entry.headers['if-range'];
  const isCurrent = condition === undefined || condition === etag || condition === lastModified;
  return isCurrent ? Number(range[1]) : 0;
}

async function sendBody(
  content: Content,
  range: { readonly start: number; readonly end: number },
  fault: Fault | undefined,
  entry: LoggedRequest,
  response: ServerResponse,
): Promise<void> {
  const stopAfter = fault?.kind === 'cut' || fault?.kind === 'stall' ? fault.afterBytes : Infinity;
  const chunkBytes = fault?.kind === 'trickle' ? fault.chunkBytes : 64 * 1024;
  let position = range.start;
  if (range.end > range.start) {
    for await (const chunk of content.read(range.start, range.end, chunkBytes)) {
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
