/** Lists the kernels that Debian has debug packages of. */

import { BtfmillError } from '../../errors/index.ts';
import { type Arch, requestedArchs } from '../arch.ts';
import {
  compareDebianVersions,
  listSuite,
  type OpenSuite,
  openSuite,
  type SuiteContents,
  type SuitePolicy,
} from '../apt/index.ts';
import { isOutOfReach } from '../http/failures.ts';
import { guardIndex, type Listing, openListing } from '../listing.ts';
import { DEBIAN_KEYRING, DEBIAN_REMOVED_KEYRING } from '../trust/index.ts';
import type { CrawlContext, CrawlRequest, CrawlResult } from '../types.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';
import { kernelOfDebugPackage } from './packages.ts';
import { allReleases, type DebianRelease, namedRelease, releaseSegment } from './releases.ts';
import { type DebianBases, resolveBases } from './sources.ts';
import { mainSuite, type SuitePlan, type SuitePlace, sideSuites } from './indexes.ts';

interface DebianListing extends Listing {
  readonly bases: DebianBases;
  readonly archs: readonly Arch[];
}

/**
 * Every kernel of the request, each once, newest package first. A suite that cannot be read is a failure beside the
 * others' kernels. Throws `usage` for a request that makes no sense, `tool-missing`, `aborted` and local faults.
 *
 * @param etcDir the machine's configuration folder
 */
export async function listDebian(
  request: CrawlRequest,
  context: CrawlContext,
  etcDir = '/etc',
): Promise<CrawlResult> {
  const { finish, ...opened } = openListing(request, context);
  const listing: DebianListing = {
    ...opened,
    bases: await resolveBases(request.mirror, etcDir),
    archs: requestedArchs(request.archs, { distro: 'debian', archs: ARCHS, defaultArchs: DEFAULT_ARCHS }),
  };
  for (const release of await findReleases(listing)) await listRelease(release, listing);
  return finish(compareDebianVersions);
}

/** Without a request, a look-up that fails is a failure of its own: what is known without it is listed all the same. */
async function findReleases(listing: DebianListing): Promise<DebianRelease[]> {
  const { request, bases, context, failures } = listing;
  const lookUp = async (suite: string) => {
    const location = { base: bases.main, path: suite, names: [suite] };
    // Which codename is stable does not expire; the suite itself is judged when it is read.
    const policy = { ...policyFor(false, request), allowExpired: true };
    return (await openSuite(location, policy, context))?.release;
  };
  if (request.releases.length === 0) {
    return allReleases((suite) => guardIndex({ suite, release: suite }, failures, () => lookUp(suite)));
  }
  const found = new Map<string, DebianRelease>();
  for (const name of request.releases) {
    const release = await guardIndex({ suite: name, release: name }, failures, () =>
      namedRelease(name, lookUp),
    );
    if (release !== undefined) found.set(release.codename, release);
  }
  return [...found.values()];
}

async function listRelease(release: DebianRelease, listing: DebianListing): Promise<void> {
  const { bases, failures } = listing;
  const failuresBefore = failures.length;
  const main = await openPlan(mainSuite(release, bases), releaseSegment(release, undefined), listing);
  const failure = failures[failuresBefore]?.error;
  if (main === undefined && failure === undefined) return;
  // A damaged main suite does not stop its neighbours, unless only it can tell where to file their kernels.
  if (main === undefined && release.version === undefined) return;

  const segment = releaseSegment(release, main?.release);
  if (main !== undefined) await listSuite(main, contents(release.codename, segment, listing), listing);
  for (const plan of sideSuites(release, main?.release, bases)) {
    // One unreachable host needs no list of everything that it might have had.
    if (failure !== undefined && isOutOfReach(failure) && !plan.isRequired) continue;
    const suite = await openPlan(plan, segment, listing);
    if (suite !== undefined) await listSuite(suite, contents(plan.name, segment, listing), listing);
  }
}

/** The first place that has the suite; undefined when none has or its failure was noted. */
async function openPlan(
  plan: SuitePlan,
  segment: string,
  listing: DebianListing,
): Promise<OpenSuite | undefined> {
  return guardIndex({ suite: plan.name, release: segment }, listing.failures, async () => {
    for (const [index, place] of plan.places.entries()) {
      const isLastResort = index > 0 && !plan.isRequired;
      const suite = await openPlace(place, isLastResort, listing);
      if (suite !== undefined) return suite;
    }
    if (!plan.isRequired) return undefined;
    const bases = plan.places.map(({ location }) => location.base).join(' and ');
    throw new BtfmillError('http-not-found', `debian: ${bases} has no suite ${plan.name}`);
  });
}

/**
 * @param isLastResort the place before said that it has no such suite, and the suite need not exist: that this place
 * cannot be reached is then worth a word and no failure
 */
async function openPlace(
  place: SuitePlace,
  isLastResort: boolean,
  { request, context }: DebianListing,
): Promise<OpenSuite | undefined> {
  try {
    return await openSuite(place.location, policyFor(place.isFrozen, request), context);
  } catch (error) {
    const isUnreachable = error instanceof BtfmillError && error.code === 'http-unreachable';
    if (!isLastResort || !isUnreachable) throw error;
    context.say(
      `${place.location.path}: not on the mirror, and the archive is out of reach (${error.message})`,
    );
    return undefined;
  }
}

function contents(name: string, segment: string, { archs }: DebianListing): SuiteContents {
  return { distro: 'debian', name, segment, components: ['main'], archs, kernelOf: kernelOfDebugPackage };
}

function policyFor(isFrozen: boolean, request: CrawlRequest): SuitePolicy {
  return {
    keyrings: [DEBIAN_KEYRING, ...(isFrozen ? [DEBIAN_REMOVED_KEYRING] : []), ...(request.keyrings ?? [])],
    allowExpired: request.allowExpired || isFrozen,
    insecure: request.insecure,
  };
}
