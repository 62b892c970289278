/** A stream of chunks of any size read in the pieces that a format wants. */

import { BtfmillError } from '../../errors/index.ts';
import { malformed } from './malformed.ts';

const NOTHING = new Uint8Array(0);

/** One reader at a time. Errors name `part` and the offset in the stream. */
export class ChunkReader {
  readonly #part: string;
  readonly #maxBytes: number;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = NOTHING;
  #offset = 0;

  /** More than `maxBytes` is `package-too-large`. */
  constructor(part: string, source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#part = part;
    this.#maxBytes = maxBytes;
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Bytes read so far: where the next one stands. */
  get offset(): number {
    return this.#offset;
  }

  /** Exactly `count` bytes, which the caller has checked to be few. Throws `package-malformed` when fewer are left. */
  async take(count: number, what: string): Promise<Uint8Array> {
    if (this.#chunk.length >= count) return this.#cut(count);
    const taken = Buffer.allocUnsafe(count);
    let filled = 0;
    for await (const piece of this.content(count, what)) {
      taken.set(piece, filled);
      filled += piece.length;
    }
    return taken;
  }

  /** Yields exactly `count` bytes. Throws `package-malformed` when fewer are left. */
  async *content(count: number, what: string): AsyncGenerator<Uint8Array, void, undefined> {
    const start = this.#offset;
    for (let left = count; left > 0; ) {
      if (this.#chunk.length === 0 && !(await this.#refill())) {
        throw malformed(this.#part, start, `${what} ends after ${count - left} of ${count} bytes`);
      }
      const piece = this.#cut(Math.min(left, this.#chunk.length));
      left -= piece.length;
      yield piece;
    }
  }

  /** Yields whatever is left. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#chunk.length > 0 || (await this.#refill())) yield this.#cut(this.#chunk.length);
  }

  /** Closes the source. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #cut(count: number): Uint8Array {
    const piece = this.#chunk.subarray(0, count);
    this.#chunk = this.#chunk.subarray(count);
    this.#offset += count;
    return piece;
  }

  async #refill(): Promise<boolean> {
    for (;;) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      if (this.#offset + next.value.length > this.#maxBytes) {
        throw new BtfmillError(
          'package-too-large',
          `${this.#part}: unpacks to more than ${this.#maxBytes} bytes`,
        );
      }
      this.#chunk = next.value;
      if (this.#chunk.length > 0) return true;
    }
  }
}
