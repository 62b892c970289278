/** Copies of the record: whole, consistent, made while it is open, and not too many of them. */

import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type BtfRecord, readFingerprint } from '../../db/index.ts';
import { syncFolder } from '../atomic-write.ts';

const NAME = /^btfmill-\d{8}T\d{6}Z\.sqlite$/u;

/**
 * Writes `btfmill-<UTC time>.sqlite` into the folder and removes the oldest beyond `keep`; gives its path, or undefined
 * when the newest copy knows the same of every plane. Throws `disk-full` or `io-failed`; nothing half-written has such
 * a name.
 */
export async function backUpRecord(
  record: BtfRecord,
  { folder, keep, now }: { readonly folder: string; readonly keep: number; readonly now: Date },
): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  await sweepTemporary(folder);
  const name = `btfmill-${now.toISOString().replaceAll(/[-:]|\.\d+/gu, '')}.sqlite`;
  const others = oldestFirst(await readdir(folder), name);
  const newest = others.at(-1);
  if (newest !== undefined && isSame(record, join(folder, newest))) return undefined;
  const path = join(folder, name);
  const temporary = join(folder, `.${name}.tmp`);
  try {
    record.copyTo(temporary);
    await syncFile(temporary);
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
  const tooMany = Math.max(0, others.length + 1 - keep);
  for (const old of others.slice(0, tooMany)) await rm(join(folder, old), { force: true });
  return path;
}

/**
 * The other copies. A time that is still to come was written by a wrong clock: such a copy counts as the oldest, or
 * every new one would be removed as the oldest at once.
 */
function oldestFirst(names: readonly string[], now: string): string[] {
  const copies = names.filter((name) => NAME.test(name) && name !== now).toSorted();
  return [...copies.filter((name) => name > now), ...copies.filter((name) => name < now)];
}

/** Not only runs change the record: what was withdrawn since the last copy must not come back with it. */
function isSame(record: BtfRecord, copy: string): boolean {
  return record.fingerprint() === readFingerprint(copy);
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
