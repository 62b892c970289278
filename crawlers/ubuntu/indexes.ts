/** Which suites of a release carry kernels. */

import type { SuiteLocation } from '../apt/index.ts';
import type { UbuntuRelease } from './releases.ts';
import type { UbuntuSources } from './sources.ts';

/** Kernels are in main, those of some flavours in universe; the others hold none that is free to redistribute. */
export const COMPONENTS: readonly string[] = ['main', 'universe'];

export interface SuitePlan {
  /** Below `dists/`, e.g. `focal-updates`. */
  readonly name: string;
  readonly location: SuiteLocation;
  /** Its absence is a failure. */
  readonly isRequired: boolean;
}

/** The suite that a release is known by, with what it came out with. */
export function mainSuite(release: UbuntuRelease, { base }: UbuntuSources): SuitePlan {
  return plan(release, release.codename, base, release.isRequired);
}

/** The pockets beside it, as Launchpad names them. The debug archive has been without `-security` at times. */
export function sideSuites(release: UbuntuRelease, { base, isPartial }: UbuntuSources): SuitePlan[] {
  return ['updates', 'security', 'proposed'].map((pocket) =>
    plan(release, `${release.codename}-${pocket}`, base, pocket === 'updates' && !isPartial),
  );
}

function plan({ codename }: UbuntuRelease, path: string, base: string, isRequired: boolean): SuitePlan {
  // A pocket's Release gives the release's codename; whether its Suite names the pocket was never seen.
  return { name: path, location: { base, path, names: [...new Set([path, codename])] }, isRequired };
}
