/** Suites of an apt archive without their packages: all that a listing needs, which never fetches one. */

import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { createSigner, type Signer } from './signer.ts';

export interface IndexedSuite {
  /** Folder below the server's root that has `dists/`; the root itself when empty. */
  readonly base: string;
  /** Below `dists/`, e.g. `bookworm-security`. */
  readonly path: string;
  /** Lines of the Release before its digests. */
  readonly release: readonly string[];
  /** Stanzas by Debian architecture; of another component than main by `<component>/<architecture>`. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
}

/** SHA-256 of every package in such an index. */
export const INDEXED_DIGEST = 'ab'.repeat(32);

export interface IndexedArchive {
  readonly server: FileServer;
  /** For `keyrings`. */
  readonly keyring: string;
  close(): Promise<void>;
}

/** Suites that are up, signed by one new key; everything lies below `folder`. */
export async function serveSuites(folder: string, suites: readonly IndexedSuite[]): Promise<IndexedArchive> {
  const signer = await createSigner(folder);
  const root = join(folder, 'www');
  for (const suite of suites) await putSuite(root, signer, suite);
  const server = await startFileServer(root);
  return {
    server,
    keyring: signer.keyring,
    async close() {
      await server.close();
      await signer.close();
    },
  };
}

/** Writes the suite's Release, InRelease and Packages.gz files below `root`. */
export async function putSuite(root: string, signer: Signer, suite: IndexedSuite): Promise<void> {
  const folder = join(root, suite.base, 'dists', suite.path);
  const lines: string[] = [];
  for (const [key, stanzas] of Object.entries(suite.packages)) {
    const [component, arch] = key.includes('/') ? key.split('/') : ['main', key];
    const name = `${component}/binary-${arch}/Packages.gz`;
    const bytes = gzipSync(`${stanzas.join('\n\n')}\n`);
    await put(join(folder, name), bytes);
    lines.push(` ${createHash('sha256').update(bytes).digest('hex')} ${bytes.length} ${name}`);
  }
  const text = ['Date: Thu, 19 Nov 2026 02:12:54 UTC', ...suite.release, 'SHA256:', ...lines, ''].join('\n');
  await put(join(folder, 'Release'), text);
  await signer.clearSign(join(folder, 'Release'), join(folder, 'InRelease'));
}

/** A package's stanza; a field that is empty is left out. */
export function packageStanza(
  name: string,
  version: string,
  fields: Readonly<Record<string, string>> = {},
): string {
  const all = {
    Package: name,
    Architecture: 'amd64',
    Version: version,
    Filename: `pool/main/l/linux/${name}.deb`,
    Size: '1000',
    SHA256: INDEXED_DIGEST,
    ...fields,
  };
  return Object.entries(all)
    .filter(([, value]) => value !== '')
    .map(([field, value]) => `${field}: ${value}`)
    .join('\n');
}

async function put(file: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
