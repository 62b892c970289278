/** What is in work right now, from a run's events: bytes, speed and time left, without any drawing. */

import type { KernelKey } from '../../crawlers/types.ts';
import { kernelId } from '../../pipeline/plan.ts';
import type { RunEvent, StepName, WaitsFor } from '../../pipeline/run-types.ts';
import { planeOf } from '../../pipeline/share-out.ts';

/** One kernel in work. */
export interface KernelProgress {
  readonly id: string;
  readonly step: StepName | undefined;
  /** What it waits for, behind that step. */
  readonly waitsFor: WaitsFor | undefined;
  readonly doneBytes: number;
  /** Undefined when the step does not know. */
  readonly totalBytes: number | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly stepMilliseconds: number;
  readonly remainingMilliseconds: number | undefined;
}

/** Kernels of one plane that this run is to do. */
export interface PlaneProgress {
  /** `debian/12/x86_64` */
  readonly plane: string;
  readonly doneKernels: number;
  readonly failedKernels: number;
  readonly totalKernels: number;
}

export interface OverallProgress {
  readonly doneKernels: number;
  readonly failedKernels: number;
  readonly totalKernels: number;
  /** Of the packages planned to be fetched: what is there of them, downloads of earlier runs included. */
  readonly fetchedBytes: number;
  readonly fetchBytes: number;
  readonly milliseconds: number;
  readonly remainingMilliseconds: number | undefined;
}

export interface ProgressModel {
  /** @param nowMs a clock that only goes forward. */
  take(event: RunEvent, nowMs: number): void;
  kernels(nowMs: number): readonly KernelProgress[];
  /** Those with something to do, in the order of the plan. */
  planes(): readonly PlaneProgress[];
  /** Undefined before the plan is known, or when there is nothing to do. */
  overall(nowMs: number): OverallProgress | undefined;
}

/** Speeds are means over this long. */
const SPEED_WINDOW_MS = 5000;

/** Too little to guess from. */
const MIN_SHARE_FOR_ETA = 0.01;

/** Where a kernel is when a step begins, as a share of its way: rough, for the time left only. */
const STEP_STARTS: Readonly<Record<StepName, number>> = {
  fetch: 0,
  verify: 0.29,
  unpack: 0.3,
  convert: 0.5,
  'cross-check': 0.75,
  store: 0.9,
};

/** How much of a kernel's way a step is, where its progress in bytes is worth looking at. */
const STEP_SHARES: Readonly<Partial<Record<StepName, number>>> = { fetch: 0.3, convert: 0.25 };

interface InWork {
  readonly id: string;
  readonly sizeBytes: number;
  step: StepName | undefined;
  waitsFor: WaitsFor | undefined;
  stepStartMs: number;
  doneBytes: number;
  totalBytes: number | undefined;
  /** Bytes at moments of the last few seconds, for the speed. */
  samples: { readonly atMs: number; readonly bytes: number }[];
  fetchedBytes: number;
}

export function createProgressModel(): ProgressModel {
  const inWork = new Map<string, InWork>();
  const planes = new Map<string, { doneKernels: number; failedKernels: number; totalKernels: number }>();
  let planned: { readonly kernels: number; readonly bytes: number; readonly startMs: number } | undefined;
  let doneKernels = 0;
  let failedKernels = 0;
  let doneBytes = 0;
  /** Package sizes of the kernels that have ended, fetched or not: nothing more will come of them. */
  let endedBytes = 0;

  function take(event: RunEvent, nowMs: number): void {
    switch (event.event) {
      case 'plan':
        planned = {
          kernels: event.counts.fetch + event.counts.recover,
          bytes: event.fetchBytes,
          startMs: nowMs,
        };
        planes.clear();
        for (const { pkg, decision } of event.items) {
          if (decision !== 'fetch' && decision !== 'recover') continue;
          const plane = planes.get(planeOf(pkg)) ?? { doneKernels: 0, failedKernels: 0, totalKernels: 0 };
          plane.totalKernels += 1;
          planes.set(planeOf(pkg), plane);
        }
        break;
      case 'kernel.started':
        inWork.set(kernelId(event.key), newInWork(event.key, event.pkg.sizeBytes, nowMs));
        break;
      case 'kernel.waiting':
        startWaiting(inWork.get(kernelId(event.key)), event.for, nowMs);
        break;
      case 'kernel.step':
        startStep(inWork.get(kernelId(event.key)), event.step, nowMs);
        break;
      case 'kernel.progress':
        progress(inWork.get(kernelId(event.key)), event, nowMs);
        break;
      case 'kernel.done': {
        const { outcome } = event.done;
        const id = kernelId(event.done);
        doneBytes += inWork.get(id)?.fetchedBytes ?? 0;
        if (outcome !== 'interrupted') {
          doneKernels += 1;
          if (outcome === 'failed') failedKernels += 1;
          const plane = planes.get(planeOf(event.done));
          if (plane !== undefined) {
            plane.doneKernels += 1;
            if (outcome === 'failed') plane.failedKernels += 1;
          }
          if (outcome !== 'recovered') endedBytes += inWork.get(id)?.sizeBytes ?? 0;
        }
        inWork.delete(id);
        break;
      }
      default:
        break;
    }
  }

  function overall(nowMs: number): OverallProgress | undefined {
    if (planned === undefined || planned.kernels === 0) return undefined;
    const kernels = [...inWork.values()];
    const arrived = kernels.reduce((sum, kernel) => sum + kernel.fetchedBytes, 0);
    const way = kernels.reduce((sum, kernel) => sum + kernel.sizeBytes * shareOfWay(kernel), 0);
    const milliseconds = nowMs - planned.startMs;
    const share = planned.bytes === 0 ? 0 : (endedBytes + way) / planned.bytes;
    return {
      doneKernels,
      failedKernels,
      totalKernels: planned.kernels,
      fetchedBytes: doneBytes + arrived,
      fetchBytes: planned.bytes,
      milliseconds,
      remainingMilliseconds:
        share < MIN_SHARE_FOR_ETA ? undefined : Math.max(0, milliseconds / share - milliseconds),
    };
  }

  return {
    take,
    overall,
    kernels: (nowMs) => [...inWork.values()].map((kernel) => view(kernel, nowMs)),
    planes: () => [...planes].map(([plane, counts]) => ({ plane, ...counts })),
  };
}

/** From 0 to 1: how far a kernel has come. */
function shareOfWay({ step, doneBytes, totalBytes }: InWork): number {
  if (step === undefined) return 0;
  const share = STEP_SHARES[step] ?? 0;
  const isKnown = totalBytes !== undefined && totalBytes > 0;
  return STEP_STARTS[step] + (isKnown ? share * Math.min(1, doneBytes / totalBytes) : 0);
}

function newInWork(key: KernelKey, sizeBytes: number, nowMs: number): InWork {
  return {
    id: kernelId(key),
    sizeBytes,
    step: undefined,
    waitsFor: undefined,
    stepStartMs: nowMs,
    doneBytes: 0,
    totalBytes: undefined,
    samples: [],
    fetchedBytes: 0,
  };
}

function startStep(kernel: InWork | undefined, step: StepName, nowMs: number): void {
  if (kernel === undefined) return;
  const nothing = { waitsFor: undefined, doneBytes: 0, totalBytes: undefined, samples: [] };
  Object.assign(kernel, { ...nothing, step, stepStartMs: nowMs });
}

function startWaiting(kernel: InWork | undefined, waitsFor: WaitsFor, nowMs: number): void {
  if (kernel !== undefined) Object.assign(kernel, { waitsFor, stepStartMs: nowMs });
}

function progress(
  kernel: InWork | undefined,
  event: { readonly step: StepName; readonly doneBytes: number; readonly totalBytes: number | undefined },
  nowMs: number,
): void {
  if (kernel === undefined) return;
  kernel.doneBytes = event.doneBytes;
  kernel.totalBytes = event.totalBytes;
  if (event.step === 'fetch') kernel.fetchedBytes = event.doneBytes;
  const { samples } = kernel;
  // A step that starts over (a download from zero) starts its speed over, too.
  if ((samples.at(-1)?.bytes ?? 0) > event.doneBytes) samples.length = 0;
  samples.push({ atMs: nowMs, bytes: event.doneBytes });
  while (samples.length > 2 && samples[1].atMs < nowMs - SPEED_WINDOW_MS) samples.shift();
}

function view(kernel: InWork, nowMs: number): KernelProgress {
  const bytesPerSecond = speed(kernel, nowMs);
  const { id, step, waitsFor, doneBytes, totalBytes, stepStartMs } = kernel;
  return {
    id,
    step,
    waitsFor,
    doneBytes,
    totalBytes,
    bytesPerSecond,
    stepMilliseconds: nowMs - stepStartMs,
    remainingMilliseconds:
      totalBytes === undefined ||
      doneBytes >= totalBytes ||
      bytesPerSecond === undefined ||
      bytesPerSecond <= 0
        ? undefined
        : ((totalBytes - doneBytes) / bytesPerSecond) * 1000,
  };
}

/** Until now, not until the last sample: a stalled download must show as one. */
function speed({ samples, doneBytes }: InWork, nowMs: number): number | undefined {
  const first = samples[0];
  if (first === undefined || nowMs - first.atMs < 200) return undefined;
  return ((doneBytes - first.bytes) / (nowMs - first.atMs)) * 1000;
}
