/** Files with the same bytes become one file with several names. */

import { link, lstat, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** An archive path, and the digest that its content is known to have. */
export interface LinkedFile {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Gives files of one digest one inode, and returns the bytes that were freed. Each name shows one content or the
 * other, which are the same, at any moment. File systems without hard links are left as they are.
 */
export async function hardLinkTwins(archiveDir: string, files: readonly LinkedFile[]): Promise<number> {
  const firstOf = new Map<string, string>();
  let freedBytes = 0;
  for (const { path, sha256 } of files) {
    const first = firstOf.get(sha256);
    if (first === undefined) firstOf.set(sha256, path);
    else freedBytes += await linkOver(join(archiveDir, first), join(archiveDir, path));
  }
  return freedBytes;
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
