/** The rpms of a kernel build: the debuginfo package that holds vmlinux, and the packages beside it that do not. */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { nameKernel } from './kernels.ts';
import {
  buildRpm,
  type Payload,
  type RpmPackage,
  rpmFileName,
  signRpms,
  type SignOptions,
} from './rpm-package.ts';
import type { Signer } from './signer.ts';

export interface KernelRpm {
  /** e.g. `kernel-debuginfo`, `kernel-debug-debuginfo`. */
  readonly name: string;
  readonly epoch?: number;
  readonly version: string;
  readonly release: string;
  /** rpm's name of the architecture. */
  readonly arch: string;
  /** What the kernel's name has after `<version>-<release>.<arch>`, e.g. `+debug`. */
  readonly suffix?: string;
  /** File that becomes the vmlinux, with a banner of its own. */
  readonly vmlinux: string;
  readonly payload?: Payload;
  /** Default `/usr/lib/debug/lib/modules`. */
  readonly modules?: string;
  /** Default `kernel`. */
  readonly source?: string;
}

/** `uname -r` of the kernel. */
export function unameOf({
  version,
  release,
  arch,
  suffix = '',
}: Omit<KernelRpm, 'name' | 'vmlinux'>): string {
  return `${version}-${release}.${arch}${suffix}`;
}

/** A `*-debuginfo` package with the vmlinux, what lies around it in real ones, and a link by build-id. */
export async function kernelRpm(one: KernelRpm): Promise<RpmPackage> {
  const uname = unameOf(one);
  const folder = `${one.modules ?? '/usr/lib/debug/lib/modules'}/${uname}`;
  const link = '/usr/lib/debug/.build-id/12/3456789abcdef.debug';
  return {
    ...one,
    source: one.source ?? 'kernel',
    files: new Map<string, Uint8Array | string>([
      [`${folder}/kernel/fs/ext4/ext4.ko.debug`, Buffer.from('a module that nobody reads\n'.repeat(500))],
      [`${folder}/vdso/vdso64.so.debug`, Buffer.from('no kernel\n')],
      [`${folder}/vmlinux`, nameKernel(await readFile(one.vmlinux), uname)],
    ]),
    install: [
      `mkdir -p .${link.slice(0, link.lastIndexOf('/'))}`,
      `ln -s ../../../../..${folder}/vmlinux .${link}`,
    ],
    installed: [link],
  };
}

/** `kernel-debuginfo-common-<arch>`: sources, whose name looks like the one wanted. */
export function commonRpm({
  version,
  release,
  arch,
  source = 'kernel',
}: Omit<KernelRpm, 'name' | 'vmlinux'>): RpmPackage {
  return {
    name: `${source}-debuginfo-common-${arch}`,
    version,
    release,
    arch,
    source,
    files: new Map([[`/usr/src/debug/${source}-${version}/linux/init/main.c`, Buffer.from('int main;\n')]]),
  };
}

/** Some other package's. */
export function otherRpm(name: string, arch: string, version = '1.0', release = '1'): RpmPackage {
  return {
    name,
    version,
    release,
    arch,
    files: new Map([[`/usr/share/doc/${name}/README`, Buffer.from(`${name}\n`)]]),
  };
}

/** Builds rpms into one folder, each once, and signs them. */
export interface RpmKitchen {
  /** Built and signed: paths by file name, in the order given. */
  cook(packages: readonly RpmPackage[], sign?: SignOptions): Promise<Map<string, string>>;
}

/** Two at a time: rpmbuild is one process after another. */
const AT_ONCE = 2;

/** @param folder is made */
export function openKitchen(folder: string, signer: Signer): RpmKitchen {
  const cooked = new Set<string>();
  return {
    async cook(packages, sign) {
      await mkdir(folder, { recursive: true });
      const limit = pLimit(AT_ONCE);
      const fresh = packages.filter((one) => !cooked.has(rpmFileName(one)));
      for (const one of fresh) cooked.add(rpmFileName(one));
      const files = fresh.map((one) => join(folder, rpmFileName(one)));
      await Promise.all(fresh.map((one, i) => limit(() => buildRpm(one, files[i]))));
      await signRpms(files, signer, sign);
      return new Map(packages.map((one) => [rpmFileName(one), join(folder, rpmFileName(one))]));
    },
  };
}
