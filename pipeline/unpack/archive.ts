/** What the search for vmlinux needs to know of an archive inside a package, be it tar (deb) or cpio (rpm). */

export interface ArchiveMember {
  /** The names of one content, as they stand in the archive: more than one when hard links share it. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** `file` for a regular file, else a word for messages, e.g. `symlink`. */
  readonly type: string;
  /** To be iterated once at most. Ends after `sizeBytes`, or throws. */
  readonly content: AsyncIterable<Uint8Array>;
}

export interface ArchiveFlow {
  /**
   * In their order, to be iterated once. Each member's content must be read to its end before the next is asked for
   * (or the loop left).
   */
  readonly members: AsyncIterable<ArchiveMember>;
  /** Bytes of archive taken from the source so far. */
  readonly bytes: number;
}

export interface Archive {
  /** For messages: `deb data.tar`, `rpm payload`. */
  readonly part: string;
  /**
   * Reads the archive, once. `consume` may leave its loop early; when this settles, the source has been closed. A
   * consumer that saw the last member has also seen the source end without error.
   */
  read<T>(consume: (flow: ArchiveFlow) => Promise<T>): Promise<T>;
}
