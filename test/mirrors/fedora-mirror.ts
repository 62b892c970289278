/**
 * Fedora in miniature: releases, updates, testing and rawhide on the download host, releases that have gone on the
 * archive host (the layouts of 24, of 25 to 27 and of 28 and later), metalinks and the list of releases.
 */

import { mkdir, readFile, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HostProgram } from '../internet/internet.ts';
import type { BuildMirrorOptions, BuiltMirror, MirroredKernel } from './built-mirror.ts';
import {
  commonRpm,
  kernelRpm,
  type KernelRpm,
  openKitchen,
  otherRpm,
  type RpmKitchen,
  unameOf,
} from './kernel-rpm.ts';
import { metalinkOf } from './metalink.ts';
import type { Payload, SignOptions } from './rpm-package.ts';
import { buildRepository, type RepositoryForm } from './rpm-repository.ts';

export const CURRENT = 'dl.fedoraproject.org';
const ARCHIVE = 'archives.fedoraproject.org';
/** A volunteer's mirror of the current tree, named first by the metalinks. */
const VOLUNTEER = 'mirror.fedora.example.net';
const ROOTS: Readonly<Record<string, string>> = {
  [CURRENT]: 'pub/fedora/linux',
  [ARCHIVE]: 'pub/archive/fedora/linux',
  [VOLUNTEER]: 'fedora',
};

export interface FedoraKernel {
  /** `<version>-<release>`. */
  readonly build: string;
  readonly vmlinux: keyof BuildMirrorOptions['kernels'];
  readonly payload?: Payload;
  readonly modules?: string;
  /** With kernel-debug-debuginfo beside it. */
  readonly hasDebug?: boolean;
}

export interface FedoraRepository {
  readonly host: string;
  /** Below the root of {@link ROOTS}, without the slash at the end. */
  readonly path: string;
  readonly arch: 'x86_64' | 'aarch64';
  /** Archive segment. */
  readonly release: string;
  /** Repository name in a metalink's query; absent: MirrorManager knows it no more. */
  readonly metalink?: string;
  /** Where packages lie below the base; default `Packages/k`. */
  readonly packages?: string;
  readonly form: RepositoryForm;
  readonly sign?: SignOptions;
  readonly kernels: readonly FedoraKernel[];
}

const ZST = { compression: 'zst' } as const;
const GZ_AND_DB = { database: { compression: 'xz', alone: false } } as const;
/** rpm before 4.14 signed the payload, too. */
const OLD_SIGNATURE = { overPayload: true } as const;

const REPOSITORIES: readonly FedoraRepository[] = [
  ...(['x86_64', 'aarch64'] as const).flatMap((arch): FedoraRepository[] => {
    const vmlinux = arch === 'aarch64' ? 'arm64' : 'native';
    return [
      {
        host: CURRENT,
        path: `releases/43/Everything/${arch}/debug/tree`,
        arch,
        release: '43',
        metalink: 'fedora-debug-43',
        form: ZST,
        kernels: [{ build: '6.17.1-300.fc43', vmlinux, payload: 'xz-threads' }],
      },
      {
        host: CURRENT,
        path: `updates/43/Everything/${arch}/debug`,
        arch,
        release: '43',
        metalink: 'updates-released-debug-f43',
        form: ZST,
        kernels: [
          { build: '6.17.7-300.fc43', vmlinux, payload: 'xz-threads' },
          { build: '6.17.8-300.fc43', vmlinux, payload: 'zstd', hasDebug: true },
        ],
      },
    ];
  }),
  {
    host: CURRENT,
    path: 'updates/testing/43/Everything/x86_64/debug',
    arch: 'x86_64',
    release: '43',
    metalink: 'updates-testing-debug-f43',
    form: ZST,
    kernels: [{ build: '6.17.9-300.fc43', vmlinux: 'dwarf5' }],
  },
  {
    host: CURRENT,
    path: 'development/rawhide/Everything/x86_64/debug/tree',
    arch: 'x86_64',
    release: '44',
    metalink: 'rawhide-debug',
    form: ZST,
    kernels: [
      { build: '6.18.0-0.rc6.48.fc44', vmlinux: 'dwarf5', modules: '/usr/lib/debug/usr/lib/modules' },
    ],
  },
  ...(['x86_64', 'aarch64'] as const).map(
    (arch): FedoraRepository => ({
      host: ARCHIVE,
      path: `releases/31/Everything/${arch}/debug/tree`,
      arch,
      release: '31',
      metalink: 'fedora-debug-31',
      form: GZ_AND_DB,
      kernels: [{ build: '5.3.7-301.fc31', vmlinux: arch === 'aarch64' ? 'arm64' : 'dwarf4' }],
    }),
  ),
  {
    host: ARCHIVE,
    path: 'updates/31/Everything/x86_64/debug',
    arch: 'x86_64',
    release: '31',
    metalink: 'updates-released-debug-f31',
    form: GZ_AND_DB,
    kernels: [{ build: '5.8.18-100.fc31', vmlinux: 'dwarf4', hasDebug: true }],
  },
  {
    host: ARCHIVE,
    path: 'releases/27/Everything/x86_64/debug/tree',
    arch: 'x86_64',
    release: '27',
    form: GZ_AND_DB,
    sign: OLD_SIGNATURE,
    kernels: [{ build: '4.13.9-300.fc27', vmlinux: 'dwarf4' }],
  },
  {
    host: ARCHIVE,
    path: 'updates/27/x86_64/debug',
    arch: 'x86_64',
    release: '27',
    form: GZ_AND_DB,
    sign: OLD_SIGNATURE,
    kernels: [{ build: '4.18.19-100.fc27', vmlinux: 'dwarf4' }],
  },
  {
    host: ARCHIVE,
    path: 'releases/24/Everything/x86_64/debug/tree',
    arch: 'x86_64',
    release: '24',
    form: GZ_AND_DB,
    sign: OLD_SIGNATURE,
    kernels: [{ build: '4.5.5-300.fc24', vmlinux: 'dwarf4' }],
  },
  {
    host: ARCHIVE,
    path: 'updates/24/x86_64/debug',
    arch: 'x86_64',
    release: '24',
    packages: 'k',
    form: GZ_AND_DB,
    sign: OLD_SIGNATURE,
    kernels: [{ build: '4.11.12-100.fc24', vmlinux: 'dwarf4' }],
  },
];

export interface FedoraMirror extends BuiltMirror {
  /** Folder of a repository's base: `baseOf('dl.fedoraproject.org', 'updates/43/Everything/x86_64/debug')`. */
  baseOf(host: string, path: string): string;
}

/** Builds it all, in about six seconds. */
export async function buildFedoraMirror(
  options: BuildMirrorOptions,
  repositories: readonly FedoraRepository[] = REPOSITORIES,
): Promise<FedoraMirror> {
  const kitchen = openKitchen(join(options.folder, 'fedora-packages'), options.signer);
  const baseOf = (host: string, path: string): string => join(options.folder, host, ROOTS[host], path);
  const kernels: MirroredKernel[] = [];
  for (const one of repositories)
    kernels.push(...(await buildOne(one, baseOf(one.host, one.path), options, kitchen)));
  const copy = join(options.folder, VOLUNTEER, ROOTS[VOLUNTEER]);
  await mkdir(dirname(copy), { recursive: true });
  await symlink(baseOf(CURRENT, ''), copy);
  return {
    hosts: new Map<string, string | HostProgram>([
      [CURRENT, join(options.folder, CURRENT)],
      [ARCHIVE, join(options.folder, ARCHIVE)],
      [VOLUNTEER, join(options.folder, VOLUNTEER)],
      ['mirrors.fedoraproject.org', async (url) => answerMetalink(url, baseOf, repositories)],
      [
        'fedoraproject.org',
        (url) => (url.pathname === '/releases.json' ? { body: RELEASES_JSON } : undefined),
      ],
    ]),
    keyring: options.signer.keyring,
    kernels,
    baseOf,
  };
}

async function buildOne(
  one: FedoraRepository,
  folder: string,
  { kernels }: BuildMirrorOptions,
  kitchen: RpmKitchen,
): Promise<MirroredKernel[]> {
  const { arch } = one;
  const found: MirroredKernel[] = [];
  const kernel = async (rpm: KernelRpm, vmlinux: string, variant?: 'debug') => {
    const archSegment = arch === 'aarch64' ? 'arm64' : arch;
    const key = `fedora/${one.release}/${archSegment}/${unameOf(rpm)}`;
    found.push({
      key,
      suite: `${one.host}/${one.path}`,
      vmlinux,
      ...(variant === undefined ? {} : { variant }),
    });
    return kernelRpm(rpm);
  };
  const rpms = [otherRpm('kernel-tools-debuginfo', arch, '6.0', '1'), otherRpm('zsh-debuginfo', arch)];
  for (const { build, vmlinux, hasDebug, ...more } of one.kernels) {
    const [version, release] = build.split('-');
    const common = { ...more, version, release, arch, vmlinux: kernels[vmlinux] };
    rpms.push(await kernel({ ...common, name: 'kernel-debuginfo' }, common.vmlinux), commonRpm(common));
    if (hasDebug === true) {
      const debug = { ...common, name: 'kernel-debug-debuginfo', suffix: '+debug' };
      rpms.push(await kernel(debug, common.vmlinux, 'debug'));
    }
  }
  const cooked = await kitchen.cook(rpms, one.sign);
  const place = (name: string): string =>
    one.packages === undefined ? `Packages/${name[0]}/${name}` : `${name[0]}/${name}`;
  const packages = new Map([...cooked].map(([name, file]) => [place(name), file]));
  await buildRepository({ ...one.form, folder, packages });
  return found;
}

async function answerMetalink(
  url: URL,
  baseOf: FedoraMirror['baseOf'],
  repositories: readonly FedoraRepository[],
): Promise<{ readonly body: string } | undefined> {
  const { searchParams: query } = url;
  const one = repositories.find(
    ({ metalink, arch }) => metalink === query.get('repo') && arch === query.get('arch'),
  );
  if (url.pathname !== '/metalink' || one?.metalink === undefined) return undefined;
  const repomd = 'repodata/repomd.xml';
  const hosts = one.host === CURRENT ? [VOLUNTEER, CURRENT] : [one.host];
  return {
    body: metalinkOf({
      urls: hosts.map((host) => `https://${host}/${ROOTS[host]}/${one.path}/${repomd}`),
      current: await readFile(join(baseOf(one.host, one.path), repomd)),
    }),
  };
}

/** As Fedora publishes it: the images of the releases that are current. */
const RELEASES_JSON = JSON.stringify(
  ['x86_64', 'aarch64', 'ppc64le', 's390x'].map((arch) => ({
    version: '43',
    arch,
    link: `https://download.fedoraproject.org/pub/fedora/linux/releases/43/Server/${arch}/iso/Fedora-Server-dvd-${arch}-43-1.6.iso`,
    variant: 'Server',
    subvariant: 'Server',
    sha256: 'aca006063c9f0a7e3f8d1d1d7e0b1c5e9f1d6c7b2c6a4c1d8b3a2f1e0d9c8b7a',
    size: '2600000000',
  })),
);
