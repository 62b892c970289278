/** What is asked of Fedora's packages: which hold a kernel, of which release, and who must have signed them. */

import type { Arch } from '../arch.ts';
import type { RepositoryPlan } from '../rpm-distro/index.ts';
import type { RpmEntry } from '../rpm-md/index.ts';
import { FEDORA_KEYRINGS } from '../trust/index.ts';
import type { CrawlRequest, PackageSignaturePolicy } from '../types.ts';
import type { RepositoryPlace } from './indexes.ts';
import { isKernelPackage, kernelArchs, kernelOf, releaseOfBuild } from './names.ts';
import type { FedoraRelease } from './releases.ts';

/**
 * The last release that may have packages with SHA-1 signatures (12, early on) or of 1024-bit DSA keys (8 to 10).
 * From 13 on signatures are RSA over SHA-256.
 */
const LAST_WEAKLY_SIGNED = 12;

/** A repository of Fedora as `rpm-distro/` reads it. */
export function planOf(
  place: RepositoryPlace,
  release: FedoraRelease,
  arch: Arch,
  request: CrawlRequest,
  { newest, onlyNumber }: { readonly newest: number; readonly onlyNumber?: number },
): RepositoryPlan {
  return {
    distro: 'fedora',
    ...place,
    release: onlyNumber === undefined ? release.name : String(onlyNumber),
    ...(release.number === undefined
      ? { releaseOf: (kernels) => releaseOfRawhide(kernels, onlyNumber) }
      : {}),
    arch,
    // Fedora signs no repomd.xml: the metalink, or the way to the host, is what there is.
    policy: { keyrings: [], repomdSignature: 'none', insecure: request.insecure },
    packageArchs: kernelArchs(arch),
    isWanted: (name) => isKernelPackage(name, request.variants),
    kernelOf: (entry) => kernelOf(entry, release.number),
    signature: signaturePolicy(release, newest, request.keyrings ?? []),
  };
}

/** The keys that count for a release's packages, and the request's own. */
export function signaturePolicy(
  { number }: FedoraRelease,
  newest: number,
  keyrings: readonly string[],
): PackageSignaturePolicy {
  const allowWeak = number !== undefined && number <= LAST_WEAKLY_SIGNED;
  return { keyrings: [...keysOf(number, newest), ...keyrings], allowWeak };
}

/** Rawhide's builds carry the key of the release that they will be in: one of those that are not out yet. */
function keysOf(number: number | undefined, newest: number): string[] {
  return [...FEDORA_KEYRINGS]
    .filter(([release]) => (number === undefined ? release > newest : release === number))
    .map(([, keyring]) => keyring);
}

/**
 * Rawhide is filed under the number that it will have: its os-release says so already (`VERSION_ID=44`), and a kernel
 * need not move when the release branches. The number is that of its newest build; without any it is `rawhide`.
 *
 * @param only undefined comes back for another number than this
 */
function releaseOfRawhide(kernels: readonly RpmEntry[], only: number | undefined): string | undefined {
  let number: number | undefined;
  for (const { release } of kernels) {
    const built = releaseOfBuild(release);
    if (built !== undefined && built > (number ?? 0)) number = built;
  }
  if (only !== undefined) return number === only ? String(only) : undefined;
  return number === undefined ? 'rawhide' : String(number);
}
