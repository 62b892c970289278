/** What exists, as far as it could be found out, in the words of a run. */

import { crawlerFor } from '../crawlers/index.ts';
import type { DebugPackage, IndexSeen } from '../crawlers/types.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { archivePath } from './archive-path.ts';
import { type DistroListing, listDistros } from './list-distros.ts';
import type { IndexFailed, RunDeps, RunOptions } from './run-types.ts';

export interface Listing {
  readonly packages: readonly DebugPackage[];
  readonly indexes: readonly (IndexSeen & { readonly distro: string })[];
  readonly failures: readonly IndexFailed[];
  readonly indexBytes: number;
  readonly indexRequests: number;
}

/** Throws what {@link listDistros} throws. */
export async function listKernels(options: RunOptions, deps: RunDeps): Promise<Listing> {
  const { signal } = deps;
  const listings = await listDistros(options, {
    list: (distro, request, say) => deps.steps.list(distro, request, { signal, say }),
    archsOf: (distro) => crawlerFor(distro)?.archs ?? [],
    say: (message) => deps.emit({ event: 'note', message }),
    signal,
  });
  const failures = [...listings.flatMap(failuresOf), ...listings.flatMap((one) => nothingOf(one, options))];
  for (const failure of failures) deps.emit({ event: 'index.failed', ...failure });
  return {
    packages: listings.flatMap(({ packages }) => packages.filter((pkg) => pathError(pkg) === undefined)),
    indexes: listings.flatMap(({ distro, indexes }) => indexes.map((index) => ({ distro, ...index }))),
    failures,
    indexBytes: listings.reduce((sum, { indexBytes }) => sum + indexBytes, 0),
    indexRequests: listings.reduce((sum, { indexRequests }) => sum + indexRequests, 0),
  };
}

/** A mirror that has nothing at all of what is asked for is another place, or empty: no success. */
function nothingOf(
  { distro, indexes, packages, failures, error }: DistroListing,
  options: RunOptions,
): IndexFailed[] {
  const isEmpty = indexes.length + packages.length + failures.length === 0 && error === undefined;
  // A release that only other distributions know is no question to this one.
  const isAsked = options.own?.[distro] !== undefined || options.request.releases.length === 0;
  if (!isEmpty || !isAsked) return [];
  const nothing = new BtfmillError('http-not-found', `${distro}: the mirror has none of its indexes`);
  return [indexFailed(distro, '*', '*', nothing)];
}

/** A kernel whose name cannot be a file name is the fault of the index that named it, and of no other kernel. */
function failuresOf({ distro, packages, failures, error }: DistroListing): IndexFailed[] {
  return [
    ...packages.flatMap((pkg) => {
      const unsafe = pathError(pkg);
      return unsafe === undefined ? [] : [indexFailed(distro, pkg.suite, pkg.release, unsafe)];
    }),
    ...failures.map((failure) => indexFailed(distro, failure.suite, failure.release, failure.error)),
    ...(error === undefined ? [] : [indexFailed(distro, '*', '*', error)]),
  ];
}

function pathError(pkg: DebugPackage): BtfmillError | undefined {
  try {
    archivePath(pkg);
    return undefined;
  } catch (thrown) {
    return toBtfmillError(thrown);
  }
}

function indexFailed(
  distro: string,
  suite: string,
  release: string,
  { code, message }: BtfmillError,
): IndexFailed {
  return { distro, suite, release, code, message };
}
