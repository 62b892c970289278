/** What lies in an archive's tree, sorted into what belongs there and what does not. */

import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ARCHIVE_SUFFIX } from '../archive-path.ts';
import { isDescribingPath } from '../publish/names.ts';
import { isForeignFolder, isTemporaryPath, isUnreadableName } from '../sweep.ts';
import type { Finding } from './findings.ts';

export interface ArchiveTree {
  /** Of files whose place and name are those of a kernel's, sorted. */
  readonly kernels: readonly string[];
  readonly findings: readonly Finding[];
  /** Files that are being written, or were left by a killed run. */
  readonly unfinished: number;
}

/** `<distro>/<release>/<arch>/<kernel>`. */
const KERNEL_DEPTH = 4;

/** Folders beside the distributions' (archive-layout.md, "Index, sums and signature"). */
const OWN_FOLDERS: ReadonlySet<string> = new Set(['index', 'changes', 'compat']);

/** Links are passed over: they are aliases. So is what begins with a dot. Throws `io-failed`. */
export async function walkArchive(archiveDir: string): Promise<ArchiveTree> {
  const kernels: string[] = [];
  const findings: Finding[] = [];
  let unfinished = 0;

  async function visit(folder: string, depth: number): Promise<void> {
    const entries = await readdir(join(archiveDir, folder), { withFileTypes: true });
    for (const entry of entries.toSorted(byName)) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (isUnreadableName(entry.name)) {
        findings.push({ kind: 'bad-name', path, message: 'is no UTF-8, and was not looked at' });
      } else if (entry.isFile() && isTemporaryPath(path)) unfinished += 1;
      else if (entry.isSymbolicLink() || isForeignFolder(path)) continue;
      else if (entry.isDirectory()) await visitFolder(path, depth);
      else if (!entry.isFile() && entry.name.endsWith(ARCHIVE_SUFFIX) && depth === KERNEL_DEPTH - 1)
        kernels.push(path);
      else if (!isExpectedFile(path, depth)) {
        findings.push({ kind: 'stray-file', path, message: 'does not belong in an archive' });
      } else if (path.endsWith(ARCHIVE_SUFFIX)) kernels.push(path);
    }
  }

  async function visitFolder(path: string, depth: number): Promise<void> {
    if (depth >= KERNEL_DEPTH - 1 && !isOwn(path)) {
      findings.push({ kind: 'stray-folder', path, message: 'lies deeper than the layout goes' });
      return;
    }
    const [content] = await readdir(join(archiveDir, path));
    if (content === undefined) findings.push({ kind: 'stray-folder', path, message: 'is empty' });
    await visit(path, depth + 1);
  }

  await visit('', 0);
  return { kernels, findings, unfinished };
}

function isExpectedFile(path: string, depth: number): boolean {
  if (isOwn(path) || depth === 0) return isDescribing(path);
  return depth === KERNEL_DEPTH - 1 && path.endsWith(ARCHIVE_SUFFIX);
}

/** Of files that describe the archive, for programs or for people. */
function isDescribing(path: string): boolean {
  return isDescribingPath(path) || /^(?:README|LICENSE|NOTICE)[\w.-]*$/u.test(path);
}

function isOwn(path: string): boolean {
  return OWN_FOLDERS.has(path.split('/', 1)[0] ?? '');
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** Identifies a file's content on disk: hard links have the same. */
export async function inodeOf(archiveDir: string, path: string): Promise<string> {
  const { dev, ino } = await lstat(join(archiveDir, path));
  return `${dev}:${ino}`;
}
