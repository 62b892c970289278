/**
 * CentOS in miniature: the flat debuginfo trees of 7, 8 and Stream 8 with their copies on two other hosts, the debug
 * trees of Stream 9 and 10 with signed repomd.xml and metalinks, and a vault without any of it.
 */

import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
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
import type { MirrorKernels } from './kernels.ts';
import { metalinkOf } from './metalink.ts';
import type { Payload } from './rpm-package.ts';
import { buildRepository, type RepositoryForm } from './rpm-repository.ts';

export const CENTOS_HOSTS = {
  debuginfo: 'debuginfo.centos.org',
  /** The two that carry `centos-debuginfo/` as well. */
  copies: ['linuxsoft.cern.ch', 'mirror.facebook.net'],
  stream: 'mirror.stream.centos.org',
  metalink: 'mirrors.centos.org',
  vault: 'vault.centos.org',
} as const;

/** `<package> <version>-<release> <what follows the architecture in uname -r>`, and its vmlinux. */
export type CentosKernel = readonly [
  name: string,
  build: string,
  suffix: string,
  vmlinux: keyof MirrorKernels,
  payload?: Payload,
];

export interface CentosRepository {
  /** Archive segment. */
  readonly release: string;
  readonly host: string;
  /** Of the base, without slashes at its ends. */
  readonly path: string;
  readonly arch: 'x86_64' | 'aarch64';
  /** Folder of the packages below the base; default `Packages`, empty when they lie beside repodata/. */
  readonly packages?: string;
  readonly form: RepositoryForm;
  readonly isRepomdSigned?: boolean;
  /** rpm before 4.14 signed the payload, too. */
  readonly isOld?: boolean;
  /** In a metalink's query. */
  readonly metalink?: string;
  readonly kernels: readonly CentosKernel[];
}

const OLD = { form: { database: { compression: 'bz2', alone: false } }, isOld: true } as const;
const { debuginfo, stream } = CENTOS_HOSTS;

const FLAT: readonly CentosRepository[] = [
  {
    ...OLD,
    release: '7',
    host: debuginfo,
    path: '7/x86_64',
    packages: '',
    arch: 'x86_64',
    kernels: [
      ['kernel-debuginfo', '3.10.0-1160.el7', '', 'dwarf4'],
      ['kernel-debug-debuginfo', '3.10.0-1160.el7', '.debug', 'dwarf4'],
      ['kernel-debuginfo', '3.10.0-1160.119.1.el7', '', 'dwarf4'],
      ['kernel-plus-debuginfo', '3.10.0-1127.el7.centos.plus', '', 'dwarf4'],
      ['kernel-rt-debuginfo', '3.10.0-1160.11.1.rt56.1145.el7', '', 'dwarf4'],
    ],
  },
  {
    ...OLD,
    release: '7',
    host: debuginfo,
    path: '7/aarch64',
    packages: '',
    arch: 'aarch64',
    kernels: [
      ['kernel-debuginfo', '4.14.0-115.10.1.el7a', '', 'arm64'],
      ['kernel-debuginfo', '4.18.0-80.7.2.el7', '', 'arm64'],
    ],
  },
  {
    release: '8',
    host: debuginfo,
    path: '8/x86_64',
    arch: 'x86_64',
    form: {},
    kernels: [
      ['kernel-debuginfo', '4.18.0-80.el8', '', 'dwarf4'],
      ['kernel-debuginfo', '4.18.0-147.8.1.el8_1', '', 'dwarf4'],
      ['kernel-debug-debuginfo', '4.18.0-147.8.1.el8_1', '+debug', 'dwarf4'],
      ['kernel-rt-debuginfo', '4.18.0-305.rt7.72.el8', '', 'dwarf4'],
    ],
  },
  {
    release: '8',
    host: debuginfo,
    path: '8/aarch64',
    arch: 'aarch64',
    form: {},
    kernels: [['kernel-debuginfo', '4.18.0-147.8.1.el8_1', '', 'arm64']],
  },
  {
    release: '8',
    host: debuginfo,
    path: '8-stream/x86_64',
    arch: 'x86_64',
    form: {},
    kernels: [['kernel-debuginfo', '4.18.0-553.6.1.el8', '', 'dwarf4']],
  },
  {
    release: '8',
    host: debuginfo,
    path: '8-stream/aarch64',
    arch: 'aarch64',
    form: {},
    kernels: [['kernel-debuginfo', '4.18.0-553.6.1.el8', '', 'arm64']],
  },
];

/** BaseOS, AppStream and CRB have a signed repomd.xml; real-time kernels are in two repositories, for x86_64 alone. */
const STREAMS: readonly CentosRepository[] = [
  ['9', '5.14.0-620.el9', 'gz'] as const,
  ['10', '6.12.0-150.el10', 'zst'] as const,
].flatMap(([release, build, compression]) => {
  const one = (
    name: string,
    arch: 'x86_64' | 'aarch64',
    kernels: readonly CentosKernel[],
  ): CentosRepository => ({
    release,
    host: stream,
    path: `${release}-stream/${name}/${arch}/debug/tree`,
    arch,
    form: { compression },
    isRepomdSigned: !['RT', 'NFV'].includes(name),
    metalink: `centos-${name.toLowerCase()}-debug-${release}-stream`,
    kernels,
  });
  const realTime: readonly CentosKernel[] = [
    ['kernel-rt-debuginfo', build, '+rt', 'native'],
    ['kernel-rt-debug-debuginfo', build, '+rt-debug', 'native'],
  ];
  return [
    one('BaseOS', 'x86_64', [
      ['kernel-debuginfo', build, '', 'native'],
      ['kernel-debug-debuginfo', build, '+debug', 'native'],
    ]),
    one('BaseOS', 'aarch64', [
      ['kernel-debuginfo', build, '', 'arm64'],
      ['kernel-64k-debuginfo', build, '+64k', 'arm64'],
    ]),
    ...(['x86_64', 'aarch64'] as const).flatMap((arch) => [one('AppStream', arch, []), one('CRB', arch, [])]),
    one('RT', 'x86_64', realTime),
    one('NFV', 'x86_64', realTime),
  ];
});

const REPOSITORIES: readonly CentosRepository[] = [...FLAT, ...STREAMS];

export interface CentosMirror extends BuiltMirror {
  /** Folder of a repository's base: `baseOf('debuginfo.centos.org', '7/x86_64')`. */
  baseOf(host: string, path: string): string;
}

/** Builds it all, in about seven seconds. */
export async function buildCentosMirror(
  options: BuildMirrorOptions,
  repositories: readonly CentosRepository[] = REPOSITORIES,
): Promise<CentosMirror> {
  const { folder, signer } = options;
  const kitchen = openKitchen(join(folder, 'centos-packages'), signer);
  const baseOf = (host: string, path: string): string => join(folder, host, path);
  const kernels = new Map<string, MirroredKernel>();
  for (const one of repositories) {
    for (const kernel of await buildOne(one, baseOf(one.host, one.path), options, kitchen)) {
      kernels.set(kernel.key, kernel);
    }
  }
  for (const host of CENTOS_HOSTS.copies) {
    await mkdir(join(folder, host));
    await symlink(baseOf(debuginfo, ''), join(folder, host, 'centos-debuginfo'));
  }
  await mkdir(join(folder, CENTOS_HOSTS.vault));
  const folders = [debuginfo, ...CENTOS_HOSTS.copies, stream, CENTOS_HOSTS.vault];
  return {
    hosts: new Map<string, string | HostProgram>([
      ...folders.map((host) => [host, join(folder, host)] as const),
      [CENTOS_HOSTS.metalink, async (url) => answerMetalink(url, baseOf, repositories)],
    ]),
    keyring: signer.keyring,
    kernels: [...kernels.values()],
    baseOf,
  };
}

async function buildOne(
  one: CentosRepository,
  folder: string,
  { kernels, signer }: BuildMirrorOptions,
  kitchen: RpmKitchen,
): Promise<MirroredKernel[]> {
  const { arch } = one;
  const found: MirroredKernel[] = [];
  const rpms = [
    otherRpm('bpftool-debuginfo', arch),
    otherRpm(`${one.path.split('/')[1]}-zsh-debuginfo`, arch),
  ];
  for (const [name, build, suffix, vmlinux, payload = 'xz-threads'] of one.kernels) {
    const [version, release] = build.split('-');
    const isDebug = name.includes('-debug-');
    // Until 9.3 the real-time kernel was a source package of its own, and kernel-plus always is.
    const source = /^kernel-plus|\.rt\d/u.test(`${name}${release}`)
      ? name.replace(/(-debug)?-debuginfo/u, '')
      : 'kernel';
    const file = kernels[vmlinux];
    const rpm: KernelRpm = {
      name,
      version,
      release,
      arch,
      suffix,
      vmlinux: file,
      source,
      payload,
    };
    const archSegment = arch === 'aarch64' ? 'arm64' : arch;
    const key = `centos/${one.release}/${archSegment}/${unameOf(rpm)}`;
    found.push({
      key,
      suite: `${one.host}/${one.path}`,
      vmlinux: file,
      ...(isDebug ? { variant: 'debug' } : {}),
    });
    rpms.push(await kernelRpm(rpm));
    if (!isDebug) rpms.push(commonRpm(rpm));
  }
  const cooked = await kitchen.cook(rpms, { overPayload: one.isOld === true });
  const prefix = one.packages === undefined ? 'Packages/' : one.packages;
  await buildRepository({
    ...one.form,
    folder,
    packages: new Map([...cooked].map(([name, file]) => [`${prefix}${name}`, file])),
    ...(one.isRepomdSigned === true ? { signer } : {}),
  });
  return found;
}

async function answerMetalink(
  url: URL,
  baseOf: CentosMirror['baseOf'],
  repositories: readonly CentosRepository[],
): Promise<{ readonly body: string } | undefined> {
  const { searchParams: query } = url;
  const one = repositories.find(
    ({ metalink, arch }) => metalink === query.get('repo') && arch === query.get('arch'),
  );
  if (url.pathname !== '/metalink' || one?.metalink === undefined) return undefined;
  const repomd = `${one.path}/repodata/repomd.xml`;
  const urls = (query.get('protocol') ?? 'https')
    .split(',')
    .map((scheme) => `${scheme}://${one.host}/${repomd}`);
  return { body: metalinkOf({ urls, current: await readFile(baseOf(one.host, repomd)) }) };
}
