/** Files with the same bytes become one file with several names. */

import { link, lstat, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { digestIfThere } from '../file-digest.ts';

/** An archive path, and the digest that its content is known to have. */
export interface LinkedFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Gives files of one digest one inode, and returns the bytes that were freed. A file whose content is another one by
 * now, or that is gone, is left as it is: it takes no twin's place, and no twin takes its. Each name shows one content
 * or the other, which are the same, at any moment. File systems without hard links are left as they are.
 */
export async function hardLinkTwins(
  archiveDir: string,
  files: readonly LinkedFile[],
  signal: AbortSignal,
): Promise<number> {
  const twins = new Map<string, string[]>();
  for (const { path, sha256 } of files) {
    const paths = twins.get(sha256);
    if (paths === undefined) twins.set(sha256, [path]);
    else paths.push(path);
  }
  let freedBytes = 0;
  for (const [sha256, paths] of twins) {
    if (paths.length < 2) continue;
    freedBytes += await linkGroup(
      paths.map((path) => join(archiveDir, path)),
      sha256,
      signal,
    );
  }
  return freedBytes;
}

/** Reads only what is not one file yet. */
async function linkGroup(paths: readonly string[], sha256: string, signal: AbortSignal): Promise<number> {
  const inodes = await Promise.all(paths.map(inodeIfThere));
  const distinct = new Set(inodes.filter((inode) => inode !== undefined));
  if (distinct.size < 2) return 0;
  const sound: string[] = [];
  for (const path of paths) {
    if ((await digestIfThere(path, signal)) === sha256) sound.push(path);
  }
  const [first, ...others] = sound;
  let freedBytes = 0;
  for (const other of others) freedBytes += await linkOver(first, other);
  return freedBytes;
}

async function inodeIfThere(path: string): Promise<string | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

async function linkOver(from: string, to: string): Promise<number> {
  const [one, other] = [await lstat(from), await lstat(to)];
  if (one.ino === other.ino && one.dev === other.dev) return 0;
  const temporary = join(dirname(to), `.${basename(to)}.${process.pid}`);
  await rm(temporary, { force: true });
  try {
    await link(from, temporary);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EXDEV' || code === 'EMLINK') return 0;
    throw error;
  }
  await rename(temporary, to);
  return other.size;
}
