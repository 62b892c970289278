/** Removes what killed runs left in the cache of index files. */

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PARTIAL_SUFFIX } from './http/body-cache.ts';
import { SQLITE_FOLDER_PREFIX } from './rpm-md/index.ts';
import { VERIFY_FOLDER_PREFIX } from './trust/index.ts';

/** Far longer than anything temporary lives: a dry run, which takes no lock, may be at work beside us. */
const STALE_AFTER_MS = 3_600_000;

const FOLDER_PREFIXES = [VERIFY_FOLDER_PREFIX, SQLITE_FOLDER_PREFIX];

/** Removes temporary files and folders that nobody has touched for an hour; finished bodies stay. */
export async function sweepIndexCache(indexCacheDir: string, now = Date.now()): Promise<void> {
  for (const name of await readdir(indexCacheDir).catch(ignoreAbsence([]))) {
    const isTemporary =
      name.endsWith(PARTIAL_SUFFIX) || FOLDER_PREFIXES.some((prefix) => name.startsWith(prefix));
    if (!isTemporary) continue;
    const path = join(indexCacheDir, name);
    const stats = await stat(path).catch(ignoreAbsence(undefined));
    if (stats === undefined || now - stats.mtimeMs < STALE_AFTER_MS) continue;
    await rm(path, { recursive: true, force: true });
  }
}

function ignoreAbsence<Instead>(instead: Instead): (error: NodeJS.ErrnoException) => Instead {
  return (error) => {
    if (error.code === 'ENOENT') return instead;
    throw error;
  };
}
