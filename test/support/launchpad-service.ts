/** A web service that answers like Launchpad's, as far as the history of kernels is asked for, or as it is told to. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LaunchpadReply {
  readonly statusCode?: number;
  /** Sent as JSON, a string as it stands. */
  readonly body: unknown;
}

export interface LaunchpadServer {
  /** `http://127.0.0.1:<port>/devel` */
  readonly api: string;
  /** Every question since the start, in order. */
  readonly asked: URL[];
  /** Answers a question for publications. */
  pages: (query: URLSearchParams) => LaunchpadReply;
  /** Answers a question for the files of the publication with this id. */
  files: (id: string) => LaunchpadReply;
  close(): Promise<void>;
}

/** Knows no publication until it is told some. */
export async function startLaunchpad(): Promise<LaunchpadServer> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', launchpad.api);
    launchpad.asked.push(url);
    const id = /\/\+binarypub\/([^/]+)$/.exec(url.pathname)?.[1];
    const { statusCode = 200, body } =
      id === undefined ? launchpad.pages(url.searchParams) : launchpad.files(id);
    response.writeHead(statusCode, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const launchpad: LaunchpadServer = {
    api: `http://127.0.0.1:${(server.address() as AddressInfo).port}/devel`,
    asked: [],
    pages: () => ({ body: { entries: [] } }),
    files: () => ({ statusCode: 404, body: 'no such publication' }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return launchpad;
}

/** The entry of a kernel of xenial and amd64, with the fields that count; a field that is undefined is left out. */
export function publicationEntry(
  api: string,
  kernel: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    self_link: `${api}/ubuntu/+archive/primary/+binarypub/${kernel}`,
    source_package_name: 'linux',
    distro_arch_series_link: `${api}/ubuntu/xenial/amd64`,
    status: 'Deleted',
    pocket: 'Security',
    date_superseded: '2023-12-19T21:59:37.225614+00:00',
    removal_comment: 'NBS',
    binary_package_name: `linux-image-${kernel}-dbgsym`,
    binary_package_version: versionOf(kernel),
    build_link: `${api}/~canonical-kernel-team/+archive/ubuntu/ppa/+build/13563657`,
    ...more,
  };
}

/** Name of the file of a {@link publicationEntry}. */
export function publishedName(kernel: string): string {
  return `linux-image-${kernel}-dbgsym_${versionOf(kernel)}_amd64.ddeb`;
}

/** e.g. `4.4.0-98.1` of `4.4.0-98-generic`. */
function versionOf(kernel: string): string {
  return `${kernel.replace(/-[a-z].*$/, '')}.1`;
}

/** What `binaryFileUrls` with metadata says of one file. */
export function publishedFile(
  name: string,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    url: `https://launchpad.net/ubuntu/+archive/primary/+files/${name}`,
    size: 1000,
    sha1: 'ab'.repeat(20),
    sha256: 'cd'.repeat(32),
    ...more,
  };
}
