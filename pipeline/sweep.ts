/** Removes what a killed run left behind; the caller holds the locks, so nobody else is using any of it. */

import type { Dirent } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_SUFFIX } from './archive-path.ts';
import { isDescribingPath, MIRROR_STATE } from './publish/names.ts';

/** Below the cache; a name that nobody else's folder has, because it is removed with all that is in it. */
export const WORK_FOLDER = 'btfmill-work';

/** Below the cache; holds packages by digest (fetch.ts). */
export const PACKAGE_FOLDER = 'packages';

/** Below the cache; holds the bodies of index files (crawlers/http/body-cache.ts). */
export const INDEX_FOLDER = 'indexes';

/** Hexadecimal digests of the packages that the cache holds, whole or in part. */
export async function packageDigests(cacheDir: string): Promise<ReadonlySet<string>> {
  return new Set((await packageFiles(cacheDir)).map(digestOf));
}

/** Removes what the cache holds of packages, whole or partial, by their digests. */
export async function dropPackages(cacheDir: string, digests: ReadonlySet<string>): Promise<void> {
  for (const name of await packageFiles(cacheDir)) {
    if (digests.has(digestOf(name))) await rm(join(cacheDir, PACKAGE_FOLDER, name), { force: true });
  }
}

async function packageFiles(cacheDir: string): Promise<string[]> {
  return readdir(join(cacheDir, PACKAGE_FOLDER)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  });
}

function digestOf(fileName: string): string {
  return fileName.slice(0, Math.max(0, fileName.indexOf('.')));
}

/** Empties the work folder of the cache, and removes half-written files from the archive. */
export async function sweepLeftovers(o: {
  readonly archiveDir: string;
  readonly cacheDir: string;
}): Promise<void> {
  await rm(join(o.cacheDir, WORK_FOLDER), { recursive: true, force: true });
  await removeTemporaries(o.archiveDir);
}

/**
 * Removes half-written files from an archive, or from a copy of one. The folder may be somebody's for other things as
 * well: only what {@link isTemporaryPath} knows for ours is touched, and only where archives have files.
 */
export async function removeTemporaries(dir: string): Promise<void> {
  await visit('', 0);

  async function visit(folder: string, depth: number): Promise<void> {
    for (const entry of await readdir(join(dir, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile() ? isTemporaryPath(path) : isTemporaryLink(entry))
        await rm(join(dir, path), { force: true });
      else if (entry.isDirectory() && depth < FOLDER_DEPTH && !isForeignFolder(path))
        await visit(path, depth + 1);
    }
  }
}

/** An alias (publish/aliases.ts) that has not got its name yet. */
function isTemporaryLink(entry: Dirent): boolean {
  return entry.isSymbolicLink() && /^\.alias\.\d+\.tmp$/u.test(entry.name);
}

/** `<distro>/<release>/<arch>`, and `index/<distro>/<release>`. */
const FOLDER_DEPTH = 3;

/**
 * Whether a name on the disk is no UTF-8: what reads as this character cannot be opened again by the name that was read.
 * No name of ours has it.
 */
export function isUnreadableName(name: string): boolean {
  return name.includes('\uFFFD');
}

/** No part of an archive that lies in it: `.git`, and what the file system keeps for itself, readable by root only. */
export function isForeignFolder(path: string): boolean {
  return path.startsWith('.') || path.includes('/.') || path === 'lost+found' || isUnreadableName(path);
}

/**
 * Whether a path below an archive is that of a file that is being written: a final name with a dot before it and the
 * number of a process behind it. Files that describe the archive have `.tmp` there as well.
 */
export function isTemporaryPath(path: string): boolean {
  const match = /^(?<folder>.*\/)?\.(?<name>[^/]+)\.\d+(?<tmp>\.tmp)?$/u.exec(path);
  if (match?.groups === undefined) return false;
  const { folder = '', name, tmp } = match.groups;
  if (name.endsWith(ARCHIVE_SUFFIX)) return true;
  return tmp !== undefined && (name === MIRROR_STATE || isDescribingPath(`${folder}${name}`));
}
