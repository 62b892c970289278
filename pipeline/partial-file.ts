/**
 * A download in progress: `<digest>.part`, and beside it what is known about where its bytes came from. Both
 * outlive the process, so that a later run can go on.
 */

import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises';

/** Where the bytes of a part came from: the sidecar `<digest>.part.json`. */
export interface PartSource {
  readonly url: string;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Of the whole file. */
  readonly size: number;
}

const READ_BYTES = 1024 * 1024;

/** State is the point: position, running digest and the file on disk always agree. */
export class PartialFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #algorithm: string;
  #hash: Hash;
  #position = 0;
  #resumedAt = 0;
  #source: PartSource | undefined;

  private constructor(path: string, handle: FileHandle, algorithm: string) {
    this.path = path;
    this.#handle = handle;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  /**
   * Opens the part at `path` or begins one. What an earlier run has left is read once, for the digest; it is thrown
   * away when nobody knows where it came from, or when it cannot be a part of a file of `sizeBytes`.
   *
   * @param algorithm of the digest, e.g. `sha256`
   */
  static async open(
    path: string,
    { sizeBytes, algorithm }: { readonly sizeBytes: number; readonly algorithm: string },
    signal: AbortSignal,
  ): Promise<PartialFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const part = new PartialFile(path, handle, algorithm);
    try {
      const { size } = await handle.stat();
      const source = await readSource(sidecarPath(path));
      if (source?.size !== sizeBytes || size > sizeBytes) {
        await handle.truncate(0);
      } else {
        part.#source = source;
        part.#position = await hashContent(handle, part.#hash, signal);
        part.#resumedAt = part.#position;
      }
      return part;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes in the file, all of them in the digest. */
  get position(): number {
    return this.#position;
  }

  /** Undefined while the file is empty and nobody has said where bytes will come from. */
  get source(): PartSource | undefined {
    return this.#source;
  }

  /** Bytes of an earlier run that are still part of the file. */
  get resumedAt(): number {
    return this.#resumedAt;
  }

  /** Throws all bytes away. */
  async reset(): Promise<void> {
    await rm(sidecarPath(this.path), { force: true });
    await this.#handle.truncate(0);
    this.#position = 0;
    this.#resumedAt = 0;
    this.#source = undefined;
    this.#hash = createHash(this.#algorithm);
  }

  /** What follows comes from `source`, which goes on where the bytes before ended. */
  async setSource(source: PartSource): Promise<void> {
    await writeFile(sidecarPath(this.path), `${JSON.stringify(source)}\n`);
    this.#source = source;
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await this.#handle.write(
        chunk,
        done,
        chunk.length - done,
        this.#position + done,
      );
      done += bytesWritten;
    }
    this.#hash.update(chunk);
    this.#position += chunk.length;
  }

  /** Digest of everything so far, lower-case hex. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  /**
   * The finished file gets its name. Not synced: whoever takes it from the cache checks its digest again. The
   * sidecar goes first: a part without one is still good, a sidecar without a part would stay for ever.
   */
  async publish(path: string): Promise<void> {
    await rm(sidecarPath(this.path), { force: true });
    await rename(this.path, path);
  }

  /** Removes the file and what is known about it. */
  async discard(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(sidecarPath(this.path), { force: true });
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** Feeds a file to `hash`, from its start to its end; gives the number of bytes. */
export async function hashContent(handle: FileHandle, hash: Hash, signal: AbortSignal): Promise<number> {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let position = 0;
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return position;
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

function sidecarPath(path: string): string {
  return `${path}.json`;
}

/** A sidecar that is missing, torn or strange is as good as none. */
async function readSource(path: string): Promise<PartSource | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isPartSource(value) ? value : undefined;
}

function isPartSource(value: unknown): value is PartSource {
  if (typeof value !== 'object' || value === null) return false;
  const { url, etag, lastModified, size } = value as Record<string, unknown>;
  return (
    typeof url === 'string' && isTextOrNone(etag) && isTextOrNone(lastModified) && typeof size === 'number'
  );
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}
