/** One archive file, with or without anybody who says what it should be. */

import type { Stats } from 'node:fs';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toBtfmillError } from '../../errors/index.ts';
import { ARCHIVE_SUFFIX, keyOfArchivePath } from '../archive-path.ts';
import { throughProcess } from '../child-process.ts';
import { inspectInThread } from '../compute.ts';
import { sha256Of } from '../publish/layout.ts';
import type { Expected } from './expectations.ts';
import type { Finding, FindingKind } from './findings.ts';
import { lookAtTar } from './member.ts';

export interface ArchiveFileFacts {
  readonly tarSha256: string;
  readonly tarSizeBytes: number;
  readonly btfSha256: string;
  readonly btfSizeBytes: number;
  readonly typeCount: number;
  readonly typesByKind: Readonly<Record<string, number>>;
}

export interface LintedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly findings: readonly Finding[];
  /** Of the file, when it was read. */
  readonly tarSha256?: string;
  /** Set when a BTF was looked for and could be read. */
  readonly facts?: ArchiveFileFacts;
}

/** What is expected of a file, and by whom. */
export interface ExpectedFile extends Expected {
  /** e.g. `the record` */
  readonly by: string;
}

/** Kernels' BTF has 10 MB at most; who serves more wants our memory. */
const MAX_BYTES = 256 * 1024 * 1024;

const XZ_MAGIC = Buffer.from('fd377a585a00', 'hex');

/**
 * Everything that is wrong with `path`, which ends in `.btf.tar.xz`. Throws `io-failed`, `tool-missing`,
 * `tool-failed`, `aborted`; never for what the file holds.
 *
 * @param o.deep also unpack it and read its BTF
 */
export async function lintFile(
  archiveDir: string,
  path: string,
  o: { readonly deep: boolean; readonly expected?: ExpectedFile; readonly signal: AbortSignal },
): Promise<LintedFile> {
  const findings: Finding[] = [];
  const find: Find = (kind, message) => {
    findings.push({ kind, path, message });
  };
  const file = join(archiveDir, path);
  const stats = await lstat(file);
  if (keyOfArchivePath(path) === undefined) {
    find('bad-name', 'has characters that no name of a kernel, release or architecture has');
  }
  const linted = { path, sizeBytes: stats.isFile() ? stats.size : 0, findings };
  if (!isReadable(stats, o.expected, find)) return linted;

  const compressed = await readFile(file);
  const tarSha256 = sha256Of(compressed);
  if (o.expected !== undefined && tarSha256 !== o.expected.sha256) {
    find('digest-differs', `SHA-256 is ${tarSha256}, ${o.expected.by} says ${o.expected.sha256}`);
    return { ...linted, tarSha256 };
  }
  if (!compressed.subarray(0, XZ_MAGIC.length).equals(XZ_MAGIC)) {
    find('not-xz', 'is no xz file');
    return { ...linted, tarSha256 };
  }
  const content = o.deep ? await lintContent(compressed, path, find, o.signal) : undefined;
  if (content === undefined) return { ...linted, tarSha256 };
  if (o.expected !== undefined && content.btfSha256 !== o.expected.btfSha256) {
    find('btf-differs', `holds BTF ${content.btfSha256}, ${o.expected.by} says ${o.expected.btfSha256}`);
  }
  return { ...linted, tarSha256, facts: { tarSha256, tarSizeBytes: compressed.length, ...content } };
}

interface Find {
  (kind: FindingKind, message: string): void;
}

/** Whether there is a point in reading it. */
function isReadable(stats: Stats, expected: ExpectedFile | undefined, find: Find): boolean {
  if (!stats.isFile()) {
    find('not-a-file', 'is no regular file');
    return false;
  }
  const mode = stats.mode & 0o777;
  if ((mode & 0o444) !== 0o444) find('file-mode', `mode ${mode.toString(8)}: not everybody may read it`);
  if (stats.size === 0) {
    find('empty-file', 'has no content');
    return false;
  }
  if (stats.size > MAX_BYTES) {
    find('too-large', `has ${stats.size} bytes`);
    return false;
  }
  if (expected !== undefined && stats.size !== expected.size) {
    find('size-differs', `has ${stats.size} bytes, ${expected.by} says ${expected.size}`);
    return false;
  }
  return true;
}

/** The BTF's facts; undefined, and findings, when there is no sound one. */
async function lintContent(
  compressed: Buffer,
  path: string,
  find: Find,
  signal: AbortSignal,
): Promise<Omit<ArchiveFileFacts, 'tarSha256' | 'tarSizeBytes'> | undefined> {
  const tar = await decompress(compressed, signal);
  if (typeof tar === 'string') {
    find('broken-xz', tar);
    return undefined;
  }
  const kernel = path.slice(path.lastIndexOf('/') + 1, -ARCHIVE_SUFFIX.length);
  const { btf, findings } = await lookAtTar(tar, `${kernel}.btf`);
  for (const { kind, message } of findings) find(kind, message);
  if (btf === undefined) return undefined;
  if (btf.length === 0) {
    find('no-btf', 'its member is empty');
    return undefined;
  }
  const inspection = await inspectInThread(btf, signal);
  if ('problem' in inspection) {
    find('broken-btf', inspection.problem);
    return undefined;
  }
  return { btfSha256: sha256Of(btf), btfSizeBytes: btf.length, ...inspection };
}

/** The tar, or why there is none. */
async function decompress(compressed: Buffer, signal: AbortSignal): Promise<Buffer | string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    const input = (async function* once() {
      yield compressed;
    })();
    for await (const chunk of throughProcess('xz', ['-dc'], { input, signal, failure: 'archive-damaged' })) {
      length += chunk.length;
      if (length > MAX_BYTES) return `decompresses to more than ${MAX_BYTES} bytes`;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, length);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (error.code !== 'archive-damaged') throw error;
    return error.message;
  }
}
