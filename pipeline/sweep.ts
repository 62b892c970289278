/** Removes what a killed run left behind; the caller holds the locks, so nobody else is using any of it. */

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_SUFFIX } from './archive-path.ts';

/** Below the cache; a name that nobody else's folder has, because it is removed with all that is in it. */
export const WORK_FOLDER = 'btfmill-work';

/** Below the cache; holds packages by digest (fetch.ts). */
export const PACKAGE_FOLDER = 'packages';

/** Hexadecimal digests of the packages that the cache holds, whole or in part. */
export async function packageDigests(cacheDir: string): Promise<ReadonlySet<string>> {
  return new Set((await packageFiles(cacheDir)).map(digestOf));
}

/** Removes what the cache holds of packages, whole or partial, by their digests. */
export async function dropPackages(cacheDir: string, digests: ReadonlySet<string>): Promise<void> {
  for (const name of await packageFiles(cacheDir)) {
    if (digests.has(digestOf(name))) await rm(join(cacheDir, PACKAGE_FOLDER, name), { force: true });
  }
}

async function packageFiles(cacheDir: string): Promise<string[]> {
  return readdir(join(cacheDir, PACKAGE_FOLDER)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
}

function digestOf(fileName: string): string {
  return fileName.slice(0, Math.max(0, fileName.indexOf('.')));
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
