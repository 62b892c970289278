/** Who says what an archive's files are: its record, or the index that it was published with. */

import { join } from 'node:path';
import type { BtfRecord, KernelRow } from '../../db/index.ts';
import { archivePath, keyOfArchivePath } from '../archive-path.ts';
import { lastLines } from '../publish/layout.ts';
import { planeOfIndex } from '../publish/names.ts';
import { readMirrorState } from '../publish/mirror-state.ts';
import { readPlaneIndex, readPublishedState } from '../publish/published-state.ts';
import { readIfThere } from '../read-if-there.ts';

export interface Expected {
  readonly size: number;
  readonly sha256: string;
  readonly btfSha256: string;
}

export interface Expectations {
  /** For messages: `the record`, `the index of serial 7`. */
  readonly source: string;
  /** By archive path. */
  readonly files: ReadonlyMap<string, Expected>;
  /** Whether one of them need not be there: a copy of what is new has older files or not. */
  readonly mayLack: (path: string) => boolean;
  /** Whether a file may be there although nothing is expected of it; asked late, as a crawl may be publishing beside us. */
  readonly isKnown: (path: string) => boolean;
}

/** Withdrawn files may stay or go: their row explains them either way. */
export function expectRecorded(record: BtfRecord): Expectations {
  const files = new Map<string, Expected>();
  for (const row of record.kernels.inState('published'))
    files.set(row.path ?? archivePath(row), factsOf(row));
  const isKnown = (path: string): boolean => {
    const key = keyOfArchivePath(path);
    const state = key === undefined ? undefined : record.kernels.find(key)?.state;
    return state === 'published' || state === 'withdrawn';
  };
  return { source: 'the record', files, mayLack: () => false, isKnown };
}

function factsOf({ tarSizeBytes = 0, tarSha256 = '', btfSha256 = '' }: KernelRow): Expected {
  return { size: tarSizeBytes, sha256: tarSha256, btfSha256 };
}

/**
 * What the archive says of itself, a copy of a part about that part; undefined when it was never published. Throws
 * `archive-malformed` and `archive-digest` when its description is damaged.
 */
export async function expectPublished(archiveDir: string): Promise<Expectations | undefined> {
  const state = await readPublishedState(archiveDir);
  if (state === undefined) return undefined;
  const part = (await readMirrorState(archiveDir))?.part;
  const since = part?.since ?? 0;
  const files = new Map<string, Expected>();
  const withdrawn = new Set<string>();
  const older = new Set<string>();
  for (const file of state.manifest.files) {
    const plane = planeOfIndex(file.path);
    if (plane === undefined) continue;
    const isCopied = part === undefined || (await readIfThere(join(archiveDir, file.path))) !== undefined;
    if (!isCopied) continue;
    const { lines } = await readPlaneIndex(archiveDir, file);
    for (const line of lastLines(lines).values()) {
      const path = archivePath({ ...plane, kernel: line.kernel });
      if (line.state === 'withdrawn') withdrawn.add(path);
      else files.set(path, { size: line.size, sha256: line.sha256, btfSha256: line.btf.sha256 });
      if (line.serial < since) older.add(path);
    }
  }
  return {
    source: `the index of serial ${state.timestamp.serial}`,
    files,
    mayLack: (path) => older.has(path),
    isKnown: (path) => files.has(path) || withdrawn.has(path),
  };
}
