/**
 * Headers of cpio members as rpm writes them: the SVR4 format without checksums (`070701`) and with them (`070702`),
 * cpio(5), and rpm's stripped form (`07070X`), which names a file of the package's header by its number (rpm's
 * docs/manual/format_payload.md). Pure: bytes in, values out.
 */

import { MAX_NAME_BYTES } from './limits.ts';
import { malformed } from './malformed.ts';

export const CPIO_PART = 'rpm payload';

/** Of every header: magic and eight digits. A stripped one has no more, but two bytes of padding. */
export const CPIO_START_BYTES = 14;
export const STRIPPED_PADDING_BYTES = 2;
/** What follows in the other two forms: twelve more fields of eight digits. */
export const CPIO_FIELDS_BYTES = 96;

/** Name of the last member, which is none. */
export const TRAILER = 'TRAILER!!!';

/** Everything begins at a multiple of it. */
const ALIGNMENT = 4;

const MAGICS = { '070701': 'newc', '070702': 'crc', '07070X': 'stripped' } as const;
const HEX = /^[\dA-Fa-f]{8}$/u;

export interface CpioStart {
  readonly form: (typeof MAGICS)[keyof typeof MAGICS];
  /** Inode number, or number of the file in the package's header when `form` is `stripped`. */
  readonly number: number;
}

export interface CpioFields {
  /** File type and permissions, as stat(2) gives them. */
  readonly mode: number;
  /** How many names this content has. */
  readonly linkCount: number;
  readonly sizeBytes: number;
  /** Identifies, with the inode number, what hard links share. */
  readonly device: string;
  /** NUL included. */
  readonly nameBytes: number;
  /** Sum of all content bytes modulo 2^32 in the `crc` form. */
  readonly checksum: number;
}

/** Decodes the first {@link CPIO_START_BYTES} of a header. Throws `package-malformed`. */
export function decodeCpioStart(bytes: Uint8Array, offset: number): CpioStart {
  const magic = text(bytes.subarray(0, 6));
  if (!Object.hasOwn(MAGICS, magic)) {
    throw malformed(CPIO_PART, offset, `${JSON.stringify(magic)} begins no cpio member that rpm writes`);
  }
  const form = MAGICS[magic as keyof typeof MAGICS];
  return { form, number: decodeHex(bytes.subarray(6), offset + 6, 'a number') };
}

/** Decodes the {@link CPIO_FIELDS_BYTES} behind the start. Throws `package-malformed`. */
export function decodeCpioFields(bytes: Uint8Array, offset: number): CpioFields {
  const field = (index: number, what: string): number =>
    decodeHex(bytes.subarray(index * 8, index * 8 + 8), offset + index * 8, what);
  const nameBytes = field(10, 'the length of a name');
  if (nameBytes < 2 || nameBytes > MAX_NAME_BYTES) {
    throw malformed(CPIO_PART, offset + 80, `a name of ${nameBytes} bytes, its NUL included`);
  }
  return {
    mode: field(0, 'a mode'),
    linkCount: field(3, 'a number of links'),
    sizeBytes: field(5, 'a size'),
    device: `${field(6, 'a device')}:${field(7, 'a device')}`,
    nameBytes,
    checksum: field(11, 'a checksum'),
  };
}

/** A name with its NUL. Throws `package-malformed` unless that is the only one, and at its end. */
export function decodeCpioName(bytes: Uint8Array, offset: number): string {
  if (bytes.indexOf(0) !== bytes.length - 1)
    throw malformed(CPIO_PART, offset, 'a name that does not end where it says');
  return Buffer.from(bytes.subarray(0, -1)).toString('utf8');
}

/** Zero bytes between something that ends at `end`, counted from a header's start or of content, and what follows. */
export function cpioPadding(end: number): number {
  return (ALIGNMENT - (end % ALIGNMENT)) % ALIGNMENT;
}

const TYPE_MASK = 0o170000;
const TYPES: ReadonlyMap<number, string> = new Map([
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o060000, 'block-device'],
  [0o020000, 'character-device'],
  [0o010000, 'fifo'],
  [0o140000, 'socket'],
]);

/** `file` for a regular file, else a word for messages. */
export function typeOfMode(mode: number): string {
  return TYPES.get(mode & TYPE_MASK) ?? 'of unknown type';
}

function decodeHex(bytes: Uint8Array, offset: number, what: string): number {
  const digits = text(bytes);
  if (!HEX.test(digits))
    throw malformed(CPIO_PART, offset, `${what} that is none: ${JSON.stringify(digits)}`);
  return Number.parseInt(digits, 16);
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
