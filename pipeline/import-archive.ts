/**
 * Takes an archive that somebody else has made, such as a checkout of BTFHub's, into the record. The files are read,
 * never touched; those that are not sound are named and left out.
 */

import type { BtfRecord } from '../db/index.ts';
import { keyOfArchivePath } from './archive-path.ts';
import { type Finding, FINDINGS } from './lint/findings.ts';
import { lintArchive } from './lint/lint-archive.ts';
import type { LintedFile } from './lint/lint-file.ts';

export interface ImportOptions {
  readonly archiveDir: string;
  readonly record: BtfRecord;
  /** Files read at once. */
  readonly jobs: number;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface ImportReport {
  /** Files that the record now knows as published, by somebody else. */
  readonly imported: number;
  /** Files that the record knew before. */
  readonly known: number;
  /** Known under the same name with another content: the record and the file disagree, and neither is changed. */
  readonly conflicting: readonly string[];
  /** Files that are not sound, and stay out. */
  readonly refused: number;
  readonly findings: readonly Finding[];
}

/** Safe to repeat, and to interrupt: what was imported stays. Throws what {@link lintArchive} throws. */
export async function importArchive(options: ImportOptions): Promise<ImportReport> {
  const { record, now, onProgress } = options;
  const conflicting: string[] = [];
  let imported = 0;
  let known = 0;
  let refused = 0;
  const take = (file: LintedFile): void => {
    const isSound = file.findings.every(({ kind }) => FINDINGS[kind] === 'layout');
    const key = keyOfArchivePath(file.path);
    if (!isSound || file.facts === undefined || key === undefined) {
      refused += 1;
      return;
    }
    const before = record.kernels.find(key);
    if (before?.state === 'published' || before?.state === 'withdrawn') {
      known += 1;
      if (before.tarSha256 !== file.facts.tarSha256) conflicting.push(file.path);
      return;
    }
    const at = now().toISOString();
    const { facts } = file;
    record.transaction(() => {
      record.kernels.markImported(record.kernels.ensure(key, at), { path: file.path, ...facts }, at);
    });
    imported += 1;
  };
  const { findings } = await lintArchive({
    archiveDir: options.archiveDir,
    deep: true,
    jobs: options.jobs,
    signal: options.signal,
    onFile: (file, done, total) => {
      take(file);
      onProgress(done, total);
    },
  });
  return { imported, known, conflicting: conflicting.toSorted(), refused, findings };
}
