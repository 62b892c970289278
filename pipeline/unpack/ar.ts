/**
 * The ar container as dpkg writes it: a magic line, then members of a 60-byte text header and data padded to even.
 * Spec: deb(5) and ar(5). Pure: bytes in, values out. No symbol tables and no long-name tables: no .deb has them.
 */

import { malformed } from './malformed.ts';

export const AR_MAGIC_BYTES = 8;
export const AR_HEADER_BYTES = 60;

const MAGIC = '!<arch>\n';
const HEADER_END = '`\n';
const SIZE_FIELD = /^(\d{1,10}) *$/u;

export interface ArMember {
  /** Without padding and without GNU ar's final slash. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Offsets from the start of the file. */
  readonly dataOffset: number;
  readonly nextOffset: number;
}

/** Throws `package-malformed` unless `bytes` begins with ar's magic line. */
export function checkArMagic(bytes: Uint8Array): void {
  if (text(bytes, 0, AR_MAGIC_BYTES) !== MAGIC) throw malformed('ar', 0, 'not an ar archive (bad magic)');
}

/** Decodes the header in `bytes` that stands at `offset` of the file. Throws `package-malformed`. */
export function decodeArHeader(bytes: Uint8Array, offset: number): ArMember {
  if (bytes.length < AR_HEADER_BYTES) {
    throw malformed('ar', offset, `member header ends after ${bytes.length} of ${AR_HEADER_BYTES} bytes`);
  }
  if (text(bytes, 58, 60) !== HEADER_END) throw malformed('ar', offset, 'member header without its end mark');
  const size = SIZE_FIELD.exec(text(bytes, 48, 58));
  if (size === null) {
    throw malformed('ar', offset, `member size ${JSON.stringify(text(bytes, 48, 58))} is no number`);
  }
  const name = text(bytes, 0, 16).replace(/ +$/u, '').replace(/\/$/u, '');
  if (!/^[\w.+-]+$/u.test(name)) {
    throw malformed('ar', offset, `member name ${JSON.stringify(name)} is none that a .deb has`);
  }
  const sizeBytes = Number(size[1]);
  const dataOffset = offset + AR_HEADER_BYTES;
  return { name, sizeBytes, dataOffset, nextOffset: dataOffset + sizeBytes + (sizeBytes % 2) };
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
