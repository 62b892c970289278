/** Debian's names: architectures, and debug packages of kernels. */

/** Archive names of the architectures that Debian has, or has had, debug packages of kernels for. */
export const ARCHS: readonly string[] = [
  'x86_64',
  'arm64',
  's390x',
  'ppc64le',
  'riscv64',
  'loongarch64',
  'armv7l',
  'armv5tel',
  'i686',
  'mips64el',
  'mipsel',
  'mips',
  'ppc',
];

export const DEFAULT_ARCHS: readonly string[] = ['x86_64', 'arm64'];

const DEBUG_PACKAGE = /^linux-image-(\d+\.\d+[A-Za-z0-9.+~-]*)-dbg$/;

/**
 * What `uname -r` prints on the kernel that a package of this name has the debug symbols of, or on none: some
 * metapackages are called the same (`linux-image-6.12-amd64-dbg`).
 *
 * @example `linux-image-6.1.0-50-cloud-amd64-dbg` → `6.1.0-50-cloud-amd64`
 */
export function kernelOfName(packageName: string): string | undefined {
  return DEBUG_PACKAGE.exec(packageName)?.[1];
}
