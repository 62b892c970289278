/** The lines of the live display, as text. */

import type { WaitsFor } from '../../pipeline/run-types.ts';
import type { Palette } from './color.ts';
import { formatBytes, formatDuration, truncate } from './format.ts';
import type { KernelProgress, OverallProgress, PlaneProgress, ProgressModel } from './progress-model.ts';

const STEP_WIDTH = 'cross-check'.length;

const WAITS: Readonly<Record<WaitsFor, string>> = {
  room: 'room in the cache',
  download: 'its turn to download',
  work: 'its turn to be converted',
};

/** More planes than this would push the kernels off a terminal of 24 lines. */
const MAX_PLANES = 10;

const BAR_WIDTH = 20;

/** One line per kernel in work, one per plane when there are several, one for all of them; none wider than `width`. */
export function progressLines(model: ProgressModel, nowMs: number, width: number, paint: Palette): string[] {
  const overall = model.overall(nowMs);
  if (overall === undefined) return [];
  const kernels = model.kernels(nowMs);
  const nameWidth = Math.max(0, ...kernels.map(({ id }) => id.length));
  return [
    ...kernels.map((kernel) => kernelLine(kernel, nameWidth, width, paint)),
    ...planeLines(model.planes(), width, paint),
    paint.bold(truncate(overallText(overall), width)),
  ];
}

/** Planes that are done make room for those that are not. */
function planeLines(planes: readonly PlaneProgress[], width: number, paint: Palette): string[] {
  if (planes.length < 2) return [];
  const open = planes.filter(({ doneKernels, totalKernels }) => doneKernels < totalKernels);
  const shown = open.slice(0, MAX_PLANES);
  const nameWidth = Math.max(0, ...shown.map(({ plane }) => plane.length));
  const countWidth = Math.max(0, ...shown.map(({ totalKernels }) => String(totalKernels).length));
  const lines = shown.map(({ plane, doneKernels, failedKernels, totalKernels }) => {
    const filled = Math.floor((doneKernels / totalKernels) * BAR_WIDTH);
    const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}`;
    const count = `${String(doneKernels).padStart(countWidth)} of ${String(totalKernels).padStart(countWidth)}`;
    const failed = failedKernels === 0 ? '' : `, ${failedKernels} failed`;
    return paint.dim(truncate(`  ${plane.padEnd(nameWidth)}  ${bar}  ${count}${failed}`, width));
  });
  const others = [
    ...(open.length > shown.length ? [`${open.length - shown.length} more planes to do`] : []),
    ...(planes.length > open.length ? [`${planes.length - open.length} done`] : []),
  ];
  return others.length === 0
    ? lines
    : [...lines, paint.dim(truncate(`  planes: ${others.join(', ')}`, width))];
}

/** Cut before it is painted, so that no escape sequence is cut. */
function kernelLine(kernel: KernelProgress, nameWidth: number, width: number, paint: Palette): string {
  const name = `  ${kernel.id.padEnd(nameWidth)}  `;
  const step = `${(kernel.waitsFor === undefined ? (kernel.step ?? '') : 'waiting').padEnd(STEP_WIDTH)}  `;
  const rest = truncate(stepText(kernel), Math.max(0, width - name.length - step.length));
  if (name.length + step.length > width) return truncate(name + step, width);
  return `${name}${paint.cyan(step)}${rest}`;
}

function stepText(kernel: KernelProgress): string {
  const { waitsFor, doneBytes, totalBytes, bytesPerSecond, stepMilliseconds, remainingMilliseconds } = kernel;
  if (waitsFor !== undefined) return `for ${WAITS[waitsFor]}  ${formatDuration(stepMilliseconds)}`;
  if (doneBytes === 0 && totalBytes === undefined) return formatDuration(stepMilliseconds);
  const parts = [
    totalBytes === undefined
      ? formatBytes(doneBytes)
      : `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}  ${percent(doneBytes, totalBytes)}`,
  ];
  if (bytesPerSecond !== undefined) parts.push(`${(bytesPerSecond / 1e6).toFixed(1)} MB/s`);
  parts.push(
    remainingMilliseconds === undefined
      ? formatDuration(stepMilliseconds)
      : `ETA ${formatDuration(remainingMilliseconds)}`,
  );
  return parts.join('  ');
}

function overallText(overall: OverallProgress): string {
  const failed = overall.failedKernels === 0 ? '' : `, ${overall.failedKernels} failed`;
  const parts = [`${overall.doneKernels} of ${overall.totalKernels} kernels done${failed}`];
  if (overall.fetchBytes > 0) {
    parts.push(`${formatBytes(overall.fetchedBytes)} of ${formatBytes(overall.fetchBytes)}`);
  }
  parts.push(formatDuration(overall.milliseconds));
  if (overall.remainingMilliseconds !== undefined) {
    parts.push(`ETA ${formatDuration(overall.remainingMilliseconds)}`);
  }
  return parts.join('  ');
}

function percent(done: number, total: number): string {
  return `${total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100))}%`;
}
