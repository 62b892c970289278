/** Re-checks an archive against its record: every byte of every file, and every file for a row. */

import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { basename, join, relative, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pLimit from 'p-limit';
import type { KernelKey } from '../crawlers/types.ts';
import type { BtfRecord, KernelRow } from '../db/index.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { archivePath } from './archive-path.ts';
import type { StoredFacts } from './store.ts';
import { isTemporaryName } from './sweep.ts';

/** What can be wrong with one file. */
export type DamageKind =
  /** Published, but there is no such file. */
  | 'missing'
  /** Not a regular file. */
  | 'not-a-file'
  | 'size-differs'
  | 'digest-differs'
  /** Cannot be unpacked, or does not hold one valid BTF. */
  | 'unreadable'
  /** Holds another BTF than the record says. */
  | 'btf-differs'
  /** In the archive, but not in the record. */
  | 'unrecorded';

export interface Damage {
  readonly kind: DamageKind;
  /** Relative to the archive, with `/`. */
  readonly path: string;
  readonly message: string;
}

export interface VerifyReport {
  /** Files of the record that were looked at. */
  readonly checked: number;
  readonly sizeBytes: number;
  readonly damages: readonly Damage[];
  /** Files that are being written, or were left by a killed run; the next crawl removes these. */
  readonly unfinished: number;
  readonly milliseconds: number;
}

export interface VerifyOptions {
  readonly record: BtfRecord;
  readonly archiveDir: string;
  /** Files read at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Reads one archive file in full; throws `archive-damaged` when it is not sound. */
  readonly inspect: (key: KernelKey, signal: AbortSignal) => Promise<StoredFacts>;
  /** Told about each damage as it is found, and about each file done. */
  readonly onDamage: (damage: Damage) => void;
  readonly onProgress: (checked: number, total: number) => void;
}

/** Withdrawn files may stay or go: their row explains them either way. Throws `aborted`, `io-failed`, `tool-missing`. */
export async function verifyArchive(options: VerifyOptions): Promise<VerifyReport> {
  const start = performance.now();
  const damages: Damage[] = [];
  const report = (damage: Damage): void => {
    damages.push(damage);
    options.onDamage(damage);
  };
  const published = options.record.kernels.inState('published');
  const sizeBytes = await checkPublished(published, options, report);
  let unfinished = 0;
  for (const path of await listFiles(options.archiveDir)) {
    // The record is asked again for each: a crawl may be publishing beside us.
    if (isTemporaryName(basename(path))) unfinished += 1;
    else if (!isRecorded(path, options.record)) {
      report({ kind: 'unrecorded', path, message: 'is in the archive, but not published by the record' });
    }
  }
  return {
    checked: published.length,
    sizeBytes,
    damages: damages.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
    unfinished,
    milliseconds: performance.now() - start,
  };
}

async function checkPublished(
  published: readonly KernelRow[],
  { archiveDir, jobs, signal, inspect, onProgress }: VerifyOptions,
  report: (damage: Damage) => void,
): Promise<number> {
  const limit = pLimit(jobs);
  let checked = 0;
  let sizeBytes = 0;
  const checkOne = async (row: KernelRow): Promise<void> => {
    signal.throwIfAborted();
    const damage = await checkFile(row, archiveDir, inspect, signal);
    if (damage !== undefined) report(damage);
    checked += 1;
    sizeBytes += row.tarSizeBytes ?? 0;
    onProgress(checked, published.length);
  };
  try {
    await Promise.all(published.map((row) => limit(() => checkOne(row))));
  } finally {
    limit.clearQueue();
  }
  return sizeBytes;
}

/** The first thing that is wrong; a wrong size or digest is named before what follows from it. */
async function checkFile(
  row: KernelRow,
  archiveDir: string,
  inspect: VerifyOptions['inspect'],
  signal: AbortSignal,
): Promise<Damage | undefined> {
  const path = row.path ?? archivePath(row);
  const damage = (kind: DamageKind, message: string): Damage => ({ kind, path, message });
  const file = join(archiveDir, path);
  const stats = await statOrUndefined(file);
  if (stats === undefined) return damage('missing', 'published, but not there');
  if (!stats.isFile()) return damage('not-a-file', 'is no regular file');
  if (stats.size !== row.tarSizeBytes) {
    return damage('size-differs', `has ${stats.size} bytes, the record says ${row.tarSizeBytes ?? 0}`);
  }
  const digest = await sha256Of(file, signal);
  if (digest !== row.tarSha256) {
    return damage('digest-differs', `SHA-256 is ${digest}, the record says ${row.tarSha256 ?? ''}`);
  }
  try {
    const facts = await inspect(row, signal);
    if (facts.btfSha256 === row.btfSha256 && facts.typeCount === row.typeCount) return undefined;
    return damage('btf-differs', `holds BTF ${facts.btfSha256}, the record says ${row.btfSha256 ?? ''}`);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (error.code !== 'archive-damaged') throw error;
    return damage('unreadable', error.message);
  }
}

async function statOrUndefined(file: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function sha256Of(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest('hex');
}

/** Every entry that is neither a folder nor a link (links are aliases), sorted. */
async function listFiles(archiveDir: string): Promise<string[]> {
  try {
    const entries = await readdir(archiveDir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && !entry.isSymbolicLink())
      .map((entry) => relative(archiveDir, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
      .toSorted((a, b) => (a < b ? -1 : 1));
  } catch (thrown) {
    throw new BtfmillError('io-failed', `cannot list the archive: ${toBtfmillError(thrown).message}`, {
      cause: thrown,
    });
  }
}

function isRecorded(path: string, record: BtfRecord): boolean {
  const key = keyOf(path);
  const state = key === undefined ? undefined : record.kernels.find(key)?.state;
  return state === 'published' || state === 'withdrawn';
}

const FILE_NAME = /^([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)\.btf\.tar\.xz$/u;

function keyOf(path: string): KernelKey | undefined {
  const match = FILE_NAME.exec(path);
  if (match === null) return undefined;
  const [, distro, release, arch, kernel] = match;
  return { distro, release, arch, kernel };
}
