/** What a night was beside its kernels: where its time went, what was left, what became of publishing. */

import { plain } from '../report/run-markdown.ts';
import type { NightEnd } from './night-report.ts';

export function renderNightMarkdown({ run, published, failure, exitCode }: NightEnd): string {
  const rows: [name: string, value: string][] = [['exit code', String(exitCode)]];
  if (run !== undefined) {
    rows.push(
      ['seconds', (run.milliseconds / 1000).toFixed(1)],
      ['index requests', String(run.indexRequests)],
      ['held back after failures', String(run.decisions['held-back'])],
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
