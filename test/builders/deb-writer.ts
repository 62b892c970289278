/**
 * Debian packages made by hand (deb(5), ar, ustar), for what dpkg-deb refuses to build: old compressions, hostile
 * paths, wrong sizes. Ordinary packages come from dpkg-deb itself (test/mirrors).
 */

import { programBytes } from '../support/program-bytes.ts';
import { concatBytes } from './byte-writer.ts';

export type Compression = 'none' | 'gz' | 'xz' | 'zst' | 'bz2' | 'lzma';

export interface ArMember {
  readonly name: string;
  readonly data: Uint8Array;
  /** Replaces the size field of the header. */
  readonly rawSize?: string;
  /** Replaces the two magic bytes that end the header. */
  readonly rawMagic?: string;
}

/** An ar archive; members are padded to even offsets. */
export function arArchive(members: readonly ArMember[]): Uint8Array {
  const parts: Uint8Array[] = [ascii('!<arch>\n')];
  for (const { name, data, rawSize, rawMagic } of members) {
    const size = rawSize ?? String(data.length);
    const header = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    parts.push(ascii(`${header}${size.padEnd(10)}${rawMagic ?? '`\n'}`), data);
    if (data.length % 2 === 1) parts.push(ascii('\n'));
  }
  return concatBytes(...parts);
}

export interface TarEntry {
  readonly name: string;
  readonly data?: Uint8Array;
  /** `file` (default), `dir`, `symlink`, `hardlink`, or a raw type flag. */
  readonly type?: 'file' | 'dir' | 'symlink' | 'hardlink' | { readonly flag: string };
  readonly linkName?: string;
  /** Replaces the size field. */
  readonly rawSize?: number;
  /** Replaces the checksum field. */
  readonly rawChecksum?: number;
}

const TYPE_FLAGS = { file: '0', hardlink: '1', symlink: '2', dir: '5' } as const;

/** A ustar archive with its two closing zero blocks. Names are at most 100 bytes. */
export function tarArchive(entries: readonly TarEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const data = entry.data ?? new Uint8Array(0);
    parts.push(tarHeader(entry, data.length), data, new Uint8Array((512 - (data.length % 512)) % 512));
  }
  return concatBytes(...parts, new Uint8Array(1024));
}

/** Compresses with the system's own programs, as the real packages are. */
export async function compress(data: Uint8Array, how: Compression): Promise<Uint8Array> {
  if (how === 'none') return data;
  const programs: Record<Exclude<Compression, 'none'>, [string, ...string[]]> = {
    gz: ['gzip', '-nc'],
    xz: ['xz', '-c', '-1'],
    zst: ['zstd', '-qc'],
    bz2: ['bzip2', '-c'],
    lzma: ['xz', '--format=lzma', '-c', '-1'],
  };
  const [program, ...flags] = programs[how];
  return programBytes(program, flags, { input: data });
}

export interface DebPackage {
  readonly name: string;
  readonly version: string;
  /** Debian's name, e.g. `amd64`. */
  readonly architecture: string;
  readonly depends?: string;
  readonly entries: readonly TarEntry[];
  readonly compression: Compression;
  /** Changes the compressed data member, e.g. cuts it short. */
  readonly damage?: (data: Uint8Array) => Uint8Array;
  /** Replaces all members. */
  readonly rawMembers?: readonly ArMember[];
}

/** A complete .deb; apt-ftparchive and dpkg-deb read it. */
export async function debPackage(deb: DebPackage): Promise<Uint8Array> {
  const control = tarArchive([{ name: './control', data: ascii(controlFile(deb)) }]);
  const data = await compress(tarArchive(deb.entries), deb.compression);
  const suffix = deb.compression === 'none' ? '' : `.${deb.compression}`;
  return arArchive(
    deb.rawMembers ?? [
      { name: 'debian-binary', data: ascii('2.0\n') },
      { name: 'control.tar.gz', data: await compress(control, 'gz') },
      { name: `data.tar${suffix}`, data: deb.damage?.(data) ?? data },
    ],
  );
}

/** DEBIAN/control of a kernel debug package. */
export function controlFile(deb: Pick<DebPackage, 'name' | 'version' | 'architecture' | 'depends'>): string {
  return `Package: ${deb.name}
Source: linux
Version: ${deb.version}
Architecture: ${deb.architecture}
Maintainer: btfmill tests <tests@example.invalid>
${deb.depends === undefined ? '' : `Depends: ${deb.depends}\n`}Section: debug
Priority: optional
Description: made by a test
 Not a real kernel.
`;
}

function tarHeader(entry: TarEntry, sizeBytes: number): Uint8Array {
  const type = entry.type ?? 'file';
  const flag = typeof type === 'string' ? TYPE_FLAGS[type] : type.flag;
  const header = new Uint8Array(512);
  const put = (at: number, text: string): void => {
    header.set(new TextEncoder().encode(text), at);
  };
  put(0, entry.name);
  put(100, `${octal(type === 'dir' ? 0o755 : 0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`);
  put(124, `${octal(entry.rawSize ?? sizeBytes, 11)}\0${octal(0, 11)}\0        ${flag}`);
  put(157, entry.linkName ?? '');
  put(257, 'ustar\x0000root');
  put(297, 'root');
  const sum = entry.rawChecksum ?? header.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
