/** One repository of rpms with its repodata/, made with createrepo_c in the forms that distributions have. */

import { createHash } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { programBytes } from '../support/program-bytes.ts';
import type { Signer } from './signer.ts';

/** Programs that this module runs. */
export const REPOSITORY_TOOLS: readonly string[] = ['createrepo_c', 'modifyrepo_c', 'zstd', 'gzip'];

export interface RepositoryForm {
  /** Compression of primary.xml when there are no databases; default gz. createrepo_c 0.17 knows no zstd: done afterwards. */
  readonly compression?: 'gz' | 'bz2' | 'xz' | 'zst';
  /** sqlite databases beside the XML, or alone; default none. */
  readonly database?: { readonly compression: 'gz' | 'bz2' | 'xz'; readonly alone: boolean };
  /** Digests in repomd.xml and primary; `sha` is how createrepo called SHA-1. Default sha256. */
  readonly checksum?: 'sha' | 'sha1' | 'sha256' | 'sha512';
  /** `primary.xml.gz` instead of `<digest>-primary.xml.gz`. */
  readonly plainNames?: boolean;
  /** Signs repomd.xml into repomd.xml.asc. */
  readonly signer?: Signer;
  /** `xml:base` of every package. */
  readonly baseUrl?: string;
}

export interface Repository extends RepositoryForm {
  /** The base: `repodata/` is put here. */
  readonly folder: string;
  /** Built packages by their path below the base, e.g. `Packages/k/kernel-debuginfo-….rpm`. */
  readonly packages: ReadonlyMap<string, string>;
  /** Packages are below this folder instead, and what leads there from the base, e.g. `../../blobstore/`. */
  readonly store?: { readonly folder: string; readonly prefix: string };
}

/** Path of the repomd.xml. */
export async function buildRepository(one: Repository): Promise<string> {
  const stage = one.store === undefined ? one.folder : `${one.folder}.stage`;
  await mkdir(one.folder, { recursive: true });
  for (const [path, file] of one.packages) await linkFile(file, join(stage, path));
  await mkdir(stage, { recursive: true });
  const repodata = join(one.folder, 'repodata');
  await rm(repodata, { recursive: true, force: true });
  const compression = one.compression === 'zst' ? 'gz' : (one.compression ?? 'gz');
  await execa('createrepo_c', [
    '--quiet',
    `--checksum=${one.checksum ?? 'sha256'}`,
    one.plainNames === true ? '--simple-md-filenames' : '--unique-md-filenames',
    ...(one.database === undefined ? ['--no-database'] : ['--database']),
    // `--compress-type` is for databases alone: the XML beside them stays gz.
    one.database === undefined
      ? `--general-compress-type=${compression}`
      : `--compress-type=${one.database.compression}`,
    ...(one.baseUrl === undefined ? [] : [`--baseurl=${one.baseUrl}`]),
    ...(one.store === undefined ? [] : [`--location-prefix=${one.store.prefix}`]),
    `--outputdir=${one.folder}`,
    stage,
  ]);
  if (one.compression === 'zst') await recompress(repodata);
  if (one.database?.alone === true) {
    for (const type of ['primary', 'filelists', 'other'])
      await execa('modifyrepo_c', ['--remove', type, repodata]);
  }
  if (one.store !== undefined) {
    for (const path of one.packages.keys()) await linkFile(join(stage, path), join(one.store.folder, path));
    await rm(stage, { recursive: true });
  }
  const repomd = join(repodata, 'repomd.xml');
  if (one.signer !== undefined) await one.signer.detachSign(repomd, `${repomd}.asc`);
  return repomd;
}

/** A package that createrepo_c might refuse: it is indexed as what it is said to be. */
export interface RawRpm {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly bytes: Uint8Array;
}

/** A repository of raw packages by their path below the base, with a primary.xml made by hand. */
export async function buildRawRepository(
  folder: string,
  packages: ReadonlyMap<string, RawRpm>,
): Promise<string> {
  const repomd = await buildRepository({ folder, packages: new Map() });
  const repodata = dirname(repomd);
  for (const [path, { bytes }] of packages) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  const primary = join(folder, 'primary.xml');
  const namespaces =
    'xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm"';
  const entries = [...packages].map(([path, one]) => primaryEntry(path, one));
  await writeFile(
    primary,
    `<?xml version="1.0" encoding="UTF-8"?>\n<metadata ${namespaces} packages="${packages.size}">\n${entries.join('')}</metadata>\n`,
  );
  await execa('modifyrepo_c', ['--remove', 'primary', repodata]);
  await execa('modifyrepo_c', ['--mdtype=primary', '--compress-type=gz', primary, repodata]);
  await rm(primary);
  return repomd;
}

function primaryEntry(path: string, { name, version, release, arch, bytes }: RawRpm): string {
  return `<package type="rpm">
  <name>${name}</name>
  <arch>${arch}</arch>
  <version epoch="0" ver="${version}" rel="${release}"/>
  <checksum type="sha256" pkgid="YES">${createHash('sha256').update(bytes).digest('hex')}</checksum>
  <summary>made by a test</summary>
  <time file="1795273464" build="1795273419"/>
  <size package="${bytes.length}" installed="1221" archive="1824"/>
  <location href="${path}"/>
  <format><rpm:license>none</rpm:license></format>
</package>
`;
}

async function linkFile(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { force: true });
  await link(from, to);
}

/** Turns the `.xml.gz` files into `.xml.zst`, and repomd.xml with them. */
async function recompress(repodata: string): Promise<void> {
  const repomd = join(repodata, 'repomd.xml');
  let text = await readFile(repomd, 'utf8');
  for (const name of await readdir(repodata)) {
    if (!name.endsWith('.xml.gz')) continue;
    const file = join(repodata, name);
    const plain = await programBytes('gzip', ['-dc', file]);
    const packed = await programBytes('zstd', ['-19', '-c'], { input: plain });
    const digest = createHash('sha256').update(packed).digest('hex');
    const [, type] = /([a-z]+)\.xml\.gz$/u.exec(name) ?? [];
    const renamed = `${/^[0-9a-f]{64}-/u.test(name) ? `${digest}-` : ''}${type}.xml.zst`;
    await writeFile(file, packed);
    await rename(file, join(dirname(file), renamed));
    text = text.replace(new RegExp(`<data type="${type}">.*?</data>`, 'su'), (data) =>
      data
        .replace(/(<checksum[^>]*>)[^<]*/u, `$1${digest}`)
        .replace(basename(file), renamed)
        .replace(/<size>\d+/u, `<size>${packed.length}`),
    );
  }
  await writeFile(repomd, text);
}
