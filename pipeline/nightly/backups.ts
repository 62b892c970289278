/** Copies of the record: whole, consistent, made while it is open, and not too many of them. */

import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BtfRecord } from '../../db/index.ts';
import { syncFolder } from '../atomic-write.ts';

const NAME = /^btfmill-\d{8}T\d{6}Z\.sqlite$/u;

/**
 * Writes `btfmill-<UTC time>.sqlite` into the folder and removes the oldest beyond `keep`; gives its path.
 * Throws `disk-full` or `io-failed`; nothing half-written has such a name.
 */
export async function backUpRecord(
  record: BtfRecord,
  { folder, keep, now }: { readonly folder: string; readonly keep: number; readonly now: Date },
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const name = `btfmill-${now.toISOString().replaceAll(/[-:]|\.\d+/gu, '')}.sqlite`;
  const path = join(folder, name);
  const temporary = join(folder, `.${name}.tmp`);
  await sweepTemporary(folder);
  try {
    record.copyTo(temporary);
    await syncFile(temporary);
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  const copies = (await readdir(folder)).filter((entry) => NAME.test(entry)).toSorted();
  for (const old of copies.slice(0, -keep)) await rm(join(folder, old), { force: true });
  return path;
}

/** What a run that was killed has left. */
async function sweepTemporary(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith('.btfmill-') && name.endsWith('.tmp')) await rm(join(folder, name), { force: true });
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
