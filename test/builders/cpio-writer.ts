/** cpio archives made by hand in the three forms that rpm packages have: newc, crc and rpm's stripped one. */

import { concatBytes } from './byte-writer.ts';

export type CpioForm = 'newc' | 'crc' | 'stripped';

export interface CpioMember {
  readonly name: string;
  readonly data?: Uint8Array;
  /** File type and permissions; a regular file when left out. */
  readonly mode?: number;
  readonly inode?: number;
  /** Names of the same content; 1 when left out. */
  readonly linkCount?: number;
  /** Of a stripped member: number of the file in the header. */
  readonly index?: number;
  /** Replaces the magic. */
  readonly rawMagic?: string;
  /** Replaces fields of eight hexadecimal digits, by their place behind the magic (0 is the inode number). */
  readonly rawFields?: Readonly<Record<number, string>>;
  /** Replaces the name with its NUL. */
  readonly rawName?: Uint8Array;
}

export const REGULAR = 0o100644;
export const SYMLINK = 0o120777;
export const DIRECTORY = 0o040755;

const MAGIC = { newc: '070701', crc: '070702', stripped: '07070X' } as const;

/** Ends with the trailer, unless `trailer` is false. */
export function cpioArchive(
  form: CpioForm,
  members: readonly CpioMember[],
  { trailer = true }: { readonly trailer?: boolean } = {},
): Uint8Array {
  const parts = members.map((member, i) => memberBytes(form, { inode: i + 1, index: i, ...member }));
  if (trailer) parts.push(memberBytes('newc', { name: 'TRAILER!!!', mode: 0, inode: 0 }));
  return concatBytes(...parts);
}

function memberBytes(form: CpioForm, member: CpioMember): Uint8Array {
  const data = member.data ?? new Uint8Array(0);
  const magic = member.rawMagic ?? MAGIC[form];
  if (form === 'stripped') {
    const index = member.rawFields?.[0] ?? hex(member.index ?? 0);
    return padded(padded(ascii(`${magic}${index}`)), data);
  }
  const name = member.rawName ?? ascii(`${member.name}\0`);
  const sum = form === 'crc' && data.length > 0 ? data.reduce((total, byte) => total + byte, 0) : 0;
  const fields = [
    member.inode ?? 0,
    member.mode ?? REGULAR,
    0,
    0,
    member.linkCount ?? 1,
    0,
    data.length,
    0,
    0,
    0,
    0,
    name.length,
    sum,
  ].map((value, i) => member.rawFields?.[i] ?? hex(value));
  return padded(padded(ascii(`${magic}${fields.join('')}`), name), data);
}

/** The parts one behind the other, and zeros up to a multiple of four. */
function padded(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concatBytes(...parts, new Uint8Array((4 - (length % 4)) % 4));
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
