/** Bytes of an index file, decompressed as a bounded stream; the digest was checked before. */

import { constants, createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { execa } from 'execa';
import { BtfmillError, firstLine, withName } from '../errors/index.ts';

/** By file name extension. */
export type IndexCompression = '.xz' | '.gz' | '.zst' | '.bz2' | '';

/** Where the compressed bytes are: in memory, or in a file that is then never held as a whole. */
export type IndexSource = Buffer | { readonly path: string };

export interface DecompressIndexOptions {
  readonly where: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

interface Program {
  readonly command: string;
  readonly flags: readonly string[];
}

/** xz -9 needs 65 MiB; a file may ask for up to 4 GiB. zstd has such a limit of its own (128 MiB), bzip2 needs 4 MB. */
const PROGRAMS: Readonly<Record<'.xz' | '.zst' | '.bz2', Program>> = {
  '.xz': { command: 'xz', flags: ['--quiet', '--format=xz', '--memlimit-decompress=512MiB'] },
  '.zst': { command: 'zstd', flags: ['--quiet'] },
  '.bz2': { command: 'bzip2', flags: ['--quiet'] },
};

/** Options from the user's environment must not change what these programs do. */
const QUIET_ENVIRONMENT = {
  LC_ALL: 'C',
  XZ_DEFAULTS: undefined,
  XZ_OPT: undefined,
  BZIP: undefined,
  BZIP2: undefined,
};

/** A program's complaints are a few lines; more ends it. */
const MAX_STDERR_BYTES = 64 * 1024;

const OUTPUT_CHUNK_BYTES = 128 * 1024;

/**
 * The plain bytes of `compressed`. Ends normally only when the decompressor did: a truncated or damaged body, and
 * one longer than `maxBytes`, is `index-malformed`; no `xz`, `zstd` or `bzip2` is `tool-missing`.
 */
export async function* decompressIndex(
  compressed: IndexSource,
  compression: IndexCompression,
  options: DecompressIndexOptions,
): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of openPlain(compressed, compression, options)) {
    length += chunk.length;
    if (length > options.maxBytes) {
      throw new BtfmillError(
        'index-malformed',
        `${options.where}: unpacks to more than ${options.maxBytes} bytes`,
      );
    }
    yield chunk;
  }
}

function openPlain(
  compressed: IndexSource,
  compression: IndexCompression,
  options: DecompressIndexOptions,
): AsyncIterable<Buffer> {
  if (compression === '') return openSource(compressed);
  if (compression === '.gz') return gunzip(compressed, options);
  return throughProgram(PROGRAMS[compression], compressed, options);
}

function openSource(compressed: IndexSource): Readable {
  return 'path' in compressed
    ? createReadStream(compressed.path, { highWaterMark: OUTPUT_CHUNK_BYTES })
    : Readable.from([compressed]);
}

async function* gunzip(
  compressed: IndexSource,
  { where, signal }: DecompressIndexOptions,
): AsyncGenerator<Buffer> {
  const source = openSource(compressed);
  const gunzipped = createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  source.once('error', (error) => gunzipped.destroy(error));
  source.pipe(gunzipped);
  try {
    for await (const chunk of gunzipped) {
      signal.throwIfAborted();
      yield chunk as Buffer;
    }
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new BtfmillError('index-malformed', `${where}: damaged gzip data`, { cause: error });
  } finally {
    source.destroy();
  }
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}

async function* throughProgram(
  { command, flags }: Program,
  compressed: IndexSource,
  { where, signal }: DecompressIndexOptions,
): AsyncGenerator<Buffer> {
  // A file is the program's to read: its bytes need not pass through this process.
  const path = 'path' in compressed ? compressed.path : undefined;
  if (path !== undefined) await access(path, constants.R_OK);
  const names = path === undefined ? [] : ['--', path];
  const child = execa(command, ['--decompress', '--stdout', ...flags, ...names], {
    ...('path' in compressed ? { stdin: 'ignore' } : { input: compressed }),
    buffer: { stdout: false },
    maxBuffer: { stderr: MAX_STDERR_BYTES },
    encoding: 'buffer',
    env: QUIET_ENVIRONMENT,
    cancelSignal: signal,
    reject: false,
  });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
  } finally {
    // A reader that leaves early closes the pipe, which ends the program; its exit is awaited in any case.
    child.stdout.destroy();
    await child;
  }
  const { failed, code, isCanceled, exitCode, cause, stderr } = await child;
  if (!failed) return;
  if (code === 'ENOENT') throw new BtfmillError('tool-missing', `${command} is not installed`, { cause });
  if (isCanceled) throw new BtfmillError('aborted', `${where}: stopped`, { cause });
  if (exitCode === undefined) throw new BtfmillError('tool-failed', `${where}: ${command} died`, { cause });
  const said = firstLine(stderr) || `exit code ${exitCode}`;
  throw new BtfmillError('index-malformed', `${where}: damaged data (${withName(command, said)})`, { cause });
}
