/** Which kernels a benchmark means by its names. */

import { compareDebianVersions } from '../../crawlers/apt/index.ts';
import { matchesGlob } from '../../crawlers/glob.ts';

export interface WantedKernel {
  /** As the user wrote it. */
  readonly name: string;
  /** What to ask the crawler for; empty lists mean all. */
  readonly releases: readonly string[];
  readonly archs: readonly string[];
  readonly glob: string;
}

/** The kernels of the published tables: one per Debian release and architecture, and one with all its drivers. */
const NAMED: Readonly<Record<string, Omit<WantedKernel, 'name'>>> = {
  '5.10': { releases: ['11'], archs: ['x86_64'], glob: '5.10.*-cloud-amd64' },
  '6.1': { releases: ['12'], archs: ['x86_64'], glob: '6.1.*-cloud-amd64' },
  '6.12': { releases: ['13'], archs: ['x86_64'], glob: '6.12.*-cloud-amd64' },
  '6.12-arm64': { releases: ['13'], archs: ['arm64'], glob: '6.12.*-cloud-arm64' },
  '6.12-s390x': { releases: ['13'], archs: ['s390x'], glob: '6.12.*-s390x' },
  '7': { releases: ['sid'], archs: ['x86_64'], glob: '7.*-cloud-amd64' },
  '6.1-full': { releases: ['12'], archs: ['x86_64'], glob: '6.1.*-[0-9]*-amd64' },
};

/** Oldest first; an object's own order would put `7` in front. */
export const KERNEL_NAMES: readonly string[] = Object.keys(NAMED).toSorted(compareDebianVersions);

/** Flavours that a glob takes in only when it names them. */
const FLAVOURS = ['cloud', 'rt'];

/** A name of the table above, or a glob over `uname -r`, which may be of any release and architecture. */
export function wantedKernel(name: string): WantedKernel {
  return { name, ...(NAMED[name] ?? { releases: [], archs: ['x86_64', 'arm64', 's390x'], glob: name }) };
}

/** The newest of some kernels that is meant, by `uname -r`; undefined when none is. */
export function newestMatch<T>(
  { glob }: WantedKernel,
  kernels: readonly T[],
  unameOf: (kernel: T) => string,
): T | undefined {
  return matches({ glob }, kernels, unameOf)[0];
}

/** All that are meant, newest first. */
export function matches<T>(
  { glob }: Pick<WantedKernel, 'glob'>,
  kernels: readonly T[],
  unameOf: (kernel: T) => string,
): T[] {
  const others = FLAVOURS.filter((flavour) => !glob.includes(flavour));
  return kernels
    .filter((kernel) => {
      const uname = unameOf(kernel);
      return matchesGlob(glob, uname) && others.every((flavour) => !uname.includes(`-${flavour}-`));
    })
    .toSorted((a, b) => compareDebianVersions(unameOf(b), unameOf(a)));
}
