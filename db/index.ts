export type { AttemptTable, RunAttempt } from './attempts.ts';
export type { CrossCheckTable } from './cross-checks.ts';
export { readFingerprint } from './fingerprint.ts';
export type { IndexRead, IndexReadTable } from './index-reads.ts';
export type { KernelTable, PlaneCount, TrustCount } from './kernels.ts';
export type { KernelPair, KernelView, RecordMerge } from './merge.ts';
export type { PackageTable, SeenPackage } from './packages.ts';
export {
  type BtfRecord,
  checkRecordFile,
  type OpenRecordOptions,
  openRecord,
} from './record.ts';
export type { RunTable } from './runs.ts';
export type { StepTimingTable } from './step-timings.ts';
export * from './types.ts';
