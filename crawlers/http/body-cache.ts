/** Bodies of index files on disk, named by their SHA-256: a damaged one is as good as none. */

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Of bodies that are being written. */
export const PARTIAL_SUFFIX = '.part';

/** The body with this digest, or undefined when there is none or its bytes are not the ones it is named after. */
export async function readBody(cacheDir: string, sha256: string): Promise<Buffer | undefined> {
  const bytes = await readFile(bodyPath(cacheDir, sha256)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  return createHash('sha256').update(bytes).digest('hex') === sha256 ? bytes : undefined;
}

/** Keeps a body whose digest the caller has computed. */
export async function writeBody(cacheDir: string, sha256: string, bytes: Uint8Array): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const path = bodyPath(cacheDir, sha256);
  const partial = `${path}.${randomUUID()}${PARTIAL_SUFFIX}`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Forgets a body, if it is there. */
export async function dropBody(cacheDir: string, sha256: string): Promise<void> {
  await rm(bodyPath(cacheDir, sha256), { force: true });
}

/** Where the body with this digest is or would be. */
export function bodyPath(cacheDir: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError(`not a SHA-256: ${sha256}`);
  return join(cacheDir, sha256);
}
