/** Binary rpms, made with rpmbuild and signed with rpmsign. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { findTool } from '../support/tools.ts';
import type { Signer } from './signer.ts';

/** Programs that this module runs. */
export const RPM_TOOLS: readonly string[] = ['rpmbuild', 'rpmsign', 'gpg', 'gpgconf'];

/** Payload compressions by rpm's own names for them; `xz-threads` makes several blocks (`w3T`, as kernels are built). */
const PAYLOADS = {
  gzip: 'w9.gzdio',
  bzip2: 'w9.bzdio',
  xz: 'w2.xzdio',
  'xz-threads': 'w3T.xzdio',
  /** For hundreds of megabytes that a test has to wait for. */
  'xz-quick': 'w0T.xzdio',
  lzma: 'w2.lzdio',
  zstd: 'w7.zstdio',
  none: 'w.ufdio',
} as const;

export type Payload = keyof typeof PAYLOADS;

export interface RpmPackage {
  readonly name: string;
  readonly epoch?: number;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  /** Name of the source package; default `name`. */
  readonly source?: string;
  /** Default xz. */
  readonly payload?: Payload;
  /** Content by absolute path; a string is the path of a file that is copied. */
  readonly files: ReadonlyMap<string, Uint8Array | string>;
  /** Shell lines run in the root of the package when the files are there: links and the like. */
  readonly install?: readonly string[];
  /** Paths that `install` makes. */
  readonly installed?: readonly string[];
}

/** `kernel-debuginfo-5.3.7-301.fc31.x86_64.rpm`: the epoch is no part of it. */
export function rpmFileName({ name, version, release, arch }: Omit<RpmPackage, 'files'>): string {
  return `${name}-${version}-${release}.${arch}.rpm`;
}

/** Builds it at `output`, in a tenth of a second for small content. */
export async function buildRpm(one: RpmPackage, output: string): Promise<void> {
  const work = `${output}.work`;
  const root = join(work, 'root');
  for (const [path, content] of one.files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (typeof content === 'string') await execa('cp', ['--sparse=never', content, join(root, path)]);
    else await writeFile(join(root, path), content);
  }
  const source = one.source ?? one.name;
  const own = source === one.name ? '' : `-n ${one.name}`;
  const about = `Summary: ${one.name}\nAutoReqProv: no\n`;
  const spec = [
    `Name: ${source}\nVersion: ${one.version}\nRelease: ${one.release}\nLicense: GPLv2\n${about}`,
    one.epoch === undefined ? '' : `Epoch: ${one.epoch}\n`,
    `%description\n${source}\n`,
    own === '' ? '' : `%package ${own}\n${about}%description ${own}\n${one.name}\n`,
    `%install\nmkdir -p %{buildroot}\ncp -a ${root}/. %{buildroot}\ncd %{buildroot}\n`,
    ...(one.install ?? []).map((line) => `${line}\n`),
    `%files ${own}\n`,
    ...[...one.files.keys(), ...(one.installed ?? [])].map((path) => `${path}\n`),
  ];
  await mkdir(root, { recursive: true });
  await writeFile(join(work, 'a.spec'), spec.join(''));
  const macros = {
    _topdir: join(work, 'top'),
    _rpmdir: work,
    _rpmfilename: 'out.rpm',
    _binary_payload: PAYLOADS[one.payload ?? 'xz'],
    // Nothing that would change the files: they are what is compared in the end.
    __os_install_post: '%{nil}',
    debug_package: '%{nil}',
    _build_id_links: 'none',
    _buildhost: 'builder.example.invalid',
  };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  await execa('rpmbuild', [
    '--quiet',
    '-bb',
    '--target',
    `${one.arch}-redhat-linux`,
    ...defines,
    join(work, 'a.spec'),
  ]);
  await rename(join(work, 'out.rpm'), output);
  await rm(work, { recursive: true });
}

export interface SignOptions {
  /** A signature over header and payload besides the one over the header, as rpm made them before 4.14. */
  readonly overPayload?: boolean;
  /** Default sha256. */
  readonly digest?: 'sha1' | 'sha256' | 'sha512';
}

/** Signs packages in place; an older signature is replaced. */
export async function signRpms(
  files: readonly string[],
  signer: Signer,
  options: SignOptions = {},
): Promise<void> {
  if (files.length === 0) return;
  const macros = { __gpg: findTool('gpg') ?? 'gpg', _gpg_name: signer.user, _gpg_path: signer.home };
  const defines = Object.entries(macros).flatMap(([name, value]) => ['--define', `${name} ${value}`]);
  const over = options.overPayload === true ? ['--rpmv3'] : [];
  await execa('rpmsign', [
    ...defines,
    ...over,
    `--digest-algo=${options.digest ?? 'sha256'}`,
    '--resign',
    ...files,
  ]);
}
