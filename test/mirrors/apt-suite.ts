/** The indexes of one suite, made with apt-ftparchive and signed with gpg. */

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import type { Signer } from './signer.ts';

export type AptDigest = 'MD5' | 'SHA1' | 'SHA256' | 'SHA512';

export interface AptSuite {
  /** Folder below `dists/`; what is there is replaced. */
  readonly dist: string;
  /** Of the Release, without the date and the digests. */
  readonly fields: Readonly<Record<string, string>>;
  /** Text of each Packages file by its folder, e.g. `main/binary-amd64`. */
  readonly lists: ReadonlyMap<string, string>;
  readonly digests: readonly AptDigest[];
  readonly signer: Signer;
  /** Puts copies into `by-hash/SHA256/`. */
  readonly isByHash: boolean;
  /** Changes the Release before it is signed. */
  readonly editRelease?: (text: string) => string;
}

/** Writes Packages, Packages.xz, Release and InRelease. */
export async function writeAptSuite(suite: AptSuite): Promise<void> {
  const { dist } = suite;
  await rm(dist, { recursive: true, force: true });
  for (const [folder, text] of suite.lists) {
    await mkdir(join(dist, folder), { recursive: true });
    await writeFile(join(dist, folder, 'Packages'), text);
    await execa('xz', ['-k', join(dist, folder, 'Packages')]);
  }
  const { stdout } = await execa('apt-ftparchive', [...digestFlags(suite.digests), 'release', '.'], {
    cwd: dist,
  });
  const hashes = stdout.slice(stdout.search(/^(?:MD5Sum|SHA\d+):/mu));
  const head = Object.entries({ ...suite.fields, Date: aptDate(new Date()) }).map(
    ([key, value]) => `${key}: ${value}`,
  );
  const text = `${head.join('\n')}\n${hashes}\n`;
  await writeFile(join(dist, 'Release'), suite.editRelease?.(text) ?? text);
  await suite.signer.clearSign(join(dist, 'Release'), join(dist, 'InRelease'));
  if (!suite.isByHash) return;
  for (const folder of suite.lists.keys()) await copyByHash(join(dist, folder));
}

/** Stanzas of the packages in a folder of the pool, as apt-ftparchive writes them; each ends with a newline. */
export async function scanPool(
  archive: string,
  folder: string,
  digests: readonly AptDigest[],
): Promise<string[]> {
  const { stdout } = await execa('apt-ftparchive', [...digestFlags(digests), 'packages', folder], {
    cwd: archive,
  });
  return stdout
    .split('\n\n')
    .filter((stanza) => stanza.trim() !== '')
    .map((stanza) => `${stanza.trim()}\n`);
}

/** Text of a Packages file: the stanzas of one architecture. */
export function packagesFile(stanzas: readonly string[], architecture: string): string {
  return stanzas
    .filter((stanza) => stanza.includes(`\nArchitecture: ${architecture}\n`))
    .map((stanza) => `${stanza}\n`)
    .join('');
}

/** As apt writes dates: `Thu, 20 Nov 2026 13:00:00 UTC`. */
export function aptDate(date: Date): string {
  return date.toUTCString().replace('GMT', 'UTC');
}

function digestFlags(digests: readonly AptDigest[]): string[] {
  return (['MD5', 'SHA1', 'SHA256', 'SHA512'] as const).flatMap((name) => [
    '-o',
    `APT::FTPArchive::${name}=${digests.includes(name) ? 'yes' : 'no'}`,
  ]);
}

async function copyByHash(folder: string): Promise<void> {
  const store = join(folder, 'by-hash', 'SHA256');
  await mkdir(store, { recursive: true });
  for (const name of await readdir(folder)) {
    if (!basename(name).startsWith('Packages')) continue;
    const bytes = await readFile(join(folder, name));
    await writeFile(join(store, createHash('sha256').update(bytes).digest('hex')), bytes);
  }
}
