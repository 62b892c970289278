/** The archive's files: written once, read back before they get their name, and readable again at any time. */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { KernelKey } from '../crawlers/types.ts';
import { BtfmillError, type ErrorCode, toBtfmillError } from '../errors/index.ts';
import { archivePath } from './archive-path.ts';
import { syncFolder } from './atomic-write.ts';
import { packBtfTar, unpackBtfTar } from './btf-tar.ts';
import { throughProcess } from './child-process.ts';
import { inspectInThread } from './compute.ts';

/** What is known of an archive file after it was read in full. */
export interface StoredFacts {
  /** Relative to the archive, with `/`. */
  readonly path: string;
  /** Of the BTF itself, lower-case hex. */
  readonly btfSha256: string;
  readonly btfSizeBytes: number;
  /** Of the `.tar.xz`, lower-case hex. */
  readonly tarSha256: string;
  readonly tarSizeBytes: number;
  /** Without `void`. */
  readonly typeCount: number;
  /** BTF kind name → number of types. */
  readonly typesByKind: Readonly<Record<string, number>>;
}

export interface ArchiveFile extends StoredFacts {
  readonly btf: Uint8Array;
}

export interface ArchiveLocation {
  readonly archiveDir: string;
  readonly key: KernelKey;
  readonly signal: AbortSignal;
}

export interface ReadArchiveOptions extends ArchiveLocation {
  /** Refuses files that hold more. Default 256 MiB: the largest kernels' BTF has 10. */
  readonly maxTarBytes?: number;
}

const MAX_TAR_BYTES = 256 * 1024 * 1024;

/** Part of the archive's format: other options give other bytes for the same input. */
const XZ_OPTIONS = ['-T1', '-6', '--check=crc64', '-c'];

/**
 * Writes `<distro>/<release>/<arch>/<kernel>.btf.tar.xz`: same BTF and same xz, same bytes. The file gets its name, in
 * place of whatever had it, only after it was read back from disk, validated and synced; on any failure nothing of it
 * stays. Throws `btf-invalid` for a BTF that is not a kernel's, `index-unsafe-path`, `tool-missing`, `tool-failed`,
 * `io-failed`, `disk-full`, `aborted`.
 */
export async function storeBtf({
  archiveDir,
  key,
  btf,
  signal,
}: ArchiveLocation & { readonly btf: Uint8Array }): Promise<StoredFacts> {
  const relative = archivePath(key);
  const finalPath = join(archiveDir, relative);
  const folder = dirname(finalPath);
  // A name that the next run's sweep recognises, should this one be killed.
  const temporaryPath = join(folder, `.${basename(finalPath)}.${process.pid}`);
  const compressed = await collect(
    throughProcess('xz', XZ_OPTIONS, {
      input: once(await packBtfTar(memberName(key), btf)),
      signal,
      failure: 'tool-failed',
    }),
    Number.POSITIVE_INFINITY,
  );
  await mkdir(folder, { recursive: true });
  try {
    await writeSynced(temporaryPath, compressed);
    const facts = await inspectWritten(temporaryPath, btf, { archiveDir, key, signal });
    signal.throwIfAborted();
    await rename(temporaryPath, finalPath);
    await syncFolders(folder);
    return facts;
  } catch (thrown) {
    await rm(temporaryPath, { force: true });
    throw toBtfmillError(thrown);
  }
}

/**
 * Reads an archive file in full: decompresses, takes the one member, decodes and validates the BTF.
 * Throws `archive-damaged` for a file that is missing or is not what {@link storeBtf} writes, `tool-missing`,
 * `tool-failed`, `io-failed`, `aborted`.
 */
export async function readArchiveFile(o: ReadArchiveOptions): Promise<ArchiveFile> {
  const path = archivePath(o.key);
  const { btf, ...sums } = await readTarXz(join(o.archiveDir, path), o);
  return { path, ...sums, btf, ...(await kernelFacts(btf, path, 'archive-damaged', o.signal)) };
}

function memberName({ kernel }: KernelKey): string {
  return `${kernel}.btf`;
}

async function inspectWritten(
  temporaryPath: string,
  btf: Uint8Array,
  o: ArchiveLocation,
): Promise<StoredFacts> {
  const path = archivePath(o.key);
  const { btf: readBack, ...sums } = await readTarXz(temporaryPath, o);
  if (Buffer.compare(readBack, btf) !== 0) {
    throw new BtfmillError('io-failed', `${path}: what was read back differs from what was written`);
  }
  return { path, ...sums, ...(await kernelFacts(readBack, path, 'btf-invalid', o.signal)) };
}

/** Checks that the bytes are a kernel's BTF and counts its types; `code` is thrown with the first problem. */
async function kernelFacts(
  bytes: Uint8Array,
  subject: string,
  code: ErrorCode,
  signal: AbortSignal,
): Promise<Pick<StoredFacts, 'typeCount' | 'typesByKind'>> {
  const inspection = await inspectInThread(bytes, signal);
  if ('problem' in inspection) throw new BtfmillError(code, `${subject}: ${inspection.problem}`);
  return inspection;
}

type FileContent = Pick<ArchiveFile, 'btf' | 'btfSha256' | 'btfSizeBytes' | 'tarSha256' | 'tarSizeBytes'>;

/** Reads `path`, which holds or will hold the archive file of `key`. */
async function readTarXz(
  path: string,
  { key, signal, maxTarBytes = MAX_TAR_BYTES }: ReadArchiveOptions,
): Promise<FileContent> {
  const subject = archivePath(key);
  const compressed = await readWhole(path, subject, maxTarBytes);
  const output = throughProcess('xz', ['-dc'], {
    input: once(compressed),
    signal,
    failure: 'archive-damaged',
  });
  let tar: Buffer;
  try {
    tar = await collect(output, maxTarBytes);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (error.code !== 'archive-damaged') throw error;
    throw new BtfmillError('archive-damaged', `${subject}: ${error.message}`, { cause: error });
  }
  const btf = await unpackBtfTar(tar, memberName(key), subject);
  return {
    btf,
    btfSha256: sha256(btf),
    btfSizeBytes: btf.length,
    tarSha256: sha256(compressed),
    tarSizeBytes: compressed.length,
  };
}

async function readWhole(path: string, subject: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new BtfmillError('archive-damaged', `${subject}: has ${size} bytes`);
    return await readFile(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new BtfmillError('archive-damaged', `${subject}: is missing`, { cause: thrown });
    }
    throw toBtfmillError(thrown);
  }
}

async function collect(chunks: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes)
      throw new BtfmillError('archive-damaged', `decompresses to more than ${maxBytes} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts, size);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o644);
  try {
    // The mode given to open is cut by the umask; published files are for everybody.
    await file.chmod(0o644);
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the new name, and the three folders above it that may be new, survive a power cut. */
async function syncFolders(folder: string): Promise<void> {
  for (const path of [folder, join(folder, '..'), join(folder, '../..'), join(folder, '../../..')]) {
    await syncFolder(path);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
