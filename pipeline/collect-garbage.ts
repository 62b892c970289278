/** Makes room in the cache: packages that nobody has asked for lately, and bodies of indexes that are history. */

import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { INDEX_FOLDER, PACKAGE_FOLDER, WORK_FOLDER } from './sweep.ts';

export interface GarbageOptions {
  /** The caller holds its lock. */
  readonly cacheDir: string;
  /** SHA-256 digests of the index bodies that are still asked for conditionally. */
  readonly bodiesInUse: ReadonlySet<string>;
  /** Packages that were touched since then stay: a run that was stopped goes on with them. */
  readonly keepSince: Date;
  readonly dryRun: boolean;
}

export interface Garbage {
  /** Relative to the cache. */
  readonly path: string;
  readonly sizeBytes: number;
}

/** What was removed, or would be. Published files lie elsewhere and are never looked at. Throws `io-failed`. */
export async function collectGarbage(options: GarbageOptions): Promise<Garbage[]> {
  const { cacheDir, bodiesInUse, keepSince, dryRun } = options;
  const isOld = ({ mtimeMs }: CachedFile): boolean => mtimeMs < keepSince.getTime();
  const garbage = [
    ...(await filesOf(cacheDir, PACKAGE_FOLDER)).filter(isOld),
    ...(await filesOf(cacheDir, INDEX_FOLDER)).filter((file) => isOld(file) && !bodiesInUse.has(file.name)),
    ...(await filesOf(cacheDir, WORK_FOLDER)),
  ];
  if (!dryRun) {
    for (const { path } of garbage) await rm(join(cacheDir, path), { recursive: true, force: true });
  }
  return garbage.map(({ path, sizeBytes }) => ({ path, sizeBytes }));
}

interface CachedFile extends Garbage {
  readonly name: string;
  readonly mtimeMs: number;
}

async function filesOf(cacheDir: string, folder: string): Promise<CachedFile[]> {
  const entries = await readdir(join(cacheDir, folder), { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    },
  );
  const files: CachedFile[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const { size, mtimeMs } = await stat(file);
    files.push({ path: file.slice(cacheDir.length + 1), name: entry.name, sizeBytes: size, mtimeMs });
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}
