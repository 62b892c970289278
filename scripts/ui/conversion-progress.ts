/** The line at the bottom of the terminal while a file's DWARF is converted. */

import { basename } from 'node:path';
import { formatBytes, formatDuration, printable, truncate } from './format.ts';
import { createLiveBlock, type Terminal } from './live-block.ts';

export interface ConversionProgress {
  /** Bytes of stdin or a pipe that have come so far, before they are converted. */
  readonly onCopied: (bytes: number) => void;
  /** Bytes of .debug_info that are read, and of all if that is known. */
  readonly onProgress: (done: number, total: number | undefined) => void;
  /** Removes the line. */
  readonly close: () => void;
}

type Step =
  | { readonly name: 'opening' }
  | { readonly name: 'copying'; readonly bytes: number }
  | { readonly name: 'reading'; readonly done: number; readonly total: number | undefined };

/**
 * Shows the line from now on, if stderr is a terminal that can take a line back. It comes after a tenth of a second:
 * of what takes less nothing is seen.
 * @param file path; its last part is shown, at the end, where a narrow terminal may cut it
 */
export function showConversion(
  file: string,
  terminal: Terminal & { readonly isTTY?: boolean } = process.stderr,
): ConversionProgress {
  const started = performance.now();
  let step: Step = { name: 'opening' };
  const isLive = terminal.isTTY === true && process.env.TERM !== 'dumb';
  const live = isLive
    ? createLiveBlock(terminal, (width) => [
        truncate(`  ${progressText(step, performance.now() - started)}  ${printable(basename(file))}`, width),
      ])
    : undefined;
  return {
    onCopied: (bytes) => {
      step = { name: 'copying', bytes };
    },
    onProgress: (done, total) => {
      step = { name: 'reading', done, total };
    },
    close: () => live?.close(),
  };
}

/** The clock runs on while nothing is read: before, and when types are put together after. */
function progressText(step: Step, milliseconds: number): string {
  const time = formatDuration(milliseconds);
  if (step.name === 'opening') return `opening  ${time}`;
  if (step.name === 'copying') return `${formatBytes(step.bytes)} of input  ${time}`;
  const { done, total } = step;
  if (done === total) return `${formatBytes(done)} read, assembling types  ${time}`;
  const percent = total === undefined ? '' : `  ${Math.floor((100 * done) / total)}%`;
  return `${formatBytes(done)} of .debug_info${percent}  ${time}`;
}
