/** What the listings of all distributions have in common. */

import { type BtfmillError, toBtfmillError } from '../errors/index.ts';
import { matchesGlob } from './glob.ts';
import { isOutOfReach } from './http/failures.ts';
import { createIndexClient } from './http/index-client.ts';
import type {
  CrawlContext,
  CrawlRequest,
  CrawlResult,
  DebugPackage,
  IndexFailure,
  IndexSeen,
} from './types.ts';

/** What the steps of one listing share, and what they find. */
export interface Listing {
  readonly request: CrawlRequest;
  /** Its HTTP client counts, and asks a dead host only once. */
  readonly context: CrawlContext;
  readonly packages: DebugPackage[];
  readonly indexes: IndexSeen[];
  readonly failures: IndexFailure[];
}

/** Leaves out packages that must not stand for their kernel, however new they are. */
export interface Choice {
  (packages: readonly DebugPackage[]): readonly DebugPackage[];
}

/** A listing that has found nothing yet, and what it came to once its steps are done. */
export function openListing(
  request: CrawlRequest,
  context: CrawlContext,
): Listing & { readonly finish: (compareVersions: VersionOrder, choose?: Choice) => CrawlResult } {
  const client = createIndexClient(context.http);
  const listing: Listing = {
    request,
    context: { ...context, http: client.http },
    packages: [],
    indexes: [],
    failures: [],
  };
  return {
    ...listing,
    finish(compareVersions, choose = (packages) => packages) {
      const { requests, bytes } = client.cost();
      return {
        packages: oneEachNewestFirst(choose(listing.packages), compareVersions),
        indexes: listing.indexes,
        failures: listing.failures,
        indexBytes: bytes,
        indexRequests: requests,
      };
    },
  };
}

/** Whether the request's globs, if any, name the kernel. */
export function isAskedFor(kernel: string, { kernels }: CrawlRequest): boolean {
  return kernels.length === 0 || kernels.some((glob) => matchesGlob(glob, kernel));
}

/** Whether an error is about the mirror or its indexes: the listing then goes on without that index. */
export function isIndexFault({ code }: BtfmillError): boolean {
  return code.startsWith('http-') || code.startsWith('index-');
}

/**
 * Of two failures on the way to one index the one to tell, of equal ones the first: that something is wrong with what
 * a mirror gave says more than that another gave nothing, and that more than that a third cannot be reached.
 */
export function moreTelling(first: BtfmillError | undefined, next: BtfmillError): BtfmillError {
  return first === undefined || tellingOf(next) > tellingOf(first) ? next : first;
}

function tellingOf(error: BtfmillError): number {
  if (error.code.startsWith('index-')) return 2;
  return isOutOfReach(error) ? 0 : 1;
}

/**
 * Runs one step of a listing. What the mirror or its indexes did wrong is added to `failures`, and undefined comes
 * back; everything else ends the listing.
 */
export async function guardIndex<T>(
  what: { readonly suite: string; readonly release: string },
  failures: IndexFailure[],
  step: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await step();
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (!isIndexFault(error)) throw error;
    failures.push({ ...what, error });
    return undefined;
  }
}

/** Orders package versions: negative when `a` is older. */
export interface VersionOrder {
  (a: string, b: string): number;
}

/**
 * One package per kernel, the newest first. Of a kernel that several indexes have, the newest build is taken; of
 * equal ones, that of the index read first. An epoch orders the builds of one kernel; between kernels it says nothing:
 * Amazon's `kernel` has one, and its younger `kernel6.12` has none.
 */
export function oneEachNewestFirst(
  packages: readonly DebugPackage[],
  compareVersions: VersionOrder,
): DebugPackage[] {
  const byKey = new Map<string, DebugPackage>();
  for (const found of packages) {
    const key = `${found.release}/${found.arch}/${found.kernel}`;
    const other = byKey.get(key);
    if (other === undefined || compareVersions(found.packageVersion, other.packageVersion) > 0) {
      byKey.set(key, found);
    }
  }
  return [...byKey.values()].toSorted(
    (a, b) =>
      compareVersions(withoutEpoch(b.packageVersion), withoutEpoch(a.packageVersion)) ||
      compareVersions(b.packageVersion, a.packageVersion) ||
      compareText(a.release, b.release) ||
      compareText(a.arch, b.arch) ||
      compareText(a.kernel, b.kernel),
  );
}

function withoutEpoch(version: string): string {
  return version.replace(/^\d+:/, '');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
