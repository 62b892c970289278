/**
 * Ubuntu's debug archive in miniature: three releases with their pockets, two components, many flavours, shims of
 * signed kernels and other bystanders; the list of releases; and Launchpad with what the archive has no more.
 */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HostContent } from '../internet/internet.ts';
import { type AptDigest, packagesFile, scanPool, writeAptSuite } from './apt-suite.ts';
import type { BuildMirrorOptions, BuiltMirror, MirroredKernel } from './built-mirror.ts';
import { buildDeb, type DpkgCompression } from './deb-package.ts';
import { type MirrorKernels, nameKernel } from './kernels.ts';
import { launchpadHosts, type Publication } from './launchpad.ts';

/** Programs that {@link buildUbuntuMirror} runs besides those of the kernels and the signer. */
export const UBUNTU_MIRROR_TOOLS: readonly string[] = ['apt-ftparchive', 'dpkg-deb', 'xz', 'zstd'];

export const DDEBS_HOST = 'ddebs.ubuntu.com';
const DIGESTS: readonly AptDigest[] = ['MD5', 'SHA1', 'SHA256', 'SHA512'];

const VERSIONS: Readonly<Record<string, string>> = {
  xenial: '16.04',
  bionic: '18.04',
  focal: '20.04',
  noble: '24.04',
};

export interface UbuntuKernel {
  /** `uname -r`. */
  readonly kernel: string;
  /** Of the package. */
  readonly version: string;
  readonly source: string;
  readonly vmlinux: keyof MirrorKernels;
  /** Default amd64. */
  readonly architecture?: 'arm64';
  /** Signed kernels have their symbols in `linux-image-unsigned-…`, and a shim by the plain name. Default true. */
  readonly isSigned?: boolean;
  /** Default main. */
  readonly component?: 'universe';
  /** Default xz, which the kernel's packaging asks for. */
  readonly compression?: DpkgCompression;
}

export interface UbuntuSuite {
  readonly codename: string;
  /** `-updates` and the like; empty for the release itself. */
  readonly pocket: '' | '-updates' | '-security' | '-proposed';
  readonly isByHash?: boolean;
  readonly kernels: readonly UbuntuKernel[];
}

export type PrunedKernel = Omit<Publication, 'file' | 'name' | 'architecture'> & UbuntuKernel;

const HWE_54: UbuntuKernel = {
  kernel: '5.4.0-92-generic',
  version: '5.4.0-92.103~18.04.2',
  source: 'linux-hwe-5.4',
  vmlinux: 'dwarf4',
};

const SUITES: readonly UbuntuSuite[] = [
  {
    codename: 'bionic',
    pocket: '',
    kernels: [
      { kernel: '4.15.0-20-generic', version: '4.15.0-20.21', source: 'linux', vmlinux: 'dwarf4' },
      {
        kernel: '4.15.0-20-generic',
        version: '4.15.0-20.21',
        source: 'linux',
        vmlinux: 'arm64',
        architecture: 'arm64',
      },
    ],
  },
  {
    codename: 'bionic',
    pocket: '-updates',
    kernels: [
      HWE_54,
      { kernel: '4.15.0-213-lowlatency', version: '4.15.0-213.224', source: 'linux', vmlinux: 'dwarf4' },
      {
        kernel: '4.15.0-1120-kvm',
        version: '4.15.0-1120.125',
        source: 'linux-kvm',
        vmlinux: 'dwarf4',
        isSigned: false,
      },
    ],
  },
  { codename: 'bionic', pocket: '-security', kernels: [HWE_54] },
  { codename: 'bionic', pocket: '-proposed', kernels: [] },
  {
    codename: 'focal',
    pocket: '',
    isByHash: true,
    kernels: [{ kernel: '5.4.0-26-generic', version: '5.4.0-26.30', source: 'linux', vmlinux: 'dwarf5' }],
  },
  {
    codename: 'focal',
    pocket: '-updates',
    isByHash: true,
    kernels: [
      // The same `uname -r` as in bionic, another build.
      { kernel: '5.4.0-92-generic', version: '5.4.0-92.103', source: 'linux', vmlinux: 'native' },
      {
        kernel: '5.4.0-92-generic',
        version: '5.4.0-92.103',
        source: 'linux',
        vmlinux: 'arm64',
        architecture: 'arm64',
      },
      {
        kernel: '5.4.0-1094-aws',
        version: '5.4.0-1094.102',
        source: 'linux-aws',
        vmlinux: 'native',
        isSigned: false,
      },
      {
        kernel: '5.4.0-1050-raspi',
        version: '5.4.0-1050.56',
        source: 'linux-raspi',
        vmlinux: 'arm64',
        architecture: 'arm64',
        isSigned: false,
      },
      {
        kernel: '5.11.0-34-generic',
        version: '5.11.0-34.36~20.04.1',
        source: 'linux-hwe-5.11',
        vmlinux: 'native',
      },
      {
        kernel: '5.13.0-1029-oem',
        version: '5.13.0-1029.36',
        source: 'linux-oem-5.13',
        vmlinux: 'native',
        component: 'universe',
      },
    ],
  },
  {
    codename: 'focal',
    pocket: '-proposed',
    kernels: [{ kernel: '5.4.0-230-generic', version: '5.4.0-230.250', source: 'linux', vmlinux: 'native' }],
  },
  {
    codename: 'noble',
    pocket: '',
    kernels: [{ kernel: '6.8.0-31-generic', version: '6.8.0-31.31', source: 'linux', vmlinux: 'native' }],
  },
  {
    codename: 'noble',
    pocket: '-updates',
    kernels: [
      {
        kernel: '6.8.0-45-generic',
        version: '6.8.0-45.45',
        source: 'linux',
        vmlinux: 'native',
        compression: 'zstd',
      },
      {
        kernel: '6.8.0-45-generic-64k',
        version: '6.8.0-45.45',
        source: 'linux',
        vmlinux: 'arm64',
        architecture: 'arm64',
      },
      {
        kernel: '6.8.0-1015-gcp',
        version: '6.8.0-1015.17',
        source: 'linux-gcp',
        vmlinux: 'native',
      },
      {
        kernel: '6.17.0-14-generic',
        version: '6.17.0-14.14~24.04.1',
        source: 'linux-hwe-6.17',
        vmlinux: 'native',
      },
    ],
  },
];

/** What Launchpad has beyond the archive: two that users had, and some that nobody should be offered. */
const PRUNED: readonly PrunedKernel[] = [
  {
    kernel: '5.4.0-40-generic',
    version: '5.4.0-40.44',
    source: 'linux',
    vmlinux: 'dwarf5',
    codename: 'focal',
    pocket: 'Updates',
    status: 'Superseded',
    isSuperseded: true,
  },
  {
    kernel: '4.4.0-98-generic',
    version: '4.4.0-98.121',
    source: 'linux',
    vmlinux: 'dwarf4',
    isSigned: false,
    codename: 'xenial',
    pocket: 'Security',
    status: 'Deleted',
    isSuperseded: true,
  },
  {
    kernel: '5.4.0-41-generic',
    version: '5.4.0-41.45',
    source: 'linux',
    vmlinux: 'dwarf5',
    codename: 'focal',
    pocket: 'Proposed',
    status: 'Superseded',
    isSuperseded: true,
  },
  {
    kernel: '5.4.0-43-generic',
    version: '5.4.0-43.47',
    source: 'linux',
    vmlinux: 'dwarf5',
    codename: 'focal',
    pocket: 'Updates',
    status: 'Deleted',
  },
  {
    kernel: '5.4.0-1001-fips',
    version: '5.4.0-1001.1',
    source: 'linux-fips',
    vmlinux: 'dwarf5',
    codename: 'focal',
    pocket: 'Updates',
    status: 'Superseded',
    isSuperseded: true,
    isRedacted: true,
  },
];

/** Of {@link PRUNED}, the ones to be found. */
const FOUND_IN_LAUNCHPAD: readonly string[] = ['5.4.0-40-generic', '4.4.0-98-generic'];

/** Few, so that a listing has several pages. */
const LAUNCHPAD_PAGE_SIZE = 2;

export interface UbuntuContents {
  readonly suites: readonly UbuntuSuite[];
  /** What only Launchpad has. */
  readonly pruned: readonly PrunedKernel[];
}

export interface UbuntuMirror extends BuiltMirror {
  /** Folder with `dists/` and `pool/`. */
  readonly root: string;
}

/** Builds it all, in about five seconds. */
export async function buildUbuntuMirror(
  options: BuildMirrorOptions,
  { suites, pruned }: UbuntuContents = { suites: SUITES, pruned: PRUNED },
): Promise<UbuntuMirror> {
  const root = join(options.folder, DDEBS_HOST);
  const found: MirroredKernel[] = [];
  const built = new Map<string, string>();
  for (const suite of suites) {
    const files: string[] = [];
    for (const one of suite.kernels) {
      files.push(...(await addToPool(root, one, options, built)));
      const name = `${suite.codename}${suite.pocket}`;
      found.push({ key: keyOf(one, suite.codename), suite: name, vmlinux: options.kernels[one.vmlinux] });
    }
    for (const architecture of ['amd64', 'arm64']) {
      for (const name of ['linux-tools-5.4.0-92-dbgsym', 'bash-dbgsym', 'linux-image-dbgsym']) {
        files.push(await addBystander(root, name, architecture, built));
      }
    }
    await writeSuite(root, suite, files, options);
  }
  const publications: Publication[] = [];
  const attic = join(options.folder, 'launchpad');
  for (const one of pruned) {
    const architecture = one.architecture ?? 'amd64';
    const [path, shim] = await addToPool(attic, one, options, built);
    publications.push({ ...one, name: packageName(one), architecture, file: join(attic, path) });
    if (shim !== undefined) {
      const name = `linux-image-${one.kernel}-dbgsym`;
      const source = signingSource(one.source);
      publications.push({ ...one, source, name, architecture, file: join(attic, shim) });
    }
    if (FOUND_IN_LAUNCHPAD.includes(one.kernel)) {
      const vmlinux = options.kernels[one.vmlinux];
      found.push({ key: keyOf(one, one.codename), suite: 'launchpad', vmlinux });
    }
  }
  return {
    hosts: new Map<string, HostContent>([
      [DDEBS_HOST, root],
      [
        'changelogs.ubuntu.com',
        ({ pathname }) => (pathname === '/meta-release' ? { body: META_RELEASE } : undefined),
      ],
      ...launchpadHosts({ publications, pageSize: LAUNCHPAD_PAGE_SIZE }),
    ]),
    keyring: options.signer.keyring,
    // One kernel may be in several pockets.
    kernels: [...new Map(found.map((one) => [one.key, one])).values()],
    root,
  };
}

function keyOf({ kernel, architecture }: UbuntuKernel, codename: string): string {
  return `ubuntu/${VERSIONS[codename]}/${architecture ?? 'x86_64'}/${kernel}`;
}

function packageName({ kernel, isSigned }: UbuntuKernel): string {
  return `linux-image-${isSigned === false ? '' : 'unsigned-'}${kernel}-dbgsym`;
}

function signingSource(source: string): string {
  return source.replace('linux', 'linux-signed');
}

/** Paths below `root` of the package with the vmlinux and, for signed kernels, of the shim. */
async function addToPool(
  root: string,
  one: UbuntuKernel,
  { kernels }: BuildMirrorOptions,
  built: Map<string, string>,
): Promise<string[]> {
  const architecture = one.architecture ?? 'amd64';
  const name = packageName(one);
  const vmlinux = nameKernel(await readFile(kernels[one.vmlinux]), one.kernel);
  const files = new Map<string, Uint8Array>([
    [`usr/lib/debug/boot/vmlinux-${one.kernel}`, vmlinux],
    [`usr/lib/debug/lib/modules/${one.kernel}/kernel/fs/btrfs/btrfs.ko`, Buffer.from('unread\n'.repeat(500))],
  ]);
  const path = (source: string, packaged: string): string =>
    `pool/${one.component ?? 'main'}/l/${source}/${packaged}_${one.version}_${architecture}.ddeb`;
  const identity = { version: one.version, architecture, component: one.component ?? 'main' };
  const paths = [path(one.source, name)];
  await build(
    root,
    paths[0],
    { ...identity, name, source: one.source, files },
    one.compression ?? 'xz',
    built,
  );
  if (one.isSigned !== false) {
    const shim = `linux-image-${one.kernel}-dbgsym`;
    const source = signingSource(one.source);
    paths.push(path(source, shim));
    const doc = new Map([[`usr/share/doc/${shim}/changelog.Debian.gz`, Buffer.from('nothing\n')]]);
    await build(
      root,
      paths[1],
      { ...identity, name: shim, source, depends: name, files: doc },
      'zstd',
      built,
    );
  }
  return paths;
}

async function addBystander(
  root: string,
  name: string,
  architecture: string,
  built: Map<string, string>,
): Promise<string> {
  const path = `pool/main/${name[0]}/others/${name}_1.0_${architecture}.ddeb`;
  const files = new Map([[`usr/lib/debug/.dwz/${name}`, Buffer.from('no kernel\n')]]);
  await build(
    root,
    path,
    { name, version: '1.0', architecture, source: 'others', component: 'main', files },
    'zstd',
    built,
  );
  return path;
}

interface Ddeb {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly component: string;
  readonly depends?: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Once per path. */
async function build(
  root: string,
  path: string,
  one: Ddeb,
  compression: DpkgCompression,
  built: Map<string, string>,
): Promise<void> {
  const output = join(root, path);
  if (built.has(output)) return;
  built.set(output, path);
  const section = one.component === 'main' ? 'devel' : `${one.component}/devel`;
  const control = [
    `Package: ${one.name}\nSource: ${one.source}\nVersion: ${one.version}\nArchitecture: ${one.architecture}\n`,
    'Maintainer: Ubuntu Kernel Team <tests@example.invalid>\n',
    one.depends === undefined ? '' : `Depends: ${one.depends}\n`,
    `Section: ${section}\nPriority: optional\nDescription: made by a test\n Not a real kernel.\n`,
  ];
  await buildDeb({ control: control.join(''), files: one.files }, compression, output);
}

async function writeSuite(
  root: string,
  { codename, pocket, isByHash }: UbuntuSuite,
  files: readonly string[],
  { signer }: BuildMirrorOptions,
): Promise<void> {
  const lists = new Map<string, string>();
  for (const component of ['main', 'universe']) {
    await mkdir(join(root, 'pool', component), { recursive: true });
    const stanzas = (await scanPool(root, `pool/${component}`, DIGESTS)).filter((stanza) =>
      files.includes(/^Filename: (.*)$/mu.exec(stanza)?.[1] ?? ''),
    );
    for (const architecture of ['amd64', 'arm64', 'i386']) {
      lists.set(`${component}/binary-${architecture}`, packagesFile(stanzas, architecture));
    }
  }
  await writeAptSuite({
    dist: join(root, 'dists', `${codename}${pocket}`),
    fields: {
      Origin: 'Ubuntu',
      Label: 'Ubuntu',
      Suite: `${codename}${pocket}`,
      Version: VERSIONS[codename],
      Codename: codename,
      Architectures: 'amd64 arm64 i386',
      Components: 'main restricted universe multiverse',
      Description: `Ubuntu ${VERSIONS[codename]}`,
      ...(isByHash === true ? { 'Acquire-By-Hash': 'yes' } : {}),
    },
    lists,
    digests: DIGESTS,
    signer,
    isByHash: isByHash === true,
  });
}

/** As published: every release that came out, a stanza each; the archive here has three of them. */
const META_RELEASE = [
  ['trusty', 'Trusty Tahr', '14.04.6 LTS', 0],
  ['xenial', 'Xenial Xerus', '16.04.7 LTS', 0],
  ['bionic', 'Bionic Beaver', '18.04.6 LTS', 0],
  ['focal', 'Focal Fossa', '20.04.6 LTS', 0],
  ['noble', 'Noble Numbat', '24.04.3 LTS', 1],
]
  .map(
    ([dist, name, version, supported]) => `Dist: ${dist}
Name: ${name}
Version: ${version}
Date: Thu, 25 April 2024 00:24:04 UTC
Supported: ${supported}
Description: This is the ${version} release
Release-File: http://archive.ubuntu.com/ubuntu/dists/${dist}-updates/Release
ReleaseNotes: http://changelogs.ubuntu.com/EOLReleaseAnnouncement
UpgradeTool: http://archive.ubuntu.com/ubuntu/dists/${dist}-updates/main/dist-upgrader-all/current/${dist}.tar.gz
`,
  )
  .join('\n');
