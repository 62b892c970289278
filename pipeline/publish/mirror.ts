/**
 * Copies a published archive, or part of it, from a mirror that need not be trusted: everything is led back to a
 * signature over the timestamp. The order is that of publishing: a copy that is cut short is a sound older one.
 */

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BtfmillError, type ErrorCode, toBtfmillError } from '../../errors/index.ts';
import { archivePath } from '../archive-path.ts';
import { eachOf } from '../each-of.ts';
import { readIfThere } from '../read-if-there.ts';
import { removeTemporaries } from '../sweep.ts';
import {
  lastLines,
  type Manifest,
  type ManifestFile,
  MAX_FILE_BYTES,
  MAX_INDEX_BYTES,
  MAX_MANIFEST_BYTES,
  MAX_TIMESTAMP_BYTES,
  parseIndex,
  parseManifest,
  parseTimestamp,
  sha256Of,
} from './layout.ts';
import { type Plane, planeOfIndex, TIMESTAMP, TIMESTAMP_SIGNATURE } from './names.ts';
import { type PublicKey, verifyMinisign } from './minisign.ts';
import { readSeenState, refuseOlder, writeMirrorState } from './mirror-state.ts';
import { readSmallFile, readVerifiedFile, type RemoteArchive, type WantedFile } from './remote-archive.ts';
import {
  changedFiles,
  type FileToWrite,
  syncFoldersOf,
  writeAtOnce,
  writeFileBelow,
  writeInOrder,
} from './write-files.ts';

export interface MirrorOptions {
  readonly source: Omit<RemoteArchive, 'onTraffic'>;
  /** Exists; the caller holds its lock. */
  readonly dir: string;
  readonly publicKey: PublicKey;
  /** Which planes to copy; all when left out. Whoever copies part of an archive gets no lists of the whole. */
  readonly isWanted?: (plane: Plane) => boolean;
  /** Only kernels that this serial or a later one has added. */
  readonly since?: number;
  readonly allowExpired: boolean;
  /** Read and compare every file that is there already, instead of its size only. */
  readonly recheck: boolean;
  /** Files fetched at once. */
  readonly jobs: number;
  readonly now: () => Date;
  readonly onProgress: (done: {
    readonly files: number;
    readonly of: number;
    readonly bytes: number;
  }) => void;
}

export interface MirrorReport {
  readonly serial: number;
  readonly expires: string;
  /** Kernel files of the copy that the source has published. */
  readonly kernels: number;
  readonly fetched: number;
  /** Over the network, indexes included. */
  readonly fetchedBytes: number;
  /** Rounds that began again because the source was published meanwhile. */
  readonly restarts: number;
}

/** A source that is published more often than that during one copy is not one. */
const MAX_ROUNDS = 5;
/** Between the timestamp's signature and the timestamp itself a source needs a moment. */
const ROUND_PAUSE_MS = 500;

/**
 * Brings the copy to the source's newest serial. Files under final names are complete and verified at any moment.
 *
 * Throws `archive-signature`, `archive-rollback` (also: expired), `archive-digest`, `archive-malformed`, `usage` for a
 * copy that has more than is asked for, the errors of the HTTP client, `disk-full`, `io-failed`, `aborted`.
 */
export async function mirrorArchive(options: MirrorOptions): Promise<MirrorReport> {
  let fetchedBytes = 0;
  const remote: RemoteArchive = {
    ...options.source,
    onTraffic: (bytes) => {
      fetchedBytes += bytes;
    },
  };
  await removeTemporaries(options.dir);
  for (let round = 0; ; round += 1) {
    const timestampBytes = await readSmallFile(remote, TIMESTAMP, MAX_TIMESTAMP_BYTES);
    try {
      const report = await copyState(timestampBytes, remote, options);
      return { ...report, fetchedBytes, restarts: round };
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      // What does not fit together may be two states: then the timestamp is another one in a moment.
      const mayBeMoving = error.code === 'archive-digest' || error.code === 'archive-signature';
      if (!mayBeMoving || round + 1 === MAX_ROUNDS) throw error;
      await sleep(ROUND_PAUSE_MS, undefined, { signal: remote.signal });
      if ((await readSmallFile(remote, TIMESTAMP, MAX_TIMESTAMP_BYTES)).equals(timestampBytes)) throw error;
    }
  }
}

async function copyState(
  timestampBytes: Buffer,
  remote: RemoteArchive,
  options: MirrorOptions,
): Promise<Omit<MirrorReport, 'fetchedBytes' | 'restarts'>> {
  const { dir, publicKey, isWanted = () => true, since } = options;
  const signature = await readSmallFile(remote, TIMESTAMP_SIGNATURE, MAX_TIMESTAMP_BYTES);
  verifyMinisign(timestampBytes, signature.toString('utf8'), publicKey, `${remote.base}/${TIMESTAMP}`);
  const timestamp = parseTimestamp(timestampBytes, `${remote.base}/${TIMESTAMP}`);
  const known = await readSeenState(dir, publicKey);
  refuseOlder(timestamp, publicKey.text, known, { now: options.now(), allowExpired: options.allowExpired });

  const manifestBytes = await readVerifiedFile(remote, bounded(timestamp.manifest, MAX_MANIFEST_BYTES));
  const manifest = parseManifest(manifestBytes, timestamp.manifest.path);
  const isWhole = since === undefined && manifest.files.every((file) => isCopied(file, isWanted));
  if (!isWhole) await refuseNarrower(dir, manifest, isWanted);
  // From here on nobody can offer an older state, even if this copy is cut short.
  await writeMirrorState(dir, {
    v: 1,
    serial: timestamp.serial,
    manifestSha256: timestamp.manifest.sha256,
    publicKey: publicKey.text,
    ...(isWhole ? {} : { part: since === undefined ? {} : { since } }),
  });

  const indexes = await readIndexes(manifest, remote, options, isWanted);
  const kernels = indexes.flatMap(({ plane, bytes, file }) => kernelFiles(plane, bytes, file.path, since));
  const fetched = await copyKernels(kernels, remote, options);
  const lists = isWhole ? await readLists(manifest, remote, dir) : [];

  const manifestFile = { path: timestamp.manifest.path, bytes: manifestBytes };
  const first = [...indexes.map(({ file, bytes }) => ({ path: file.path, bytes })), manifestFile];
  await writeInOrder(dir, await changedFiles(dir, first));
  const last = [
    ...lists,
    { path: TIMESTAMP_SIGNATURE, bytes: signature },
    { path: TIMESTAMP, bytes: timestampBytes },
  ];
  await writeAtOnce(dir, await changedFiles(dir, last));
  return { serial: timestamp.serial, expires: timestamp.expires, kernels: kernels.length, fetched };
}

function isCopied({ path }: ManifestFile, isWanted: (plane: Plane) => boolean): boolean {
  const plane = planeOfIndex(path);
  return plane === undefined || isWanted(plane);
}

/** A copy that has more than is asked for now would be left with a new timestamp above old indexes and lists. */
async function refuseNarrower(
  dir: string,
  manifest: Manifest,
  isWanted: (plane: Plane) => boolean,
): Promise<void> {
  for (const file of manifest.files) {
    const isLeft = file.change === 'current' || !isCopied(file, isWanted);
    if (!isLeft || (await readIfThere(join(dir, file.path))) === undefined) continue;
    throw new BtfmillError(
      'usage',
      `${dir} is a copy of more than that: it has ${file.path}; ask for at least as much, or copy to another folder`,
    );
  }
}

interface CopiedIndex {
  readonly plane: Plane;
  readonly file: ManifestFile;
  readonly bytes: Buffer;
}

/** An index that the copy has already is not asked for again. */
async function readIndexes(
  manifest: Manifest,
  remote: RemoteArchive,
  { dir }: MirrorOptions,
  isWanted: (plane: Plane) => boolean,
): Promise<CopiedIndex[]> {
  const indexes: CopiedIndex[] = [];
  for (const file of manifest.files) {
    const plane = planeOfIndex(file.path);
    if (plane === undefined || !isWanted(plane)) continue;
    const local = await readIfThere(join(dir, file.path));
    const isSame = local?.length === file.size && sha256Of(local) === file.sha256;
    const bytes = isSame
      ? local
      : await readVerifiedFile(remote, { ...bounded(file, MAX_INDEX_BYTES), isPrefix: true });
    indexes.push({ plane, file, bytes });
  }
  return indexes;
}

/** Withdrawn kernels are not copied; those that a copy has already stay where they are. */
function kernelFiles(plane: Plane, index: Buffer, where: string, since = 0): WantedFile[] {
  const lines = [...lastLines(parseIndex(index, plane, where)).values()];
  return lines.flatMap((line) => {
    if (line.state !== 'published' || line.serial < since) return [];
    const path = archivePath({ ...plane, kernel: line.kernel });
    return [bounded({ path, size: line.size, sha256: line.sha256 }, MAX_FILE_BYTES)];
  });
}

/** The number of files that had to be fetched. */
async function copyKernels(
  files: readonly WantedFile[],
  remote: RemoteArchive,
  { dir, jobs, recheck, onProgress }: MirrorOptions,
): Promise<number> {
  let done = 0;
  let bytes = 0;
  const fetched: string[] = [];
  const bad: BtfmillError[] = [];
  await eachOf(files, jobs, async (file) => {
    remote.signal.throwIfAborted();
    if (!(await isThere(join(dir, file.path), file, recheck))) {
      const content = await readUnlessBad(file, remote, bad);
      if (content !== undefined) {
        await writeFileBelow(dir, { path: file.path, bytes: content });
        fetched.push(file.path);
        bytes += file.size;
      }
    }
    done += 1;
    onProgress({ files: done, of: files.length, bytes });
  });
  await syncFoldersOf(dir, fetched);
  if (bad.length > 0) throw allOf(bad);
  return fetched.length;
}

/** Failures that say something about one file; after others there is no point in asking for the next. */
const ABOUT_ONE_FILE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'archive-digest',
  'http-not-found',
  'http-refused',
  'http-status',
  'http-truncated',
]);

/** A source with more bad files than that is broken as a whole. */
const MAX_BAD_FILES = 20;

/** One bad file does not keep back the others; the copy is not complete without it, which is said at the end. */
async function readUnlessBad(
  file: WantedFile,
  remote: RemoteArchive,
  bad: BtfmillError[],
): Promise<Buffer | undefined> {
  try {
    return await readVerifiedFile(remote, file);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (!ABOUT_ONE_FILE.has(error.code) || bad.length + 1 >= MAX_BAD_FILES) throw error;
    bad.push(error);
    return undefined;
  }
}

function allOf([first, ...others]: readonly BtfmillError[]): BtfmillError {
  if (others.length === 0) return first;
  const more = others.length === 1 ? 'one more file' : `${others.length} more files`;
  return new BtfmillError(first.code, `${first.message}; ${more} could not be copied`, { cause: first });
}

/** Whether the copy has the file. What lies there under a final name was complete and right when it was written. */
async function isThere(path: string, { size, sha256 }: WantedFile, recheck: boolean): Promise<boolean> {
  const stats = await stat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stats?.isFile() || stats.size !== size) return false;
  return !recheck || sha256Of(await readFile(path)) === sha256;
}

/** All but the indexes; those that the copy has already are not asked for again. */
async function readLists(manifest: Manifest, remote: RemoteArchive, dir: string): Promise<FileToWrite[]> {
  const lists: FileToWrite[] = [];
  for (const file of manifest.files) {
    if (file.change === 'append' || (await isThere(join(dir, file.path), file, true))) continue;
    lists.push({
      path: file.path,
      bytes: await readVerifiedFile(remote, bounded(file, MAX_INDEX_BYTES)),
    });
  }
  return lists;
}

/** What is signed may still be absurd: nothing makes us allocate more than an archive can need. */
function bounded<File extends WantedFile>(file: File, maxBytes: number): File {
  if (file.size <= maxBytes) return file;
  throw new BtfmillError(
    'archive-malformed',
    `${file.path}: ${file.size} bytes are more than an archive has`,
  );
}
