/** A file as the ELF reader's byte source: positional reads, never the whole file. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../../elf/index.ts';
import { BtfmillError } from '../../errors/index.ts';

/** One read(2) call moves at most 2 GiB; stay well below. */
const READ_STEP_BYTES = 1 << 30;

export interface FileSource extends ByteSource {
  close(): void;
}

/** Shared, so that several threads can read the same section without a copy each. */
function allocate(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/**
 * Opens a file for reading by section.
 * @throws BtfmillError `io-failed` when it cannot be opened or shrinks while being read.
 */
export function openFileSource(path: string): FileSource {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (cause) {
    throw new BtfmillError('io-failed', `cannot open ${path}: ${(cause as Error).message}`, { cause });
  }
  const { size } = fstatSync(fd);
  return {
    size,
    allocate,
    read(offset, length) {
      const bytes = allocate(length);
      let done = 0;
      while (done < length) {
        const got = readSync(fd, bytes, done, Math.min(length - done, READ_STEP_BYTES), offset + done);
        if (got === 0)
          throw new BtfmillError(
            'io-failed',
            `${path} ended at ${offset + done} of ${offset + length} bytes`,
          );
        done += got;
      }
      return bytes;
    },
    close() {
      closeSync(fd);
    },
  };
}
