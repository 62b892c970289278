/** A run's events as JSON Lines; fields are only ever added within one version. */

import type { PlanItem } from '../../pipeline/plan.ts';
import type { RunEvent } from '../../pipeline/run-types.ts';

/** `v` of every line. */
export const EVENT_VERSION = 1;

/** The lines (without newline) for one event: {@link jsonRecordsOf}, as text. */
export function jsonLinesOf(event: RunEvent, time: Date, isDryRun: boolean): string[] {
  return jsonRecordsOf(event, isDryRun).map((record) => line(record, time));
}

export interface JsonRecord {
  readonly event: string;
  readonly fields: object;
}

/**
 * What one event is in JSON: nothing for `kernel.progress`, several things for the plan of a dry run, which names
 * every kernel.
 */
export function jsonRecordsOf(event: RunEvent, isDryRun: boolean): JsonRecord[] {
  switch (event.event) {
    case 'kernel.progress':
      return [];
    case 'plan': {
      const { items, event: name, ...totals } = event;
      const kernels = isDryRun ? items.map((item) => ({ event: 'plan.kernel', fields: planItem(item) })) : [];
      return [...kernels, { event: name, fields: { kernels: items.length, ...totals } }];
    }
    case 'kernel.started': {
      const { key, pkg } = event;
      return [{ event: event.event, fields: { ...key, ...packageFields(pkg) } }];
    }
    case 'kernel.waiting':
      return [{ event: event.event, fields: { ...event.key, for: event.for } }];
    case 'kernel.step':
      return [{ event: event.event, fields: { ...event.key, step: event.step } }];
    case 'kernel.done':
      return [{ event: event.event, fields: event.done }];
    case 'run.finished':
      return [{ event: event.event, fields: event.report }];
    default: {
      const { event: name, ...fields } = event;
      return [{ event: name, fields }];
    }
  }
}

function line({ event, fields }: JsonRecord, time: Date): string {
  return JSON.stringify({ v: EVENT_VERSION, event, time: time.toISOString(), ...fields });
}

function planItem({ pkg, decision }: PlanItem): object {
  const { distro, release, arch, kernel } = pkg;
  return { distro, release, arch, kernel, decision, ...packageFields(pkg) };
}

function packageFields(pkg: PlanItem['pkg']): object {
  const { packageName, packageVersion, suite, url, sizeBytes, digest, trust } = pkg;
  return { packageName, packageVersion, suite, url, sizeBytes, digest, trust };
}
