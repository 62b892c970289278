/** Asks the file system for room before a step fills it. */

import { statfs } from 'node:fs/promises';
import { BtfmillError } from '../errors/index.ts';

/** Kept free beside what a step needs: the SQLite record, the archive and other programs write to the same disk. */
export const DISK_MARGIN_BYTES = 256 * 1024 * 1024;

/**
 * Throws `disk-full` when `folder`'s file system cannot take `neededBytes` and keep {@link DISK_MARGIN_BYTES} free.
 * `purpose` completes "no room for …". A check, not a reservation: a write may still meet ENOSPC.
 */
export async function ensureDiskSpace(folder: string, neededBytes: number, purpose: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes + DISK_MARGIN_BYTES) return;
  throw new BtfmillError(
    'disk-full',
    `no room for ${purpose} in ${folder}: needs ${inMiB(neededBytes)} and a margin of ` +
      `${inMiB(DISK_MARGIN_BYTES)}, has ${inMiB(freeBytes)}`,
  );
}

function inMiB(bytes: number): string {
  return `${Math.ceil(bytes / (1024 * 1024))} MiB`;
}
