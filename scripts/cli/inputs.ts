/** What a user named on the command line, looked at before any work: a typing error is `usage`, exit code 2. */

import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';

/** Throws `usage` unless there is something that is no folder. */
export async function requireFile(path: string): Promise<void> {
  const stats = await statIfThere(path);
  if (stats === undefined) throw new BtfmillError('usage', `${path}: no such file`);
  if (stats.isDirectory()) throw new BtfmillError('usage', `${path}: is a folder, not a file`);
}

/** Throws `usage` unless it is a folder. */
export async function requireFolder(path: string): Promise<void> {
  const stats = await statIfThere(path);
  if (stats === undefined) throw new BtfmillError('usage', `${path}: no such folder`);
  if (!stats.isDirectory()) throw new BtfmillError('usage', `${path}: is not a folder`);
}

/** Throws `usage` unless a file can have this name: its folder is there, and it is no folder itself. */
export async function requirePlaceForFile(path: string): Promise<void> {
  await requireFolder(dirname(path));
  const stats = await statIfThere(path);
  if (stats?.isDirectory()) throw new BtfmillError('usage', `${path}: is a folder, not a file`);
}

async function statIfThere(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
