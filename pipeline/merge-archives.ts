/**
 * Joins what several machines have made, each in an archive and a record of its own, into one archive and record. What
 * is published stays as it is; the same merge again changes nothing.
 */

import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BtfRecord, KernelPair, KernelView, RecordMerge } from '../db/index.ts';
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
  /** Kernels whose row was taken and no file: a newer failure, a better account of the same file. */
  readonly updated: number;
  readonly unchanged: number;
  readonly problems: readonly MergeProblem[];
}

/** What becomes of one kernel of the other record. */
export type MergeVerdict = 'publish' | 'withdraw' | 'update' | 'keep' | 'conflict';

/**
 * What is published stays as it is; a withdrawal wins over a publication of the same BTF. Between two rows that say the
 * same, the one that says where the BTF came from counts, then the older one; between two results without a file, the
 * newer one. What is left is decided by the rows' text: apart from conflicts, and from one BTF that was packed in two
 * ways, the order of several merges does not matter.
 */
export function judgeKernel({ ours, theirs }: Pick<KernelPair, 'ours' | 'theirs'>): MergeVerdict {
  if (hasFile(ours) && hasFile(theirs)) {
    if (ours.btfSha256 !== theirs.btfSha256) return 'conflict';
    if (ours.state !== theirs.state) return theirs.state === 'withdrawn' ? 'withdraw' : 'keep';
    const isSameFile = ours.tarSha256 === theirs.tarSha256;
    return isSameFile && order(facts(theirs), facts(ours)) < 0 ? 'update' : 'keep';
  }
  if (hasFile(ours)) return 'keep';
  if (hasFile(theirs)) return 'publish';
  return order(result(theirs), result(ours)) > 0 ? 'update' : 'keep';
}

function hasFile(view: KernelView): view is PublishedView {
  return view.state === 'published' || view.state === 'withdrawn';
}

type PublishedView = KernelView & { readonly state: 'published' | 'withdrawn' };

/** By origin and age, the best first. */
function facts({ source, changedAt, details }: KernelView): readonly string[] {
  return [source === 'imported' ? '1' : '0', changedAt, source ?? '', details];
}

/** A kernel that is only known says less than one that was tried, whenever that was; the best last. */
function result({ state, changedAt, details }: KernelView): readonly string[] {
  return state === 'pending' ? [] : [changedAt, state, details];
}

function order(a: readonly string[], b: readonly string[]): number {
  for (const [index, text] of a.entries()) {
    const other = b[index] ?? '';
    if (text !== other) return text < other ? -1 : 1;
  }
  return a.length - b.length;
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
  const path = pathIfSafe(pair);
  if (path === undefined) {
    const named = JSON.stringify(`${pair.distro}/${pair.release}/${pair.arch}/${pair.kernel}`);
    return { code: 'archive-damaged', path: named, message: 'its record names what cannot be a path' };
  }
  const verdict = judgeKernel(pair);
  if (verdict === 'conflict') {
    const message = `holds the BTF ${pair.theirs.btfSha256 ?? ''}, published here is ${pair.ours.btfSha256 ?? ''}`;
    return { code: 'archive-conflict', path, message };
  }
  const isTaken = verdict === 'publish' || (await lacksWithdrawnFile(path, pair, options));
  const problem = isTaken ? await takeFile(path, pair, options) : undefined;
  if (problem !== undefined) return problem;
  if (verdict === 'keep') {
    counts.unchanged += 1;
    return undefined;
  }
  merge.take(pair, path);
  counts[verdict !== 'update' && hasFile(pair.theirs) ? pair.theirs.state : 'updated'] += 1;
  return undefined;
}

/** The file of a withdrawn kernel stays where it was published: it is here, whoever came first. */
async function lacksWithdrawnFile(
  path: string,
  { ours, theirs }: KernelPair,
  { archiveDir, signal }: MergeOptions,
): Promise<boolean> {
  if (ours.state !== 'withdrawn' || !hasFile(theirs) || ours.tarSha256 !== theirs.tarSha256) return false;
  return (await digestIfThere(join(archiveDir, path), signal)) === undefined;
}

function pathIfSafe(pair: KernelPair): string | undefined {
  try {
    return archivePath(pair);
  } catch {
    return undefined;
  }
}

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
