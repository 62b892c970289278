/**
 * Keeps a second run away: flock(1) on a descriptor that it inherits and we keep.
 *
 * The lock belongs to the open file description, so it outlives the child, and the kernel drops it when this process
 * ends, however it ends: there is no stale lock to clean up. See flock(2).
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BtfmillError } from '../errors/index.ts';

export interface Lock {
  release(): Promise<void>;
}

/** What `flock -E` is told to exit with when somebody else holds the lock; its own failures use 1 and 64 to 78. */
const HELD_EXIT_CODE = 100;

/**
 * Locks a lock file (created, with its folder, and left behind empty).
 * Throws `locked` at once when another process holds it, `tool-missing` without flock(1), else `io-failed`.
 * @param what names what is locked, for the message: `the record btfmill.sqlite`.
 */
export async function lockFile(path: string, what: string): Promise<Lock> {
  await mkdir(dirname(path), { recursive: true });
  return lockHandle(await open(path, 'a'), what);
}

/** Locks an existing folder itself, for a tree in which nothing foreign may lie. Throws like {@link lockFile}. */
export async function lockFolder(path: string, what: string): Promise<Lock> {
  return lockHandle(await open(path, 'r'), what);
}

async function lockHandle(handle: FileHandle, what: string): Promise<Lock> {
  try {
    await flock(handle.fd, what);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { release: () => handle.close() };
}

async function flock(fd: number, what: string): Promise<void> {
  const child = spawn('flock', ['--exclusive', '--nonblock', '-E', String(HELD_EXIT_CODE), '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
  });
  const stderr: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  const exitCode = await exitOf(child);
  if (exitCode === 0) return;
  if (exitCode === HELD_EXIT_CODE) throw new BtfmillError('locked', `another run holds the lock on ${what}`);
  const said = Buffer.concat(stderr).toString('utf8').trim();
  throw new BtfmillError(
    'io-failed',
    `cannot lock ${what}: flock exited with ${exitCode ?? 'a signal'}: ${said}`,
  );
}

async function exitOf(child: ReturnType<typeof spawn>): Promise<number | null> {
  try {
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return exitCode;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new BtfmillError('tool-missing', 'flock is not installed (package util-linux)', { cause: error });
  }
}
