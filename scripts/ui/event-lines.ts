/** What a run says, as lines for people. */

import { kernelId } from '../../pipeline/plan.ts';
import type { CrossCheckVerdict } from '../../pipeline/cross-check.ts';
import type { KernelDone, RunEvent } from '../../pipeline/run-types.ts';
import type { PublishReport } from '../../pipeline/publish/publish.ts';
import type { Palette } from './color.ts';
import { formatBytes, formatDuration, oneLine, plural } from './format.ts';

/** Longest of the outcomes, so that names stand in a column. */
const OUTCOME_WIDTH = 'no-debug-info'.length;

/** Whether an event tells of a problem, which `--quiet` does not hide. */
export function isProblem(event: RunEvent): boolean {
  if (event.event === 'kernel.done') return event.done.outcome === 'failed';
  return ['warning', 'index.failed', 'publish.failed'].includes(event.event);
}

/** The line for an event, or undefined when only the live display (or nothing) shows it. */
export function eventLine(event: RunEvent, paint: Palette): string | undefined {
  switch (event.event) {
    case 'run.started':
      return `reading the indexes of ${event.distros.join(', ')}`;
    case 'note':
      return paint.dim(oneLine(event.message));
    case 'warning':
      return `${paint.yellow(`warning (${event.code})`)}: ${oneLine(event.message)}`;
    case 'index.failed':
      return `${paint.red(`index failed (${event.code})`)}: ${event.distro} ${event.suite}: ${oneLine(event.message)}`;
    case 'plan':
      return planLine(event);
    case 'kernel.done':
      return doneLine(event.done, paint);
    case 'publish.done':
      return publishLine(event);
    case 'publish.failed':
      return `${paint.red(`publish failed (${event.code})`)}: ${oneLine(event.message)}`;
    default:
      return undefined;
  }
}

/** e.g. `plan: 24 kernels, 20 published already, 3 to fetch (1.20 GB), 1 held back`. */
export function planLine(plan: Extract<RunEvent, { event: 'plan' }>): string {
  const { counts, items, beyondLimit } = plan;
  const parts = [plural(items.length, 'kernel')];
  if (beyondLimit > 0) parts[0] += ` (of ${items.length + beyondLimit}, see --limit)`;
  parts.push(`${counts.published} published already`);
  parts.push(`${counts.fetch} to fetch${counts.fetch === 0 ? '' : ` (${formatBytes(plan.fetchBytes)})`}`);
  if (counts.recover > 0) parts.push(`${counts.recover} to recover from a run that was killed`);
  if (counts['no-debug-info'] > 0) parts.push(`${counts['no-debug-info']} without debug info`);
  if (counts['held-back'] > 0) {
    parts.push(`${counts['held-back']} held back after failures (see status --failed, --retry-failed)`);
  }
  if (counts.postponed > 0) {
    parts.push(`${counts.postponed} left for the next run (${formatBytes(plan.postponedBytes)})`);
  }
  if (counts.withdrawn > 0) parts.push(`${counts.withdrawn} withdrawn`);
  return `plan: ${parts.join(', ')}`;
}

/** e.g. `published 3 new kernels: serial 7, 120 kernels, holds until 2026-11-28T02:20:00.000Z`. */
export function publishLine({ serial, outcome, added, withdrawn, kernels, expires }: PublishReport): string {
  const state = `serial ${serial}, ${plural(kernels, 'kernel')}, holds until ${expires}`;
  if (outcome === 'unchanged') return `nothing new to publish: ${state}`;
  if (outcome === 'renewed') return `nothing new to publish, timestamp renewed: ${state}`;
  const taken = withdrawn.length === 0 ? '' : `, ${withdrawn.length} withdrawn`;
  return `published ${plural(added.length, 'new kernel')}${taken}: ${state}`;
}

function doneLine(done: KernelDone, paint: Palette): string {
  const outcome = paintOutcome(done, paint);
  const details = done.outcome === 'failed' ? failureText(done) : resultText(done);
  return `${outcome}  ${kernelId(done)}${details === '' ? '' : `  ${details}`}`;
}

function paintOutcome({ outcome }: KernelDone, paint: Palette): string {
  const text = outcome.padEnd(OUTCOME_WIDTH);
  if (outcome === 'failed') return paint.red(text);
  return outcome === 'published' || outcome === 'recovered' ? paint.green(text) : paint.yellow(text);
}

function failureText({ code, message }: KernelDone): string {
  return `${code ?? ''}: ${oneLine(message ?? '')}`;
}

function resultText(done: KernelDone): string {
  const parts: string[] = [];
  if (done.source !== undefined) parts.push(done.source === 'native' ? 'native BTF' : 'from DWARF');
  if (done.stored !== undefined) {
    parts.push(`${done.stored.typeCount} types`, formatBytes(done.stored.tarSizeBytes));
  }
  if (done.crossCheck !== undefined) parts.push(checkText(done.crossCheck));
  if (done.fetchedBytes > 0) parts.push(`fetched ${formatBytes(done.fetchedBytes)}`);
  parts.push(formatDuration(done.milliseconds));
  return parts.join(', ');
}

const VERDICT_TEXTS: Readonly<Record<CrossCheckVerdict['verdict'], (oracle: string) => string>> = {
  equal: (oracle) => `equals ${oracle}`,
  'functions-differ': (oracle) => `types equal ${oracle}, functions differ`,
  'types-differ': (oracle) => `types differ from ${oracle}`,
  unavailable: (oracle) => `not compared with ${oracle}`,
  skipped: () => 'not compared',
};

function checkText({ against, verdict, tool }: CrossCheckVerdict): string {
  const oracle = against === 'native' ? 'native BTF' : `pahole${tool === undefined ? '' : ` ${tool}`}`;
  return VERDICT_TEXTS[verdict](oracle);
}
