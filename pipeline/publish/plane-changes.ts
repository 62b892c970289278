/** What the record has to add to a plane's index: a pure comparison of rows and lines. */

import type { KernelRow, SeenPackage } from '../../db/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import { archivePath } from '../archive-path.ts';
import { type IndexLine, lastLines, lineProblem, type PublishedLine } from './layout.ts';

/**
 * The lines to append for the kernels that were published or withdrawn since, sorted by name. A kernel of the index
 * that the record does not know stays as it is: records get lost, published files do not.
 *
 * Throws `archive-conflict` when the record has another BTF for a kernel than what was published, `record-damaged` for a
 * row that makes no line.
 */
export function newLines(
  rows: readonly KernelRow[],
  lines: readonly IndexLine[],
  serial: number,
  packageOf: (id: number) => SeenPackage | undefined,
): IndexLine[] {
  const known = lastLines(lines);
  const added: IndexLine[] = [];
  for (const row of rows.toSorted((a, b) => (a.kernel < b.kernel ? -1 : 1))) {
    const line =
      row.state === 'withdrawn' ? withdrawnLine(row, serial) : publishedLine(row, serial, packageOf);
    const before = known.get(row.kernel);
    if (before === undefined ? line.state === 'withdrawn' : isSame(before, line, row)) continue;
    // A line is for ever: one that readers refuse would end the archive.
    const problem = lineProblem(line);
    if (problem !== undefined) throw new BtfmillError('record-damaged', `${archivePath(row)}: ${problem}`);
    added.push(line);
  }
  return added;
}

function isSame(before: IndexLine, line: IndexLine, row: KernelRow): boolean {
  if (before.state !== line.state) {
    if (before.state === 'withdrawn') {
      throw conflict(row, 'was withdrawn, and the record calls it published again; withdraw it there, too');
    }
    return false;
  }
  if (before.state === 'withdrawn' || line.state === 'withdrawn') return true;
  if (before.btf.sha256 !== line.btf.sha256) {
    throw conflict(row, `was published with the BTF ${before.btf.sha256}, the record has ${line.btf.sha256}`);
  }
  // The same BTF packed again, after its file was lost, by another xz.
  return before.sha256 === line.sha256;
}

function conflict(row: KernelRow, why: string): BtfmillError {
  return new BtfmillError('archive-conflict', `${archivePath(row)}: ${why}`);
}

function withdrawnLine(row: KernelRow, serial: number): IndexLine {
  return {
    kernel: row.kernel,
    state: 'withdrawn',
    serial,
    reason: row.reason ?? 'no reason given',
    at: row.changedAt,
  };
}

function publishedLine(
  row: KernelRow,
  serial: number,
  packageOf: (id: number) => SeenPackage | undefined,
): PublishedLine {
  const { tarSizeBytes, tarSha256, btfSha256, btfSizeBytes, typeCount, source } = row;
  const isComplete =
    tarSizeBytes !== undefined &&
    tarSha256 !== undefined &&
    btfSha256 !== undefined &&
    btfSizeBytes !== undefined &&
    typeCount !== undefined &&
    source !== undefined;
  if (!isComplete)
    throw new BtfmillError('record-damaged', `${archivePath(row)}: published without its facts`);
  const pkg = row.packageId === undefined ? undefined : packageOf(row.packageId);
  return {
    kernel: row.kernel,
    state: 'published',
    serial,
    size: tarSizeBytes,
    sha256: tarSha256,
    btf: { size: btfSizeBytes, sha256: btfSha256, types: typeCount },
    source,
    ...(row.trust === undefined ? {} : { trust: row.trust }),
    ...(row.profile === undefined ? {} : { profile: row.profile }),
    ...(row.buildId === undefined ? {} : { buildId: row.buildId }),
    ...(pkg === undefined
      ? {}
      : {
          package: { name: pkg.packageName, version: pkg.packageVersion, url: pkg.url, digest: pkg.digest },
        }),
    ...(row.toolVersions === undefined ? {} : { tools: { ...row.toolVersions } }),
    at: row.publishedAt ?? row.changedAt,
  };
}
