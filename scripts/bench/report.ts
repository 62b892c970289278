/** The result of a benchmark as a table for people; its JSON is the same values. */

import { renderTable } from '../ui/table.ts';
import type { Costs, Ratios, Spread } from './statistics.ts';

/** `identical`: byte for byte. `same types`: equal but for ids, order and strings. */
export type OutputVerdict = 'identical' | 'same types' | 'different';

/** One kernel with one number of threads. */
export interface BenchRow {
  readonly kernel: string;
  /** Bytes of .debug_info. */
  readonly debugInfoBytes: number;
  readonly profile: string;
  readonly pahole: string;
  readonly threads: number;
  readonly runs: number;
  readonly btfmill: Costs;
  readonly reference: Costs;
  readonly ratios: Ratios;
  /** Our output beside that of pahole -j1, the only one that is the same every time. */
  readonly output: OutputVerdict;
}

/** Columns of min/median/max, ours above pahole's, and what came out. */
export function renderRows(rows: readonly BenchRow[], paintTitle: (text: string) => string): string {
  const cells = rows.flatMap((row) => [
    [row.kernel, `-j${row.threads}`, 'btfmill', ...costCells(row.btfmill), row.output],
    [
      `  ${(row.debugInfoBytes / 1e6).toFixed(0)} MB of .debug_info`,
      '',
      `pahole ${row.pahole}`,
      ...costCells(row.reference),
      '',
    ],
    [
      '',
      '',
      'ratio',
      ...[row.ratios.wall, row.ratios.cpu, row.ratios.peak].map((ratio) => `${ratio.toFixed(2)} x`),
      '',
    ],
  ]);
  return renderTable(
    [
      { title: 'kernel' },
      { title: 'threads' },
      { title: 'tool' },
      { title: 'wall s', align: 'right' },
      { title: 'CPU s', align: 'right' },
      { title: 'peak MB', align: 'right' },
      { title: 'output' },
    ],
    cells,
    paintTitle,
  );
}

function seconds(value: number): string {
  return value.toFixed(2);
}

function megabytes(value: number): string {
  return (value / 1e6).toFixed(0);
}

export function costCells({ wallSeconds, cpuSeconds, peakBytes }: Costs): string[] {
  return [
    spreadCell(wallSeconds, seconds),
    spreadCell(cpuSeconds, seconds),
    spreadCell(peakBytes, megabytes),
  ];
}

function spreadCell({ min, median, max }: Spread, format: (value: number) => string): string {
  return [min, median, max].map(format).join(' / ');
}
