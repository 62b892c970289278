/** So many bytes and no more: who asks for more than are left waits, and whoever asked first is first. */

import { BtfmillError } from '../../errors/index.ts';

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

export class ByteSemaphore {
  readonly capacityBytes: number;
  #usedBytes = 0;
  #peakBytes = 0;
  readonly #queue: Waiting[] = [];

  /** @param capacityBytes Infinity for no limit */
  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that were in use at one time. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Resolves when the bytes are the caller's. Throws `aborted`, and RangeError for more than there are at all. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (bytes > this.capacityBytes) throw new RangeError(`${bytes} bytes of ${this.capacityBytes}`);
    if (signal.aborted) throw new BtfmillError('aborted', 'stopped while waiting for room');
    if (this.#queue.length === 0 && this.tryTake(bytes)) return;
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        bytes,
        go: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#serve();
        reject(new BtfmillError('aborted', 'stopped while waiting for room'));
      };
      this.#queue.push(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Takes the bytes, before all who wait, when they are left; says whether it did. */
  tryTake(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.capacityBytes) return false;
    this.#usedBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#serve();
  }

  #serve(): void {
    while (this.#queue.length > 0 && this.tryTake(this.#queue[0].bytes)) this.#queue.shift()?.go();
  }
}
