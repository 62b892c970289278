/**
 * Writes a stream of small chunks to a file in large blocks, one block on its way to the disk while the next
 * fills. Two blocks are all the memory it takes.
 */

import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 4 * 1024 * 1024;

/** `write` and `finish` must be awaited one after the other; they throw the file system's own errors. */
export class BlockWriter {
  readonly #handle: FileHandle;
  #filling = Buffer.allocUnsafe(BLOCK_BYTES);
  #writing = Buffer.allocUnsafe(BLOCK_BYTES);
  #filled = 0;
  #position = 0;
  #pending: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Copies `chunk`; the caller may reuse it. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length; ) {
      const count = Math.min(chunk.length - taken, BLOCK_BYTES - this.#filled);
      this.#filling.set(chunk.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === BLOCK_BYTES) await this.#flush();
    }
  }

  /** Resolves when everything is with the file system. The handle stays open. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#pending;
  }

  async #flush(): Promise<void> {
    await this.#pending;
    const block = this.#filling;
    this.#pending = writeFully(this.#handle, block.subarray(0, this.#filled), this.#position);
    // The failure is thrown where the promise is awaited next; until then it must not count as unhandled.
    this.#pending.catch(() => undefined);
    this.#position += this.#filled;
    this.#filled = 0;
    this.#filling = this.#writing;
    this.#writing = block;
  }
}

/** One `write` may take less than it is given, e.g. when the disk fills up; the next one then says why. */
async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
