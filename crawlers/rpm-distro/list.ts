/** One step of a listing of rpm-md repositories: a repository is found, and the kernels in it are noted. */

import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import type { Arch } from '../arch.ts';
import { isRefusal } from '../http/failures.ts';
import { guardIndex, isAskedFor, isIndexFault, type Listing, moreTelling } from '../listing.ts';
import {
  type OpenRepository,
  openRepository,
  type PackageList,
  readPackages,
  type RepositoryAnchor,
  type RepositoryPolicy,
  type RpmEntry,
} from '../rpm-md/index.ts';
import type { CrawlContext, PackageSignaturePolicy } from '../types.ts';
import { toDebugPackage } from './packages.ts';

/** One repository of one architecture: where it may be, and what in it is a kernel. */
export interface RepositoryPlan {
  readonly distro: string;
  /** What the distribution calls it, e.g. `updates-released-debug-f43`. */
  readonly name: string;
  /** The archive's name of the release that it belongs to. */
  readonly release: string;
  /**
   * Where only its kernels tell the release: the archive's name of it, or undefined when it is another one than was
   * asked for and nothing of it is wanted. {@link release} then names the repository's failures only.
   */
  readonly releaseOf?: (kernels: readonly RpmEntry[]) => string | undefined;
  readonly arch: Arch;
  /** Tried in this order until one has it. */
  readonly anchors: readonly RepositoryAnchor[];
  /** Hosts that its files may lie on beside its own; see `RepositoryLocation`. */
  readonly allowedHosts?: readonly string[];
  readonly policy: RepositoryPolicy;
  /** Its absence is a failure. */
  readonly isRequired: boolean;
  /** Its hosts answer 403 for what is not there, as S3 does to those who may not list its contents. */
  readonly isAbsentWhenRefused?: boolean;
  /** rpm's names of the architectures that its kernels may have; other packages are passed over. */
  readonly packageArchs: readonly string[];
  /** Whether a package of this name is to be looked at. */
  readonly isWanted: (packageName: string) => boolean;
  /** What `uname -r` prints on the kernel of such a package; undefined when it holds none. */
  readonly kernelOf: (entry: RpmEntry) => string | undefined;
  /** Who must have signed its packages; undefined when the index says enough. */
  readonly signature: PackageSignaturePolicy | undefined;
}

/**
 * Adds the kernels of a repository to the listing. What is wrong with the repository or its mirrors becomes a failure
 * of the listing; throws everything else (`usage`, `tool-missing`, `aborted`, local faults).
 *
 * @returns whether there is such a repository; true as well when it is there and could not be read
 */
export async function listRepository(plan: RepositoryPlan, listing: Listing): Promise<boolean> {
  const { context, failures } = listing;
  const isThere = await guardIndex({ suite: plan.name, release: plan.release }, failures, async () => {
    const found = await readFirst(plan, context);
    if (found === undefined) return false;
    return noteKernels(found, plan, listing);
  });
  return isThere ?? true;
}

function noteKernels(
  { repository, indexUrl, packages }: PackageList,
  plan: RepositoryPlan,
  listing: Listing,
): boolean {
  const { context, request } = listing;
  const { distro, name: suite, arch, packageArchs } = plan;
  const kernels = packages.filter((entry) => packageArchs.includes(entry.arch));
  const release = plan.releaseOf === undefined ? plan.release : plan.releaseOf(kernels);
  if (release === undefined) return false;

  const { trust, signer, repomd } = repository;
  const signature = request.insecure ? undefined : plan.signature;
  let count = 0;
  for (const entry of kernels) {
    const kernel = plan.kernelOf(entry);
    if (kernel === undefined || !isAskedFor(kernel, request)) continue;
    const origin = { distro, release, arch, suite, indexUrl, trust, signature };
    listing.packages.push(toDebugPackage(entry, kernel, origin));
    count += 1;
  }
  listing.indexes.push({
    suite,
    release,
    arch: arch.archive,
    url: indexUrl,
    trust,
    ...(signer === undefined ? {} : { signer }),
    ...(repomd.date === undefined ? {} : { date: repomd.date }),
    kernels: count,
  });
  context.say(`${suite} ${arch.rpm}: ${count} ${count === 1 ? 'kernel' : 'kernels'}`);
  return true;
}

/**
 * What the repository lists at the first anchor that has it; undefined when nobody has it and nobody need. An anchor
 * that fails is no reason not to ask the next, each is trusted for itself. Throws the most telling failure when no
 * other anchor has the repository, and `http-not-found` when it is required.
 */
async function readFirst(plan: RepositoryPlan, context: CrawlContext): Promise<PackageList | undefined> {
  const { name, arch, anchors, allowedHosts, policy } = plan;
  let failure: BtfmillError | undefined;
  let isSomewhereAbsent = false;
  for (const anchor of anchors) {
    let repository: OpenRepository | undefined;
    try {
      const location = { name, anchor, ...(allowedHosts === undefined ? {} : { allowedHosts }) };
      repository = await openRepository(location, policy, context);
      if (repository !== undefined) {
        const list = await readPackages(repository, context, plan.isWanted);
        if (failure !== undefined)
          context.say(`${name} ${arch.rpm}: another way, because ${failure.message}`);
        return list;
      }
      isSomewhereAbsent = true;
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      if (!isIndexFault(error)) throw error;
      // Once it was there, whatever is refused is missed.
      const isAbsent = repository === undefined && plan.isAbsentWhenRefused === true && isRefusal(error);
      if (isAbsent) isSomewhereAbsent = true;
      else failure = moreTelling(failure, error);
    }
  }
  const isMissed = plan.isRequired || !isSomewhereAbsent || failure?.code !== 'http-unreachable';
  if (failure !== undefined && isMissed) throw failure;
  if (failure !== undefined) {
    context.say(`${name} ${arch.rpm}: not there, as far as can be told (${failure.message})`);
  }
  if (!plan.isRequired) return undefined;
  const places = anchors.map(({ url }) => url).join(' and ');
  throw new BtfmillError('http-not-found', `${plan.distro}: ${name} is not at ${places}`);
}
