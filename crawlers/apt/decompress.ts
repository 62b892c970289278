/** Bytes of an index file, decompressed as a bounded stream; the digest was checked before. */

import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { execa } from 'execa';
import { BtfmillError } from '../../errors/index.ts';

/** By file name extension; the first is the one to prefer. */
export const INDEX_COMPRESSIONS = ['.xz', '.gz', ''] as const;

export type IndexCompression = (typeof INDEX_COMPRESSIONS)[number];

/**
 * The plain bytes of `compressed`. Ends normally only when the decompressor did: a truncated or damaged body, and
 * one longer than `maxBytes`, is `index-malformed`; no `xz` is `tool-missing`.
 */
export async function* decompressIndex(
  compressed: Buffer,
  compression: IndexCompression,
  options: { readonly where: string; readonly maxBytes: number; readonly signal: AbortSignal },
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
  compressed: Buffer,
  compression: IndexCompression,
  options: { readonly where: string; readonly signal: AbortSignal },
): AsyncIterable<Buffer> {
  if (compression === '.xz') return unxz(compressed, options);
  if (compression === '.gz') return gunzip(compressed, options.where);
  return Readable.from([compressed]);
}

async function* gunzip(compressed: Buffer, where: string): AsyncGenerator<Buffer> {
  const gunzipped = Readable.from([compressed]).pipe(createGunzip());
  try {
    for await (const chunk of gunzipped) yield chunk as Buffer;
  } catch (error) {
    throw new BtfmillError('index-malformed', `${where}: damaged gzip data`, { cause: error });
  }
}

async function* unxz(
  compressed: Buffer,
  { where, signal }: { readonly where: string; readonly signal: AbortSignal },
): AsyncGenerator<Buffer> {
  const child = execa('xz', ['--decompress', '--stdout', '--quiet'], {
    input: compressed,
    buffer: { stdout: false },
    encoding: 'buffer',
    cancelSignal: signal,
    reject: false,
  });
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
  } finally {
    // A reader that leaves early closes the pipe, which ends xz; its exit is awaited in any case.
    child.stdout.destroy();
    await child;
  }
  const { failed, code, isCanceled, exitCode, cause } = await child;
  if (!failed) return;
  if (code === 'ENOENT') throw new BtfmillError('tool-missing', 'xz is not installed', { cause });
  if (isCanceled) throw new BtfmillError('aborted', `${where}: stopped`, { cause });
  if (exitCode === undefined) throw new BtfmillError('tool-failed', `${where}: xz died`, { cause });
  throw new BtfmillError('index-malformed', `${where}: damaged xz data`, { cause });
}
