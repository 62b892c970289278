/** The lines of the live display, as text. */

import type { Palette } from './color.ts';
import { formatBytes, formatDuration, truncate } from './format.ts';
import type { KernelProgress, OverallProgress, ProgressModel } from './progress-model.ts';

const STEP_WIDTH = 'cross-check'.length;

/** One line per kernel in work and one for all of them, none wider than `width`. */
export function progressLines(model: ProgressModel, nowMs: number, width: number, paint: Palette): string[] {
  const overall = model.overall(nowMs);
  if (overall === undefined) return [];
  const kernels = model.kernels(nowMs);
  const nameWidth = Math.max(0, ...kernels.map(({ id }) => id.length));
  return [
    ...kernels.map((kernel) => kernelLine(kernel, nameWidth, width, paint)),
    paint.bold(truncate(overallText(overall), width)),
  ];
}

/** Cut before it is painted, so that no escape sequence is cut. */
function kernelLine(kernel: KernelProgress, nameWidth: number, width: number, paint: Palette): string {
  const name = `  ${kernel.id.padEnd(nameWidth)}  `;
  const step = `${(kernel.step ?? '').padEnd(STEP_WIDTH)}  `;
  const rest = truncate(stepText(kernel), Math.max(0, width - name.length - step.length));
  if (name.length + step.length > width) return truncate(name + step, width);
  return `${name}${paint.cyan(step)}${rest}`;
}

function stepText(kernel: KernelProgress): string {
  const { doneBytes, totalBytes, bytesPerSecond, stepMilliseconds, remainingMilliseconds } = kernel;
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
