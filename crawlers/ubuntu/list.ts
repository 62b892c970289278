/** Lists the kernels that Ubuntu has debug packages of. */

import { BtfmillError } from '../../errors/index.ts';
import {
  compareDebianVersions,
  listSuite,
  type OpenSuite,
  openSuite,
  type SuiteContents,
  type SuiteLocation,
} from '../apt/index.ts';
import { type Arch, requestedArchs } from '../arch.ts';
import { isPattern } from '../glob.ts';
import { isOutOfReach } from '../http/failures.ts';
import { guardIndex, type Listing, openListing } from '../listing.ts';
import { UBUNTU_DBGSYM_KEYRING } from '../trust/index.ts';
import type { CrawlContext, CrawlRequest, CrawlResult } from '../types.ts';
import { COMPONENTS, mainSuite, type SuitePlan, sideSuites } from './indexes.ts';
import { listHistory } from './launchpad.ts';
import { fetchMetaRelease, type MetaReleaseEntry } from './meta-release.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';
import { kernelOfDebugPackage, preferUnsigned } from './packages.ts';
import { allReleases, namedRelease, releaseSegment, type UbuntuRelease } from './releases.ts';
import { resolveSources, type UbuntuSources } from './sources.ts';

interface UbuntuListing extends Listing {
  readonly sources: UbuntuSources;
  readonly archs: readonly Arch[];
}

/**
 * Every kernel of the request, each once, newest package first. A suite that cannot be read is a failure beside the
 * others' kernels. Throws `usage` for a request that makes no sense, `tool-missing`, `aborted` and local faults.
 */
export async function listUbuntu(
  request: CrawlRequest,
  context: CrawlContext,
  sources = resolveSources(request.mirror),
): Promise<CrawlResult> {
  const { finish, ...opened } = openListing(request, context);
  const listing: UbuntuListing = {
    ...opened,
    sources,
    archs: requestedArchs(request.archs, { distro: 'ubuntu', archs: ARCHS, defaultArchs: DEFAULT_ARCHS }),
  };
  await listReleases(await findReleases(listing), listing);
  const missing = request.kernels.filter(
    (glob) => !isPattern(glob) && !listing.packages.some(({ kernel }) => kernel === glob),
  );
  if (missing.length > 0 && request.history !== true) {
    context.say(`${missing.join(', ')}: not in the debug archive; --history asks Launchpad as well`);
  }
  return finish(compareDebianVersions, preferUnsigned);
}

async function findReleases(listing: UbuntuListing): Promise<UbuntuRelease[]> {
  const { request, failures } = listing;
  const published = metaReleaseOnce(listing);
  if (request.releases.length === 0) {
    const releases = await allReleases({ published });
    return listing.sources.isPartial ? releases.map(asOptional) : releases;
  }
  const lookUp = async (codename: string) => {
    const location = { base: listing.sources.base, path: codename, names: [codename] };
    return (await open(location, listing))?.release;
  };
  const found = new Map<string, UbuntuRelease>();
  for (const name of request.releases) {
    const release = await guardIndex({ suite: name, release: name }, failures, () =>
      namedRelease(name, { published, lookUp }),
    );
    if (release !== undefined) found.set(release.codename, release);
  }
  const releases = [...found.values()];
  return request.history === true ? releases.map(asOptional) : releases;
}

/** Not on the mirror is no failure: it has a part of Ubuntu only, or there is another place to ask. */
function asOptional(release: UbuntuRelease): UbuntuRelease {
  return { ...release, isRequired: false };
}

/** Asks once at the most, and when it cannot be had notes that once. */
function metaReleaseOnce({
  sources,
  context,
  failures,
}: UbuntuListing): () => Promise<readonly MetaReleaseEntry[] | undefined> {
  const { metaRelease } = sources;
  if (metaRelease === undefined) return () => Promise.resolve([]);
  let asked: Promise<readonly MetaReleaseEntry[] | undefined> | undefined;
  return () => {
    const what = { suite: 'meta-release', release: 'newest' };
    asked ??= guardIndex(what, failures, () => fetchMetaRelease(metaRelease, context));
    return asked;
  };
}

async function listReleases(releases: readonly UbuntuRelease[], listing: UbuntuListing): Promise<void> {
  const { request, failures, context } = listing;
  let isHistoryWanted = request.history === true;
  for (const release of releases) {
    const failuresBefore = failures.length;
    const segment = await listRelease(release, listing);
    if (!isHistoryWanted || segment === undefined) continue;
    if (failures.length > failuresBefore) {
      // It might have everything, and Launchpad has to be asked about each kernel.
      context.say(`launchpad ${segment}: not asked, the debug archive has not said all that it has`);
    } else {
      isHistoryWanted = await listReleaseHistory(release.codename, segment, listing);
    }
  }
}

/** The archive's name of the release; undefined when that is not known. */
async function listRelease(release: UbuntuRelease, listing: UbuntuListing): Promise<string | undefined> {
  const { sources, failures } = listing;
  const name = release.version ?? release.codename;
  const failuresBefore = failures.length;
  const main = await openPlan(mainSuite(release, sources), name, listing);
  const failure = failures[failuresBefore]?.error;
  if (main === undefined && failure === undefined) return release.version;

  const segment = await guardIndex({ suite: release.codename, release: name }, failures, () =>
    Promise.resolve(releaseSegment(release, main?.release)),
  );
  if (segment === undefined) return undefined;
  if (main !== undefined) await listSuite(main, contents(release.codename, segment, listing), listing);
  for (const plan of sideSuites(release, sources)) {
    // One unreachable host needs no list of everything that it might have had.
    if (failure !== undefined && isOutOfReach(failure) && !plan.isRequired) continue;
    const suite = await openPlan(plan, segment, listing);
    if (suite !== undefined) await listSuite(suite, contents(plan.name, segment, listing), listing);
  }
  return segment;
}

/** False when Launchpad is better left alone. */
async function listReleaseHistory(
  codename: string,
  segment: string,
  listing: UbuntuListing,
): Promise<boolean> {
  for (const arch of listing.archs) {
    const listed = listing.packages.filter(
      (found) => found.release === segment && found.arch === arch.archive,
    );
    const known = new Set(listed.map(({ kernel }) => kernel));
    const question = { place: listing.sources.launchpad, codename, segment, arch, known };
    if (!(await listHistory(question, listing))) return false;
  }
  return true;
}

/** Undefined when there is no such suite or its failure was noted. */
async function openPlan(
  plan: SuitePlan,
  segment: string,
  listing: UbuntuListing,
): Promise<OpenSuite | undefined> {
  return guardIndex({ suite: plan.name, release: segment }, listing.failures, async () => {
    const suite = await open(plan.location, listing);
    if (suite !== undefined || !plan.isRequired) return suite;
    throw new BtfmillError('http-not-found', `ubuntu: ${plan.location.base} has no suite ${plan.name}`);
  });
}

function open(location: SuiteLocation, { request, context }: UbuntuListing): Promise<OpenSuite | undefined> {
  const keyrings = [UBUNTU_DBGSYM_KEYRING, ...(request.keyrings ?? [])];
  const { allowExpired, insecure } = request;
  return openSuite(location, { keyrings, allowExpired, insecure }, context);
}

function contents(name: string, segment: string, { archs }: UbuntuListing): SuiteContents {
  return { distro: 'ubuntu', name, segment, components: COMPONENTS, archs, kernelOf: kernelOfDebugPackage };
}
