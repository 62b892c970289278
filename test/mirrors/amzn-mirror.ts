/**
 * Amazon Linux in miniature: 1 with a list of regional mirrors, 2 with its extras, 2023 with two of its states. The
 * repositories of 1 and 2 have nothing but databases, packages of 2 and 2023 lie in a store outside the repository, and
 * what is not there is answered with 403, as by the real hosts.
 */

import { createHash } from 'node:crypto';
import { mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HostAnswer, HostProgram } from '../internet/internet.ts';
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
import type { Payload, RpmPackage } from './rpm-package.ts';
import { buildRepository, type RepositoryForm } from './rpm-repository.ts';

const CDN = 'cdn.amazonlinux.com';
const FIRST = 'repo.us-east-1.amazonaws.com';
/** The mirrors that the lists of Amazon Linux 1 name. */
export const REGIONS: readonly string[] = ['us-west-2', 'us-east-1', 'eu-west-1'].map(
  (region) => `packages.${region}.amazonaws.com`,
);

export interface AmazonRepository {
  /** Archive segment. */
  readonly release: string;
  readonly arch: 'x86_64' | 'aarch64';
  /** Addresses of lists that name the base, without `https://`. */
  readonly lists: readonly string[];
  /** The base below its host, without slashes at its ends; `<id>` becomes an identifier as Amazon has them. */
  readonly path: string;
  /** Lines of the list from the path: on a content network, or one per region. */
  readonly lines: (path: string) => string;
  readonly form: RepositoryForm;
  /** Climbs from the base to the store; absent when packages are in the repository. */
  readonly climb?: string;
  readonly isOld?: boolean;
  /** `<package> <version>-<release>`. */
  readonly kernels: readonly (readonly [
    name: string,
    build: string,
    vmlinux: keyof MirrorKernels,
    payload?: Payload,
  ])[];
}

const OLD_DATABASE = (compression: 'bz2' | 'gz'): RepositoryForm => ({
  database: { compression, alone: true },
  plainNames: true,
});
const ON_CDN = (end: '' | '/') => (path: string) => `https://${CDN}/${path}${end}`;

/** A state of 2023 that `latest` is not. */
export const OLDER_STATE = '2023.6.20241031';

const REPOSITORIES: readonly AmazonRepository[] = [
  ...(
    [
      // One list for all architectures, and one for each: both forms are known.
      ['main', '4.14.26-46.32.amzn1', 'debuginfo/mirror.list', '$basearch'],
      ['updates', '4.14.355-196.647.amzn1', 'debuginfo/x86_64/mirror.list', 'x86_64'],
    ] as const
  ).map(
    ([name, build, list, basearch]): AmazonRepository => ({
      release: '2018',
      arch: 'x86_64',
      lists: [`${FIRST}/2018.03/${name}/${list}`],
      path: `2018.03/${name}/debuginfo/<id>/x86_64`,
      lines: (path) =>
        REGIONS.map((host) => `http://${host}/${path.replace(/x86_64$/u, basearch)}\n`).join(''),
      form: OLD_DATABASE('bz2'),
      isOld: true,
      kernels: [['kernel-debuginfo', build, 'dwarf4']],
    }),
  ),
  ...(['x86_64', 'aarch64'] as const).flatMap((arch): AmazonRepository[] => {
    const vmlinux = arch === 'aarch64' ? 'arm64' : 'dwarf4';
    const newer = arch === 'aarch64' ? 'arm64' : 'native';
    const second = {
      release: '2',
      arch,
      lines: (path: string) => `${ON_CDN('')(path)}\n`,
      form: OLD_DATABASE('gz'),
      isOld: true,
      climb: '../../../../../../',
    };
    return [
      {
        ...second,
        lists: [`${CDN}/2/core/latest/debuginfo/${arch}/mirror.list`],
        path: `2/core/2.0/debuginfo/${arch}/<id>`,
        kernels: [
          ['kernel-debuginfo', '4.14.281-212.502.amzn2', vmlinux],
          ['kernel-debuginfo', '4.14.355-275.570.amzn2', vmlinux, 'gzip'],
        ],
      },
      ...(
        [
          ['kernel-5.4', '5.4.281-196.384.amzn2'],
          ['kernel-5.10', '5.10.247-246.989.amzn2'],
        ] as const
      ).map(
        ([topic, build]): AmazonRepository => ({
          ...second,
          lists: [`${CDN}/2/extras/${topic}/latest/debuginfo/${arch}/mirror.list`],
          path: `2/extras/${topic}/stable/debuginfo/${arch}/<id>`,
          climb: '../../../../../../../',
          kernels: [['kernel-debuginfo', build, newer]],
        }),
      ),
      {
        release: '2023',
        arch,
        lists: [`${CDN}/al2023/core/mirrors/latest/debuginfo/${arch}/mirror.list`],
        path: `al2023/core/guids/<id>/${arch}`,
        // No newline at the end, but a slash.
        lines: ON_CDN('/'),
        form: { plainNames: true },
        climb: '../../../../',
        kernels: [
          ['kernel-debuginfo', '6.1.79-99.167.amzn2023', newer, 'zstd'],
          ['kernel6.12-debuginfo', '6.12.35-55.103.amzn2023', newer, 'zstd'],
          ['kernel6.18-debuginfo', '6.18.1-1.1.amzn2023', newer, 'xz-threads'],
        ],
      },
    ];
  }),
  {
    release: '2023',
    arch: 'x86_64',
    lists: [`${CDN}/al2023/core/mirrors/${OLDER_STATE}/debuginfo/x86_64/mirror.list`],
    path: 'al2023/core/guids/<id>/x86_64',
    lines: ON_CDN('/'),
    form: { plainNames: true },
    climb: '../../../../',
    kernels: [['kernel-debuginfo', '6.1.112-124.190.amzn2023', 'native', 'zstd']],
  },
];

/** A topic without debug packages is among them, and some that hold no kernel. */
const CATALOG = JSON.stringify({
  motd: '',
  status: 'ok',
  version: 1,
  topics: ['ansible2', 'docker', 'kernel-ng', 'kernel-5.4', 'kernel-5.10', 'livepatch'].map((n) => ({
    n,
    inst: [n],
    versions: ['latest', 'stable'],
    visible: ['x86_64', 'aarch64'],
  })),
});

export interface AmazonMirror extends BuiltMirror {
  /** Folder of the base that a `mirror.list` names: `baseOf('cdn.amazonlinux.com/2/core/…/mirror.list')`. */
  baseOf(list: string): string;
}

/** Builds it all, in about six seconds. */
export async function buildAmazonMirror(
  options: BuildMirrorOptions,
  repositories: readonly AmazonRepository[] = REPOSITORIES,
): Promise<AmazonMirror> {
  const { folder, signer } = options;
  const kitchen = openKitchen(join(folder, 'amzn-packages'), signer);
  const bases = new Map<string, string>();
  const kernels: MirroredKernel[] = [];
  for (const one of repositories) {
    const path = one.path.replace('<id>', identify(one.lists[0], one.release === '2018' ? 12 : 64));
    const base = join(folder, one.release === '2018' ? REGIONS[0] : CDN, path);
    kernels.push(...(await buildOne(one, base, options, kitchen)));
    for (const list of one.lists) {
      bases.set(list, base);
      await writeText(join(folder, list), one.lines(path));
    }
  }
  for (const region of REGIONS.slice(1)) await symlink(join(folder, REGIONS[0]), join(folder, region));
  await writeText(join(folder, CDN, '2/extras-catalog-x86_64.json'), CATALOG);
  await writeText(join(folder, CDN, '2/extras-catalog-aarch64.json'), CATALOG);
  return {
    hosts: new Map<string, string | HostProgram>([
      [FIRST, join(folder, FIRST)],
      ...REGIONS.map((host) => [host, join(folder, host)] as const),
      [CDN, (url) => answerLikeS3(join(folder, CDN), url)],
    ]),
    keyring: signer.keyring,
    kernels,
    baseOf(list) {
      const base = bases.get(list);
      if (base === undefined) throw new Error(`no such list: ${list}`);
      return base;
    },
  };
}

/** Whether a kernel is in {@link OLDER_STATE} alone: a crawl of `2023` does not find it, one of the state does. */
export function isOfOlderState({ suite }: MirroredKernel): boolean {
  return suite.includes(OLDER_STATE);
}

async function buildOne(
  one: AmazonRepository,
  folder: string,
  { kernels }: BuildMirrorOptions,
  kitchen: RpmKitchen,
): Promise<MirroredKernel[]> {
  const { arch } = one;
  const found: MirroredKernel[] = [];
  const rpms: RpmPackage[] = [
    otherRpm('kernel-livepatch-6.1.10-15.42-debuginfo', arch),
    otherRpm('kernel-tools-debuginfo', arch),
  ];
  for (const [name, build, vmlinux, payload] of one.kernels) {
    const [version, release] = build.split('-');
    const source = name.replace('-debuginfo', '');
    const rpm: KernelRpm = { name, version, release, arch, vmlinux: kernels[vmlinux], source };
    const archSegment = arch === 'aarch64' ? 'arm64' : arch;
    const key = `amzn/${one.release}/${archSegment}/${unameOf(rpm)}`;
    found.push({ key, suite: one.lists[0], vmlinux: rpm.vmlinux });
    // Both epochs are known of 2023; no file name has them.
    const epoch = one.release === '2023' && source === 'kernel' ? { epoch: 1 } : {};
    rpms.push({ ...(await kernelRpm({ ...rpm, payload: payload ?? 'xz' })), ...epoch });
    rpms.push(withLookalike(commonRpm(rpm), unameOf(rpm)));
  }
  const cooked = await kitchen.cook(rpms, { overPayload: one.isOld === true });
  const { climb } = one;
  const packages = new Map(
    [...cooked].map(([name, file]) => [
      climb === undefined ? `Packages/${name}` : `${identify(name, 64)}/${name}`,
      file,
    ]),
  );
  const store =
    climb === undefined
      ? {}
      : { store: { folder: join(folder, climb, 'blobstore'), prefix: `${climb}blobstore/` } };
  await buildRepository({ ...one.form, ...store, folder, packages });
  return found;
}

/** 2023's common package has a file that is almost a vmlinux. */
function withLookalike(common: RpmPackage, uname: string): RpmPackage {
  const path = `/usr/lib/debug/lib/modules/${uname}.microvm/vmlinux.debug`;
  return { ...common, files: new Map([...common.files, [path, Buffer.from('no kernel either\n')]]) };
}

function identify(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

async function writeText(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

async function answerLikeS3(folder: string, url: URL): Promise<HostAnswer> {
  const file = join(folder, decodeURIComponent(url.pathname));
  const isThere = await stat(file)
    .then((info) => info.isFile())
    .catch(() => false);
  return isThere ? { file } : { statusCode: 403 };
}
