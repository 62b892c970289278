/**
 * The linter of an archive, ours or anybody's with BTFHub's layout: what lies where it should not, what cannot be read,
 * what differs from the layout, and from what the record or the published index says.
 */

import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { eachOf } from '../each-of.ts';
import type { Expectations } from './expectations.ts';
import type { Finding } from './findings.ts';
import { lintDescription } from './lint-description.ts';
import { lintFile, type LintedFile } from './lint-file.ts';
import { type ArchiveTree, inodeOf, walkArchive } from './walk.ts';

export interface LintOptions {
  readonly archiveDir: string;
  /** What its files should be; without, every file is judged by itself. */
  readonly expected?: Expectations;
  /** Also unpack every file and read its BTF. */
  readonly deep: boolean;
  /** Files read at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Told about each file that was looked at. */
  readonly onFile: (file: LintedFile, done: number, total: number) => void;
}

export interface LintReport {
  /** Kernel files that were looked at; the files that describe them are not counted. */
  readonly checked: number;
  readonly sizeBytes: number;
  /** Sorted by path. */
  readonly findings: readonly Finding[];
  /** Files that are being written, or were left by a killed run; the next crawl removes these. */
  readonly unfinished: number;
}

/** Throws `io-failed`, `tool-missing`, `tool-failed`, `aborted`; never for what the archive holds. */
export async function lintArchive(options: LintOptions): Promise<LintReport> {
  const { archiveDir, expected, deep, jobs, signal, onFile } = options;
  const tree = await walkTree(archiveDir);
  const findings: Finding[] = [...tree.findings, ...missing(tree, expected)];
  const digests = new Map<string, string>();
  let checked = 0;
  let sizeBytes = 0;
  await eachOf(tree.kernels, jobs, async (path) => {
    signal.throwIfAborted();
    const wanted = expected?.files.get(path);
    const file = await lintFile(archiveDir, path, {
      deep,
      signal,
      ...(wanted === undefined || expected === undefined
        ? {}
        : { expected: { ...wanted, by: expected.source } }),
    });
    findings.push(...file.findings);
    if (file.tarSha256 !== undefined) digests.set(path, file.tarSha256);
    if (expected !== undefined && !expected.isKnown(path)) {
      findings.push({ kind: 'unknown', path, message: `is in the archive, but not in ${expected.source}` });
    }
    checked += 1;
    sizeBytes += file.sizeBytes;
    onFile(file, checked, tree.kernels.length);
  });
  findings.push(...(await twins(tree.kernels, digests, archiveDir)), ...(await lintDescription(archiveDir)));
  const sorted = findings.toSorted((a, b) => (a.path < b.path ? -1 : Number(a.path > b.path)));
  return { checked, sizeBytes, findings: sorted, unfinished: tree.unfinished };
}

async function walkTree(archiveDir: string): Promise<ArchiveTree> {
  try {
    return await walkArchive(archiveDir);
  } catch (thrown) {
    throw new BtfmillError('io-failed', `cannot list the archive: ${toBtfmillError(thrown).message}`, {
      cause: thrown,
    });
  }
}

function missing({ kernels }: ArchiveTree, expected: Expectations | undefined): Finding[] {
  if (expected === undefined) return [];
  const there = new Set(kernels);
  return [...expected.files.keys()]
    .filter((path) => !there.has(path) && !expected.mayLack(path))
    .map((path) => ({ kind: 'missing', path, message: `is in ${expected.source}, but not there` }));
}

/** The same bytes under two names: one kernel in two places, unless they are one file with two names. */
async function twins(
  paths: readonly string[],
  digests: ReadonlyMap<string, string>,
  archiveDir: string,
): Promise<Finding[]> {
  const firstOf = new Map<string, string>();
  const findings: Finding[] = [];
  for (const path of paths) {
    const digest = digests.get(path);
    if (digest === undefined) continue;
    const other = firstOf.get(digest);
    if (other === undefined) firstOf.set(digest, path);
    else if ((await inodeOf(archiveDir, other)) !== (await inodeOf(archiveDir, path))) {
      findings.push({ kind: 'same-file', path, message: `is the same file as ${other}` });
    }
  }
  return findings;
}
