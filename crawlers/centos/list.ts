/** Lists the kernels that CentOS has debug packages of. */

import { BtfmillError } from '../../errors/index.ts';
import { type Arch, parseArch, requestedArchs } from '../arch.ts';
import { isOutOfReach, isRefusal } from '../http/failures.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import { guardIndex, type Listing, openListing } from '../listing.ts';
import { listRepository, type RepositoryPlan } from '../rpm-distro/index.ts';
import { compareRpmVersions } from '../rpm-md/index.ts';
import { CENTOS_7_KEYRING, CENTOS_OFFICIAL_KEYRING } from '../trust/index.ts';
import type { CrawlContext, CrawlRequest, CrawlResult, IndexFailure } from '../types.ts';
import { type CentosRepository, repositoriesOf, streamProbeUrl } from './indexes.ts';
import { ARCHS, DEFAULT_ARCHS, isKernelDebuginfo, kernelOf } from './names.ts';
import { refuseConflicts, withMirrors } from './packages.ts';
import { allTrees, type CentosTree, namedTrees } from './releases.ts';
import { type CentosBases, resolveBases } from './sources.ts';

/**
 * Every kernel of the request, each once, newest package first. A repository that cannot be read is a failure beside
 * the others' kernels, and so is a kernel of which there are two different packages. Throws `usage` for a request
 * that makes no sense, `tool-missing`, `aborted` and local faults.
 */
export async function listCentos(request: CrawlRequest, context: CrawlContext): Promise<CrawlResult> {
  const { finish, ...listing } = openListing(request, context);
  const bases = resolveBases(request.mirror);
  const archs = requestedArchs(request.archs, {
    distro: 'centos',
    archs: ARCHS,
    defaultArchs: DEFAULT_ARCHS,
  });
  const trees =
    request.releases.length === 0
      ? await allTrees((major) => hasStream(major, bases, listing))
      : uniqueTrees(request.releases.flatMap(namedTrees));

  for (const tree of trees) {
    let isThere = false;
    for (const arch of archs) {
      if (!tree.archs.includes(arch.archive)) isThere = true;
      else isThere = (await listTree(tree, arch, bases, listing)) || isThere;
    }
    if (!isThere && isNamed(tree, request)) listing.failures.push(nothingOf(tree, bases));
  }
  const { packages, failures } = refuseConflicts(listing.packages);
  listing.packages.splice(0, Number.POSITIVE_INFINITY, ...packages);
  listing.failures.push(...failures);
  return finish(compareRpmVersions);
}

/** @returns whether somebody has any of it, in whatever state */
async function listTree(
  tree: CentosTree,
  arch: Arch,
  bases: CentosBases,
  listing: Listing,
): Promise<boolean> {
  const { packages, failures, request } = listing;
  const isWanted = isNamed(tree, request) && request.archs.length > 0;
  let isThere = false;
  for (const repository of repositoriesOf(tree, arch, bases, isWanted)) {
    const countBefore = packages.length;
    isThere = (await listRepository(planOf(repository, tree, arch, request), listing)) || isThere;
    const mirrors = repository.anchors.filter(({ kind }) => kind === 'base').map(({ url }) => url);
    for (const [index, found] of packages.entries()) {
      if (index >= countBefore) packages[index] = withMirrors(found, mirrors);
    }
    // One unreachable host needs no list of everything that it might have had.
    const failure = failures.at(-1);
    if (failure?.suite === repository.name && isOutOfReach(failure.error)) break;
  }
  return isThere;
}

/** A mirror need not have every architecture, but of a release that was asked for it must have something. */
function nothingOf({ name, segment }: CentosTree, { flat: [mirror] }: CentosBases): IndexFailure {
  const error = new BtfmillError('http-not-found', `centos: ${mirror} has nothing of ${name}`);
  return { suite: name, release: segment, error };
}

function planOf(
  { name, anchors, isRequired }: CentosRepository,
  tree: CentosTree,
  arch: Arch,
  request: CrawlRequest,
): RepositoryPlan {
  const own = tree.segment === '7' ? CENTOS_7_KEYRING : CENTOS_OFFICIAL_KEYRING;
  const keyrings = [own, ...(request.keyrings ?? [])];
  const hasDebug = request.variants.includes('debug');
  return {
    distro: 'centos',
    name,
    release: tree.segment,
    arch,
    anchors,
    policy: { keyrings, repomdSignature: 'if-present', insecure: request.insecure },
    isRequired,
    packageArchs: [arch.rpm],
    isWanted: isKernelDebuginfo,
    kernelOf: (entry) => {
      const found = kernelOf(entry);
      return found?.isDebug === true && !hasDebug ? undefined : found?.kernel;
    },
    // SHA-256 from the first day on: keys/README.md.
    signature: { keyrings, allowWeak: false },
  };
}

/** Whether the request names this tree and no other: `8` stands for CentOS Linux 8, and Stream 8 where there is one. */
function isNamed({ name, segment, layout }: CentosTree, { releases }: CrawlRequest): boolean {
  return releases.some(
    (asked) => asked === name || asked === `${name}-linux` || (layout === 'stream' && asked === segment),
  );
}

function uniqueTrees(trees: readonly CentosTree[]): CentosTree[] {
  return [...new Map(trees.map((tree) => [tree.name, tree])).values()];
}

/** Where a mirror says 403 to what it does not have, that is an answer too. */
async function hasStream(
  major: number,
  { stream: [base] }: CentosBases,
  { context, failures }: Listing,
): Promise<boolean> {
  const what = { suite: `${major}-stream`, release: String(major) };
  const url = streamProbeUrl(base, major, parseArch('x86_64'));
  const isThere = await guardIndex(what, failures, async () => {
    try {
      return (await fetchIndexFile(url, context)) !== undefined;
    } catch (error) {
      if (isRefusal(error)) return false;
      throw error;
    }
  });
  return isThere === true;
}
