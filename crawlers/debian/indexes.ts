/** Which suites of a release carry kernels, and where each may be found. */

import type { ReleaseFile, SuiteLocation } from '../apt/index.ts';
import type { DebianRelease } from './releases.ts';
import type { DebianBases } from './sources.ts';

export interface SuitePlace {
  readonly location: SuiteLocation;
  /**
   * Nothing changes there any more: its Valid-Until ran out long ago and by design, and it is signed by keys that
   * Debian has retired since.
   */
  readonly isFrozen: boolean;
}

export interface SuitePlan {
  /** The path below `dists/`, e.g. `bookworm-security`. */
  readonly name: string;
  /** Tried in this order until one has it. */
  readonly places: readonly SuitePlace[];
  /** Its absence is a failure. */
  readonly isRequired: boolean;
}

/** The suite that a release is known by. */
export function mainSuite(release: DebianRelease, bases: DebianBases): SuitePlan {
  return {
    name: release.codename,
    places: places(release, bases, release.codename, release.codename, [bases.main], bases.archive?.main),
    isRequired: release.isExplicit || (!bases.isPartial && !release.isRolling),
  };
}

/**
 * The suites beside it: `-updates`, `-backports`, `-backports-sloppy` and security.
 *
 * @param file the main suite's Release, where it could be read
 */
export function sideSuites(
  release: DebianRelease,
  file: ReleaseFile | undefined,
  bases: DebianBases,
): SuitePlan[] {
  if (release.isRolling) return [];
  const { codename } = release;
  // Backports move to the archive host before their release does. Younger releases have nothing there yet.
  const mayBeArchived = release.isArchived || /^old(old)+stable$/.test(file?.suite ?? '');
  const archive = mayBeArchived ? bases.archive : undefined;

  const beside = ['updates', 'backports', 'backports-sloppy'].map((suffix): SuitePlan => {
    const name = `${codename}-${suffix}`;
    return {
      name,
      places: places(release, bases, name, name, [bases.main], archive?.main),
      isRequired: false,
    };
  });
  // Until 10 the security suites were called <codename>/updates and gave themselves the release's codename.
  const isOldStyle = release.isArchived;
  const path = isOldStyle ? `${codename}/updates` : `${codename}-security`;
  const name = isOldStyle ? codename : path;
  const security: SuitePlan = {
    name: path,
    places: places(release, bases, path, name, bases.security, archive?.security),
    isRequired: !bases.isPartial && (release.version ?? file?.version) !== undefined,
  };
  return [...beside, security];
}

function places(
  release: DebianRelease,
  bases: DebianBases,
  path: string,
  name: string,
  live: readonly string[],
  archive: string | undefined,
): SuitePlace[] {
  const hasLeftMirrors = release.isArchived && bases.archive !== undefined;
  const livePlaces = hasLeftMirrors ? [] : live.map((base) => ({ base, isFrozen: release.isArchived }));
  const archivePlaces = archive === undefined ? [] : [{ base: archive, isFrozen: true }];
  return [...livePlaces, ...archivePlaces].map(({ base, isFrozen }) => ({
    location: { base, path, names: [name] },
    isFrozen,
  }));
}
