/** Fedora's names: architectures, and which kernel a debuginfo package is for. */

import type { Arch } from '../arch.ts';
import { parseDebuginfoName, unameOf } from '../rpm-distro/index.ts';
import type { RpmEntry } from '../rpm-md/index.ts';

/** Archive names of the architectures that Fedora has, or has had, kernels for. */
export const ARCHS: readonly string[] = ['x86_64', 'arm64', 'ppc64le', 'ppc64', 's390x', 'i686', 'armv7l'];

export const DEFAULT_ARCHS: readonly string[] = ['x86_64', 'arm64'];

const KERNEL_PACKAGES: readonly string[] = ['kernel'];

/** The first release whose `uname -r` ends in the architecture (2.6.23.1-42.fc8, 2.6.25-14.fc9.i686). */
const FIRST_WITH_ARCH = 9;
/** The first release with `+` before the kind (3.14.17-100.fc19.i686.PAE, 3.11.10-301.fc20.i686+PAE). */
const FIRST_WITH_PLUS = 20;

/** What the folders of an architecture are called. */
export function archFolder({ rpm }: Arch): string {
  if (rpm === 'i686') return 'i386';
  return rpm === 'armv7hl' ? 'armhfp' : rpm;
}

/** rpm's names of the architectures that kernels in such a folder may have. */
export function kernelArchs({ rpm }: Arch): readonly string[] {
  return rpm === 'i686' ? ['i686', 'i586'] : [rpm];
}

/** Whether a package holds a vmlinux that was asked for, by its name. */
export function isKernelPackage(packageName: string, variants: readonly string[]): boolean {
  const name = parseDebuginfoName(packageName, KERNEL_PACKAGES);
  return name !== undefined && (!name.isDebug || variants.includes('debug'));
}

/**
 * What `uname -r` prints on the kernel of a debuginfo package; undefined for another package.
 *
 * @param release its number; undefined stands for the newest
 * @example `6.17.8-300.fc43.x86_64+debug`
 */
export function kernelOf(
  entry: Pick<RpmEntry, 'name' | 'version' | 'release' | 'arch'>,
  release: number | undefined,
): string | undefined {
  const name = parseDebuginfoName(entry.name, KERNEL_PACKAGES);
  if (name === undefined) return undefined;
  if (release !== undefined && release < FIRST_WITH_ARCH) {
    return `${entry.version}-${entry.release}${name.kind}`;
  }
  const separator = release !== undefined && release < FIRST_WITH_PLUS ? '.' : '+';
  return unameOf(entry, name.kind, separator);
}

/** The release that a package was built for, by the end of its own (`300.fc43` → 43). */
export function releaseOfBuild(packageRelease: string): number | undefined {
  const number = /\.fc(\d{1,3})(?![0-9A-Za-z])/.exec(packageRelease)?.[1];
  return number === undefined ? undefined : Number(number);
}
