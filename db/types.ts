/** The values that go into and come out of the record: one interface per table, in the project's own words. */

import type { KernelKey, TrustLevel } from '../crawlers/types.ts';
import type { BtfSource, NameProof, StepTiming } from '../pipeline/types.ts';

/** UTC, ISO 8601 with milliseconds, as `Date.prototype.toISOString` prints it; sorts as text. */
export type IsoTime = string;

/** What is known of one kernel (design: state). */
export const KERNEL_STATES = ['published', 'failed', 'no-debug-info', 'pending', 'withdrawn'] as const;
export type KernelState = (typeof KERNEL_STATES)[number];

/** How one attempt at a kernel ended; `interrupted` when its run was stopped or killed. */
export type AttemptOutcome = 'published' | 'no-debug-info' | 'failed' | 'interrupted';

/** What made a result: program name → version, e.g. `{ btfmill: '0.1.0', xz: '5.4.1' }`. */
export type ToolVersions = Readonly<Record<string, string>>;

/** Facts about a finished BTF, known before it is stored. */
export interface BtfFacts {
  readonly source: BtfSource;
  readonly trust: TrustLevel;
  /** Fingerprint of the key that signed the package itself; absent where only its index is signed. */
  readonly signer?: string;
  /** Absent for what schema version 1 published. */
  readonly nameProof?: NameProof;
  /** GNU build id of the vmlinux, lower-case hex. */
  readonly buildId?: string;
  readonly btfSha256: string;
  readonly btfSizeBytes: number;
  /** Converter behaviour; also set for native BTF, whose cross-check used it. */
  readonly profile: string;
  readonly toolVersions: ToolVersions;
  /** The package it came from (packages.id). */
  readonly packageId: number;
}

/** Facts about a published archive file. */
export interface PublishedFacts {
  /** Relative to the archive folder, with `/`. */
  readonly path: string;
  readonly tarSha256: string;
  readonly tarSizeBytes: number;
  readonly typeCount: number;
  /** BTF kind name → number of types. */
  readonly typesByKind: Readonly<Record<string, number>>;
}

/** Where a published BTF came from; `imported`: from somebody else's archive, whatever they made it of. */
export type RecordedSource = BtfSource | 'imported';

/** Facts about a file that was taken over as it was. */
export interface ImportedFacts extends PublishedFacts {
  readonly btfSha256: string;
  readonly btfSizeBytes: number;
}

/** One row of `kernels`. Facts are absent until known; a `pending` kernel may carry {@link BtfFacts} already. */
export interface KernelRow extends KernelKey, Partial<Omit<BtfFacts, 'source'>>, Partial<PublishedFacts> {
  readonly source?: RecordedSource;
  readonly id: number;
  readonly state: KernelState;
  /** Error code, when failed. */
  readonly code?: string;
  /** One sentence: the error's message when failed, the reason when withdrawn. */
  readonly reason?: string;
  /** When the state last changed. */
  readonly changedAt: IsoTime;
  /** When it was first published. */
  readonly publishedAt?: IsoTime;
}

/** One row of `runs`, without what its end adds. */
export interface RunStart {
  readonly startedAt: IsoTime;
  readonly btfmillVersion: string;
  /** The options that matter, as a plain JSON value. */
  readonly options: unknown;
}

/** What a run's end adds to its row. */
export interface RunEnd {
  readonly finishedAt: IsoTime;
  readonly exitCode: number;
  readonly published: number;
  readonly alreadyPublished: number;
  readonly noDebugInfo: number;
  readonly failed: number;
  /** Package bytes that came over the network. */
  readonly fetchedBytes: number;
  /** Index bytes that came over the network. */
  readonly indexBytes: number;
  /** What broke it, or made what follows it fail: publishing. Failed kernels and indexes are told elsewhere. */
  readonly failure?: RunFailure;
}

export interface RunFailure {
  readonly code: string;
  readonly message: string;
}

/** One row of `runs`; without an end it is running, or was killed. */
export interface RunRow extends RunStart, Partial<RunEnd> {
  readonly id: number;
}

/** What an attempt starts with. */
export interface AttemptStart {
  readonly kernelId: number;
  readonly runId: number;
  readonly packageId: number;
  /** Fingerprint of everything but the package that decides the outcome: version, profile, source, cross-check. */
  readonly setup: string;
  readonly startedAt: IsoTime;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  readonly finishedAt: IsoTime;
  readonly code?: string;
  readonly message?: string;
  /** Not before this time, when the same again would only fail again. */
  readonly retryAfter?: IsoTime;
  readonly fetchedBytes: number;
}

/** One row of `attempts`; without an end it is under way. */
export interface AttemptRow extends AttemptStart, Partial<AttemptEnd> {
  readonly id: number;
}

/** One row of `cross_checks`: what the conversion was compared with, and what came out. */
export interface CrossCheckRow {
  readonly attemptId: number;
  readonly against: string;
  readonly verdict: string;
  /** Counts, as a plain JSON object. */
  readonly details: unknown;
  readonly firstDifferences: readonly string[];
  /** Differences that are known and were let pass, by name. */
  readonly tolerated: readonly string[];
  /** Version of the program compared with. */
  readonly tool?: string;
  readonly milliseconds: number;
  readonly checkedAt: IsoTime;
}

/** One row of `step_timings`. */
export interface StepTimingRow extends StepTiming {
  readonly attemptId: number;
}
