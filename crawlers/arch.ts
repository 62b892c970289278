/** Architectures: the archive's names, and what packages and people call them. */

import { BtfmillError } from '../errors/index.ts';

export interface Arch {
  /** The archive's name, e.g. `ppc64le`. */
  readonly archive: string;
  /** dpkg's name, e.g. `ppc64el`. */
  readonly deb: string;
  /** rpm's name, which is also the folder of a repository (`basearch`), e.g. `aarch64`. */
  readonly rpm: string;
  /** Further names that `--arch` takes. */
  readonly aliases?: readonly string[];
}

/**
 * The archive calls an architecture what `uname -m` prints, with two exceptions: `arm64` as BTFHub has it, and
 * `mipsel`/`mips64el`, because `uname -m` prints `mips`/`mips64` for either byte order.
 */
const ARCHS: readonly Arch[] = [
  { archive: 'x86_64', deb: 'amd64', rpm: 'x86_64', aliases: ['x86-64'] },
  { archive: 'arm64', deb: 'arm64', rpm: 'aarch64' },
  { archive: 's390x', deb: 's390x', rpm: 's390x' },
  { archive: 'ppc64le', deb: 'ppc64el', rpm: 'ppc64le' },
  { archive: 'riscv64', deb: 'riscv64', rpm: 'riscv64' },
  { archive: 'loongarch64', deb: 'loong64', rpm: 'loongarch64' },
  { archive: 'armv7l', deb: 'armhf', rpm: 'armv7hl', aliases: ['armv7'] },
  { archive: 'armv5tel', deb: 'armel', rpm: 'armv5tel', aliases: ['armv6l'] },
  { archive: 'i686', deb: 'i386', rpm: 'i686', aliases: ['i586'] },
  { archive: 'ppc64', deb: 'ppc64', rpm: 'ppc64' },
  { archive: 'mips64el', deb: 'mips64el', rpm: 'mips64el' },
  { archive: 'mipsel', deb: 'mipsel', rpm: 'mipsel' },
  { archive: 'mips', deb: 'mips', rpm: 'mips' },
  { archive: 'ppc', deb: 'powerpc', rpm: 'ppc' },
];

/** An architecture by any of its names. Throws `usage` for an unknown one. */
export function parseArch(name: string): Arch {
  const found = ARCHS.find((arch) => namesOf(arch).includes(name));
  if (found !== undefined) return found;
  throw new BtfmillError('usage', `there is no architecture ${name}, only ${ARCHS.map(describe).join(', ')}`);
}

/**
 * The architectures of a listing, each once: those that are asked for, else the distribution's default.
 * Throws `usage` for one that the distribution has never had.
 */
export function requestedArchs(
  requested: readonly string[],
  {
    distro,
    archs,
    defaultArchs,
  }: { readonly distro: string; readonly archs: readonly string[]; readonly defaultArchs: readonly string[] },
): Arch[] {
  const found = new Set((requested.length === 0 ? defaultArchs : requested).map(parseArch));
  for (const arch of found) {
    if (archs.includes(arch.archive)) continue;
    const known = archs.map((name) => describe(parseArch(name))).join(', ');
    throw new BtfmillError('usage', `${distro} has no architecture ${arch.archive}; it has ${known}`);
  }
  return [...found];
}

function namesOf({ archive, deb, rpm, aliases = [] }: Arch): string[] {
  return [archive, deb, rpm, ...aliases];
}

/** e.g. `arm64 (aarch64)`. */
function describe({ archive, deb, rpm }: Arch): string {
  const others = [...new Set([deb, rpm])].filter((name) => name !== archive);
  return others.length === 0 ? archive : `${archive} (${others.join(', ')})`;
}
