/** Where a crawl reads and writes, checked against each other before anything is touched. */

import { isAbsolute, relative, resolve, sep } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { INDEX_FOLDER, PACKAGE_FOLDER, WORK_FOLDER } from '../../pipeline/sweep.ts';

/** Of the cache: what lies there is removed when it is old, or in the way. */
const CACHE_FOLDERS: readonly string[] = [WORK_FOLDER, PACKAGE_FOLDER, INDEX_FOLDER];

/** Absolute paths. */
export interface Places {
  readonly archiveDir: string;
  readonly dbFile: string;
  readonly cacheDir: string;
}

/** Throws `usage` when one place would end up in another that is copied to mirrors, or emptied. */
export function checkPlaces(flags: {
  readonly archive: string;
  readonly db: string;
  readonly cache: string;
}): Places {
  const archiveDir = resolve(flags.archive);
  const dbFile = resolve(flags.db);
  const cacheDir = resolve(flags.cache);
  refuseInArchive(archiveDir, '--db', dbFile);
  refuseInArchive(archiveDir, '--cache', cacheDir);
  refuseInCache(cacheDir, archiveDir);
  refuseInCache(cacheDir, dbFile);
  return { archiveDir, dbFile, cacheDir };
}

/**
 * The other files and folders that a configuration names. Throws `usage` for one in the archive or in a part of the
 * cache that is emptied, and for one that would overwrite the record or another of them.
 * @param paths by the name that each has in the configuration
 */
export function checkOtherPlaces(
  { archiveDir, dbFile, cacheDir }: Places,
  paths: Readonly<Record<string, string | undefined>>,
): void {
  const taken = new Map(['', '-wal', '-shm', '.lock'].map((end) => [`${dbFile}${end}`, 'the record']));
  for (const [name, path] of Object.entries(paths)) {
    if (path === undefined) continue;
    const resolved = resolve(path);
    refuseInArchive(archiveDir, name, path);
    refuseInCache(cacheDir, resolved);
    const other = taken.get(resolved);
    if (other !== undefined) throw new BtfmillError('usage', `${name} ${path} is ${other}; name another`);
    taken.set(resolved, name);
  }
}

/** Throws `usage` for what would be copied by mirrors. */
export function refuseInArchive(archiveDir: string, name: string, path: string): void {
  if (!isWithin(resolve(path), archiveDir)) return;
  throw new BtfmillError(
    'usage',
    `${name} ${path} lies in the archive, which mirrors copy; put it elsewhere`,
  );
}

function refuseInCache(cacheDir: string, path: string): void {
  const folder = CACHE_FOLDERS.map((name) => resolve(cacheDir, name)).find((one) => isWithin(path, one));
  if (folder === undefined) return;
  throw new BtfmillError('usage', `${folder} is emptied without asking; ${path} may not lie in it`);
}

/** Whether `path` is `folder` or lies below it. */
function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
