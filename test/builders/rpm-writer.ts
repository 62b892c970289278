/**
 * rpm packages made by hand (rpm's docs/manual/format_*.md), for what rpmbuild refuses to build: damaged headers,
 * hostile payloads, the shapes of versions it does not write. Ordinary packages come from rpmbuild itself
 * (test/support/rpm-build.ts).
 */

import { createHash } from 'node:crypto';
import { byteWriter, concatBytes } from './byte-writer.ts';
import { type CpioForm, cpioArchive, type CpioMember, REGULAR, SYMLINK } from './cpio-writer.ts';
import { type Compression, compress } from './deb-writer.ts';

const TYPES = {
  INT8: 2,
  INT16: 3,
  INT32: 4,
  INT64: 5,
  STRING: 6,
  BIN: 7,
  STRING_ARRAY: 8,
  I18NSTRING: 9,
} as const;
const WIDTHS: Partial<Record<keyof typeof TYPES, number>> = { INT8: 1, INT16: 2, INT32: 4, INT64: 8 };

export interface HeaderEntry {
  readonly tag: number;
  readonly type: keyof typeof TYPES;
  readonly value: string | readonly string[] | readonly number[] | Uint8Array;
  /** Replace fields of the index. */
  readonly rawType?: number;
  readonly rawOffset?: number;
  readonly rawCount?: number;
}

export interface RawIntro {
  readonly magic?: readonly number[];
  readonly entryCount?: number;
  readonly dataBytes?: number;
}

/** A header whose entries lie in one region, as rpm demands: `region` is 62 for the signature header, 63 for the main one. */
export function headerBytes(
  entries: readonly HeaderEntry[],
  region: 62 | 63,
  raw: RawIntro = {},
): Uint8Array {
  const data = byteWriter(false);
  const index = byteWriter(false);
  for (const entry of entries.toSorted((a, b) => a.tag - b.tag)) {
    data.align(WIDTHS[entry.type] ?? 1);
    index.u32(entry.tag);
    index.u32(entry.rawType ?? TYPES[entry.type]);
    index.u32(entry.rawOffset ?? data.length);
    index.u32(entry.rawCount ?? writeValue(data, entry));
    if (entry.rawCount !== undefined) writeValue(data, entry);
  }
  const entryCount = entries.length + 1;
  const regionAt = data.length;
  for (const word of [region, TYPES.BIN, -entryCount * 16, 16]) data.u32(word);
  const regionEntry = byteWriter(false);
  for (const word of [region, TYPES.BIN, regionAt, 16]) regionEntry.u32(word);
  const intro = byteWriter(false);
  intro.bytes(Uint8Array.from(raw.magic ?? [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0]));
  intro.u32(raw.entryCount ?? entryCount);
  intro.u32(raw.dataBytes ?? data.length);
  return concatBytes(intro.toBytes(), regionEntry.toBytes(), index.toBytes(), data.toBytes());
}

/** Returns the number of values. */
function writeValue(out: ReturnType<typeof byteWriter>, { type, value }: HeaderEntry): number {
  if (value instanceof Uint8Array) {
    out.bytes(value);
    return value.length;
  }
  const values = typeof value === 'string' ? [value] : value;
  for (const each of values) {
    if (typeof each === 'string') out.cstring(each);
    else out.uint(each, WIDTHS[type] ?? 1);
  }
  return values.length;
}

export interface RpmParts {
  /** Replaces the 96 bytes at the start. */
  readonly lead?: Uint8Array;
  readonly signature: Uint8Array;
  readonly main: Uint8Array;
  readonly payload: Uint8Array;
}

/** The parts of a package one behind the other. */
export function rpmFile({ lead = rpmLead(3), signature, main, payload }: RpmParts): Uint8Array {
  const padding = new Uint8Array((8 - (signature.length % 8)) % 8);
  return concatBytes(lead, signature, padding, main, payload);
}

/** @param major 3 for packages of version 3 and 4, 4 for version 6 */
export function rpmLead(major: 3 | 4): Uint8Array {
  const lead = byteWriter(false);
  for (const half of [0xedab, 0xeedb, major << 8, 0, major === 3 ? 1 : 0]) lead.u16(half);
  lead.bytes(new Uint8Array(66));
  lead.u16(major === 3 ? 1 : 0);
  lead.u16(5);
  lead.bytes(new Uint8Array(16));
  return lead.toBytes();
}

export interface RpmFileEntry extends CpioMember {
  /** Flags of the file in the header, e.g. 64 for a ghost. */
  readonly flags?: number;
  /** Size in the header when it is not that of `data`. */
  readonly listedSizeBytes?: number;
  /** In the header only. */
  readonly isAbsent?: boolean;
}

export interface RpmSpec {
  readonly files: readonly RpmFileEntry[];
  readonly form?: CpioForm;
  readonly compression?: Compression;
  /** 4 (the default) or 6: which entries the headers have. */
  readonly version?: 4 | 6;
  /** Change the main header's entries, the payload before and after its compression, the signature header. */
  readonly changeMain?: (entries: readonly HeaderEntry[]) => readonly HeaderEntry[];
  readonly damageCpio?: (cpio: Uint8Array) => Uint8Array;
  readonly damagePayload?: (payload: Uint8Array) => Uint8Array;
  /** Further entries of the signature header, made from what they are to sign. */
  readonly sign?: (main: Uint8Array, payload: Uint8Array) => readonly HeaderEntry[];
}

const COMPRESSORS: Readonly<Record<Compression, string | undefined>> = {
  none: undefined,
  gz: 'gzip',
  bz2: 'bzip2',
  lzma: 'lzma',
  xz: 'xz',
  zst: 'zstd',
};

/** A complete package with its digests; rpm and rpm2cpio read version 4. */
export async function rpmPackage(spec: RpmSpec): Promise<Uint8Array> {
  const { main, payload } = await rpmBody(spec);
  const signature = headerBytes(
    [
      { tag: 269, type: 'STRING', value: hexDigest('sha1', main) },
      { tag: 273, type: 'STRING', value: hexDigest('sha256', main) },
      ...(spec.version === 6 ? [] : legacyDigests(main, payload)),
      ...(spec.sign?.(main, payload) ?? []),
    ],
    62,
  );
  return rpmFile({ lead: rpmLead(spec.version === 6 ? 4 : 3), signature, main, payload });
}

async function rpmBody(spec: RpmSpec): Promise<{ main: Uint8Array; payload: Uint8Array }> {
  const { files, form = spec.version === 6 ? 'stripped' : 'newc', compression = 'none' } = spec;
  const numbered = files.map((file, index) => ({ inode: index + 1, index, ...file }));
  const cpio = cpioArchive(
    form,
    numbered.filter(({ isAbsent }) => isAbsent !== true),
  );
  const compressed = await compress(spec.damageCpio?.(cpio) ?? cpio, compression);
  const payload = spec.damagePayload?.(compressed) ?? compressed;
  const entries = mainEntries(spec, numbered, payload, form === 'stripped');
  return { main: headerBytes(spec.changeMain?.(entries) ?? entries, 63), payload };
}

function mainEntries(
  { compression = 'none', version = 4 }: RpmSpec,
  files: readonly (RpmFileEntry & { inode: number })[],
  payload: Uint8Array,
  isLong: boolean,
): HeaderEntry[] {
  // `./usr/lib/x` is file `x` of folder `/usr/lib/`.
  const paths = files.map(({ name }) => name.replace(/^\.\//u, '/'));
  const folders = [...new Set(paths.map(folderOf))];
  const sizes = files.map(({ data, listedSizeBytes }) => listedSizeBytes ?? data?.length ?? 0);
  const compressor = COMPRESSORS[compression];
  const listed: HeaderEntry[] =
    files.length === 0
      ? []
      : [
          { tag: isLong ? 5008 : 1028, type: isLong ? 'INT64' : 'INT32', value: sizes },
          { tag: 1030, type: 'INT16', value: files.map(({ mode }) => mode ?? REGULAR) },
          { tag: 1033, type: 'INT16', value: files.map(() => 0) },
          { tag: 1034, type: 'INT32', value: files.map(() => 0) },
          { tag: 1035, type: 'STRING_ARRAY', value: files.map(() => '') },
          { tag: 1036, type: 'STRING_ARRAY', value: files.map(linkTarget) },
          { tag: 1037, type: 'INT32', value: files.map(({ flags }) => flags ?? 0) },
          { tag: 1039, type: 'STRING_ARRAY', value: files.map(() => 'root') },
          { tag: 1040, type: 'STRING_ARRAY', value: files.map(() => 'root') },
          { tag: 1095, type: 'INT32', value: files.map(() => 1) },
          { tag: 1096, type: 'INT32', value: files.map(({ inode }) => inode) },
          { tag: 1116, type: 'INT32', value: paths.map((path) => folders.indexOf(folderOf(path))) },
          {
            tag: 1117,
            type: 'STRING_ARRAY',
            value: paths.map((path) => path.slice(path.lastIndexOf('/') + 1)),
          },
          { tag: 1118, type: 'STRING_ARRAY', value: folders },
        ];
  return [
    { tag: 1000, type: 'STRING', value: 'kernel-debuginfo' },
    { tag: 1001, type: 'STRING', value: '1.0' },
    { tag: 1002, type: 'STRING', value: '1' },
    { tag: 1004, type: 'I18NSTRING', value: ['made by a test'] },
    { tag: 1021, type: 'STRING', value: 'linux' },
    { tag: 1022, type: 'STRING', value: 'x86_64' },
    { tag: 1124, type: 'STRING', value: 'cpio' },
    ...(compressor === undefined ? [] : ([{ tag: 1125, type: 'STRING', value: compressor }] as const)),
    ...listed,
    { tag: 5092, type: 'STRING_ARRAY', value: [hexDigest('sha256', payload)] },
    { tag: 5093, type: 'INT32', value: [8] },
    ...(version === 6 ? ([{ tag: 5114, type: 'INT32', value: [6] }] as const) : []),
  ];
}

function legacyDigests(main: Uint8Array, payload: Uint8Array): HeaderEntry[] {
  const md5 = createHash('md5').update(main).update(payload).digest();
  return [
    { tag: 1000, type: 'INT32', value: [main.length + payload.length] },
    { tag: 1004, type: 'BIN', value: md5 },
  ];
}

function linkTarget({ mode, data }: RpmFileEntry): string {
  return mode === SYMLINK ? new TextDecoder().decode(data) : '';
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function hexDigest(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
