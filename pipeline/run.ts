/** A crawl: list, plan, then every kernel its way, a few at once; whatever happens, the record can be gone on with. */

import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import type { DebugPackage } from '../crawlers/types.ts';
import type { AttemptRow, RunFailure } from '../db/types.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { archivePath } from './archive-path.ts';
import { checkArchive } from './archive-room.ts';
import { readDiskLimit } from './gates/disk-limit.ts';
import { createGates, type Gates } from './gates/gates.ts';
import {
  type Decision,
  kernelId,
  type KnownKernel,
  type Plan,
  planCrawl,
  type PlanInput,
  type PlanItem,
} from './plan.ts';
import { requestOf } from './list-distros.ts';
import { findLostPlanes } from './lost-planes.ts';
import { createPackageLocks } from './package-locks.ts';
import { runKernel } from './run-kernel.ts';
import { type Listing, listKernels } from './run-list.ts';
import { buildReport } from './run-report.ts';
import type { KernelDone, RunDeps, RunEvent, RunOptions, RunReport, RunWarning } from './run-types.ts';
import { planeOf } from './share-out.ts';
import { dropPackages, sweepLeftovers } from './sweep.ts';
import { createTally, type Tally } from './tally.ts';

/**
 * Runs one crawl. The caller holds the locks (a dry run needs none: it changes nothing but HTTP validators).
 *
 * Failed kernels and indexes are in the report, and so is a stop by `deps.signal`. Throws only what ends a run at
 * once: `usage`, a missing program, an archive or record that cannot be written.
 */
export async function runCrawl(options: RunOptions, deps: RunDeps): Promise<RunReport> {
  const run: RunState = {
    options,
    start: performance.now(),
    warnings: [],
    tally: createTally(),
    notBegun: 0,
  };
  const watching = { ...deps, emit: (event: RunEvent) => watch(event, run, deps) };
  const runId = options.dryRun ? undefined : await openRun(options, deps);
  if (runId !== undefined) run.runId = runId;
  deps.emit({
    event: 'run.started',
    ...(runId === undefined ? {} : { runId }),
    distros: options.distros,
    dryRun: options.dryRun,
    archive: options.archiveDir,
    record: deps.record.file,
  });
  try {
    await listPlanAndWork(run, watching, runId);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (!deps.signal.aborted) {
      closeBrokenRun(runId, { ...report(run, deps), exitCode: error.exitCode }, error, deps);
      throw error;
    }
  }
  const finished = report(run, deps);
  closeRun(runId, finished, deps);
  deps.emit({ event: 'run.finished', report: finished });
  return finished;
}

/** What is known of a run so far: enough for a report at any moment. */
interface RunState {
  readonly options: RunOptions;
  readonly start: number;
  readonly warnings: RunWarning[];
  readonly tally: Tally;
  runId?: number;
  gates?: Gates;
  notBegun: number;
  listing?: Listing;
  plan?: Plan;
}

function watch(event: RunEvent, run: RunState, { emit }: RunDeps): void {
  if (event.event === 'warning') run.warnings.push({ code: event.code, message: event.message });
  emit(event);
}

function report(run: RunState, { signal, stoppedExitCode }: RunDeps): RunReport {
  const { gates, ...known } = run;
  return buildReport({
    ...known,
    ...(gates === undefined ? {} : { gates: gates.usage() }),
    dryRun: run.options.dryRun,
    milliseconds: performance.now() - run.start,
    ...(signal.aborted ? { stoppedExitCode: stoppedExitCode() } : {}),
  });
}

async function openRun(options: RunOptions, deps: RunDeps): Promise<number> {
  await checkArchive(options.archiveDir);
  await sweepLeftovers(options);
  const at = deps.now().toISOString();
  return deps.record.transaction(() => {
    deps.record.attempts.closeInterrupted(at);
    return deps.record.runs.start({
      startedAt: at,
      btfmillVersion: deps.toolVersions.btfmill,
      options,
    });
  });
}

function closeRun(
  runId: number | undefined,
  end: RunReport,
  { record, now }: RunDeps,
  failure?: RunFailure,
): void {
  if (runId === undefined) return;
  record.runs.finish(runId, {
    finishedAt: now().toISOString(),
    exitCode: end.exitCode,
    published: end.published,
    alreadyPublished: end.alreadyPublished,
    noDebugInfo: end.noDebugInfo,
    failed: end.failed,
    fetchedBytes: end.fetchedBytes,
    indexBytes: end.indexBytes,
    ...(failure === undefined ? {} : { failure }),
  });
}

/** What broke the run may have been the record: then the next run closes this one's attempts, and the first error counts. */
function closeBrokenRun(runId: number | undefined, end: RunReport, error: BtfmillError, deps: RunDeps): void {
  try {
    closeRun(runId, end, deps, { code: error.code, message: error.message });
  } catch (thrown) {
    const { code, message } = toBtfmillError(thrown);
    deps.emit({ event: 'warning', code, message: `the end of the run is not in the record: ${message}` });
  }
}

async function listPlanAndWork(run: RunState, deps: RunDeps, runId: number | undefined): Promise<void> {
  const { options } = run;
  const listing = await listKernels(options, deps);
  const lost = findLostPlanes(listing, options, deps.record, (distro) => questionOf(options, distro));
  for (const failure of lost) deps.emit({ event: 'index.failed', ...failure });
  run.listing = { ...listing, failures: [...listing.failures, ...lost] };
  if (runId !== undefined) recordSeen(run.listing, runId, options, deps);
  const setup = (distro: string): string => fingerprint(options, deps, distro);
  run.plan = await makePlan(run.listing.packages, setup, options, deps);
  const { work: _, tooLarge, ...plan } = run.plan;
  deps.emit({ event: 'plan', ...plan });
  for (const item of tooLarge) warnOfSize(item, options, deps);
  if (runId !== undefined) await work(run.plan, { run, deps, runId, setup });
}

/** Everything but the package that decides how a distribution's kernel ends. */
function fingerprint(options: RunOptions, { toolVersions }: RunDeps, distro: string): string {
  const { profile, source, crossCheck, cacheLimitBytes } = options;
  const request = requestOf(options, distro);
  // Whose signatures count is named only where it is not the usual: other kernels' failures stay what they are.
  const keyrings = request.keyrings?.length ? ` keyrings=${request.keyrings.join(',')}` : '';
  const insecure = request.insecure ? ' insecure' : '';
  // What did not fit may fit now.
  const cache = cacheLimitBytes === undefined ? '' : ` cache=${cacheLimitBytes}`;
  return `btfmill=${toolVersions.btfmill} profile=${profile} source=${source} cross-check=${crossCheck}${keyrings}${insecure}${cache}`;
}

/** What narrowed the question to a distribution, beside release and architecture. */
function questionOf(options: RunOptions, distro: string): string {
  const { kernels, variants, history } = requestOf(options, distro);
  const kinds = [...variants, ...(history ? ['history'] : [])].map((kind) => `+${kind}`);
  return [...kernels, ...kinds].toSorted().join(' ');
}

function recordSeen(
  { packages, indexes, failures }: Listing,
  runId: number,
  options: RunOptions,
  { record, now }: RunDeps,
): void {
  const at = now().toISOString();
  record.transaction(() => {
    for (const { date, ...index } of indexes) {
      const madeAt = date === undefined ? {} : { madeAt: date.toISOString() };
      record.indexReads.add({ runId, at, asked: questionOf(options, index.distro), ...index, ...madeAt });
    }
    for (const failure of failures) {
      record.indexReads.add({ runId, at, asked: questionOf(options, failure.distro), ...failure });
    }
    for (const pkg of packages) {
      record.packages.see(pkg, at);
      record.kernels.ensure(pkg, at);
    }
  });
}

async function makePlan(
  packages: readonly DebugPackage[],
  setup: PlanInput['setup'],
  { archiveDir, limit, limits = {}, shard, budget, retryFailed }: RunOptions,
  { record, now }: RunDeps,
): Promise<Plan> {
  const known = new Map<string, KnownKernel>();
  const archiveFiles = new Map<string, number>();
  for (const pkg of packages) {
    const id = kernelId(pkg);
    const kernel = knownKernel(pkg, record);
    if (kernel !== undefined) known.set(id, kernel);
    const sizeBytes = await regularFileSize(join(archiveDir, archivePath(pkg)));
    if (sizeBytes !== undefined) archiveFiles.set(id, sizeBytes);
  }
  return planCrawl({
    packages,
    known,
    archiveFiles,
    setup,
    retryFailed,
    now: now().toISOString(),
    limit: (distro) => limits[distro] ?? limit,
    ...(shard === undefined ? {} : { shard }),
    ...(budget === undefined ? {} : { budget: { ...budget, lastTried: lastTried(record, now()) } }),
  });
}

function lastTried({ attempts }: RunDeps['record'], now: Date): ReadonlyMap<string, string> {
  return new Map(attempts.lastByPlane(now.toISOString()).map((plane) => [planeOf(plane), plane.at]));
}

function knownKernel(pkg: DebugPackage, record: RunDeps['record']): KnownKernel | undefined {
  const row = record.kernels.find(pkg);
  if (row === undefined) return undefined;
  const attempts = record.attempts.ofKernel(row.id, 2);
  const last = attempts.slice(0, 1).find(({ outcome }) => outcome === 'failed');
  const packageId = last?.packageId ?? row.packageId;
  const from = packageId === undefined ? undefined : record.packages.byId(packageId);
  return {
    state: row.state,
    ...(row.tarSizeBytes === undefined ? {} : { tarSizeBytes: row.tarSizeBytes }),
    ...(row.btfSha256 === undefined ? {} : { btfSha256: row.btfSha256 }),
    ...(from === undefined ? {} : { packageDigest: from.digest }),
    ...(last === undefined ? {} : { lastFailure: last }),
    ...(wasInVain(attempts) ? { triedInVain: attempts[0].startedAt } : {}),
  };
}

/**
 * The last attempt failed, or two in a row were cut short: it may be this kernel that takes all memory and brings the
 * night down.
 */
function wasInVain(newestFirst: readonly AttemptRow[]): boolean {
  const [last] = newestFirst;
  if (last === undefined) return false;
  return last.outcome === 'failed' || (newestFirst.length > 1 && newestFirst.every(wasCutShort));
}

function wasCutShort({ outcome }: AttemptRow): boolean {
  return outcome === 'interrupted';
}

async function regularFileSize(path: string): Promise<number | undefined> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? stats.size : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

interface Work {
  readonly run: RunState;
  readonly deps: RunDeps;
  readonly runId: number;
  readonly setup: PlanInput['setup'];
}

/**
 * The one place that decides how much happens at once. A failure of the record or of the archive as a whole stops all
 * kernels, then is thrown.
 */
async function work(plan: Plan, { run, deps, runId, setup }: Work): Promise<void> {
  const { options } = run;
  const stop = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  const gates = await openGates(plan, options);
  run.gates = gates;
  const { jobs, downloads = 0, budget } = options;
  const limit = pLimit(jobs + downloads);
  for (const item of plan.items) if (item.decision === 'held-back') warnOfLoss(item, deps);
  const packages = createPackageLocks(plan.work.map(({ pkg }) => pkg.digest));
  const context = { options, deps: { ...deps, signal }, runId, setup, packages, gates };
  const isTimeUp = (): boolean => performance.now() - run.start > (budget?.milliseconds ?? Infinity);
  const tasks = plan.work.map((item) =>
    limit(async () => {
      if (signal.aborted) return;
      try {
        const done = await packages.hold(item.pkg.digest, async () => {
          if (signal.aborted) return undefined;
          if (isTimeUp()) {
            run.notBegun += 1;
            return undefined;
          }
          warnOfLoss(item, deps);
          return runKernel(item, context);
        });
        if (done === undefined) return;
        run.tally.add(done);
        deps.emit({ event: 'kernel.done', done });
        if (failedToStore(done)) await checkArchive(options.archiveDir);
      } catch (thrown) {
        stop.abort(new BtfmillError('aborted', 'another kernel found the record or the archive unusable'));
        throw thrown;
      }
    }),
  );
  const results = await Promise.allSettled(tasks);
  const broken = results.find((result) => result.status === 'rejected');
  if (broken !== undefined) throw toBtfmillError(broken.reason);
  if (!options.keepPackages && !signal.aborted) await dropFinishedPackages(plan, options.cacheDir);
}

async function openGates(
  { work }: Plan,
  { jobs, downloads = jobs, cacheDir, cacheLimitBytes }: RunOptions,
): Promise<Gates> {
  await mkdir(cacheDir, { recursive: true });
  const disk = await readDiskLimit({
    cacheDir,
    ...(cacheLimitBytes === undefined ? {} : { limitBytes: cacheLimitBytes }),
    wanted: new Set(work.map(({ pkg }) => hexOf(pkg))),
  });
  return createGates({ jobs, downloads, disk });
}

function hexOf({ digest }: DebugPackage): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** Whether it was the disk that failed in the last step; if it fails again, no other kernel would fare better. */
function failedToStore({ code, timings }: KernelDone): boolean {
  return (code === 'disk-full' || code === 'io-failed') && timings.at(-1)?.step === 'store';
}

/** A run that was killed after publishing left its package in the cache, where no later step would look for it. */
async function dropFinishedPackages({ items }: Plan, cacheDir: string): Promise<void> {
  const wanted: readonly Decision[] = ['fetch', 'held-back', 'postponed'];
  const finished = items.filter(({ decision }) => !wanted.includes(decision));
  await dropPackages(cacheDir, new Set(finished.map(({ pkg }) => hexOf(pkg))));
}

function warnOfSize({ pkg }: PlanItem, { budget }: RunOptions, { emit }: RunDeps): void {
  emit({
    event: 'warning',
    code: 'package-too-large',
    message: `${kernelId(pkg)}: ${pkg.url} has ${pkg.sizeBytes} bytes, and a run may fetch ${budget?.bytes ?? 0}: it is never fetched`,
  });
}

/** A file that was published and is gone, or has another size, is made again, but not in silence. */
function warnOfLoss({ pkg, decision, known, fileSizeBytes }: PlanItem, { emit }: RunDeps): void {
  if (known?.state !== 'published') return;
  const found = fileSizeBytes === undefined ? 'is gone' : `has ${fileSizeBytes} bytes`;
  const doing = decision === 'held-back' ? 'making it again failed, and waits' : 'making it again';
  emit({
    event: 'warning',
    code: 'archive-damaged',
    message: `${archivePath(pkg)} ${found}, the record says ${known.tarSizeBytes ?? 0} bytes: ${doing}`,
  });
}
