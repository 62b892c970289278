/** Which packages of an index are debug packages of kernels. */

import type { Stanza } from '../apt/index.ts';
import type { DebugPackage } from '../types.ts';
import { isSigningSource, packageNamesOf, parsePackageName } from './names.ts';

/** A shim holds a link and a changelog (23 KiB); a kernel with its debug symbols fills gigabytes. */
const MAX_SHIM_INSTALLED_KIB = 1024;

/**
 * What `uname -r` prints on the kernel that a package has the debug symbols of; undefined for every other package,
 * shims among them: a signed flavour's `linux-image-<kernel>-dbgsym` only depends on the package that has them.
 */
export function kernelOfDebugPackage(stanza: Stanza): string | undefined {
  const name = parsePackageName(stanza.get('package') ?? '');
  if (name === undefined || (!name.isUnsigned && isShim(stanza, name.kernel))) return undefined;
  return name.kernel;
}

function isShim(stanza: Stanza, kernel: string): boolean {
  const [unsigned] = packageNamesOf(kernel);
  const dependsOn = (stanza.get('depends') ?? '').split(/[,|]/).map((one) => one.trim().split(/[\s(:]/)[0]);
  if (dependsOn.includes(unsigned)) return true;
  // `Source: name (version)` where the versions differ.
  const [source] = (stanza.get('source') ?? '').split(/\s/);
  const installedKib = Number(stanza.get('installed-size') ?? 0);
  return isSigningSource(source) && !(installedKib > MAX_SHIM_INSTALLED_KIB);
}

/**
 * The packages without those that have an unsigned one of the same kernel beside them. Should both be whole, the
 * unsigned one is the kernel's own; should a shim not have been recognised, it would hold nothing.
 */
export function preferUnsigned(packages: readonly DebugPackage[]): DebugPackage[] {
  const unsigned = new Set(packages.filter(isUnsigned).map(keyOf));
  return packages.filter((found) => isUnsigned(found) || !unsigned.has(keyOf(found)));
}

function isUnsigned({ packageName }: DebugPackage): boolean {
  return parsePackageName(packageName)?.isUnsigned === true;
}

function keyOf({ release, arch, kernel }: DebugPackage): string {
  return `${release}/${arch}/${kernel}`;
}
