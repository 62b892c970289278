/** One kernel, from its package to its row in the record. Whatever fails, fails for this kernel alone. */

import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelKey } from '../crawlers/types.ts';
import type { BtfFacts } from '../db/index.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import type { CrossCheckVerdict } from './cross-check.ts';
import type { Gates, KernelRoom } from './gates/gates.ts';
import { chooseBtf, convertOrKeepNative, judgeCrossCheck } from './choose-btf.ts';
import { recoverKernel, refuseOtherContent, storeOrAdopt } from './existing-file.ts';
import { requestOf } from './list-distros.ts';
import { proveName } from './name-proof.ts';
import type { PackageLocks } from './package-locks.ts';
import { type PackageTrust, trustPackage } from './package-trust.ts';
import type { PlanItem } from './plan.ts';
import { ATTEMPTS_LOOKED_AT, retryAfter } from './retry-policy.ts';
import type {
  KernelDone,
  KernelOutcome,
  RunDeps,
  RunOptions,
  RunSteps,
  StepControl,
  WaitsFor,
} from './run-types.ts';
import type { StoredFacts } from './store.ts';
import { createStepClock, type StepClock } from './step-clock.ts';
import { dropPackages, WORK_FOLDER } from './sweep.ts';
import type { BtfSource, FetchedPackage, NameProof, UnpackedVmlinux } from './types.ts';

export interface KernelContext {
  readonly options: RunOptions;
  readonly deps: RunDeps;
  readonly runId: number;
  /** Fingerprint of everything but the package that decides the outcome, by distribution. */
  readonly setup: (distro: string) => string;
  readonly packages: Pick<PackageLocks, 'isAwaited'>;
  readonly gates: Gates;
}

/** One try: its rows in the record, and what is known so far, for the case that it fails half-way. */
interface Attempt {
  readonly id: number;
  readonly kernelId: number;
  readonly packageId: number;
  readonly item: PlanItem;
  readonly key: KernelKey;
  readonly clock: StepClock;
  readonly workDir: string;
  /** Once the cache has room for it. */
  room?: KernelRoom;
  fetched?: FetchedPackage;
  /** Bytes that came over the network. */
  fetchedBytes: number;
  trust?: PackageTrust;
  nameProof?: NameProof;
  crossCheck?: CrossCheckVerdict;
  source?: BtfSource;
}

/**
 * Takes one kernel the whole way (or completes what a killed run left) and records how it ended.
 * Throws only when the record itself cannot be written: then the run has to stop.
 */
export async function runKernel(item: PlanItem, context: KernelContext): Promise<KernelDone> {
  const { distro, release, arch, kernel } = item.pkg;
  const key = { distro, release, arch, kernel };
  const start = performance.now();
  context.deps.emit({ event: 'kernel.started', key, pkg: item.pkg });

  if (item.decision === 'recover') {
    const stored = await context.gates.work(() => recoverKernel(key, item, context.deps));
    if (stored !== undefined) {
      const milliseconds = performance.now() - start;
      return { ...key, outcome: 'recovered', milliseconds, fetchedBytes: 0, stored, timings: [] };
    }
    if (context.deps.signal.aborted) {
      return { ...key, outcome: 'interrupted', milliseconds: 0, fetchedBytes: 0, timings: [] };
    }
  }

  const attempt = openAttempt(item, key, context);
  const end = await tryKernel(attempt, context);
  await cleanUp(attempt, end, context);
  attempt.room?.release();
  return {
    ...key,
    outcome: end.outcome,
    milliseconds: performance.now() - start,
    fetchedBytes: attempt.fetchedBytes,
    timings: attempt.clock.timings(),
    ...(end.error === undefined ? {} : { code: end.error.code, message: end.error.message }),
    ...(end.stored === undefined ? {} : { stored: end.stored }),
    ...attempt.trust,
    ...(attempt.nameProof === undefined ? {} : { nameProof: attempt.nameProof }),
    ...(attempt.source === undefined ? {} : { source: attempt.source }),
    ...(attempt.crossCheck === undefined ? {} : { crossCheck: attempt.crossCheck }),
  };
}

interface AttemptResult {
  readonly outcome: Exclude<KernelOutcome, 'recovered'>;
  readonly stored?: StoredFacts;
  readonly error?: BtfmillError;
}

function openAttempt(
  item: PlanItem,
  key: KernelKey,
  { options, deps, runId, setup }: KernelContext,
): Attempt {
  const at = deps.now().toISOString();
  return deps.record.transaction(() => {
    // Seen it was when its index was read: another time would be that of no index, and it could not be missed later.
    const { packages } = deps.record;
    const packageId = packages.idOf(item.pkg) ?? packages.see(item.pkg, at);
    const kernelId = deps.record.kernels.ensure(key, at);
    if (!isPublished(item)) deps.record.kernels.markPending(kernelId, at);
    const id = deps.record.attempts.start({
      kernelId,
      runId,
      packageId,
      setup: setup(key.distro),
      startedAt: at,
    });
    const clock = createStepClock(key, deps.emit, deps.signal);
    return {
      id,
      kernelId,
      packageId,
      item,
      key,
      clock,
      workDir: join(options.cacheDir, WORK_FOLDER, String(id)),
      fetchedBytes: 0,
    };
  });
}

async function tryKernel(attempt: Attempt, context: KernelContext): Promise<AttemptResult> {
  const { gates, deps } = context;
  const waits = (what: WaitsFor) => () => {
    deps.emit({ event: 'kernel.waiting', key: attempt.key, for: what });
  };
  try {
    attempt.room = await gates.room(attempt.item.pkg, deps.signal, waits('room'));
    await mkdir(attempt.workDir, { recursive: true });
    const fetched = await gates.download(() => fetchOnce(attempt, context), waits('download'));
    const stored = await gates.work(() => makeAndPublish(attempt, fetched, context), waits('work'));
    return { outcome: 'published', stored };
  } catch (thrown) {
    return closeUnpublished(attempt, toBtfmillError(thrown), context);
  }
}

async function fetchOnce(attempt: Attempt, { deps }: KernelContext): Promise<FetchedPackage> {
  const { item, clock } = attempt;
  const onTraffic = (bytes: number): void => {
    attempt.fetchedBytes += bytes;
  };
  attempt.fetched = await clock.step(
    'fetch',
    (control) => deps.steps.fetch(item.pkg, { ...control, onTraffic }),
    () => attempt.fetchedBytes,
  );
  return attempt.fetched;
}

async function makeAndPublish(
  attempt: Attempt,
  fetched: FetchedPackage,
  context: KernelContext,
): Promise<StoredFacts> {
  const { item, clock, workDir } = attempt;
  const { options, deps } = context;
  const { steps } = deps;

  const trust = await trustPackage(item.pkg, requestOf(options, item.pkg.distro).insecure, () =>
    clock.step(
      'verify',
      (control) => steps.verify(item.pkg, fetched.path, workDir, control),
      () => fetched.sizeBytes,
    ),
  );
  attempt.trust = trust;
  const { vmlinux, nameProof } = await clock.step(
    'unpack',
    (control) => unpackNamed(attempt, fetched.path, steps, control),
    (unpacked) => unpacked.vmlinux.sizeBytes,
  );
  attempt.nameProof = nameProof;
  const { converted, refusal } = await clock.step(
    'convert',
    (control) => convertOrKeepNative(vmlinux.path, options, steps, control),
    () => vmlinux.sizeBytes,
  );
  const chosen = chooseBtf(converted, options.source);
  attempt.source = chosen.source;
  const crossCheck =
    refusal ??
    (await clock.step(
      'cross-check',
      ({ signal }) => steps.crossCheck(converted, vmlinux.path, { publish: chosen.source, workDir, signal }),
      () => 0,
    ));
  if (crossCheck !== undefined) {
    attempt.crossCheck = crossCheck;
    judgeCrossCheck(attempt.key, chosen.source, crossCheck, deps.emit);
  }

  const facts: BtfFacts = {
    source: chosen.source,
    ...trust,
    nameProof,
    ...(converted.buildId === undefined ? {} : { buildId: converted.buildId }),
    btfSha256: createHash('sha256').update(chosen.btf).digest('hex'),
    btfSizeBytes: chosen.btf.length,
    profile: converted.profile,
    toolVersions: deps.toolVersions,
    packageId: attempt.packageId,
  };
  if (isPublished(item)) {
    refuseOtherContent(attempt.key, facts, deps.record);
  } else {
    // Before the file gets its final name: a run that is killed after that can then be completed from the record.
    deps.record.kernels.announce(attempt.kernelId, facts, deps.now().toISOString());
  }
  const stored = await clock.step(
    'store',
    ({ signal }) => storeOrAdopt({ ...attempt, btf: chosen.btf, btfSha256: facts.btfSha256 }, steps, signal),
    ({ tarSizeBytes }) => tarSizeBytes,
  );
  closePublished(attempt, facts, stored, deps);
  return stored;
}

/** The vmlinux, which is the kernel that it is to be published as. */
async function unpackNamed(
  { item: { pkg }, workDir, room }: Attempt,
  packagePath: string,
  steps: RunSteps,
  control: StepControl,
): Promise<{ readonly vmlinux: UnpackedVmlinux; readonly nameProof: NameProof }> {
  let isSettled = false;
  const onProgress: StepControl['onProgress'] = (done, total) => {
    // The total is known as soon as the member is found: the time to see whether there is room for it.
    if (total !== undefined && !isSettled) {
      isSettled = true;
      room?.settle(total);
    }
    control.onProgress(done, total);
  };
  const vmlinux = await steps.unpack(pkg, packagePath, workDir, { ...control, onProgress });
  const banner = await steps.readBanner(vmlinux.path, control.signal);
  return { vmlinux, nameProof: proveName(pkg, vmlinux, banner) };
}

/**
 * Published, and its file is lost or damaged (else there would be nothing to do). The row then stays as it is until
 * the same file is there again, however often that fails or is cut short: it says what must be made.
 */
function isPublished({ known }: PlanItem): boolean {
  return known?.state === 'published';
}

function closePublished(attempt: Attempt, facts: BtfFacts, stored: StoredFacts, deps: RunDeps): void {
  const at = deps.now().toISOString();
  deps.record.transaction(() => {
    if (isPublished(attempt.item)) deps.record.kernels.announce(attempt.kernelId, facts, at);
    deps.record.kernels.markPublished(attempt.kernelId, stored, at);
    finishAttempt(attempt, deps, { outcome: 'published', finishedAt: at });
  });
}

function closeUnpublished(attempt: Attempt, error: BtfmillError, context: KernelContext): AttemptResult {
  const { deps, options } = context;
  const now = deps.now();
  const at = now.toISOString();
  const outcome = outcomeOf(error, attempt.item, options, deps.signal);
  deps.record.transaction(() => {
    const { kernels, attempts } = deps.record;
    if (outcome === 'interrupted') {
      finishAttempt(attempt, deps, { outcome, finishedAt: at });
      return;
    }
    if (outcome === 'no-debug-info') {
      kernels.markNoDebugInfo(attempt.kernelId, attempt.packageId, at);
      finishAttempt(attempt, deps, { outcome, finishedAt: at });
      return;
    }
    const { code, message } = error;
    const earlier = attempts.ofKernel(attempt.kernelId, ATTEMPTS_LOOKED_AT + 1).slice(1);
    const notBefore = retryAfter({
      ...attempt,
      setup: context.setup(attempt.key.distro),
      error,
      at: now,
      earlier,
    });
    if (!isPublished(attempt.item)) {
      kernels.markFailed(attempt.kernelId, { code, message, packageId: attempt.packageId }, at);
    }
    finishAttempt(attempt, deps, {
      outcome,
      finishedAt: at,
      code,
      message,
      ...(notBefore === undefined ? {} : { retryAfter: notBefore }),
    });
  });
  return outcome === 'failed' ? { outcome, error } : { outcome };
}

/** After a stop, a step's failure is the stop's doing: programs it runs may have got the same signal. */
function outcomeOf(
  error: BtfmillError,
  item: PlanItem,
  { source }: RunOptions,
  signal: AbortSignal,
): 'interrupted' | 'no-debug-info' | 'failed' {
  if (signal.aborted) return 'interrupted';
  const hasNone = error.code === 'dwarf-none' && source === 'auto';
  return hasNone && !isPublished(item) ? 'no-debug-info' : 'failed';
}

function finishAttempt(
  attempt: Attempt,
  { record, now }: RunDeps,
  end: Omit<Parameters<RunDeps['record']['attempts']['finish']>[1], 'fetchedBytes'>,
): void {
  for (const timing of attempt.clock.timings()) record.stepTimings.add({ attemptId: attempt.id, ...timing });
  if (attempt.crossCheck !== undefined) {
    record.crossChecks.add({
      details: {},
      ...attempt.crossCheck,
      attemptId: attempt.id,
      checkedAt: now().toISOString(),
    });
  }
  record.attempts.finish(attempt.id, { ...end, fetchedBytes: attempt.fetchedBytes });
}

/**
 * A package stays only when it will be wanted again, by the next run or by another kernel, and the cache has room for
 * it. What cannot be removed is said, not fatal.
 */
async function cleanUp(
  attempt: Attempt,
  end: AttemptResult,
  { options, deps, packages }: KernelContext,
): Promise<void> {
  const { fetched, fetchedBytes, room } = attempt;
  const { digest } = attempt.item.pkg;
  const isWantedAgain = end.error?.retryable === true || packages.isAwaited(digest);
  const isKept = end.outcome === 'interrupted' || options.keepPackages;
  const mayStay = isKept || (isWantedAgain && (room?.mayKeep(fetchedBytes) ?? true));
  try {
    await rm(attempt.workDir, { recursive: true, force: true });
    if (mayStay) return;
    if (fetched !== undefined) await rm(fetched.path, { force: true });
    // What came of a package that failed to come would stay for the next run.
    else if (isWantedAgain)
      await dropPackages(options.cacheDir, new Set([digest.slice(digest.indexOf(':') + 1)]));
  } catch (thrown) {
    const { code, message } = toBtfmillError(thrown);
    deps.emit({ event: 'warning', code, message });
  }
}
