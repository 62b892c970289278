import { describe, expect, it } from 'vitest';
import { tarArchive } from '../../test/builders/deb-writer.ts';
import {
  compressionOfMagic,
  compressionOfMember,
  compressionOfPayload,
  MAGIC_WINDOW_BYTES,
} from './compression.ts';

const TAR = tarArchive([{ name: './x' }]).subarray(0, MAGIC_WINDOW_BYTES);
const XZ = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0, 4);
const ZSTD = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 4, 0x58);
const GZIP = Uint8Array.of(0x1f, 0x8b, 8, 0);
const BZIP2 = Uint8Array.of(0x42, 0x5a, 0x68, 0x39);
const CPIO = Buffer.from('07070100000000');
const STRIPPED_CPIO = Buffer.from('07070X00000000');
const LZMA = Uint8Array.of(0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff);

describe('compressionOfMember', () => {
  it.each([
    ['data.tar', TAR, 'none'],
    ['data.tar.gz', GZIP, 'gzip'],
    ['data.tar.bz2', BZIP2, 'bzip2'],
    ['data.tar.lzma', LZMA, 'lzma'],
    ['data.tar.xz', XZ, 'xz'],
    ['data.tar.zst', ZSTD, 'zstd'],
  ] as const)('%s', (name, head, expected) => {
    expect(compressionOfMember(name, head)).toBe(expected);
  });

  it.each([
    ['data.tar.xz', ZSTD, 'the name says xz, the content is zstd'],
    ['data.tar.gz', TAR, 'the name says gzip, the content is none'],
    ['data.tar', XZ, 'the name says none, the content is xz'],
    ['data.tar', new Uint8Array(512), 'the content is neither that nor known'],
    ['data.tar.lzma', XZ, 'the name says lzma, the content is xz'],
    ['data.tar.xz', new Uint8Array(0), 'the name says xz, the content is neither'],
    ['data.tar.lz', XZ, 'unknown kind of member'],
    ['data.tarball', XZ, 'unknown kind of member'],
  ])('refuses %s with other content', (name, head, message) => {
    expect(() => compressionOfMember(name, head)).toThrow(message);
  });

  it('knows nothing about lzma-alone by its bytes', () => {
    expect(compressionOfMagic(LZMA, 'tar')).toBeUndefined();
  });
});

describe('compressionOfPayload', () => {
  it.each([
    [undefined, CPIO, 'none'],
    [undefined, STRIPPED_CPIO, 'none'],
    [undefined, GZIP, 'gzip'],
    ['gzip', GZIP, 'gzip'],
    ['bzip2', BZIP2, 'bzip2'],
    ['lzma', LZMA, 'lzma'],
    ['xz', XZ, 'xz'],
    ['zstd', ZSTD, 'zstd'],
  ] as const)('%s', (tag, head, expected) => {
    expect(compressionOfPayload(tag, head)).toBe(expected);
  });

  it.each([
    ['xz', ZSTD, 'the header says xz, the content is zstd'],
    ['gzip', CPIO, 'the header says gzip, the content is none'],
    ['lzma', XZ, 'the header says lzma, the content is xz'],
    ['lzma', new Uint8Array(264), 'the header says lzma, the content is neither'],
    ['xz', new Uint8Array(0), 'the header says xz, the content is neither'],
    [undefined, XZ, 'no compressor is named, the content is xz'],
    [undefined, TAR, 'no compressor is named, the content is neither'],
    ['brotli', XZ, 'unknown compressor "brotli"'],
    ['none', CPIO, 'unknown compressor "none"'],
    ['toString', XZ, 'unknown compressor "toString"'],
  ])('refuses %s with other content', (tag, head, message) => {
    expect(() => compressionOfPayload(tag, head)).toThrow(message);
  });
});
