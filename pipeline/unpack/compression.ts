/** Which compression an archive in a package has: its name or a tag says it, its first bytes must agree. */

import type { BtfmillError } from '../../errors/index.ts';
import { malformed } from './malformed.ts';

export type Compression = 'none' | 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'zstd';

/** Enough of an archive's start to see every magic, tar's own at 257 included. */
export const MAGIC_WINDOW_BYTES = 264;

/** What stands uncompressed in a package when nothing compresses it. */
type ArchiveKind = 'tar' | 'cpio';

const BY_SUFFIX: Readonly<Record<string, Compression>> = {
  '': 'none',
  '.gz': 'gzip',
  '.bz2': 'bzip2',
  '.lzma': 'lzma',
  '.xz': 'xz',
  '.zst': 'zstd',
};

interface Magic {
  readonly compression: Compression;
  readonly offset: number;
  readonly bytes: readonly number[];
}

/** As rpm's payloadcompressor tag says it. */
const BY_TAG: Readonly<Record<string, Compression>> = {
  gzip: 'gzip',
  bzip2: 'bzip2',
  lzma: 'lzma',
  xz: 'xz',
  zstd: 'zstd',
};

/** A zstd skippable frame (0x184d2a5?) may come first, but no package tool writes one. */
const MAGICS: readonly Magic[] = [
  { compression: 'xz', offset: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { compression: 'zstd', offset: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { compression: 'gzip', offset: 0, bytes: [0x1f, 0x8b] },
  { compression: 'bzip2', offset: 0, bytes: [0x42, 0x5a, 0x68] },
];

const ARCHIVE_MAGICS: Readonly<Record<ArchiveKind, Magic>> = {
  tar: { compression: 'none', offset: 257, bytes: [0x75, 0x73, 0x74, 0x61, 0x72] },
  cpio: { compression: 'none', offset: 0, bytes: [0x30, 0x37, 0x30, 0x37, 0x30] },
};

/** How lzma-alone begins where rpm made it: the default properties, and a dictionary of whole 64 KiB. */
const RPM_LZMA_MAGIC: Magic = { compression: 'lzma', offset: 0, bytes: [0x5d, 0x00, 0x00] };

/**
 * What the first bytes of a compressed (or plain) archive say; `undefined` for lzma-alone, which has no magic, and
 * for anything else.
 */
export function compressionOfMagic(head: Uint8Array, kind: ArchiveKind): Compression | undefined {
  return [...MAGICS, ARCHIVE_MAGICS[kind]].find((magic) => hasMagic(head, magic))?.compression;
}

function hasMagic(head: Uint8Array, { offset, bytes }: Magic): boolean {
  return bytes.every((byte, i) => head[offset + i] === byte);
}

/** Compression of the member `data.tar<suffix>`. Throws `package-malformed` when name and content disagree. */
export function compressionOfMember(name: string, head: Uint8Array): Compression {
  const suffix = /\.tar(?<suffix>.*)$/u.exec(name)?.groups?.suffix;
  const named = suffix === undefined ? undefined : BY_SUFFIX[suffix];
  if (named === undefined) throw malformed(`deb ${name}`, undefined, 'unknown kind of member');
  const seen = compressionOfMagic(head, 'tar');
  if (seen !== (named === 'lzma' ? undefined : named)) {
    throw disagreement(`deb ${name}`, `the name says ${named}`, seen);
  }
  return named;
}

/**
 * Compression of an rpm's payload, of which `head` is the start. Throws `package-malformed` when tag and content
 * disagree. Without the tag rpm reads plain and gzip: the latter is what packages of before the tag have.
 */
export function compressionOfPayload(tag: string | undefined, head: Uint8Array): Compression {
  const seen = compressionOfMagic(head, 'cpio') ?? (hasMagic(head, RPM_LZMA_MAGIC) ? 'lzma' : undefined);
  if (tag === undefined) {
    if (seen === 'none' || seen === 'gzip') return seen;
    throw disagreement('rpm payload', 'no compressor is named', seen);
  }
  if (!Object.hasOwn(BY_TAG, tag)) {
    throw malformed('rpm payload', undefined, `unknown compressor ${JSON.stringify(tag)}`);
  }
  if (seen !== BY_TAG[tag]) throw disagreement('rpm payload', `the header says ${tag}`, seen);
  return seen;
}

function disagreement(part: string, said: string, seen: Compression | undefined): BtfmillError {
  return malformed(part, 0, `${said}, the content is ${seen ?? 'neither that nor known'}`);
}
