/** How the pure ELF reader gets bytes without knowing about files. */

export interface ByteSource {
  /** Total size in bytes. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`. Callers stay inside `size`; an implementation throws when the bytes
   * cannot be had.
   */
  read(offset: number, length: number): Uint8Array;
  /** Zeroed memory for what is made of the bytes (relocated, decompressed, joined); without it plain memory. */
  allocate?(length: number): Uint8Array;
}

/** Memory as the source wants it, zeroed. */
export function allocate(source: ByteSource, length: number): Uint8Array {
  return source.allocate?.(length) ?? new Uint8Array(length);
}

/** A source over bytes in memory; reads are views, not copies. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      return bytes.subarray(offset, offset + length);
    },
  };
}
