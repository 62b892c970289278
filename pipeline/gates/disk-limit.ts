/** What a run may take of the disk for downloads and work files. */

import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { DISK_MARGIN_BYTES } from '../disk-space.ts';
import { dropPackages, INDEX_FOLDER, PACKAGE_FOLDER, packageDigests } from '../sweep.ts';
import type { DiskLimit } from './gates.ts';

/** Of the limit, for packages that wait for another night: the rest is for kernels in work. */
const KEEP_SHARE = 0.25;

export interface CacheSettings {
  readonly cacheDir: string;
  /** For everything in the cache, indexes included. */
  readonly limitBytes?: number;
  /** Hexadecimal digests of the packages that are going to be fetched. */
  readonly wanted: ReadonlySet<string>;
}

/**
 * Looks at what the cache holds. Under a limit, packages that this run does not want are removed, and all of them when
 * they take more than their share. Throws `disk-full` when the indexes alone take all of it.
 */
export async function readDiskLimit({ cacheDir, limitBytes, wanted }: CacheSettings): Promise<DiskLimit> {
  if (limitBytes === undefined) {
    const { bavail, bsize } = await statfs(cacheDir);
    const held = await folderBytes(join(cacheDir, PACKAGE_FOLDER));
    const bytes = Math.max(0, bavail * bsize - DISK_MARGIN_BYTES + held);
    return { bytes, keepBytes: 0, keptBytes: 0, isConfigured: false };
  }
  const present = await packageDigests(cacheDir);
  await dropPackages(cacheDir, new Set([...present].filter((digest) => !wanted.has(digest))));
  const indexBytes = await folderBytes(join(cacheDir, INDEX_FOLDER));
  const bytes = limitBytes - indexBytes;
  if (bytes <= 0) {
    throw new BtfmillError(
      'disk-full',
      `the cache may have ${limitBytes} bytes, of which its indexes alone take ${indexBytes}`,
    );
  }
  const keepBytes = Math.floor(bytes * KEEP_SHARE);
  const keptBytes = await folderBytes(join(cacheDir, PACKAGE_FOLDER));
  if (keptBytes <= keepBytes) return { bytes, keepBytes, keptBytes, isConfigured: true };
  await dropPackages(cacheDir, present);
  return { bytes, keepBytes, keptBytes: 0, isConfigured: true };
}

/** Bytes of the regular files in a folder and below; 0 when it is not there. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  let bytes = 0;
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const stats = await lstat(join(entry.parentPath, entry.name)).catch(() => undefined);
    bytes += stats?.size ?? 0;
  }
  return bytes;
}
