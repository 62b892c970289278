/**
 * Joins what several machines have made, each in an archive and a record of its own, into one archive and record. What
 * is published stays as it is; the same merge again changes nothing.
 */

import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BtfRecord, KernelPair, RecordMerge } from '../db/index.ts';
import { archivePath } from './archive-path.ts';
import { syncFolder } from './atomic-write.ts';
import { digestIfThere } from './file-digest.ts';

/** One machine's result. */
export interface MergeSource {
  readonly archiveDir: string;
  /** Its record's file, of this version's schema. */
  readonly dbFile: string;
}

export interface MergeOptions {
  readonly archiveDir: string;
  readonly record: BtfRecord;
  readonly source: MergeSource;
  readonly signal: AbortSignal;
}

export interface MergeProblem {
  readonly code: 'archive-conflict' | 'archive-damaged';
  readonly path: string;
  readonly message: string;
}

export interface MergeReport {
  readonly published: number;
  readonly withdrawn: number;
  /** Kernels without a file whose newer state was taken: failed, or without debug info. */
  readonly updated: number;
  readonly unchanged: number;
  readonly problems: readonly MergeProblem[];
}

/** What becomes of one kernel of the other record. */
export type MergeVerdict = 'publish' | 'withdraw' | 'update' | 'keep' | 'conflict';

/**
 * Ours wins where both have published; a withdrawal wins over a publication of the same BTF; what is newer wins among
 * the rest. Apart from conflicts the order of several merges does not matter.
 */
export function judgeKernel({ ours, theirs }: KernelPair): MergeVerdict {
  const isOurs = ours.state === 'published' || ours.state === 'withdrawn';
  const isTheirs = theirs.state === 'published' || theirs.state === 'withdrawn';
  if (isOurs && isTheirs) {
    if (ours.btfSha256 !== theirs.btfSha256) return 'conflict';
    return ours.state === 'published' && theirs.state === 'withdrawn' ? 'withdraw' : 'keep';
  }
  if (isOurs) return 'keep';
  if (isTheirs) return 'publish';
  return isNewer({ ours, theirs }) ? 'update' : 'keep';
}

/** A kernel that is only known says less than one that was tried, whenever that was. */
function isNewer({ ours, theirs }: Pick<KernelPair, 'ours' | 'theirs'>): boolean {
  if (theirs.state === 'pending') return false;
  return ours.state === 'pending' || theirs.changedAt > ours.changedAt;
}

/** The caller holds the locks on archive and record. Throws `io-failed`, `disk-full`, `aborted`, `record-damaged`. */
export async function mergeArchive(options: MergeOptions): Promise<MergeReport> {
  const { record, source } = options;
  const merge = record.mergeFrom(source.dbFile);
  try {
    const counts = { published: 0, withdrawn: 0, updated: 0, unchanged: 0 };
    const problems: MergeProblem[] = [];
    for (const pair of merge.kernels()) {
      options.signal.throwIfAborted();
      const problem = await mergeKernel(pair, merge, options, counts);
      if (problem !== undefined) problems.push(problem);
    }
    return { ...counts, problems };
  } finally {
    merge.close();
  }
}

async function mergeKernel(
  pair: KernelPair,
  merge: RecordMerge,
  options: MergeOptions,
  counts: { published: number; withdrawn: number; updated: number; unchanged: number },
): Promise<MergeProblem | undefined> {
  const path = archivePath(pair);
  const verdict = judgeKernel(pair);
  if (verdict === 'conflict') {
    const message = `holds the BTF ${pair.theirs.btfSha256 ?? ''}, published here is ${pair.ours.btfSha256 ?? ''}`;
    return { code: 'archive-conflict', path, message };
  }
  if (verdict === 'keep') {
    counts.unchanged += 1;
    return undefined;
  }
  const problem = verdict === 'publish' ? await takeFile(path, pair, options) : undefined;
  if (problem !== undefined) return problem;
  merge.take(pair);
  counts[COUNTED_AS[verdict]] += 1;
  return undefined;
}

const COUNTED_AS = { publish: 'published', withdraw: 'withdrawn', update: 'updated' } as const;

/** The file first, its row afterwards: a merge that is killed between the two finds the file there. */
async function takeFile(
  path: string,
  { theirs }: KernelPair,
  { archiveDir, source, signal }: MergeOptions,
): Promise<MergeProblem | undefined> {
  const from = join(source.archiveDir, path);
  const to = join(archiveDir, path);
  const damaged = (message: string): MergeProblem => ({ code: 'archive-damaged', path, message });
  const wanted = theirs.tarSha256 ?? '';
  const there = await digestIfThere(to, signal);
  if (there === wanted) return undefined;
  if (there !== undefined) {
    return {
      code: 'archive-conflict',
      path,
      message: 'another file has this name here, and no row in the record',
    };
  }
  const found = await digestIfThere(from, signal);
  if (found === undefined) {
    return theirs.state === 'withdrawn' ? undefined : damaged(`is not in ${source.archiveDir}`);
  }
  if (found !== wanted)
    return damaged(`SHA-256 in ${source.archiveDir} is ${found}, its record says ${wanted}`);
  await copyAtomically(from, to);
  return undefined;
}

async function copyAtomically(from: string, to: string): Promise<void> {
  const folder = dirname(to);
  const temporary = join(folder, `.${basename(to)}.${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    await copyFile(from, temporary, constants.COPYFILE_FICLONE);
    const handle = await open(temporary, 'r+');
    try {
      await handle.chmod(0o644);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, to);
    await syncFolder(folder);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}
