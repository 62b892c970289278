/** The file that a verb reads, as one that can be read by sections: stdin (`-`) and pipes are copied to one first. */

import { constants, createWriteStream, openSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { requireInput } from './inputs.ts';

/** Larger than any kernel image with all its relocations (the largest seen has 2 GB). */
const MAX_PIPED_BYTES = 8 * 1024 ** 3;

/**
 * Runs `use` with the path of a regular file: the one named, or a temporary one that holds what `-` or a pipe brings
 * and goes when `use` has ended. In errors of `use` the temporary name becomes `stdin`, or the pipe's.
 * @param onCopied told how many bytes have come; not called for a regular file
 * @throws BtfmillError `usage` for a file that is not there or may not be read, or a pipe without an end;
 * `elf-malformed` for a pipe without a byte
 */
export async function withInput<T>(
  name: string,
  signal: AbortSignal,
  use: (path: string) => Promise<T>,
  onCopied: (bytes: number) => void = () => {},
): Promise<T> {
  if (name !== '-') {
    const kind = await requireInput(name);
    return kind === 'file' ? use(name) : withCopy(name, () => openPipe(name), { signal, use, onCopied });
  }
  if (process.stdin.isTTY)
    throw new BtfmillError('usage', '- is stdin, and that is a terminal: pipe a file into it');
  return withCopy('stdin', () => process.stdin, { signal, use, onCopied });
}

/**
 * Without O_NONBLOCK, opening a pipe that nobody writes to would keep a thread waiting that no signal stops; a socket
 * waits for the first writer all the same, and ends with the last.
 */
function openPipe(path: string): Readable {
  return new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
}

interface CopyUse<T> {
  readonly signal: AbortSignal;
  readonly use: (path: string) => Promise<T>;
  readonly onCopied: (bytes: number) => void;
}

async function withCopy<T>(
  shownName: string,
  open: () => Readable,
  { signal, use, onCopied }: CopyUse<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'btfmill-stdin-'));
  // The second Ctrl-C ends the process without going through `finally`.
  const removeAtExit = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeAtExit);
  const path = join(folder, 'stdin');
  try {
    await copy(open(), path, shownName, { signal, onCopied });
    return await use(path);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    // The temporary name says nothing to whoever piped it in.
    throw new BtfmillError(error.code, error.message.replaceAll(path, shownName), { cause: thrown });
  } finally {
    await rm(folder, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  }
}

async function copy(
  from: Readable,
  path: string,
  shownName: string,
  { signal, onCopied }: Pick<CopyUse<unknown>, 'signal' | 'onCopied'>,
): Promise<void> {
  let bytes = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onCopied(bytes);
      if (bytes > MAX_PIPED_BYTES)
        done(new BtfmillError('usage', `${shownName} goes on behind ${MAX_PIPED_BYTES} bytes`));
      else done(undefined, chunk);
    },
  });
  await pipeline(from, counter, createWriteStream(path, { mode: 0o600 }), { signal });
  if (bytes === 0) throw new BtfmillError('elf-malformed', `${shownName} is empty`);
}
