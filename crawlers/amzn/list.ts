/** Lists the kernels that Amazon Linux has debug packages of. */

import { BtfmillError } from '../../errors/index.ts';
import { type Arch, requestedArchs } from '../arch.ts';
import { isOutOfReach } from '../http/failures.ts';
import { guardIndex, type Listing, openListing } from '../listing.ts';
import { listRepository, type RepositoryPlan } from '../rpm-distro/index.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import type { CrawlContext, CrawlRequest, CrawlResult, IndexFailure } from '../types.ts';
import { readKernelTopics } from './catalog.ts';
import { type AmazonRepository, coreRepositories, extrasRepository } from './indexes.ts';
import { ARCHS, DEFAULT_ARCHS, isKernelDebuginfo, kernelOf } from './names.ts';
import { keyringsOf } from './packages.ts';
import { type AmazonRelease, allReleases, namedRelease } from './releases.ts';
import { type AmazonBases, resolveBases } from './sources.ts';
import { readStates } from './states.ts';

/** What the steps of one listing share. */
interface AmazonListing extends Listing {
  readonly bases: AmazonBases;
}

/**
 * Every kernel of the request, each once, newest package first. A repository that cannot be read is a failure beside
 * the others' kernels. Throws `usage` for a request that makes no sense, `tool-missing`, `aborted` and local faults.
 */
export async function listAmazon(request: CrawlRequest, context: CrawlContext): Promise<CrawlResult> {
  const { finish, ...opened } = openListing(request, context);
  const listing: AmazonListing = { ...opened, bases: resolveBases(request.mirror) };
  const archs = requestedArchs(request.archs, { distro: 'amzn', archs: ARCHS, defaultArchs: DEFAULT_ARCHS });

  for (const release of findReleases(listing)) {
    if (!request.insecure && keyringsOf(release, request).length === 0) {
      listing.failures.push(withoutKey(release));
      continue;
    }
    let isThere = false;
    for (const arch of archs) {
      if (!release.archs.includes(arch.archive)) isThere = true;
      else isThere = (await listRelease(release, arch, listing)) || isThere;
    }
    for (const state of await findStates(release, listing)) {
      for (const arch of archs) isThere = (await listRelease(state, arch, listing)) || isThere;
    }
    if (!isThere && request.releases.length > 0) listing.failures.push(nothingOf(release, request));
  }
  return finish(compareRpmVersions);
}

/** Amazon Linux 1 is left out of "everything" when nothing could vouch for its packages. */
function findReleases({ request, context }: AmazonListing): AmazonRelease[] {
  if (request.releases.length === 0) {
    const hasFirst = request.insecure || (request.keyrings ?? []).length > 0;
    if (!hasFirst) context.say('2018: left out, because its key has to be given with --keyring');
    return allReleases(hasFirst);
  }
  const named = request.releases.map(namedRelease);
  return [...new Map(named.map((release) => [nameOf(release), release])).values()];
}

function nameOf(release: AmazonRelease): string {
  const isDated = release.generation === 'year' && release.state !== 'latest';
  return isDated ? release.state : release.segment;
}

/** A mirror need not have every architecture, but of a release that was asked for it must have something. */
function nothingOf(release: AmazonRelease, { mirror }: CrawlRequest): IndexFailure {
  const error = new BtfmillError('http-not-found', `amzn: ${mirror} has nothing of ${nameOf(release)}`);
  return { suite: `${release.segment}-debuginfo`, release: release.segment, error };
}

function withoutKey({ segment }: AmazonRelease): IndexFailure {
  const what =
    'its packages are signed by a key that btfmill does not ship: give it with --keyring (or go without: --insecure)';
  return {
    suite: `${segment}-debuginfo`,
    release: segment,
    error: new BtfmillError('package-signature', `amzn ${segment}: ${what}`),
  };
}

/** @returns whether somebody has any of it, in whatever state */
async function listRelease(release: AmazonRelease, arch: Arch, listing: AmazonListing): Promise<boolean> {
  const { bases, request, failures } = listing;
  const isWanted = release.isExpected && request.releases.length > 0 && request.archs.length > 0;
  let isThere = false;
  for (const repository of coreRepositories(release, arch, bases, isWanted)) {
    isThere = (await listRepository(planOf(repository, release, arch, listing), listing)) || isThere;
    // One unreachable host needs no list of everything that it might have had.
    if (isUnreachable(failures, repository.name)) return true;
  }
  if (release.generation !== 2) return isThere;
  for (const topic of await findTopics(release, arch, listing)) {
    const repository = extrasRepository(topic, arch, bases);
    const hasTopic = await listRepository(planOf(repository, release, arch, listing), listing);
    if (!hasTopic) listing.context.say(`${repository.name} ${arch.rpm}: not there`);
    if (isUnreachable(failures, repository.name)) return true;
    isThere ||= hasTopic;
  }
  return isThere;
}

function isUnreachable(failures: readonly IndexFailure[], suite: string): boolean {
  const last = failures.at(-1);
  return last?.suite === suite && isOutOfReach(last.error);
}

/** The topics that hold kernels. A mirror need not have the catalog. */
async function findTopics(
  { segment }: AmazonRelease,
  arch: Arch,
  { bases, context, failures }: AmazonListing,
): Promise<readonly string[]> {
  const what = { suite: 'amzn2-extras-catalog', release: segment };
  const found = await guardIndex(what, failures, async () => {
    const topics = await readKernelTopics(bases.second, arch.rpm, context);
    if (topics !== undefined || bases.isPartial) return topics;
    throw new BtfmillError('http-not-found', `amzn: ${bases.second.join(' and ')} have no extras catalog`);
  });
  return found ?? [];
}

/** The earlier states of a release, whose kernels the latest may no longer have. A mirror need not list them. */
async function findStates(
  release: AmazonRelease,
  { bases, context, failures, request }: AmazonListing,
): Promise<AmazonRelease[]> {
  if (request.history !== true || release.generation !== 'year' || release.state !== 'latest') return [];
  const places = bases.ofYear(release.segment);
  const what = { suite: `al${release.segment}-releases`, release: release.segment };
  const found = await guardIndex(what, failures, async () => {
    const states = await readStates(places, context);
    if (states !== undefined || bases.isPartial || !release.isExpected) return states;
    throw new BtfmillError('http-not-found', `amzn: ${places.join(' and ')} have no releasemd.xml`);
  });
  return (found ?? []).map((state) => ({ ...release, state, isExpected: false }));
}

function planOf(
  { name, anchors, isRequired }: AmazonRepository,
  release: AmazonRelease,
  arch: Arch,
  { bases, request }: AmazonListing,
): RepositoryPlan {
  const hasDebug = request.variants.includes('debug');
  return {
    distro: 'amzn',
    name,
    release: release.segment,
    arch,
    anchors,
    allowedHosts: bases.hosts,
    // Amazon signs no index; whoever serves one beside it says nothing by that.
    policy: { keyrings: [], repomdSignature: 'none', insecure: request.insecure },
    isRequired,
    isAbsentWhenRefused: true,
    packageArchs: [arch.rpm],
    isWanted: isKernelDebuginfo,
    kernelOf: (entry) => {
      const found = kernelOf(entry);
      return found?.isDebug === true && !hasDebug ? undefined : found?.kernel;
    },
    // SHA-256 and better, also in Amazon Linux 1: keys/README.md.
    signature: { keyrings: keyringsOf(release, request), allowWeak: false },
  };
}
