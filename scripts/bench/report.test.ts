import { expect, it } from 'vitest';
import { renderRows } from './report.ts';
import { ratios, summarize } from './statistics.ts';

const cost = (wallSeconds: number) => ({
  wallSeconds,
  cpuSeconds: wallSeconds * 2,
  peakBytes: wallSeconds * 1e8,
});

it('median, extremes and ratios', () => {
  const ours = summarize([3, 1, 2].map(cost));
  expect(ours.wallSeconds).toEqual({ min: 1, median: 2, max: 3 });
  const theirs = summarize([10, 9, 8, 7].map(cost));
  expect(theirs.cpuSeconds).toEqual({ min: 14, median: 17, max: 20 });
  expect(ratios(ours, theirs)).toEqual({ wall: 4.25, cpu: 4.25, peak: 4.25 });
});

it('the table', () => {
  const btfmill = summarize([1, 1.1, 1.25].map(cost));
  const reference = summarize([6, 5.5, 8].map(cost));
  const row = {
    kernel: '6.1.0-50-cloud-amd64',
    debugInfoBytes: 163.2e6,
    profile: 'pahole-1.24',
    pahole: '1.24',
    threads: 1,
    runs: 3,
    btfmill,
    reference,
    ratios: ratios(btfmill, reference),
    output: 'identical' as const,
  };
  expect(renderRows([row], (text) => text).split('\n')).toEqual([
    'kernel                   threads  tool                     wall s                  CPU s          peak MB  output',
    '6.1.0-50-cloud-amd64     -j1      btfmill      1.00 / 1.10 / 1.25     2.00 / 2.20 / 2.50  100 / 110 / 125  identical',
    '  163 MB of .debug_info           pahole 1.24  5.50 / 6.00 / 8.00  11.00 / 12.00 / 16.00  550 / 600 / 800',
    '                                  ratio                    5.45 x                 5.45 x           5.45 x',
    '',
  ]);
});
