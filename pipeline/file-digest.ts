/** The digest of a file that may not be there, or not be a file. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** SHA-256 in lower-case hex; undefined when no regular file has this name. */
export async function digestIfThere(path: string, signal: AbortSignal): Promise<string | undefined> {
  const stats = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (!stats?.isFile()) return undefined;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest('hex');
}
