/**
 * Decompression as a stream that ends only when all input was decoded and every checksum was right.
 *
 * xz, lzma, zstd and bzip2 go through their programs: faster than any npm candidate, and unlike several of those
 * they notice truncation. gzip is node:zlib's, which does as well and needs no program.
 */

import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { BtfmillError } from '../../errors/index.ts';
import { throughProcess } from '../child-process.ts';
import { bunzip2 } from './bunzip2.ts';
import type { Compression } from './compression.ts';
import { XZ_MEMORY_LIMIT } from './limits.ts';
import { malformed } from './malformed.ts';

export interface DecompressOptions {
  /** For xz, the one decoder with threads; they cost about 70 MB each. */
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** Opens the compressed bytes from their start; called again when a second decoder has to be tried. */
export interface OpenInput {
  (): AsyncIterable<Uint8Array>;
}

const OUTPUT_CHUNK_BYTES = 256 * 1024;

/** Throws `package-malformed` on damaged input and `tool-missing` when the program is not installed. */
export async function* decompress(
  compression: Compression,
  open: OpenInput,
  { threads, signal }: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const xz = ['--decompress', '--stdout', `--memlimit=${XZ_MEMORY_LIMIT}`, `--threads=${threads}`];
  switch (compression) {
    case 'none':
      yield* open();
      return;
    case 'gzip':
      yield* gunzip(open(), signal);
      return;
    case 'xz':
      yield* runTool('xz', [...xz, '--format=xz']);
      return;
    case 'lzma':
      yield* runTool('xz', [...xz, '--format=lzma']);
      return;
    case 'zstd':
      yield* runTool('zstd', ['--decompress', '--stdout', '--quiet']);
      return;
    case 'bzip2':
      try {
        yield* runTool('bzip2', ['--decompress', '--stdout']);
      } catch (error) {
        // Thrown before the first byte, so nothing is yielded twice.
        if (!(error instanceof BtfmillError && error.code === 'tool-missing')) throw error;
        yield* bunzip2(open());
      }
  }

  function runTool(command: string, args: readonly string[]): AsyncGenerator<Buffer, void, undefined> {
    return throughProcess(command, args, { input: open(), signal, failure: 'package-malformed' });
  }
}

async function* gunzip(
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES });
  const feeding = pipeline(input, decoder).catch(() => {
    // The decoder is destroyed with the same error, which the loop below throws.
  });
  try {
    for await (const chunk of decoder) {
      // The input may have been read to its end long before the output is.
      signal.throwIfAborted();
      yield chunk as Buffer;
    }
  } catch (error) {
    throw isZlibError(error) ? malformed('gzip', undefined, error.message, error) : error;
  } finally {
    decoder.destroy();
    await feeding;
  }
}

function isZlibError(error: unknown): error is Error {
  return error instanceof Error && String((error as NodeJS.ErrnoException).code).startsWith('Z_');
}
