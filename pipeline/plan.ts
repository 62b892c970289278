/** What a crawl will do before it does anything: a pure function of what exists, what the record knows and what the archive holds. */

import type { DebugPackage, KernelKey } from '../crawlers/types.ts';
import type { IsoTime, KernelState } from '../db/types.ts';
import { isTooEarly } from './retry-policy.ts';
import { type Budget, shareOut } from './share-out.ts';
import { isInShard, type Shard } from './shard.ts';

/**
 * What happens to one kernel.
 * `published`: in the record, and its file is there with the recorded size. `fetch`: the whole way.
 * `recover`: a run died between the renaming of the file and the record; the file is checked and recorded.
 * `held-back`: failed before, and the same again would only fail again.
 * `postponed`: to be fetched, but not in this run, whose budget is used up.
 */
export const DECISIONS = [
  'published',
  'fetch',
  'recover',
  'held-back',
  'postponed',
  'no-debug-info',
  'withdrawn',
] as const;
export type Decision = (typeof DECISIONS)[number];

export const NO_DECISIONS: Readonly<Record<Decision, number>> = {
  published: 0,
  fetch: 0,
  recover: 0,
  'held-back': 0,
  postponed: 0,
  'no-debug-info': 0,
  withdrawn: 0,
};

/** What the record knows of a kernel, as far as planning needs it. */
export interface KnownKernel {
  readonly state: KernelState;
  /** Of the archive file, when published. */
  readonly tarSizeBytes?: number;
  /** Digest of the BTF that was published, or was about to be stored. */
  readonly btfSha256?: string;
  /** Digest of the package that failed last, when the last attempt did, else of the one that led to this state. */
  readonly packageDigest?: string;
  /** How the last attempt failed, when it did. */
  readonly lastFailure?: { readonly setup: string; readonly retryAfter?: IsoTime };
  /** When the last attempt began, when there is reason to fear that another will come to nothing, too. */
  readonly triedInVain?: IsoTime;
}

export interface PlanInput {
  /** One per kernel, newest first within its distribution. */
  readonly packages: readonly DebugPackage[];
  /** By {@link kernelId}. */
  readonly known: ReadonlyMap<string, KnownKernel>;
  /** Sizes of the regular files under the kernels' final names, by {@link kernelId}. */
  readonly archiveFiles: ReadonlyMap<string, number>;
  /** Look at the newest so many kernels of a distribution only. */
  readonly limit?: (distro: string) => number | undefined;
  /** Of those, at this machine's share only. */
  readonly shard?: Shard;
  /** What one run may fetch; the planes share it. */
  readonly budget?: Budget;
  readonly now: IsoTime;
  /** Fingerprint, by distribution, of what decides the outcome besides the package (AttemptStart.setup). */
  readonly setup: (distro: string) => string;
  readonly retryFailed: boolean;
}

export interface PlanItem {
  readonly pkg: DebugPackage;
  readonly decision: Decision;
  /** The record's view and the file found, for what was not published properly. */
  readonly known?: KnownKernel;
  readonly fileSizeBytes?: number;
}

export interface Plan {
  /** The kernels looked at, in the order of the input. */
  readonly items: readonly PlanItem[];
  /** What is to be done, in the order of work: that of the input, or, under a budget, the planes by turns. */
  readonly work: readonly PlanItem[];
  readonly counts: Readonly<Record<Decision, number>>;
  /** Kernels that exist but lie beyond the limit. */
  readonly beyondLimit: number;
  /** Packages to fetch, and their size (what the cache holds of them already is not looked at). */
  readonly fetchCount: number;
  readonly fetchBytes: number;
  /** Bytes of the packages that are postponed. */
  readonly postponedBytes: number;
  /** Packages of more bytes than a whole run may fetch: postponed for ever. */
  readonly tooLarge: readonly PlanItem[];
}

/** `debian/12/x86_64/6.1.0-50-cloud-amd64`: names a kernel in maps and messages. */
export function kernelId({ distro, release, arch, kernel }: KernelKey): string {
  return `${distro}/${release}/${arch}/${kernel}`;
}

/**
 * The limit counts kernels that exist, not kernels to be done: the same command twice does nothing the second time,
 * and a run that was killed is completed by the same command, not continued with other kernels.
 */
export function planCrawl(input: PlanInput): Plan {
  const unique = uniqueKernels(input.packages);
  const selected = newestOfEach(unique, input.limit);
  const { shard } = input;
  const ours = shard === undefined ? selected : selected.filter((pkg) => isInShard(pkg, shard));
  const decided = ours.map((pkg) => planKernel(pkg, input));
  const toRecover = decided.filter(({ decision }) => decision === 'recover');
  const toFetch = decided.filter(({ decision }) => decision === 'fetch');
  const { taken, left, tooLarge } = shareOut(toFetch, input.budget);
  const postponed = new Set([...left, ...tooLarge]);
  const items = decided.map((item) =>
    postponed.has(item) ? { ...item, decision: 'postponed' as const } : item,
  );
  return {
    items,
    work: input.budget === undefined ? items.filter(isWork) : [...toRecover, ...taken],
    counts: countDecisions(items),
    beyondLimit: unique.length - selected.length,
    fetchCount: taken.length,
    fetchBytes: bytesOf(taken),
    postponedBytes: bytesOf(postponed),
    tooLarge,
  };
}

function isWork({ decision }: PlanItem): boolean {
  return decision === 'fetch' || decision === 'recover';
}

function bytesOf(items: Iterable<PlanItem>): number {
  return [...items].reduce((sum, item) => sum + item.pkg.sizeBytes, 0);
}

function uniqueKernels(packages: readonly DebugPackage[]): DebugPackage[] {
  const byId = new Map<string, DebugPackage>();
  for (const pkg of packages) {
    const id = kernelId(pkg);
    if (!byId.has(id)) byId.set(id, pkg);
  }
  return [...byId.values()];
}

function newestOfEach(packages: readonly DebugPackage[], limit: PlanInput['limit']): readonly DebugPackage[] {
  if (limit === undefined) return packages;
  const taken = new Map<string, number>();
  return packages.filter(({ distro }) => {
    const count = (taken.get(distro) ?? 0) + 1;
    taken.set(distro, count);
    return count <= (limit(distro) ?? Number.POSITIVE_INFINITY);
  });
}

function planKernel(pkg: DebugPackage, input: PlanInput): PlanItem {
  const id = kernelId(pkg);
  const known = input.known.get(id);
  const fileSizeBytes = input.archiveFiles.get(id);
  return {
    pkg,
    decision: decide(pkg, known, fileSizeBytes, input),
    ...(known === undefined ? {} : { known }),
    ...(fileSizeBytes === undefined ? {} : { fileSizeBytes }),
  };
}

function decide(
  pkg: DebugPackage,
  known: KnownKernel | undefined,
  fileSizeBytes: number | undefined,
  input: PlanInput,
): Decision {
  if (known === undefined) return 'fetch';
  const settled = settledState(pkg, known, fileSizeBytes);
  if (settled !== undefined) return settled;
  const wasAnnounced = known.state === 'pending' && known.btfSha256 !== undefined;
  if (wasAnnounced && fileSizeBytes !== undefined) return 'recover';
  return isHeldBack(pkg, known, input) ? 'held-back' : 'fetch';
}

/** The state, when it is final: nothing that could be done now would change it. */
function settledState(
  pkg: DebugPackage,
  { state, tarSizeBytes, packageDigest }: KnownKernel,
  fileSizeBytes: number | undefined,
): Decision | undefined {
  if (state === 'withdrawn') return state;
  if (state === 'published')
    return fileSizeBytes !== undefined && fileSizeBytes === tarSizeBytes ? state : undefined;
  if (state === 'no-debug-info') return packageDigest === pkg.digest ? state : undefined;
  return undefined;
}

/** Only the very same package, treated in the very same way, is expected to fail in the same way. */
function isHeldBack(pkg: DebugPackage, known: KnownKernel, { now, setup, retryFailed }: PlanInput): boolean {
  const failure = known.lastFailure;
  if (retryFailed || failure?.retryAfter === undefined) return false;
  return (
    known.packageDigest === pkg.digest &&
    failure.setup === setup(pkg.distro) &&
    isTooEarly(failure.retryAfter, now)
  );
}

function countDecisions(items: readonly PlanItem[]): Record<Decision, number> {
  const counts = { ...NO_DECISIONS };
  for (const { decision } of items) counts[decision] += 1;
  return counts;
}
