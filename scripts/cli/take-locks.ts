/** Keeps other runs away from everything that a run writes to. */

import { join } from 'node:path';
import { makeArchive } from '../../pipeline/archive-room.ts';
import { type Lock, lockFile, lockFolder } from '../../pipeline/lock.ts';
import type { Places } from './places.ts';

/**
 * Locks record, cache and archive (which is made when it is missing): two runs that share any of them would tread on
 * each other's files. Throws `locked` at once when another run holds one of them.
 */
export async function takeLocks({ archiveDir, dbFile, cacheDir }: Places): Promise<Lock[]> {
  const locks: Lock[] = [];
  try {
    locks.push(await lockFile(`${dbFile}.lock`, `the record ${dbFile}`));
    locks.push(await lockFile(join(cacheDir, 'lock'), `the cache ${cacheDir} (--cache names another)`));
    await makeArchive(archiveDir);
    locks.push(await lockFolder(archiveDir, `the archive ${archiveDir}`));
    return locks;
  } catch (thrown) {
    for (const lock of locks) await lock.release();
    throw thrown;
  }
}
