/** The tables of a crawl: the plan of a dry run, and the summary at the end. */

import { kernelId, type Plan } from '../../pipeline/plan.ts';
import type { RunReport } from '../../pipeline/run-types.ts';
import type { Palette } from './color.ts';
import { formatBytes, formatDuration, plural } from './format.ts';
import { renderTable } from './table.ts';

const DECISION_WORDS: Readonly<Record<Plan['items'][number]['decision'], string>> = {
  published: 'published already',
  fetch: 'to fetch',
  recover: 'to recover',
  'held-back': 'held back',
  postponed: 'left for the next run',
  'no-debug-info': 'no debug info',
  withdrawn: 'withdrawn',
};

/** Every kernel looked at, newest first, with what would happen to it. */
export function renderPlan(plan: Pick<Plan, 'items'>, paint: Palette): string {
  if (plan.items.length === 0) return 'no kernels\n';
  const columns = [
    { title: 'kernel' },
    { title: 'plan' },
    { title: 'size', align: 'right' as const },
    { title: 'suite' },
    { title: 'package version' },
  ];
  const rows = plan.items.map(({ pkg, decision }) => [
    kernelId(pkg),
    DECISION_WORDS[decision],
    formatBytes(pkg.sizeBytes),
    pkg.suite,
    pkg.packageVersion,
  ]);
  return renderTable(columns, rows, paint.bold);
}

/** What the run did, in a dozen lines at most. */
export function renderSummary(report: RunReport, paint: Palette): string {
  const rows: [title: string, count: string, detail: string][] = [
    ['published', String(report.published), ''],
    ['already there', String(report.alreadyPublished), ''],
  ];
  const add = (title: string, count: number, detail = ''): void => {
    if (count > 0) rows.push([title, String(count), detail]);
  };
  add('no debug info', report.noDebugInfo + report.decisions['no-debug-info']);
  add('failed', report.failed, codesText(report.failedByCode));
  add('held back', report.decisions['held-back'], 'failed before; --retry-failed tries again');
  add('withdrawn', report.decisions.withdrawn);
  const left = report.decisions.postponed + report.notBegun;
  add('left', left, `for the next run${leftWhy(report)}`);
  add('not finished', unfinished(report), 'the same command goes on with them');
  add('indexes failed', report.indexFailures.length, codesText(countCodes(report.indexFailures)));
  add('warnings', report.warnings.length, codesText(countCodes(report.warnings)));
  const indexes = `and ${formatBytes(report.indexBytes)} of indexes in ${plural(report.indexRequests, 'request')}`;
  rows.push(['fetched', formatBytes(report.fetchedBytes), indexes]);
  rows.push(['time', formatDuration(report.milliseconds), '']);
  const columns = [{ title: 'summary' }, { title: '', align: 'right' as const }, { title: '' }];
  return renderTable(columns, rows, paint.bold);
}

function unfinished({ decisions, published, noDebugInfo, failed, notBegun }: RunReport): number {
  return decisions.fetch + decisions.recover - published - noDebugInfo - failed - notBegun;
}

function leftWhy({ decisions, notBegun, postponedBytes }: RunReport): string {
  const parts: string[] = [];
  if (decisions.postponed > 0) {
    parts.push(`${decisions.postponed} beyond its limits (${formatBytes(postponedBytes)})`);
  }
  if (notBegun > 0) parts.push(`${notBegun} when the time was up`);
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function countCodes(things: readonly { readonly code: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of things) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

/** `2 cross-check, 1 package-digest`. */
function codesText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([code, count]) => `${count} ${code}`)
    .join(', ');
}
