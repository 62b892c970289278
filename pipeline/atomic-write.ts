/** Writes a file so that its name never shows half of it. */

import { renameSync } from 'node:fs';
import { open, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { aboutFile, BtfmillError } from '../errors/index.ts';

/** Temporary file in the target's folder, fsync, rename; on failure nothing is left. */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  await writeTogether([{ path, bytes }]);
}

/**
 * Files that belong together: none gets its name before all are written and synced, and then one gets it right after
 * the other. Somebody who looks, or a kill, can still come between, but nothing slow happens there.
 */
export async function writeTogether(
  files: readonly { readonly path: string; readonly bytes: Uint8Array }[],
): Promise<void> {
  const temporaries = files.map(({ path }) => join(dirname(path), `.${basename(path)}.${process.pid}.tmp`));
  try {
    for (const [i, { bytes }] of files.entries()) await writeSynced(temporaries[i], bytes);
    for (const [i, { path }] of files.entries()) renameSync(temporaries[i], path);
  } catch (thrown) {
    for (const temporary of temporaries) await rm(temporary, { force: true });
    throw thrown;
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o644);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Names that were given in a folder before this call survive a power cut after it. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Throws `usage` when `path` is one of the `inputs`, whatever it is called: a converted file cannot be made again from
 * what it was converted to.
 */
export async function refuseInput(path: string, inputs: readonly string[]): Promise<void> {
  const found = await statIfThere(path);
  if (!found?.isFile()) return;
  for (const input of inputs) {
    const source = await statIfThere(input);
    if (source?.dev !== found.dev || source.ino !== found.ino) continue;
    throw new BtfmillError('usage', `${path} is an input itself${input === path ? '' : ` (${input})`}`);
  }
}

/**
 * Writes to whatever a user named: a regular file or a new one atomically, behind a symbolic link where it points,
 * a pipe or device as it is.
 * @throws BtfmillError `usage` for a directory, a folder that is not there, or one of the `inputs`; else why it
 * cannot be written. The message names `path`.
 */
export async function writeOutput(path: string, bytes: Uint8Array, inputs: readonly string[]): Promise<void> {
  try {
    await write(path, bytes, inputs);
  } catch (thrown) {
    throw aboutFile(thrown, path);
  }
}

async function write(path: string, bytes: Uint8Array, inputs: readonly string[]): Promise<void> {
  const found = await statIfThere(path);
  if (found === undefined) {
    if ((await statIfThere(dirname(path))) === undefined) {
      throw new BtfmillError('usage', `${path}: the folder ${dirname(path)} does not exist`);
    }
    await writeFileAtomically(path, bytes);
    return;
  }
  if (found.isDirectory()) throw new BtfmillError('usage', `${path} is a directory`);
  if (!found.isFile()) {
    await writeFile(path, bytes);
    return;
  }
  await refuseInput(path, inputs);
  await writeFileAtomically(await realpath(path), bytes);
}

async function statIfThere(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
