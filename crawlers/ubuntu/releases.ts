/** Ubuntu's releases: which ones a request means, and the archive's name for each. */

import { BtfmillError } from '../../errors/index.ts';
import type { ReleaseFile } from '../apt/index.ts';
import type { MetaReleaseEntry } from './meta-release.ts';

export interface UbuntuRelease {
  /** Name below `dists/`. */
  readonly codename: string;
  /** VERSION_ID, where it is known without asking the debug archive. */
  readonly version?: string;
  /** Its absence is a failure. */
  readonly isRequired: boolean;
}

/**
 * Versions by codename: what is known when the list of releases cannot be had, oldest first. Later releases need no
 * line here. Nothing
 * before 14.04 is asked for: its kernels are older than what BTF is used for.
 */
export const VERSIONS: ReadonlyMap<string, string> = new Map([
  ['trusty', '14.04'],
  ['utopic', '14.10'],
  ['vivid', '15.04'],
  ['wily', '15.10'],
  ['xenial', '16.04'],
  ['yakkety', '16.10'],
  ['zesty', '17.04'],
  ['artful', '17.10'],
  ['bionic', '18.04'],
  ['cosmic', '18.10'],
  ['disco', '19.04'],
  ['eoan', '19.10'],
  ['focal', '20.04'],
  ['groovy', '20.10'],
  ['hirsute', '21.04'],
  ['impish', '21.10'],
  ['jammy', '22.04'],
  ['kinetic', '22.10'],
  ['lunar', '23.04'],
  ['mantic', '23.10'],
  ['noble', '24.04'],
  ['oracular', '24.10'],
  ['plucky', '25.04'],
  ['questing', '25.10'],
  ['resolute', '26.04'],
  ['stonking', '26.10'],
]);

const OLDEST_YEAR = 14;

export interface ReleaseKnowledge {
  /**
   * The published list of releases; undefined when it cannot be had, which has then been noted as a failure, and
   * empty when there is none to ask.
   */
  readonly published: () => Promise<readonly MetaReleaseEntry[] | undefined>;
  /** The Release of a codename that nobody else knows; undefined when the debug archive has no such suite. */
  readonly lookUp: (codename: string) => Promise<ReleaseFile | undefined>;
}

/** Every release since 14.04, newest first: those of the published list, and the known ones that it lacks. */
export async function allReleases(knowledge: Pick<ReleaseKnowledge, 'published'>): Promise<UbuntuRelease[]> {
  const published = (await knowledge.published()) ?? [];
  const releases = new Map<string, UbuntuRelease>();
  for (const entry of published) {
    if (Number.parseInt(entry.version, 10) < OLDEST_YEAR) continue;
    // Releases out of support leave the mirrors one day.
    releases.set(entry.codename, release(entry.codename, entry, entry.isSupported));
  }
  for (const codename of VERSIONS.keys()) {
    if (!releases.has(codename)) releases.set(codename, release(codename, undefined, false));
  }
  return [...releases.values()].toSorted((a, b) => yearMonth(b) - yearMonth(a));
}

/**
 * The release that a VERSION_ID or codename names; undefined when only the published list could tell, and it cannot
 * be had. Throws `usage` for what is no release, and what `lookUp` throws.
 */
export async function namedRelease(
  name: string,
  { published, lookUp }: ReleaseKnowledge,
): Promise<UbuntuRelease | undefined> {
  for (const [codename, version] of VERSIONS) {
    if (name === codename || name === version) return release(codename, undefined, true);
  }
  const isCodename = /^[a-z]+$/.test(name);
  if (!isCodename && !/^\d\d\.\d\d$/.test(name)) throw unknown(name, []);
  const entries = await published();
  const entry = entries?.find(({ codename, version }) => name === codename || name === version);
  if (entry !== undefined) return release(entry.codename, entry, true);
  // A release in the making: only the debug archive itself knows it.
  if (isCodename && (await lookUp(name)) !== undefined) return release(name, undefined, true);
  if (entries === undefined) return undefined;
  throw unknown(name, entries);
}

/**
 * The archive's name of a release: what its signed Release says, else what is known. Throws `index-malformed` when
 * the two contradict each other, or neither says anything: a kernel would be filed under the wrong release.
 */
export function releaseSegment(release: UbuntuRelease, file: ReleaseFile | undefined): string {
  const told = /^\d\d\.\d\d(?=\.|$)/.exec(file?.version ?? '')?.[0];
  const built = VERSIONS.get(release.codename);
  if (told !== undefined && built !== undefined && told !== built) {
    throw new BtfmillError(
      'index-malformed',
      `ubuntu: ${release.codename} is ${built}, but its Release says ${told}`,
    );
  }
  const segment = told ?? release.version;
  if (segment !== undefined) return segment;
  throw new BtfmillError('index-malformed', `ubuntu: the Release of ${release.codename} gives no version`);
}

function release(codename: string, entry: MetaReleaseEntry | undefined, isRequired: boolean): UbuntuRelease {
  const version = VERSIONS.get(codename) ?? entry?.version;
  return {
    codename,
    isRequired,
    ...(version === undefined ? {} : { version }),
  };
}

function unknown(name: string, published: readonly MetaReleaseEntry[]): BtfmillError {
  const known = new Map(VERSIONS);
  for (const { codename, version } of published) known.set(codename, known.get(codename) ?? version);
  const list = [...known].map(([codename, version]) => `${version} (${codename})`).join(', ');
  return new BtfmillError('usage', `ubuntu has no release ${JSON.stringify(name)}; there is ${list}`);
}

function yearMonth({ version = '0' }: UbuntuRelease): number {
  return Number(version);
}
