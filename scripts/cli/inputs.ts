/** What a user named on the command line, looked at before any work: a typing error is `usage`, exit code 2. */

import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';

/** Of a pipe the bytes come once and in order; `file` is a regular file. */
export type InputKind = 'file' | 'pipe';

/** Pipes that a shell opens for `<(...)`. */
const SHELL_PIPE = /^\/(?:dev|proc\/self)\/fd\//u;

/** Throws `usage` unless it is a regular file or a pipe, and may be read. */
export async function requireInput(path: string): Promise<InputKind> {
  const stats = await statIfThere(path);
  if (stats === undefined) {
    const npm = SHELL_PIPE.test(path) ? ' in this process: npm hands on no pipe but stdin, which is -' : '';
    throw new BtfmillError('usage', `${path}: no such file${npm}`);
  }
  if (stats.isDirectory()) throw new BtfmillError('usage', `${path}: is a folder, not a file`);
  if (!stats.isFile() && !stats.isFIFO())
    throw new BtfmillError('usage', `${path}: is neither a file nor a pipe; stdin is called -`);
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw new BtfmillError('usage', `${path}: may not be read`, { cause });
  }
  return stats.isFile() ? 'file' : 'pipe';
}

/** Throws `usage` unless it is a regular file, and may be read. */
export async function requireFile(path: string): Promise<void> {
  if ((await requireInput(path)) === 'pipe')
    throw new BtfmillError('usage', `${path}: is a pipe, and has to be a file here`);
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
    if (code === 'EACCES') throw new BtfmillError('usage', `${path}: may not be read`, { cause: error });
    throw error;
  }
}
