/**
 * A Debian mirror in miniature, made with Debian's own tools: packages by dpkg-deb (by hand where it knows a
 * compression no more), indexes by apt-ftparchive, signatures by gpg.
 *
 * ```
 * <root>/debian/dists/<suite>/InRelease, main/binary-<arch>/{Packages.xz,by-hash/SHA256/…}
 * <root>/debian/pool/main/l/linux/*.deb
 * <root>/debian-security/…                          the same for suites of the security archive
 * ```
 */

import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Compression, controlFile, debPackage } from '../builders/deb-writer.ts';
import { type AptDigest, aptDate, packagesFile, scanPool, writeAptSuite } from './apt-suite.ts';
import { buildDeb, type DpkgCompression } from './deb-package.ts';
import { nameKernel } from './kernels.ts';
import type { Signer } from './signer.ts';

export type Archive = 'debian' | 'debian-security';

export interface MirrorKernel {
  /** `uname -r`. */
  readonly kernel: string;
  readonly version: string;
  /** Debian's name of the architecture. */
  readonly architecture: string;
  /** File that becomes the vmlinux. */
  readonly vmlinux: string;
  /** Where the regular file lies, as Debian did up to 6.12 and does since; a symlink is at the other place. */
  readonly place: 'boot' | 'lib-modules';
  readonly compression: Compression;
}

/** A package that is in the pool as it stands. */
export interface RawPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly depends?: string;
  /** The .deb's bytes. */
  readonly bytes: Uint8Array;
}

export interface EmptyPackage {
  readonly name: string;
  readonly architecture: string;
  readonly depends?: string;
}

export interface MirrorSuite {
  /** e.g. `bookworm`, `bookworm-security`. */
  readonly name: string;
  /** The Release's Suite, e.g. `stable`; default the name. */
  readonly suiteField?: string;
  /** Version of the release, e.g. `12.11`. */
  readonly releaseVersion?: string;
  /** Further names of the suite's folder below `dists/`, e.g. `stable`. */
  readonly aliases?: readonly string[];
  readonly archive: Archive;
  readonly packages: readonly (MirrorKernel | RawPackage)[];
  /** Packages with no content worth mentioning; with `depends` a metapackage. */
  readonly emptyPackages?: readonly EmptyPackage[];
  readonly validUntil?: Date;
  /** Changes the text of an index before it is compressed and signed. */
  readonly editPackages?: (text: string, architecture: string) => string;
  readonly editRelease?: (text: string) => string;
}

export interface MirrorOptions {
  readonly root: string;
  readonly signer: Signer;
  readonly suites: readonly MirrorSuite[];
  /** Default amd64 and arm64. */
  readonly architectures?: readonly string[];
}

/** Debian's indexes carry these two digests and no other. */
const DIGESTS: readonly AptDigest[] = ['MD5', 'SHA256'];

/** A package of the pool: where it lies, and its stanza when apt-ftparchive is not to be asked. */
interface Pooled {
  readonly path: string;
  readonly stanza?: string;
}

/** Builds everything below `root`; building a suite again replaces its indexes and keeps packages already in the pool. */
export async function buildDebianMirror(options: MirrorOptions): Promise<void> {
  for (const suite of options.suites) {
    const debs: Pooled[] = [];
    for (const one of suite.packages) debs.push(await addToPool(options.root, suite, one));
    for (const one of suite.emptyPackages ?? []) {
      debs.push(await addToPool(options.root, suite, await emptyPackage(one)));
    }
    await writeIndexes(options, suite, debs);
  }
}

/** Path of a package below its archive, as `Filename:` states it. */
export function poolPath(
  suite: Pick<MirrorSuite, 'archive'>,
  one: Pick<RawPackage, 'name' | 'version' | 'architecture'>,
  isRaw = false,
): string {
  const folder = isRaw ? 'linux-by-hand' : 'linux';
  return `${poolDir(suite)}/${folder}/${one.name}_${one.version}_${one.architecture}.deb`;
}

function poolDir({ archive }: Pick<MirrorSuite, 'archive'>): string {
  return archive === 'debian' ? 'pool/main/l' : 'pool/updates/main/l';
}

/** Name of the debug package of a kernel. */
export function packageNameOf(kernel: string): string {
  return `linux-image-${kernel}-dbg`;
}

async function addToPool(root: string, suite: MirrorSuite, one: MirrorKernel | RawPackage): Promise<Pooled> {
  const isRaw = 'bytes' in one;
  const path = poolPath(suite, isRaw ? one : { ...one, name: packageNameOf(one.kernel) }, isRaw);
  const file = join(root, suite.archive, path);
  await mkdir(dirname(file), { recursive: true });
  if (isRaw) {
    await writeFile(file, one.bytes);
    return { path, stanza: stanzaByHand(one, path) };
  }
  if ((await stat(file).catch(() => undefined)) === undefined) await buildKernelPackage(one, file);
  return { path };
}

/** As apt-ftparchive writes it; that refuses packages which are no packages. */
function stanzaByHand(one: RawPackage, path: string): string {
  const [head, description] = controlFile(one).split(/^(?=Description:)/mu);
  const digests = `MD5sum: ${digest('md5', one.bytes)}\nSHA256: ${digest('sha256', one.bytes)}\n`;
  return `${head}Filename: ${path}\nSize: ${one.bytes.length}\n${digests}${description}`;
}

function digest(algorithm: 'md5' | 'sha256', bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

async function emptyPackage(one: EmptyPackage): Promise<RawPackage> {
  const version = '6.1.5-1';
  const bytes = await debPackage({ ...one, version, entries: [], compression: 'xz' });
  return { ...one, version, bytes };
}

const UNREAD_MODULE = Buffer.from('a module that nobody reads\n'.repeat(1000));

const DPKG_COMPRESSIONS: Partial<Record<Compression, DpkgCompression>> = {
  xz: 'xz',
  zst: 'zstd',
  gz: 'gzip',
  none: 'none',
};

async function buildKernelPackage(one: MirrorKernel, output: string): Promise<void> {
  const boot = `usr/lib/debug/boot/vmlinux-${one.kernel}`;
  const module = `usr/lib/debug/lib/modules/${one.kernel}/vmlinux`;
  const [path, link, target] =
    one.place === 'boot'
      ? [boot, module, `../../../boot/vmlinux-${one.kernel}`]
      : [module, boot, `../lib/modules/${one.kernel}/vmlinux`];
  const vmlinux = nameKernel(await readFile(one.vmlinux), one.kernel);
  const how = DPKG_COMPRESSIONS[one.compression];
  if (how === undefined) {
    const bytes = await debPackage({
      name: packageNameOf(one.kernel),
      version: one.version,
      architecture: one.architecture,
      compression: one.compression,
      entries: [
        { name: `./${link}`, type: 'symlink', linkName: target },
        { name: `./${path}`, data: vmlinux },
      ],
    });
    await writeFile(output, bytes);
    return;
  }

  const tree = {
    control: controlFile({ ...one, name: packageNameOf(one.kernel) }),
    files: new Map([
      [path, vmlinux],
      [`usr/lib/debug/lib/modules/${one.kernel}/kernel/some.ko`, UNREAD_MODULE],
    ]),
    links: new Map([[link, target]]),
  };
  await buildDeb(tree, how, output);
}

async function writeIndexes(
  options: MirrorOptions,
  suite: MirrorSuite,
  debs: readonly Pooled[],
): Promise<void> {
  const archive = join(options.root, suite.archive);
  const dist = join(archive, 'dists', suite.name);
  const stanzas = await stanzasOf(archive, suite, debs);
  const architectures = options.architectures ?? ['amd64', 'arm64'];
  const lists = architectures.map((architecture): [string, string] => {
    const text = packagesFile(stanzas, architecture);
    return [`main/binary-${architecture}`, suite.editPackages?.(text, architecture) ?? text];
  });
  await writeAptSuite({
    dist,
    fields: fieldsOf(suite, architectures),
    lists: new Map(lists),
    digests: DIGESTS,
    signer: options.signer,
    isByHash: true,
    ...(suite.editRelease === undefined ? {} : { editRelease: suite.editRelease }),
  });
  for (const alias of suite.aliases ?? []) {
    const link = join(archive, 'dists', alias);
    await rm(link, { force: true });
    await symlink(suite.name, link);
  }
}

function fieldsOf(suite: MirrorSuite, architectures: readonly string[]): Record<string, string> {
  return {
    Origin: 'Debian',
    Label: suite.archive === 'debian' ? 'Debian' : 'Debian-Security',
    Suite: suite.suiteField ?? suite.name,
    ...(suite.releaseVersion === undefined ? {} : { Version: suite.releaseVersion }),
    Codename: suite.name,
    Architectures: architectures.join(' '),
    Components: suite.archive === 'debian' ? 'main' : 'updates/main',
    'Acquire-By-Hash': 'yes',
    ...(suite.validUntil === undefined ? {} : { 'Valid-Until': aptDate(suite.validUntil) }),
  };
}

async function stanzasOf(archive: string, suite: MirrorSuite, debs: readonly Pooled[]): Promise<string[]> {
  const byHand = debs.flatMap(({ stanza }) => (stanza === undefined ? [] : [stanza]));
  const wanted = new Set(debs.flatMap(({ path, stanza }) => (stanza === undefined ? [path] : [])));
  if (wanted.size === 0) return byHand;
  const found = (await scanPool(archive, `${poolDir(suite)}/linux`, DIGESTS)).filter((stanza) =>
    wanted.has(/^Filename: (.*)$/mu.exec(stanza)?.[1] ?? ''),
  );
  if (found.length !== wanted.size) {
    throw new Error(`apt-ftparchive saw ${found.length} of ${wanted.size} packages`);
  }
  return [...found, ...byHand];
}
