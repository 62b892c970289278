/** What a crawl is told, what it works with, what it says on the way, and what it reports. */

import type { CrawlRequest, CrawlResult, DebugPackage, KernelKey, TrustLevel } from '../crawlers/types.ts';
import type { BtfRecord, ToolVersions } from '../db/index.ts';
import type { ProfileName } from '../dwarf/index.ts';
import type { CrossCheckOptions, CrossCheckVerdict } from './cross-check.ts';
import type { DistrosRequest } from './list-distros.ts';
import type { GateUsage } from './gates/gates.ts';
import type { Decision, PlanItem } from './plan.ts';
import type { PublishReport } from './publish/publish.ts';
import type { Shard } from './shard.ts';
import type { StoredFacts } from './store.ts';
import type {
  BtfSource,
  ConvertedKernel,
  FetchedPackage,
  NameProof,
  SourceChoice,
  StepProgress,
  StepTiming,
  UnpackedVmlinux,
  VerifiedPackage,
} from './types.ts';

export type CrossCheckMode = CrossCheckOptions['mode'];
export type StepName = StepTiming['step'];

export interface RunOptions extends DistrosRequest {
  /** Only the newest so many kernels of each distribution. */
  readonly limit?: number;
  /** The same, by distribution; stands above `limit`. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Do only this machine's share of the plan. */
  readonly shard?: Shard;
  readonly dryRun: boolean;
  /** Kernels in work at once. */
  readonly jobs: number;
  /** Packages fetched at once, ahead of those in work; without it a job fetches its own. */
  readonly downloads?: number;
  /** For downloads and work files, the indexes included. */
  readonly cacheLimitBytes?: number;
  /** What one run may do; what lies beyond is left for the next. The planes share it. */
  readonly budget?: RunBudget;
  /** Absolute. */
  readonly archiveDir: string;
  /** Absolute; {@link WORK_FOLDER} in it belongs to the run and is emptied. */
  readonly cacheDir: string;
  readonly source: SourceChoice;
  readonly crossCheck: CrossCheckMode;
  readonly profile: ProfileName;
  /** Threads of one conversion or decompression. */
  readonly threads: number;
  /** Leave packages in the cache after their kernel is done. */
  readonly keepPackages: boolean;
  /** Do not hold back kernels that failed before. */
  readonly retryFailed: boolean;
}

export interface RunBudget {
  /** Kernels to fetch. */
  readonly kernels?: number;
  /** Bytes of packages to fetch. */
  readonly bytes?: number;
  /** No kernel is begun after so long; those in work are finished. */
  readonly milliseconds?: number;
}

/** What every step that can take long is given. */
export interface StepControl {
  readonly signal: AbortSignal;
  readonly onProgress: StepProgress;
}

/** A download that fails has cost its bytes, too. */
export interface FetchControl extends StepControl {
  /** Bytes that have come over the network since the last call. */
  readonly onTraffic: (bytes: number) => void;
}

/** The steps of one kernel's way, as the run calls them; scripts/crawl.ts supplies the real ones, tests supply others. */
export interface RunSteps {
  list(
    distro: string,
    request: CrawlRequest,
    o: { signal: AbortSignal; say: (message: string) => void },
  ): Promise<CrawlResult>;
  fetch(pkg: DebugPackage, o: FetchControl): Promise<FetchedPackage>;
  /** Checks the package's own signature; called only for packages that must have one. */
  verify(pkg: DebugPackage, packagePath: string, workDir: string, o: StepControl): Promise<VerifiedPackage>;
  unpack(pkg: DebugPackage, packagePath: string, workDir: string, o: StepControl): Promise<UnpackedVmlinux>;
  /** `uname -r` as the vmlinux itself says it; undefined when it does not. */
  readBanner(vmlinuxPath: string, signal: AbortSignal): Promise<string | undefined>;
  convert(vmlinuxPath: string, source: SourceChoice, o: StepControl): Promise<ConvertedKernel>;
  crossCheck(
    converted: ConvertedKernel,
    vmlinuxPath: string,
    o: { publish: BtfSource; workDir: string; signal: AbortSignal },
  ): Promise<CrossCheckVerdict | undefined>;
  store(key: KernelKey, btf: Uint8Array, signal: AbortSignal): Promise<StoredFacts>;
  /** Reads an archive file back in full; throws when it is not sound. */
  inspect(key: KernelKey, signal: AbortSignal): Promise<StoredFacts>;
}

export interface RunDeps {
  readonly record: BtfRecord;
  readonly steps: RunSteps;
  readonly toolVersions: ToolVersions;
  readonly now: () => Date;
  readonly emit: (event: RunEvent) => void;
  /** Stops the run; what is under way stays resumable. */
  readonly signal: AbortSignal;
  /** What the process will exit with after a stop: 130 or 143. */
  readonly stoppedExitCode: () => number;
}

/** `room`: in the cache; else a turn, of so many at once. */
export type WaitsFor = 'room' | 'download' | 'work';

/** How one kernel ended. `recovered`: published by a run that died before it could say so. */
export type KernelOutcome = 'published' | 'recovered' | 'no-debug-info' | 'failed' | 'interrupted';

export interface KernelDone extends KernelKey {
  readonly outcome: KernelOutcome;
  readonly milliseconds: number;
  /** What came over the network, whether it was of use or not. */
  readonly fetchedBytes: number;
  /** Error code and message, when failed. */
  readonly code?: string;
  readonly message?: string;
  readonly source?: BtfSource;
  /** What the content rests on, from the point on where that is known. */
  readonly trust?: TrustLevel;
  /** Fingerprint of the key that signed the package itself. */
  readonly signer?: string;
  readonly nameProof?: NameProof;
  readonly stored?: StoredFacts;
  readonly crossCheck?: CrossCheckVerdict;
  readonly timings: readonly StepTiming[];
}

export interface IndexFailed {
  readonly distro: string;
  readonly suite: string;
  readonly release: string;
  readonly code: string;
  readonly message: string;
}

/** Something a person should see although the run goes on. */
export interface RunWarning {
  readonly code: string;
  readonly message: string;
}

export interface RunReport {
  /** In the record; a dry run has none. */
  readonly runId?: number;
  readonly dryRun: boolean;
  readonly stopped: boolean;
  /** Kernels that exist and were looked at. */
  readonly looked: number;
  readonly decisions: Readonly<Record<Decision, number>>;
  /** Recovered ones included. */
  readonly published: number;
  readonly alreadyPublished: number;
  readonly noDebugInfo: number;
  readonly failed: number;
  readonly failedByCode: Readonly<Record<string, number>>;
  /** Planned, but not begun because the run's time was up. */
  readonly notBegun: number;
  /** Of the packages that are postponed (`decisions`). */
  readonly postponedBytes: number;
  /** What the kernels waited for. */
  readonly gates?: GateUsage;
  readonly indexFailures: readonly IndexFailed[];
  readonly warnings: readonly RunWarning[];
  readonly fetchedBytes: number;
  readonly indexBytes: number;
  readonly indexRequests: number;
  readonly milliseconds: number;
  readonly exitCode: number;
}

/** Everything a run says, and what a nightly job says after it. The same events feed the terminal and, except `kernel.progress`, `--json`. */
export type RunEvent =
  | {
      readonly event: 'run.started';
      readonly runId?: number;
      readonly distros: readonly string[];
      readonly dryRun: boolean;
      readonly archive: string;
      readonly record: string;
    }
  | { readonly event: 'note'; readonly message: string }
  | ({ readonly event: 'warning' } & RunWarning)
  | ({ readonly event: 'index.failed' } & IndexFailed)
  | {
      readonly event: 'plan';
      readonly items: readonly PlanItem[];
      readonly counts: Readonly<Record<Decision, number>>;
      readonly beyondLimit: number;
      readonly fetchCount: number;
      readonly fetchBytes: number;
      readonly postponedBytes: number;
    }
  | { readonly event: 'kernel.started'; readonly key: KernelKey; readonly pkg: DebugPackage }
  | { readonly event: 'kernel.waiting'; readonly key: KernelKey; readonly for: WaitsFor }
  | { readonly event: 'kernel.step'; readonly key: KernelKey; readonly step: StepName }
  | {
      readonly event: 'kernel.progress';
      readonly key: KernelKey;
      readonly step: StepName;
      readonly doneBytes: number;
      readonly totalBytes: number | undefined;
    }
  | { readonly event: 'kernel.done'; readonly done: KernelDone }
  | { readonly event: 'run.finished'; readonly report: RunReport }
  | ({ readonly event: 'publish.done' } & PublishReport)
  | { readonly event: 'publish.failed'; readonly code: string; readonly message: string };
