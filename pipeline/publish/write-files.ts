/** Writing files of an archive or a copy of one, so that what leads to them can come after them. */

import { lstat, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { aboutFile } from '../../errors/index.ts';
import { syncFolder, writeFileAtomically, writeTogether } from '../atomic-write.ts';
import { readIfThere } from '../read-if-there.ts';

export interface FileToWrite {
  /** Relative to the archive, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Without those that are on the disk already, to the byte. */
export async function changedFiles<File extends FileToWrite>(
  root: string,
  files: readonly File[],
): Promise<File[]> {
  const changed: File[] = [];
  for (const file of files) {
    const there = await readIfThere(join(root, file.path));
    if (there?.equals(file.bytes) !== true) changed.push(file);
  }
  return changed;
}

/** One file, complete under its name at once; its folders are made when missing. */
export async function writeFileBelow(root: string, { path, bytes }: FileToWrite): Promise<void> {
  const file = join(root, path);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomically(file, bytes);
  } catch (thrown) {
    throw aboutFile(thrown, file);
  }
}

/** All files, one after the other; their names survive a power cut after this. */
export async function writeInOrder(root: string, files: readonly FileToWrite[]): Promise<void> {
  for (const file of files) await writeFileBelow(root, file);
  await syncFoldersOf(
    root,
    files.map(({ path }) => path),
  );
}

/**
 * All files, which get their names one right after the other when all of them are on the disk: names that are new come
 * first, because these alone can fail for want of room. Among the others the order is the given one.
 */
export async function writeAtOnce(root: string, files: readonly FileToWrite[]): Promise<void> {
  const paths = files.map(({ path }) => path);
  try {
    for (const folder of foldersOf(paths)) await mkdir(join(root, folder), { recursive: true });
    const added: FileToWrite[] = [];
    const replaced: FileToWrite[] = [];
    for (const file of files) ((await isThere(join(root, file.path))) ? replaced : added).push(file);
    await writeTogether(
      [...added, ...replaced].map(({ path, bytes }) => ({ path: join(root, path), bytes })),
    );
    await syncFoldersOf(root, paths);
  } catch (thrown) {
    throw aboutFile(thrown, root);
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** The names of these files, and of the folders on the way to them, survive a power cut after this. */
export async function syncFoldersOf(root: string, paths: readonly string[]): Promise<void> {
  for (const folder of foldersOf(paths)) await syncFolder(join(root, folder));
}

/** Every folder on the way to these files, the archive itself as `.`. */
function foldersOf(paths: readonly string[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
    folders.add('.');
  }
  return folders;
}
