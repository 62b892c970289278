/** What a night was beside its kernels: where its time went, what was left, what became of publishing. */

import type { GateUsage } from '../gates/gates.ts';
import { plain } from '../report/run-markdown.ts';
import type { NightEnd } from './night-report.ts';

export function renderNightMarkdown({ run, published, failure, exitCode }: NightEnd): string {
  const rows: [name: string, value: string][] = [['exit code', String(exitCode)]];
  if (run !== undefined) {
    rows.push(
      ['seconds', (run.milliseconds / 1000).toFixed(1)],
      ['index requests', String(run.indexRequests)],
      ['held back after failures', String(run.decisions['held-back'])],
      [
        'left for the next run: beyond the limits',
        `${run.decisions.postponed} (${run.postponedBytes} bytes)`,
      ],
      ['left for the next run: the time was up', String(run.notBegun)],
      ...gateRows(run.gates),
      ['warnings', String(run.warnings.length)],
    );
  }
  if (published !== undefined) {
    rows.push(
      ['published serial', `${published.serial} (${published.outcome})`],
      ['timestamp holds until', published.expires],
    );
  }
  if (failure !== undefined) rows.push([failure.code, plain(failure.message)]);
  return [
    '## The night',
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
  ].join('\n');
}

const WORDS = {
  network: 'the network',
  cpu: 'the CPU: all jobs were busy',
  disk: 'the disk: no room in the cache',
  none: 'nothing in particular',
} as const;

function gateRows(gates: GateUsage | undefined): [name: string, value: string][] {
  if (gates === undefined) return [];
  const { jobs, downloads, cachePeakBytes, cacheLimitBytes, waitedFor, saturated } = gates;
  const limit = cacheLimitBytes === undefined ? '' : ` of ${cacheLimitBytes}`;
  const shares = (['network', 'cpu', 'disk', 'none'] as const).map(
    (resource) => `${resource} ${(waitedFor[resource] / 1000).toFixed(1)} s`,
  );
  return [
    ['jobs, downloads at once', `${jobs}, ${downloads}`],
    ['it waited most for', WORDS[saturated]],
    ['time by what was scarce', shares.join(', ')],
    ['bytes of cache taken or promised, at most', `${cachePeakBytes}${limit}`],
  ];
}
