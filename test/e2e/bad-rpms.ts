/** Debug packages in rpm's format with something wrong in them, each with the error that names it. */

import { REGULAR, SYMLINK } from '../builders/cpio-writer.ts';
import { type HeaderEntry, type RpmFileEntry, rpmPackage, type RpmSpec } from '../builders/rpm-writer.ts';
import { nameKernel } from '../mirrors/kernels.ts';
import type { RawRpm } from '../mirrors/rpm-repository.ts';
import type { Signer } from '../mirrors/signer.ts';
import { programBytesSync } from '../support/program-bytes.ts';
import type { VmlinuxFault } from './bad-kernels.ts';

export interface BadRpm {
  readonly kernel: string;
  readonly what: string;
  /** `published` when it looks wrong and is not. */
  readonly outcome: 'failed' | 'no-debug-info' | 'published';
  readonly code?: string;
  readonly message?: RegExp;
  /** Of what is published. */
  readonly trust?: string;
  readonly package: RawRpm;
}

interface Description {
  readonly what: string;
  readonly outcome?: BadRpm['outcome'];
  readonly code?: string;
  readonly message?: RegExp;
  readonly trust?: string;
  /** Default: the good vmlinux alone. */
  readonly files?: (kernel: string) => readonly RpmFileEntry[];
  readonly spec?: Partial<RpmSpec>;
  /** Default: a good signature over the main header. */
  readonly sign?: NonNullable<RpmSpec['sign']>;
  /** What becomes of the finished package. */
  readonly change?: (bytes: Buffer) => Uint8Array;
}

export interface BadRpmOptions {
  readonly vmlinux: Uint8Array;
  readonly faults: readonly VmlinuxFault[];
  readonly signer: Signer;
  readonly stranger: Signer;
}

const VERSION = '4.18.0';
const ARCH = 'x86_64';
const TAG = { version: 1001, release: 1002, payloadFormat: 1124, payloadCompressor: 1125 } as const;
const SIGNATURE_TAG = { ofHeader: 268, ofAll: 1002 } as const;
const PAYLOAD_DIGEST: ReadonlySet<number> = new Set([5092, 5093]);

/** All of them; kernels are numbered 4.18.0-101.el8.x86_64 and up. */
export async function buildBadRpms(options: BadRpmOptions): Promise<BadRpm[]> {
  const { signer } = options;
  const descriptions = [
    ...payloadFaults(),
    ...headerFaults(),
    ...contentFaults(options),
    ...signatureFaults(options),
    ...options.faults.map(
      (fault): Description => ({
        ...fault,
        files: (kernel) => [{ name: vmlinuxPath(kernel), data: nameKernel(fault.vmlinux, kernel) }],
      }),
    ),
  ];
  const bad: BadRpm[] = [];
  for (const [i, { files, spec, sign, change, ...description }] of descriptions.entries()) {
    const release = `${101 + i}.el8`;
    const kernel = `${VERSION}-${release}.${ARCH}`;
    const identify = (entries: readonly HeaderEntry[]): HeaderEntry[] =>
      entries.map((entry) => {
        if (entry.tag === TAG.version) return { ...entry, value: VERSION };
        return entry.tag === TAG.release ? { ...entry, value: release } : entry;
      });
    const good = [{ name: vmlinuxPath(kernel), data: nameKernel(options.vmlinux, kernel) }];
    const bytes = await rpmPackage({
      compression: 'xz',
      files: files?.(kernel) ?? good,
      ...spec,
      changeMain: (entries) => identify(spec?.changeMain?.(entries) ?? entries),
      sign: sign ?? ((main) => [headerSignature(signer, main)]),
    });
    bad.push({
      outcome: 'failed',
      ...description,
      kernel,
      package: {
        name: 'kernel-debuginfo',
        version: VERSION,
        release,
        arch: ARCH,
        bytes: change?.(Buffer.from(bytes)) ?? bytes,
      },
    });
  }
  return bad;
}

function vmlinuxPath(kernel: string): string {
  return `./usr/lib/debug/lib/modules/${kernel}/vmlinux`;
}

function half(data: Uint8Array): Uint8Array {
  return data.subarray(0, data.length >> 1);
}

function flip(data: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(data);
  copy[copy.length >> 1] ^= 0x20;
  return copy;
}

/** All are properly signed: the signature vouches for the damage. */
function payloadFaults(): Description[] {
  const malformed = { code: 'package-malformed' };
  const cut = (['xz', 'zst', 'gz', 'bz2', 'lzma', 'none'] as const).map(
    (compression): Description => ({
      ...malformed,
      what: `${compression} payload cut in half`,
      spec: { compression, damagePayload: half },
    }),
  );
  const flipped = (['xz', 'zst', 'gz', 'bz2'] as const).map(
    (compression): Description => ({
      ...malformed,
      what: `${compression} payload with a flipped bit`,
      spec: { compression, damagePayload: flip },
    }),
  );
  return [
    ...cut,
    ...flipped,
    { ...malformed, what: 'an empty payload', spec: { damagePayload: () => new Uint8Array(0) } },
    {
      ...malformed,
      what: 'a payload that is compressed otherwise',
      spec: { damagePayload: () => Buffer.from('PK\x03\x04zip') },
    },
    { ...malformed, what: 'an archive without its end', spec: { damageCpio: half } },
    {
      ...malformed,
      what: 'an archive of another kind',
      spec: { damageCpio: (cpio) => Buffer.concat([Buffer.from('070707'), cpio.subarray(6)]) },
    },
    {
      ...malformed,
      what: 'a member of another size than the header says',
      spec: { form: 'stripped' },
      files: (kernel) => [{ name: vmlinuxPath(kernel), data: Buffer.alloc(5000), listedSizeBytes: 400 }],
    },
  ];
}

/** Replaces an entry of the main header, or adds it. */
function withTag(tag: number, value: string): NonNullable<RpmSpec['changeMain']> {
  return (entries) => [...entries.filter((entry) => entry.tag !== tag), { tag, type: 'STRING', value }];
}

function withoutPayloadDigest(entries: readonly HeaderEntry[]): HeaderEntry[] {
  return entries.filter(({ tag }) => !PAYLOAD_DIGEST.has(tag));
}

function headerFaults(): Description[] {
  const malformed = { code: 'package-malformed' };
  return [
    { ...malformed, what: 'a web page', change: () => Buffer.from('<html>login please</html>'.repeat(50)) },
    { ...malformed, what: 'a lead alone', change: (bytes) => bytes.subarray(0, 96) },
    { ...malformed, what: 'half a header', change: (bytes) => bytes.subarray(0, 500) },
    {
      ...malformed,
      what: 'a signature header of two thousand million entries',
      change: (bytes) => {
        bytes.writeUInt32BE(0x7fffffff, 96 + 8);
        return bytes;
      },
    },
    { ...malformed, what: 'a delta package', spec: { changeMain: withTag(TAG.payloadFormat, 'drpm') } },
    {
      ...malformed,
      what: 'an unknown compressor',
      spec: { changeMain: withTag(TAG.payloadCompressor, 'rar') },
    },
  ];
}

function contentFaults({ vmlinux }: BadRpmOptions): Description[] {
  const image = (kernel: string, named = kernel): RpmFileEntry => ({
    name: vmlinuxPath(kernel),
    data: nameKernel(vmlinux, named),
  });
  return [
    {
      what: 'no vmlinux',
      code: 'package-no-vmlinux',
      files: () => [{ name: './usr/share/doc/README', data: Buffer.from('nothing here') }],
    },
    {
      what: 'vmlinux as a symbolic link alone',
      code: 'package-no-vmlinux',
      files: (kernel) => [{ name: vmlinuxPath(kernel), mode: SYMLINK, data: Buffer.from('/etc/passwd') }],
    },
    {
      what: 'vmlinux as a hard link whose content never comes',
      code: 'package-no-vmlinux',
      files: (kernel) => [
        { name: vmlinuxPath(kernel), mode: REGULAR, linkCount: 2, data: new Uint8Array(0) },
      ],
    },
    {
      what: 'the vmlinux of another kernel',
      code: 'kernel-name',
      message: /6\.9\.9/u,
      files: () => [image('6.9.9-1.el8.x86_64')],
    },
    {
      what: 'the vmlinux of the debug kernel',
      code: 'kernel-name',
      message: /\+debug/u,
      files: (kernel) => [image(`${kernel}+debug`)],
    },
    {
      what: 'a vmlinux that says it is another kernel',
      code: 'kernel-name',
      message: /6\.9\.9/u,
      files: (kernel) => [image(kernel, '6.9.9-1.el8.x86_64')],
    },
    {
      what: 'a member that climbs out',
      code: 'package-unsafe-path',
      files: (kernel) => [
        { name: './usr/../../../../tmp/btfmill-climbed', data: Buffer.from('x') },
        image(kernel),
      ],
    },
    {
      what: 'a vmlinux of absurd size',
      code: 'package-too-large',
      spec: { form: 'stripped' },
      files: (kernel) => [{ ...image(kernel), listedSizeBytes: 7 * 1024 ** 3 }],
    },
  ];
}

function signatureFaults({ signer, stranger }: BadRpmOptions): Description[] {
  const refused = { code: 'package-signature' };
  return [
    { ...refused, what: 'no signature', sign: () => [] },
    { ...refused, what: 'a stranger’s signature', sign: (main) => [headerSignature(stranger, main)] },
    {
      ...refused,
      what: 'a good signature of something else',
      sign: () => [headerSignature(signer, Buffer.from('something else'))],
    },
    {
      ...refused,
      what: 'no OpenPGP in the place of a signature',
      sign: () => [{ tag: SIGNATURE_TAG.ofHeader, type: 'BIN', value: Buffer.from('not a signature') }],
    },
    {
      ...refused,
      what: 'a good signature of the header, and another payload’s beside it',
      spec: { changeMain: withoutPayloadDigest },
      sign: (main) => [
        headerSignature(signer, main),
        {
          tag: SIGNATURE_TAG.ofAll,
          type: 'BIN',
          value: sign(signer, Buffer.concat([main, Buffer.from('other')])),
        },
      ],
    },
    {
      what: 'a payload that was exchanged after signing',
      code: 'package-digest',
      change: (bytes) => {
        bytes[bytes.length - 20] ^= 1;
        return bytes;
      },
    },
    {
      what: 'a header and payload that one signature covers, as before rpm 4.14',
      outcome: 'published',
      trust: 'signed-package',
      spec: { changeMain: withoutPayloadDigest },
      sign: (main, payload) => [
        { tag: SIGNATURE_TAG.ofAll, type: 'BIN', value: sign(signer, Buffer.concat([main, payload])) },
      ],
    },
    {
      what: 'a header alone that is signed, from an index that came by HTTPS',
      outcome: 'published',
      trust: 'tls-only',
      spec: { changeMain: withoutPayloadDigest },
    },
  ];
}

function headerSignature(signer: Signer, main: Uint8Array): HeaderEntry {
  return { tag: SIGNATURE_TAG.ofHeader, type: 'BIN', value: sign(signer, main) };
}

/** A binary detached signature, by gpg. */
function sign({ home, user }: Signer, bytes: Uint8Array): Uint8Array {
  const flags = ['--batch', '--quiet', '--pinentry-mode', 'loopback', '--digest-algo', 'SHA256'];
  return programBytesSync('gpg', ['--homedir', home, ...flags, '--local-user', user, '--detach-sign'], {
    input: bytes,
  });
}
