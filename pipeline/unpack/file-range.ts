/** Positional reads of a part of a file, so that several readers can share one handle. */

import type { FileHandle } from 'node:fs/promises';
import { malformed } from './malformed.ts';

const CHUNK_BYTES = 256 * 1024;

/** Reads up to `length` bytes at `offset`; fewer only at the file's end. */
export async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** Yields exactly the bytes from `start` to `end` (exclusive). Throws `package-malformed`, naming `part`, when the file ends first. */
export async function* readRange(
  part: string,
  handle: FileHandle,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (let offset = start; offset < end; ) {
    signal.throwIfAborted();
    const chunk = await readAt(handle, offset, Math.min(CHUNK_BYTES, end - offset));
    if (chunk.length === 0) throw malformed(part, offset, `the file ends before ${end}, while it is read`);
    yield chunk;
    offset += chunk.length;
  }
}
