/** Which compression a package member has: its name says it, its first bytes must agree. */

import { malformed } from './malformed.ts';

export type Compression = 'none' | 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'zstd';

/** Enough of a member's start to see every magic, tar's own at 257 included. */
export const MAGIC_WINDOW_BYTES = 264;

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

/** lzma-alone has no magic. A zstd skippable frame (0x184d2a5?) may come first, but no package tool writes one. */
const MAGICS: readonly Magic[] = [
  { compression: 'xz', offset: 0, bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { compression: 'zstd', offset: 0, bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { compression: 'gzip', offset: 0, bytes: [0x1f, 0x8b] },
  { compression: 'bzip2', offset: 0, bytes: [0x42, 0x5a, 0x68] },
  { compression: 'none', offset: 257, bytes: [0x75, 0x73, 0x74, 0x61, 0x72] },
];

/** What the first bytes of a compressed (or plain) tar say; `undefined` for lzma-alone and for anything else. */
export function compressionOfMagic(head: Uint8Array): Compression | undefined {
  return MAGICS.find(({ offset, bytes }) => bytes.every((byte, i) => head[offset + i] === byte))?.compression;
}

/** Compression of the member `data.tar<suffix>`. Throws `package-malformed` when name and content disagree. */
export function compressionOfMember(name: string, head: Uint8Array): Compression {
  const suffix = /\.tar(?<suffix>.*)$/u.exec(name)?.groups?.suffix;
  const named = suffix === undefined ? undefined : BY_SUFFIX[suffix];
  if (named === undefined) throw malformed(`deb ${name}`, undefined, 'unknown kind of member');
  const seen = compressionOfMagic(head);
  if (seen !== (named === 'lzma' ? undefined : named)) {
    throw malformed(
      `deb ${name}`,
      0,
      `the name says ${named}, the content is ${seen ?? 'neither that nor known'}`,
    );
  }
  return named;
}
