/**
 * The mirror that the end-to-end tests crawl: two releases, a security and a backports suite, two architectures,
 * every data.tar compression, kernels with and without `.BTF`, metapackages and other bystanders.
 */

import { join } from 'node:path';
import { buildDebianMirror, type MirrorSuite } from './debian-mirror.ts';
import { buildKernels, KERNEL_TOOLS, type MirrorKernels } from './kernels.ts';
import { createSigner, type Signer } from './signer.ts';

/** Programs that {@link buildSampleMirror} runs. */
export const MIRROR_TOOLS: readonly string[] = [
  ...new Set([
    ...KERNEL_TOOLS,
    'gpg',
    'gpgconf',
    'apt-ftparchive',
    'dpkg-deb',
    'xz',
    'zstd',
    'gzip',
    'bzip2',
  ]),
];

export interface SampleMirror {
  /** Holds `debian/` and `debian-security/`. */
  readonly root: string;
  readonly kernels: MirrorKernels;
  readonly signer: Signer;
}

/** What a crawl of `--release 12` and amd64 finds, by archive path without the suffix. */
export const BOOKWORM_AMD64: readonly string[] = [
  'debian/12/x86_64/6.1.0-1-amd64',
  'debian/12/x86_64/6.1.0-2-cloud-amd64',
  'debian/12/x86_64/6.1.0-3-amd64',
  'debian/12/x86_64/6.1.0-4-rt-amd64',
  'debian/12/x86_64/6.1.0-5-amd64',
  'debian/12/x86_64/6.12.9+deb12-amd64',
];

export const BOOKWORM_ARM64: readonly string[] = ['debian/12/arm64/6.1.0-2-arm64'];

/** Its index has expired, as mirrors of unstable have them at times. */
export const SID_AMD64: readonly string[] = ['debian/sid/x86_64/7.2.13+deb14-amd64'];

export const TRIXIE_AMD64: readonly string[] = ['debian/13/x86_64/6.12.94+deb13-amd64'];

/** Kernels of {@link BOOKWORM_AMD64} that carry native BTF. */
export const NATIVE_KERNELS: readonly string[] = ['6.1.0-2-cloud-amd64', '6.1.0-3-amd64'];

/** Builds it below `folder`, in about ten seconds. */
export async function buildSampleMirror(folder: string): Promise<SampleMirror> {
  const kernels = await buildKernels(folder);
  const signer = await createSigner(folder, 1);
  const root = join(folder, 'mirror');
  await buildDebianMirror({ root, signer, suites: sampleSuites(kernels) });
  return { root, kernels, signer };
}

export function sampleSuites(kernels: MirrorKernels): MirrorSuite[] {
  const amd64 = { architecture: 'amd64', place: 'boot' } as const;
  const cloud = {
    ...amd64,
    kernel: '6.1.0-2-cloud-amd64',
    version: '6.1.2-1',
    vmlinux: kernels.native,
    compression: 'zst',
  } as const;
  const tomorrow = new Date(Date.now() + 86_400_000);
  return [
    {
      name: 'bookworm',
      suiteField: 'oldstable',
      releaseVersion: '12.11',
      aliases: ['oldstable'],
      archive: 'debian',
      packages: [
        { ...amd64, kernel: '6.1.0-1-amd64', version: '6.1.1-1', vmlinux: kernels.dwarf5, compression: 'xz' },
        cloud,
        { ...amd64, kernel: '6.1.0-3-amd64', version: '6.1.3-1', vmlinux: kernels.native, compression: 'gz' },
        {
          ...amd64,
          kernel: '6.1.0-4-rt-amd64',
          version: '6.1.4-1',
          vmlinux: kernels.dwarf4,
          compression: 'none',
        },
        {
          architecture: 'arm64',
          place: 'boot',
          kernel: '6.1.0-2-arm64',
          version: '6.1.2-1',
          vmlinux: kernels.arm64,
          compression: 'xz',
        },
      ],
      emptyPackages: [
        { name: 'linux-image-amd64-dbg', architecture: 'amd64', depends: 'linux-image-6.1.0-3-amd64-dbg' },
        {
          name: 'linux-image-6.1-amd64-dbg',
          architecture: 'amd64',
          depends: 'linux-image-6.1.0-3-amd64-dbg',
        },
        {
          name: 'linux-image-cloud-amd64-dbg',
          architecture: 'amd64',
          depends: 'linux-image-6.1.0-2-cloud-amd64-dbg',
        },
        { name: 'linux-image-6.1.0-1-amd64', architecture: 'amd64' },
        { name: 'linux-headers-6.1.0-1-amd64', architecture: 'amd64' },
        { name: 'bash', architecture: 'amd64' },
      ],
    },
    {
      name: 'bookworm-security',
      suiteField: 'oldstable-security',
      archive: 'debian-security',
      validUntil: tomorrow,
      packages: [
        cloud,
        {
          ...amd64,
          kernel: '6.1.0-5-amd64',
          version: '6.1.5-1',
          vmlinux: kernels.dwarf5,
          compression: 'bz2',
        },
      ],
    },
    { name: 'bookworm-updates', suiteField: 'oldstable-updates', archive: 'debian', packages: [] },
    {
      name: 'bookworm-backports',
      archive: 'debian',
      validUntil: tomorrow,
      packages: [
        {
          architecture: 'amd64',
          place: 'lib-modules',
          kernel: '6.12.9+deb12-amd64',
          version: '6.12.9-1~bpo12+1',
          vmlinux: kernels.dwarf5,
          compression: 'lzma',
        },
      ],
    },
    {
      name: 'trixie',
      suiteField: 'stable',
      releaseVersion: '13.1',
      aliases: ['stable'],
      archive: 'debian',
      packages: [
        {
          architecture: 'amd64',
          place: 'lib-modules',
          kernel: '6.12.94+deb13-amd64',
          version: '6.12.94-1',
          vmlinux: kernels.dwarf4,
          compression: 'xz',
        },
      ],
    },
    {
      name: 'sid',
      suiteField: 'unstable',
      aliases: ['unstable'],
      archive: 'debian',
      validUntil: new Date(Date.now() - 86_400_000),
      packages: [
        {
          architecture: 'amd64',
          place: 'lib-modules',
          kernel: '7.2.13+deb14-amd64',
          version: '7.2.13-1',
          vmlinux: kernels.dwarf5,
          compression: 'xz',
        },
      ],
    },
  ];
}
