/** `-` as an input: what comes on stdin, as a file that can be read by sections. */

import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { requireFile } from './inputs.ts';

/** Larger than any kernel image with all its relocations (the largest seen has 2 GB). */
const MAX_STDIN_BYTES = 8 * 1024 ** 3;

/**
 * Runs `use` with the path of a file: the one named, or a temporary one that holds what `-` brings and goes when `use`
 * has ended. Throws `usage` for a file that is not there, an empty stdin, or one without an end.
 */
export async function withInput<T>(name: string, use: (path: string) => Promise<T>): Promise<T> {
  if (name !== '-') {
    await requireFile(name);
    return use(name);
  }
  if (process.stdin.isTTY)
    throw new BtfmillError('usage', '- is stdin, and that is a terminal: pipe a file into it');
  const folder = await mkdtemp(join(tmpdir(), 'btfmill-stdin-'));
  try {
    const path = join(folder, 'stdin');
    await spool(path);
    return await use(path);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    // The temporary name says nothing to whoever piped it in.
    throw new BtfmillError(error.code, error.message.replaceAll(join(folder, 'stdin'), 'stdin'), {
      cause: thrown,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function spool(path: string): Promise<void> {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > MAX_STDIN_BYTES)
        done(new BtfmillError('usage', `stdin goes on behind ${MAX_STDIN_BYTES} bytes`));
      else done(undefined, chunk);
    },
  });
  await pipeline(process.stdin, counter, createWriteStream(path, { mode: 0o600 }));
  if (bytes === 0) throw new BtfmillError('usage', 'stdin is empty');
}
