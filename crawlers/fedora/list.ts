/** Lists the kernels that Fedora has debuginfo packages of. */

import { BtfmillError } from '../../errors/index.ts';
import { type Arch, requestedArchs } from '../arch.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import { guardIndex, type Listing, openListing } from '../listing.ts';
import { listRepository } from '../rpm-distro/index.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import { FEDORA_KEYRINGS } from '../trust/index.ts';
import type { CrawlContext, CrawlRequest, CrawlResult } from '../types.ts';
import { isBuiltFor, repositoriesOf } from './indexes.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';
import { planOf } from './packages.ts';
import {
  allReleases,
  BUILT_IN,
  type FedoraRelease,
  namedRelease,
  newestRelease,
  nextRelease,
  parseReleaseList,
  type ReleaseList,
} from './releases.ts';
import { type FedoraSources, resolveSources } from './sources.ts';

interface FedoraListing extends Listing {
  readonly sources: FedoraSources;
  readonly archs: readonly Arch[];
}

/** The real list has some hundred kB. */
const MAX_RELEASE_LIST_BYTES = 8 * 1024 * 1024;
/** Releases after the newest known that are looked for, one after the other: two a year. */
const MAX_UNHEARD_OF = 20;

/**
 * Every kernel of the request, each once, newest package first. A repository that cannot be read is a failure beside
 * the others' kernels. Throws `usage` for a request that makes no sense, `aborted` and local faults.
 */
export async function listFedora(request: CrawlRequest, context: CrawlContext): Promise<CrawlResult> {
  const { finish, ...opened } = openListing(request, context);
  const listing: FedoraListing = {
    ...opened,
    sources: resolveSources(request.mirror),
    archs: requestedArchs(request.archs, { distro: 'fedora', archs: ARCHS, defaultArchs: DEFAULT_ARCHS }),
  };
  await (request.releases.length === 0 ? listEverything(listing) : listNamed(listing));
  return finish(compareRpmVersions);
}

async function listEverything(listing: FedoraListing): Promise<void> {
  const list = await readReleaseList(listing);
  const newest = newestRelease(list);
  const releases = allReleases(list);
  for (const release of releases) await listRelease(release, listing, newest);

  // What nobody has told of yet: a release that has branched, or all since a list that could not be had.
  const first = Math.max(...releases.map(({ number = 0 }) => number)) + 1;
  for (let number = first; number < first + MAX_UNHEARD_OF; number += 1) {
    const indexesBefore = listing.indexes.length;
    await listRelease(nextRelease(number), listing, newest);
    if (listing.indexes.length === indexesBefore) break;
  }
}

/** Without it, what is built in holds: its loss is a failure of its own and loses nothing. */
async function readReleaseList({ sources, context, failures }: FedoraListing): Promise<ReleaseList> {
  const url = sources.releases;
  if (url === undefined) return BUILT_IN;
  const suite = 'releases.json';
  const list = await guardIndex({ suite, release: suite }, failures, async () => {
    const file = await fetchIndexFile(url, context, { maxBytes: MAX_RELEASE_LIST_BYTES });
    if (file === undefined) throw new BtfmillError('http-not-found', `${url}: the list of releases is gone`);
    return parseReleaseList(file.bytes, url);
  });
  return list ?? BUILT_IN;
}

async function listNamed(listing: FedoraListing): Promise<void> {
  const { request, failures, indexes } = listing;
  const newest = newestRelease(BUILT_IN);
  for (const name of new Set(request.releases)) {
    const release = namedRelease(name);
    const before = { indexes: indexes.length, failures: failures.length };
    await listRelease(release, listing, newest);
    // What is not out yet may still be rawhide, which is filed under its number.
    if (release.stage === 'branched')
      await listRelease(namedRelease('rawhide'), listing, newest, release.number);
    if (indexes.length > before.indexes || failures.length > before.failures) continue;
    const archs = listing.archs.map(({ archive }) => archive).join(', ');
    const error = new BtfmillError('http-not-found', `fedora: nobody has release ${name} for ${archs}`);
    failures.push({ suite: name, release: name, error });
  }
}

/** @param onlyNumber of rawhide: list it only when this is the number that it will have */
async function listRelease(
  release: FedoraRelease,
  listing: FedoraListing,
  newest: number,
  onlyNumber?: number,
): Promise<void> {
  const { request, sources, archs, context, indexes } = listing;
  const indexesBefore = indexes.length;
  for (const arch of archs) {
    if (request.archs.length === 0 && !isBuiltFor(release, arch)) continue;
    const extra = { newest, ...(onlyNumber === undefined ? {} : { onlyNumber }) };
    for (const [index, place] of repositoriesOf(release, arch, sources).entries()) {
      const isThere = await listRepository(planOf(place, release, arch, request, extra), listing);
      // Nobody knows of it, and it is not there: it has no updates either.
      if (index === 0 && !isThere && !release.isKnown) break;
    }
  }
  const isNew = indexes.length > indexesBefore && release.number !== undefined;
  if (isNew && !FEDORA_KEYRINGS.has(release.number) && !request.insecure && request.keyrings === undefined) {
    context.say(`fedora ${release.name}: its key is not here; without --keyring its packages are refused`);
  }
}
