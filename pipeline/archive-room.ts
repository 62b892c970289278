/** Whether the archive takes files at all: asked before a run, so that it does not fetch for hours what it cannot store. */

import { mkdir, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { ARCHIVE_SUFFIX } from './archive-path.ts';

/** Room for one file of the largest kernels seen, and its folders. */
const NEEDED_BYTES = 2 * 1024 * 1024;

/**
 * Makes the archive's folder when it is missing.
 * Throws `io-failed` or `disk-full`, with the reason in words.
 */
export async function makeArchive(archiveDir: string): Promise<void> {
  try {
    await mkdirParents(archiveDir);
  } catch (thrown) {
    throw explain(archiveDir, thrown);
  }
}

/**
 * Writes a small file into the archive, removes it, and looks at the free room.
 * Throws `io-failed` or `disk-full`, with the reason in words.
 */
export async function checkArchive(archiveDir: string): Promise<void> {
  // A name that the next run's sweep recognises, should this one be killed.
  const probe = join(archiveDir, `.probe${ARCHIVE_SUFFIX}.${process.pid}`);
  try {
    await writeFile(probe, 'x');
  } catch (thrown) {
    throw explain(archiveDir, thrown);
  } finally {
    await rm(probe, { force: true }).catch(() => {});
  }
  const { bavail, bsize } = await statfs(archiveDir);
  if (bavail * bsize < NEEDED_BYTES) {
    throw new BtfmillError(
      'disk-full',
      `the archive ${archiveDir} has ${bavail * bsize} bytes of room left, one kernel may need ${NEEDED_BYTES}`,
    );
  }
}

/** As mkdir's `recursive`, which on a read-only file system says ENOENT in place of EROFS. */
async function mkdirParents(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await mkdirParents(dirname(folder));
    await mkdirParents(folder);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'its file system is read-only',
  EACCES: 'no permission',
  EPERM: 'not permitted',
  ENOSPC: 'no room left on its file system',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'there is a file of that name',
  ENOTDIR: 'a file is where a folder should be',
};

function explain(archiveDir: string, thrown: unknown): BtfmillError {
  const { code, message } = toBtfmillError(thrown);
  const reason = REASONS[(thrown as NodeJS.ErrnoException).code ?? ''] ?? message;
  return new BtfmillError(code, `the archive ${archiveDir} cannot be written: ${reason}`, { cause: thrown });
}
