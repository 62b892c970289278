/** A static file server on the loopback that answers like a Debian mirror and misbehaves on request. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, type Fault, fileContent, type LoggedRequest, type SeenRequest } from './answer.ts';

export type { Fault, LoggedRequest, SeenRequest } from './answer.ts';

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
    fileContent(root, path)
      .then((content) => answer(content, entry, choose?.(entry), response))
      .catch(() => response.destroy());
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
