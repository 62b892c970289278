/**
 * Compressed sections: SHF_COMPRESSED with an Elf_Chdr (gABI chapter 4, "Section Compression") and binutils' older
 * `.zdebug_*` (the bytes `ZLIB` and a big-endian 64-bit size). The one file of elf/ that uses a Node module.
 */

import * as zlib from 'node:zlib';
import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_ALLOC, SHF_COMPRESSED, SHT_NOBITS } from './constants.ts';
import type { ElfFile, ElfSection } from './elf-file.ts';
import { FormatError } from './format-error.ts';

/**
 * Decompresses one zstd frame or several. What it throws is handed on as it is.
 * @param sizeBytes of the result; more must not be made (a smaller result is found out by the caller)
 * @param section whose contents these are, for messages
 */
export type ZstdDecompressor = (packed: Uint8Array, sizeBytes: number, section: string) => Uint8Array;

/** How a section's bytes are packed. */
export interface Compression {
  readonly method: 'zlib' | 'zstd';
  /** Bytes in front of the packed ones. */
  readonly headerBytes: number;
  /** What the header says that comes out. */
  readonly sizeBytes: number;
}

/**
 * No deflate stream expands further (its shortest code for its longest match), so a zlib section that claims more is
 * damaged. zstd could; debug sections shrink to a fifth or a tenth, so that the same bound is far from honest files
 * and near to bombs.
 */
const MAX_EXPANSION = 1032;
/** Below this a section may claim what it likes. */
const FREE_BYTES = 1 << 16;
/** The limit of plain sections: offsets into them are kept in int32. */
const MAX_SECTION_BYTES = 0x7fff_ffff;

const GNU_HEADER_BYTES = 12;

/** The Node of the oldest supported version has no zstd; newer ones bring it. */
const nodeZstd = (
  zlib as { zstdDecompressSync?: (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array }
).zstdDecompressSync;

/** Zstandard of this Node (from 22.15 on), undefined where there is none. */
export const zstdOfNode: ZstdDecompressor | undefined =
  nodeZstd === undefined
    ? undefined
    : (packed, sizeBytes, section) =>
        named('zstd', section, () => nodeZstd(packed, { maxOutputLength: Math.max(1, sizeBytes) }));

function fail(section: ElfSection, offset: number, what: string): never {
  throw new FormatError('elf-malformed', { format: 'elf', section: section.name, offset }, what);
}

/** True for a section that only its name marks as compressed. */
export function isGnuCompressed({ name, flags }: Pick<ElfSection, 'name' | 'flags'>): boolean {
  return name.startsWith('.zdebug_') && (flags & SHF_COMPRESSED) === 0;
}

/**
 * How a section is compressed, undefined when it is plain. The section's place in the file has been checked.
 * @throws FormatError `elf-malformed` for a header that is damaged or claims an impossible size, `elf-unsupported` for
 * an unknown method.
 */
export function compressionOf(file: ElfFile, section: ElfSection): Compression | undefined {
  if ((section.flags & SHF_COMPRESSED) === 0)
    return isGnuCompressed(section) ? gnuHeader(file, section) : undefined;
  if (section.type === SHT_NOBITS || (section.flags & SHF_ALLOC) !== 0)
    fail(section, 0, 'only sections with bytes that are not loaded can be compressed');
  const { is64, littleEndian } = file;
  const header = read(file, section, is64 ? 24 : 12);
  const type = header.getUint32(0, littleEndian);
  if (type !== ELFCOMPRESS_ZLIB && type !== ELFCOMPRESS_ZSTD) {
    throw new FormatError(
      'elf-unsupported',
      { format: 'elf', section: section.name, offset: 0 },
      `unknown compression type ${type}`,
    );
  }
  return checked(section, {
    method: type === ELFCOMPRESS_ZLIB ? 'zlib' : 'zstd',
    headerBytes: header.byteLength,
    sizeBytes: is64 ? wide(header, 8, littleEndian) : header.getUint32(4, littleEndian),
  });
}

function gnuHeader(file: ElfFile, section: ElfSection): Compression {
  const header = read(file, section, GNU_HEADER_BYTES);
  if (header.getUint32(0, false) !== 0x5a_4c_49_42)
    fail(section, 0, 'compressed section does not start with ZLIB');
  return checked(section, {
    method: 'zlib',
    headerBytes: GNU_HEADER_BYTES,
    sizeBytes: wide(header, 4, false),
  });
}

function read(file: ElfFile, section: ElfSection, length: number): DataView {
  if (section.sizeBytes < length)
    fail(section, 0, `${section.sizeBytes} bytes are too few for a compression header of ${length}`);
  const bytes = file.source.read(section.offset, length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function wide(view: DataView, at: number, littleEndian: boolean): number {
  const low = view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
  return view.getUint32(at + (littleEndian ? 4 : 0), littleEndian) * 0x1_0000_0000 + low;
}

function checked(section: ElfSection, compression: Compression): Compression {
  const { sizeBytes, headerBytes } = compression;
  const packed = section.sizeBytes - headerBytes;
  if (sizeBytes > FREE_BYTES + packed * MAX_EXPANSION)
    fail(
      section,
      0,
      `${packed} compressed bytes claim to be ${sizeBytes}, more than ${MAX_EXPANSION} times as many`,
    );
  if (sizeBytes > MAX_SECTION_BYTES) {
    throw new FormatError(
      'elf-unsupported',
      { format: 'elf', section: section.name },
      `section of ${sizeBytes} bytes exceeds ${MAX_SECTION_BYTES}`,
    );
  }
  return compression;
}

/**
 * A compressed section's contents.
 * @param raw the section's bytes as they stand in the file
 * @throws FormatError `elf-malformed` when they do not decompress to exactly the size that the header says,
 * `elf-unsupported` for zstd without a decompressor.
 */
export function decompress(
  section: ElfSection,
  { method, headerBytes, sizeBytes }: Compression,
  raw: Uint8Array,
  zstd: ZstdDecompressor | undefined,
): Uint8Array {
  const packed = raw.subarray(headerBytes);
  if (method === 'zstd' && zstd === undefined) {
    throw new FormatError(
      'elf-unsupported',
      { format: 'elf', section: section.name },
      'compressed with zstd: this needs Node 22.15 or a decompressor handed to openElf',
    );
  }
  const decompressor = method === 'zstd' && zstd !== undefined ? zstd : inflate;
  const plain = decompressor(packed, sizeBytes, section.name);
  // Some decompressors take truncated input without a word.
  if (plain.length !== sizeBytes)
    fail(section, headerBytes, `${plain.length} bytes came out, the header says ${sizeBytes}`);
  // Node's decompressors give a Buffer, whose methods differ (slice, toString).
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

/** One chunk as large as the result: nothing is copied together, and what does not fit is noticed. */
function inflate(packed: Uint8Array, sizeBytes: number, section: string): Uint8Array {
  const options = { chunkSize: Math.max(64, sizeBytes + 1), maxOutputLength: Math.max(1, sizeBytes) };
  return named('zlib', section, () => zlib.inflateSync(packed, options));
}

/** Errors of Node's decompressors with the section's name. */
function named(method: string, section: string, run: () => Uint8Array): Uint8Array {
  try {
    return run();
  } catch (cause) {
    const what = `${method}: ${(cause as Error).message}`;
    throw new FormatError('elf-malformed', { format: 'elf', section }, what, { cause });
  }
}
