/** A run's events as JSON Lines; fields are only ever added within one version. */

import type { PlanItem } from '../../pipeline/plan.ts';
import type { RunEvent } from '../../pipeline/run-types.ts';

/** `v` of every line. */
export const EVENT_VERSION = 1;

/**
 * The lines (without newline) for one event: none for `kernel.progress`, several for the plan of a dry run, which
 * names every kernel.
 */
export function jsonLinesOf(event: RunEvent, time: Date, isDryRun: boolean): string[] {
  switch (event.event) {
    case 'kernel.progress':
      return [];
    case 'plan': {
      const { items, ...totals } = event;
      const lines = isDryRun ? items.map((item) => line('plan.kernel', time, planItem(item))) : [];
      return [...lines, line('plan', time, { kernels: items.length, ...totals })];
    }
    case 'kernel.started': {
      const { key, pkg } = event;
      return [line(event.event, time, { ...key, ...packageFields(pkg) })];
    }
    case 'kernel.step':
      return [line(event.event, time, { ...event.key, step: event.step })];
    case 'kernel.done':
      return [line(event.event, time, event.done)];
    case 'run.finished':
      return [line(event.event, time, event.report)];
    default:
      return [line(event.event, time, event)];
  }
}

function line(event: string, time: Date, fields: object): string {
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
