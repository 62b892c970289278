/** Where a crawl reads and writes, checked against each other before anything is touched. */

import { isAbsolute, relative, resolve, sep } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { WORK_FOLDER } from '../../pipeline/sweep.ts';

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
  if (isWithin(dbFile, archiveDir)) {
    throw new BtfmillError(
      'usage',
      `--db ${dbFile} lies in the archive, which mirrors copy; put it elsewhere`,
    );
  }
  if (isWithin(cacheDir, archiveDir)) {
    throw new BtfmillError(
      'usage',
      `--cache ${cacheDir} lies in the archive, which mirrors copy; put it elsewhere`,
    );
  }
  const workDir = resolve(cacheDir, WORK_FOLDER);
  if (isWithin(archiveDir, workDir) || isWithin(dbFile, workDir)) {
    throw new BtfmillError('usage', `${workDir} is emptied by every crawl; nothing that stays may lie in it`);
  }
  return { archiveDir, dbFile, cacheDir };
}

/** Throws `usage` for a path in the archive, by the name that it has on the command line or in a configuration. */
export function refuseInArchive(
  { archiveDir }: Places,
  paths: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, path] of Object.entries(paths)) {
    if (path === undefined || !isWithin(resolve(path), archiveDir)) continue;
    throw new BtfmillError(
      'usage',
      `${name} ${path} lies in the archive, which mirrors copy; put it elsewhere`,
    );
  }
}

/** Whether `path` is `folder` or lies below it. */
function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
