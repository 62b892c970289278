/** Nights that are killed with SIGKILL: at random moments, and at every boundary between two steps. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../fuzz/random.ts';
import type { FileFault } from './faulty-files.ts';
import { type NightEnd, runNight } from './night.ts';
import { type DisturbedSite, type Scenario, wrongAfterRerun, wrongNow } from './scenario.ts';

/** When to kill. */
export type Moment =
  /** At a change of the site's files: before it, or with half of a write done. */
  | { readonly kind: 'change'; readonly fault: FileFault }
  /** So long after the night has said its nth event (from 1): in the middle of whatever it computes then. */
  | { readonly kind: 'event'; readonly number: number; readonly delayMs: number };

export interface KillResult {
  readonly moment: string;
  /** False: the night was over before, and proves nothing. */
  readonly wasKilled: boolean;
  /** The last thing that the night said. */
  readonly during: string;
  readonly wrong: readonly string[];
}

/** Kills one night of the scenario, looks at what it left, lets another night complete it, and compares. */
export async function killOnce(scenario: Scenario, moment: Moment): Promise<KillResult> {
  const disturbed = await scenario.start();
  try {
    const end = await killedNight(disturbed, moment);
    const wasKilled = end.signal === 'SIGKILL';
    const wrong = [
      ...(await wrongNow(disturbed, scenario, { mayBeBetween: true })),
      ...(wasKilled ? [] : unexpectedEnd(end)),
      ...(await wrongAfterRerun(disturbed, scenario)),
    ];
    return { moment: describeMoment(moment), wasKilled, during: lastStep(end), wrong };
  } finally {
    await disturbed.remove();
  }
}

async function killedNight({ site, files }: DisturbedSite, moment: Moment): Promise<NightEnd> {
  if (moment.kind === 'change') {
    files.arm(moment.fault);
    return runNight(site, { env: files.env });
  }
  let events = 0;
  return runNight(site, {
    onEvent(_event, kill) {
      events += 1;
      if (events !== moment.number) return;
      void sleep(moment.delayMs).then(() => kill('SIGKILL'));
    },
  });
}

function unexpectedEnd({ exitCode, signal, stderr }: NightEnd): string[] {
  return exitCode === 0 ? [] : [`the night ended with ${exitCode ?? signal} by itself: ${stderr}`];
}

/** Spread evenly over the night's changes and events; a night that writes more than the undisturbed one is long over. */
export function randomMoment(random: Random, { changes, events }: Scenario): Moment {
  const kind = random.pick(['kill-before', 'kill-halfway', 'event'] as const);
  if (kind === 'event') return { kind, number: 1 + random.below(events - 1), delayMs: random.below(120) };
  return { kind: 'change', fault: { kind, at: 1 + random.below(changes) } };
}

/** Every event of the night: each kernel's beginning, each of its steps, its end, and those of the night itself. */
export function boundaries({ events }: Scenario): Moment[] {
  return Array.from({ length: events - 1 }, (_, i) => ({ kind: 'event', number: i + 1, delayMs: 0 }));
}

/** Every change of the site's files. */
export function changes(scenario: Scenario): Moment[] {
  return Array.from({ length: scenario.changes }, (_, i) => ({
    kind: 'change',
    fault: { kind: 'kill-before', at: i + 1 },
  }));
}

function describeMoment(moment: Moment): string {
  if (moment.kind === 'change') return `${moment.fault.kind} change ${moment.fault.at}`;
  return `event ${moment.number}${moment.delayMs === 0 ? '' : ` + ${moment.delayMs} ms`}`;
}

function lastStep({ events }: NightEnd): string {
  const last = events.at(-1);
  return last === undefined ? 'start' : (last.step ?? last.event);
}
