/** How much room a folder's file system has. */

import { statfs } from 'node:fs/promises';
import path from 'node:path';
import type { DiskFinding } from './report.ts';

/** Free room where a folder lies, or will lie: the nearest parent that exists is asked. */
export async function probeDisk(
  purpose: DiskFinding['purpose'],
  folder: string,
  wantedBytes: number,
): Promise<DiskFinding> {
  const absolute = path.resolve(folder);
  for (let place = absolute; ; place = path.dirname(place)) {
    try {
      const { bavail, bsize } = await statfs(place);
      return { purpose, path: absolute, freeBytes: bavail * bsize, wantedBytes };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || place === path.dirname(place)) throw error;
    }
  }
}
