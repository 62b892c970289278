/** Amazon Linux's names: architectures, and which kernel a debug package is for. */

import { type DebuginfoName, type KernelBuild, parseDebuginfoName, unameOf } from '../rpm-distro/index.ts';

export const ARCHS: readonly string[] = ['x86_64', 'arm64'];

export const DEFAULT_ARCHS: readonly string[] = ARCHS;

export interface AmazonKernel {
  /** What `uname -r` prints. */
  readonly kernel: string;
  /** Built with debugging switched on: another kernel, which is listed on request only. */
  readonly isDebug: boolean;
}

/** Amazon Linux 2023 has `kernel6.12` and the like beside `kernel`; which ones there are changes every year. */
const VERSIONED_BASE = /^kernel\d+\.\d+(?=-)/;

/** Whether a package may hold a kernel's vmlinux, by its name alone. */
export function isKernelDebuginfo(name: string): boolean {
  return parseName(name) !== undefined;
}

/** The kernel that a debug package is for; undefined for every other package. */
export function kernelOf(build: KernelBuild & { readonly name: string }): AmazonKernel | undefined {
  const name = parseName(build.name);
  return name === undefined ? undefined : { kernel: unameOf(build, name.kind), isDebug: name.isDebug };
}

function parseName(name: string): DebuginfoName | undefined {
  return parseDebuginfoName(name, [VERSIONED_BASE.exec(name)?.[0] ?? 'kernel']);
}
