/** Every plane of the archive as it was published, and what the record adds to it. */

import type { BtfRecord, KernelRow } from '../../db/index.ts';
import { type IndexLine, lastLines, type PublishedLine } from './layout.ts';
import { indexName, type Plane, planeOfIndex } from './names.ts';
import { newLines } from './plane-changes.ts';
import { type PublishedState, readPlaneIndex } from './published-state.ts';

export interface PlaneState {
  readonly plane: Plane;
  /** Of its index, relative to the archive. */
  readonly path: string;
  /** What was published of its index. */
  readonly bytes: Buffer;
  readonly lines: readonly IndexLine[];
  readonly added: readonly IndexLine[];
}

/** Sorted by the path of their index. Throws `archive-conflict`, `archive-malformed`, `archive-digest`. */
export async function readPlanes(
  archiveDir: string,
  record: BtfRecord,
  state: PublishedState | undefined,
  serial: number,
): Promise<PlaneState[]> {
  const rows = rowsByIndex(record);
  const files = new Map(state?.manifest.files.map((file) => [file.path, file]));
  const paths = new Set([...rows.keys(), ...files.keys()].filter((path) => planeOfIndex(path) !== undefined));
  const planes: PlaneState[] = [];
  for (const path of [...paths].toSorted(byText)) {
    const plane = planeOfIndex(path) as Plane;
    const file = files.get(path);
    const { bytes, lines } =
      file === undefined ? { bytes: Buffer.alloc(0), lines: [] } : await readPlaneIndex(archiveDir, file);
    const added = newLines(rows.get(path) ?? [], lines, serial, (id) => record.packages.byId(id));
    if (lines.length > 0 || added.length > 0) planes.push({ plane, path, bytes, lines, added });
  }
  return planes;
}

function rowsByIndex(record: BtfRecord): Map<string, KernelRow[]> {
  const byIndex = new Map<string, KernelRow[]>();
  for (const row of [...record.kernels.inState('published'), ...record.kernels.inState('withdrawn')]) {
    const path = indexName(row);
    const rows = byIndex.get(path);
    if (rows === undefined) byIndex.set(path, [row]);
    else rows.push(row);
  }
  return byIndex;
}

/** The kernels of a plane that are published, by name, the new ones included. */
export function publishedKernels({ lines, added }: PlaneState): PublishedLine[] {
  return [...lastLines([...lines, ...added]).values()]
    .filter((line) => line.state === 'published')
    .toSorted((a, b) => byText(a.kernel, b.kernel));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
