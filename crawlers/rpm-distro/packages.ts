/** One package of an rpm repository as a kernel's debug package. */

import type { Arch } from '../arch.ts';
import { formatEvr, type RpmEntry } from '../rpm-md/index.ts';
import type { DebugPackage, IndexTrust, PackageSignaturePolicy } from '../types.ts';

/** Where a package was found, and what that says about it. */
export interface PackageOrigin {
  readonly distro: string;
  /** The archive's name of the release. */
  readonly release: string;
  readonly arch: Arch;
  /** Name of the repository. */
  readonly suite: string;
  /** URL of its list of packages. */
  readonly indexUrl: string;
  readonly trust: IndexTrust;
  /** Who must have signed the package; undefined when nobody need. */
  readonly signature: PackageSignaturePolicy | undefined;
}

/** @param kernel what `uname -r` prints */
export function toDebugPackage(
  entry: RpmEntry,
  kernel: string,
  { distro, release, arch, suite, indexUrl, trust, signature }: PackageOrigin,
): DebugPackage {
  const [url, ...otherUrls] = entry.urls;
  return {
    distro,
    release,
    arch: arch.archive,
    kernel,
    packageName: entry.name,
    packageVersion: formatEvr(entry),
    format: 'rpm',
    url,
    ...(otherUrls.length === 0 ? {} : { otherUrls }),
    sizeBytes: entry.sizeBytes,
    digest: entry.digest,
    indexUrl,
    suite,
    trust,
    ...(signature === undefined ? {} : { signature }),
  };
}
