/** Reading what may not be there. */

import { readFile } from 'node:fs/promises';

/** A file's content; undefined when there is no such file. Throws every other failure of the file system. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
