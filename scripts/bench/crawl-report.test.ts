import { expect, it } from 'vitest';
import { renderContest, renderScaling } from './crawl-report.ts';
import { ratios, summarize } from './statistics.ts';

const plain = (text: string): string => text;
const costs = (seconds: number) =>
  summarize(
    [1, 1.5, 2].map((factor) => ({
      wallSeconds: seconds * factor,
      cpuSeconds: seconds,
      peakBytes: 4e8,
    })),
  );

it('a contest: ratios beside all but the one that they are of', () => {
  const rows = [
    { tool: 'btfmill crawl', costs: costs(10), ratios: ratios(costs(10), costs(40)) },
    { tool: 'BTFHub’s steps', costs: costs(40) },
  ];
  const pkg = { kernel: '6.1.0-50-cloud-amd64', sizeBytes: 282e6 };
  expect(renderContest(pkg, rows, plain).split('\n')).toEqual([
    '6.1.0-50-cloud-amd64, a package of 282 MB',
    'tool                           wall s                  CPU s          peak MB  faster  less CPU',
    'btfmill crawl   10.00 / 15.00 / 20.00  10.00 / 10.00 / 10.00  400 / 400 / 400  4.00 x    4.00 x',
    'BTFHub’s steps  40.00 / 60.00 / 80.00  40.00 / 40.00 / 40.00  400 / 400 / 400',
    '',
  ]);
});

it('scaling: beside the first, and what it waited for', () => {
  const row = (jobs: number, wallSeconds: number, saturated: string) => ({
    jobs,
    kernels: 4,
    cost: { wallSeconds, cpuSeconds: 60, peakBytes: 4e8 },
    kernelsPerHour: (4 / wallSeconds) * 3600,
    saturated,
  });
  expect(renderScaling([row(1, 60, 'cpu'), row(2, 40, 'network')], 2, plain).split('\n')).toEqual([
    'jobs  kernels  wall s  CPU s  cores in use  kernels an hour  faster  waited most for',
    '   1        4    60.0   60.0     1.00 of 2              240  1.00 x  cpu',
    '   2        4    40.0   60.0     1.50 of 2              360  1.50 x  network',
    '',
  ]);
});
