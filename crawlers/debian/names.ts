/** Debian's names: architectures, and which kernel a debug package is for. */

import type { Stanza } from '../apt/index.ts';

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
 * What `uname -r` prints on the kernel that a package has the debug symbols of; undefined for every other package.
 *
 * Metapackages look alike (`linux-image-6.12-amd64-dbg` is one, experimental's `linux-image-7.3-amd64-dbg` may be
 * none), so they are told by what they do: depend on the debug package of a kernel.
 *
 * @example `linux-image-6.1.0-50-cloud-amd64-dbg` → `6.1.0-50-cloud-amd64`
 */
export function kernelOfDebugPackage(stanza: Stanza): string | undefined {
  const kernel = DEBUG_PACKAGE.exec(stanza.get('package') ?? '')?.[1];
  if (kernel === undefined || isMetapackage(stanza)) return undefined;
  // i386 carries a 64-bit kernel under amd64's name; amd64 has it as well.
  const isForeign = stanza.get('architecture') === 'i386' && kernel.endsWith('-amd64');
  return isForeign ? undefined : kernel;
}

function isMetapackage(stanza: Stanza): boolean {
  const depends = stanza.get('depends') ?? '';
  const description = (stanza.get('description') ?? '').split('\n', 1)[0];
  return /\blinux-image-\S+-dbg\b/.test(depends) || description.endsWith('meta-package)');
}
