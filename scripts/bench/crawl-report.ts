/** What crawls cost, as tables for people. */

import type { DebugPackage } from '../../crawlers/types.ts';
import { formatBytes } from '../ui/format.ts';
import { renderTable } from '../ui/table.ts';
import type { ContestRow } from './crawl-contest.ts';
import type { ScalingRow } from './job-scaling.ts';
import { costCells } from './report.ts';

type Paint = (text: string) => string;

export function renderContest(
  { kernel, sizeBytes }: Pick<DebugPackage, 'kernel' | 'sizeBytes'>,
  rows: readonly ContestRow[],
  paintTitle: Paint,
): string {
  const table = renderTable(
    [
      { title: 'tool' },
      { title: 'wall s', align: 'right' },
      { title: 'CPU s', align: 'right' },
      { title: 'peak MB', align: 'right' },
      { title: 'faster', align: 'right' },
      { title: 'less CPU', align: 'right' },
    ],
    rows.map(({ tool, costs, ratios }) => [
      tool,
      ...costCells(costs),
      ...(ratios === undefined ? ['', ''] : [ratioCell(ratios.wall), ratioCell(ratios.cpu)]),
    ]),
    paintTitle,
  );
  return `${kernel}, a package of ${formatBytes(sizeBytes)}\n${table}`;
}

export function renderScaling(rows: readonly ScalingRow[], cores: number, paintTitle: Paint): string {
  return renderTable(
    [
      { title: 'jobs', align: 'right' },
      { title: 'kernels', align: 'right' },
      { title: 'wall s', align: 'right' },
      { title: 'CPU s', align: 'right' },
      { title: 'cores in use', align: 'right' },
      { title: 'kernels an hour', align: 'right' },
      { title: 'faster', align: 'right' },
      { title: 'waited most for' },
    ],
    rows.map(({ jobs, kernels, cost, kernelsPerHour, saturated }) => [
      String(jobs),
      String(kernels),
      cost.wallSeconds.toFixed(1),
      cost.cpuSeconds.toFixed(1),
      `${(cost.cpuSeconds / cost.wallSeconds).toFixed(2)} of ${cores}`,
      kernelsPerHour.toFixed(0),
      ratioCell(kernelsPerHour / rows[0].kernelsPerHour),
      saturated,
    ]),
    paintTitle,
  );
}

function ratioCell(value: number): string {
  return `${value.toFixed(2)} x`;
}
