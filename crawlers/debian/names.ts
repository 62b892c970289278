/** Debian's names: architectures, and which kernel a debug package is for. */

import { BtfmillError } from '../../errors/index.ts';
import type { Stanza } from '../apt/index.ts';

export interface DebianArch {
  /** dpkg's name, e.g. `ppc64el`. */
  readonly deb: string;
  /** The archive's name, e.g. `ppc64le`. */
  readonly archive: string;
  /** Further names that `--arch` takes. */
  readonly aliases: readonly string[];
}

/**
 * The archive calls an architecture what `uname -m` prints, with two exceptions: `arm64` as BTFHub has it, and
 * `mipsel`/`mips64el`, because `uname -m` prints `mips`/`mips64` for either byte order.
 */
const ARCHS: readonly DebianArch[] = [
  { deb: 'amd64', archive: 'x86_64', aliases: ['x86-64'] },
  { deb: 'arm64', archive: 'arm64', aliases: ['aarch64'] },
  { deb: 's390x', archive: 's390x', aliases: [] },
  { deb: 'ppc64el', archive: 'ppc64le', aliases: [] },
  { deb: 'riscv64', archive: 'riscv64', aliases: [] },
  { deb: 'loong64', archive: 'loongarch64', aliases: [] },
  { deb: 'armhf', archive: 'armv7l', aliases: ['armv7'] },
  { deb: 'armel', archive: 'armv5tel', aliases: ['armv6l'] },
  { deb: 'i386', archive: 'i686', aliases: ['i586'] },
  { deb: 'mips64el', archive: 'mips64el', aliases: [] },
  { deb: 'mipsel', archive: 'mipsel', aliases: [] },
  { deb: 'mips', archive: 'mips', aliases: [] },
  { deb: 'powerpc', archive: 'ppc', aliases: [] },
];

/** An architecture by any of its names. Throws `usage` for an unknown one. */
export function parseArch(name: string): DebianArch {
  const found = ARCHS.find(
    ({ deb, archive, aliases }) => deb === name || archive === name || aliases.includes(name),
  );
  if (found !== undefined) return found;
  const known = ARCHS.map(({ deb, archive }) => (deb === archive ? deb : `${archive} (${deb})`)).join(', ');
  throw new BtfmillError('usage', `debian has no architecture ${name}; it has ${known}`);
}

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
