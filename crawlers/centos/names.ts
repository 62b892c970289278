/** CentOS's names: architectures, and which kernel a debug package is for. */

import { type KernelBuild, parseDebuginfoName, unameOf } from '../rpm-distro/index.ts';

/** Archive names of the architectures that some release of CentOS has debug packages of kernels for. */
export const ARCHS: readonly string[] = ['x86_64', 'arm64', 'ppc64le', 's390x'];

export const DEFAULT_ARCHS: readonly string[] = ['x86_64', 'arm64'];

/** Source packages of kernels. What real-time kernels are called depends on whether `kernel-rt` is one of them. */
const BASES: readonly string[] = ['kernel', 'kernel-plus'];
const BASES_WITH_RT: readonly string[] = [...BASES, 'kernel-rt'];

export interface CentosKernel {
  /** What `uname -r` prints. */
  readonly kernel: string;
  /** Built with debugging switched on: another kernel, which is listed on request only. */
  readonly isDebug: boolean;
}

/** Whether a package may hold a kernel's vmlinux, by its name alone. */
export function isKernelDebuginfo(name: string): boolean {
  return parseDebuginfoName(name, BASES_WITH_RT) !== undefined;
}

/**
 * The kernel that a debug package is for; undefined for every other package.
 *
 * `uname -r` is version, release and architecture, and a suffix for every kind but the ordinary. `kernel-plus` has
 * none: its release says `.centos.plus`. `kernel-rt` had none as long as it was a source package of its own, whose
 * release says `.rt7.72` or the like (CentOS 7, 8, and 9 up to 9.2). CentOS 7 writes `.debug` where later kernels
 * write `+debug`.
 */
export function kernelOf(build: KernelBuild & { readonly name: string }): CentosKernel | undefined {
  const isSeparateRt = /\.rt\d/.test(build.release);
  const name = parseDebuginfoName(build.name, isSeparateRt ? BASES_WITH_RT : BASES);
  if (name === undefined) return undefined;
  return { kernel: unameOf(build, name.kind, separatorOf(build)), isDebug: name.isDebug };
}

/** The 3.10 kernels and those of the AArch64 port (el7a); 4.19 and 5.4 for el7 came from Fedora's spec file. */
function separatorOf({ version, release }: KernelBuild): '+' | '.' {
  const isOld = /\.el7a(\.|$)/.test(release) || (/\.el7(_|\.|$)/.test(release) && version.startsWith('3.'));
  return isOld ? '.' : '+';
}
