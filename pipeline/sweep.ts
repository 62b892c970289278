/** Removes what a killed run left behind; the caller holds the locks, so nobody else is using any of it. */

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_SUFFIX } from './archive-path.ts';

/** Below the cache; a name that nobody else's folder has, because it is removed with all that is in it. */
export const WORK_FOLDER = 'btfmill-work';

/** Below the cache; holds packages by digest (fetch.ts). */
export const PACKAGE_FOLDER = 'packages';

/** Removes what the cache holds of packages, whole or partial, by their digests. */
export async function dropPackages(cacheDir: string, digests: ReadonlySet<string>): Promise<void> {
  const folder = join(cacheDir, PACKAGE_FOLDER);
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const digest = name.slice(0, Math.max(0, name.indexOf('.')));
    if (digests.has(digest)) await rm(join(folder, name), { force: true });
  }
}

/** Empties the work folder of the cache, and removes half-written files from the archive. */
export async function sweepLeftovers(o: {
  readonly archiveDir: string;
  readonly cacheDir: string;
}): Promise<void> {
  await rm(join(o.cacheDir, WORK_FOLDER), { recursive: true, force: true });
  await removeTemporaries(o.archiveDir);
}

/** Removes half-written files from an archive, or from a copy of one. */
export async function removeTemporaries(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && isTemporaryName(entry.name))
      await rm(join(entry.parentPath, entry.name), { force: true });
  }
}

/**
 * Temporary names are a final name with something before or after it; final names never begin with a dot. Files that
 * describe the archive are written under `.<name>.<process>.tmp`.
 */
export function isTemporaryName(name: string): boolean {
  if (/^\..+\.\d+\.tmp$/u.test(name)) return true;
  return name.includes(ARCHIVE_SUFFIX) && (name.startsWith('.') || !name.endsWith(ARCHIVE_SUFFIX));
}
