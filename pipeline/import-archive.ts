/**
 * Takes an archive that somebody else has made, such as a checkout of BTFHub's, into the record, or one of ours whose
 * record was lost. The files are read, never touched; those that are not sound are named and left out. What the archive
 * itself has published of them stands.
 */

import type { BtfRecord } from '../db/index.ts';
import { toBtfmillError } from '../errors/index.ts';
import { keyOfArchivePath } from './archive-path.ts';
import { type Finding, FINDINGS } from './lint/findings.ts';
import { lintArchive } from './lint/lint-archive.ts';
import type { LintedFile } from './lint/lint-file.ts';
import type { IndexLine } from './publish/layout.ts';
import { readPublishedLines } from './publish/published-state.ts';

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
  /** Of these, kernels that the archive's own index has withdrawn; so they are in the record. */
  readonly withdrawn: number;
  /** Files that the record knew before. */
  readonly known: number;
  /** Known to the record, or to the archive's own index, with another content: they disagree, and neither is changed. */
  readonly conflicting: readonly string[];
  /** Files that are not sound, and stay out. */
  readonly refused: number;
  readonly findings: readonly Finding[];
}

/** Safe to repeat, and to interrupt: what was imported stays. Throws what {@link lintArchive} throws. */
export async function importArchive(options: ImportOptions): Promise<ImportReport> {
  const { archiveDir, record, now, onProgress } = options;
  const published = await readLinesIfSound(archiveDir);
  const conflicting: string[] = [];
  let imported = 0;
  let withdrawn = 0;
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
    const { facts } = file;
    const line = published.get(file.path);
    if (line?.state === 'published' && line.btf.sha256 !== facts.btfSha256) {
      conflicting.push(file.path);
      return;
    }
    const at = now().toISOString();
    record.transaction(() => {
      record.kernels.markImported(record.kernels.ensure(key, at), { path: file.path, ...facts }, at);
      if (line?.state === 'withdrawn') record.kernels.withdraw(key, line.reason, line.at);
    });
    imported += 1;
    if (line?.state === 'withdrawn') withdrawn += 1;
  };
  const { findings } = await lintArchive({
    archiveDir,
    deep: true,
    jobs: options.jobs,
    signal: options.signal,
    onFile: (file, done, total) => {
      take(file);
      onProgress(done, total);
    },
  });
  return { imported, withdrawn, known, conflicting: conflicting.toSorted(), refused, findings };
}

/** A damaged index is among the findings; what it had to say is lost. */
async function readLinesIfSound(archiveDir: string): Promise<ReadonlyMap<string, IndexLine>> {
  try {
    return await readPublishedLines(archiveDir);
  } catch (thrown) {
    const { code } = toBtfmillError(thrown);
    if (code === 'archive-digest' || code === 'archive-malformed') return new Map();
    throw thrown;
  }
}
