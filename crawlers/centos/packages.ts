/** CentOS's packages: where else each one is, and which of them contradict each other. */

import { BtfmillError } from '../../errors/index.ts';
import type { DebugPackage, IndexFailure } from '../types.ts';

/**
 * The package with its addresses on the other mirrors of a tree, which have the same files under the same paths.
 * Those of the host that the package's own address is on are left out.
 *
 * @param bases folders of the tree's repository, with a slash at the end
 */
export function withMirrors(found: DebugPackage, bases: readonly string[]): DebugPackage {
  const base = bases.find((candidate) => found.url.startsWith(candidate));
  if (base === undefined) return found;
  const path = found.url.slice(base.length);
  const hosts = new Set([new URL(found.url).host]);
  const otherUrls = [...(found.otherUrls ?? [])];
  for (const other of bases) {
    const { host } = new URL(other);
    if (hosts.has(host)) continue;
    hosts.add(host);
    otherUrls.push(`${other}${path}`);
  }
  return otherUrls.length === 0 ? found : { ...found, otherUrls };
}

/**
 * Takes out the packages of which there are two: of one kernel and one version, but not the same file. CentOS Linux 8
 * and Stream 8 are filed under one release, and which of the two a machine runs nobody can tell by `uname -r`.
 */
export function refuseConflicts(packages: readonly DebugPackage[]): {
  readonly packages: DebugPackage[];
  readonly failures: IndexFailure[];
} {
  const firsts = new Map<string, DebugPackage>();
  const refused = new Set<string>();
  const failures: IndexFailure[] = [];
  for (const found of packages) {
    const key = keyOf(found);
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, found);
    if (first === undefined || isSameFile(first, found)) continue;
    refused.add(key);
    const what = `${found.release}/${found.arch}/${found.kernel}`;
    failures.push({
      suite: found.suite,
      release: found.release,
      error: new BtfmillError(
        'index-conflict',
        `${what}: ${found.packageVersion} is ${first.digest} at ${first.url} and ${found.digest} at ${found.url}`,
      ),
    });
  }
  return { packages: packages.filter((found) => !refused.has(keyOf(found))), failures };
}

function keyOf({ release, arch, kernel, packageVersion }: DebugPackage): string {
  return `${release}/${arch}/${kernel} ${packageVersion}`;
}

/** Digests of different algorithms cannot be compared; sizes can. */
function isSameFile(a: DebugPackage, b: DebugPackage): boolean {
  if (a.sizeBytes !== b.sizeBytes) return false;
  const [algorithm] = a.digest.split(':');
  return a.digest === b.digest || !b.digest.startsWith(`${algorithm}:`);
}
