/** Nights on a disk that is full from the nth write on, or that fails one write, for every n there is. */

import type { FileFault } from './faulty-files.ts';
import { type NightEnd, runNight } from './night.ts';
import { type Scenario, wrongAfterRerun, wrongNow } from './scenario.ts';

export interface FullDiskResult {
  readonly at: number;
  /** False: the night has written less than that. */
  readonly didFail: boolean;
  readonly exitCode: number | undefined;
  /** Codes that the night gave. */
  readonly codes: readonly string[];
  readonly wrong: readonly string[];
}

/** One night with one fault; then room again, and another night. */
export async function failOnce(
  scenario: Scenario,
  fault: Extract<FileFault, { readonly error: string }>,
): Promise<FullDiskResult> {
  const disturbed = await scenario.start();
  const { site, files } = disturbed;
  try {
    files.arm(fault);
    const end = await runNight(site, { env: files.env });
    const didFail = files.faults() > 0;
    const wrong = [
      ...wrongEnd(end),
      ...(await wrongNow(disturbed, scenario, { mayBeBetween: false })),
      ...(await wrongAfterRerun(disturbed, scenario)),
    ];
    return { at: fault.at, didFail, exitCode: end.exitCode, codes: codesOf(end), wrong };
  } finally {
    await disturbed.remove();
  }
}

/** A night may fail, but not crash: it ends by itself, with the code of what failed. */
function wrongEnd(end: NightEnd): string[] {
  const { exitCode, signal, stderr } = end;
  if (exitCode === undefined) return [`it was ended by ${signal}: ${stderr}`];
  if (/^ {4}at /mu.test(stderr)) return [`it crashed: ${stderr}`];
  const isExplained = exitCode === 0 || codesOf(end).length > 0;
  return isExplained ? [] : [`it ended with ${exitCode} without a reason: ${stderr}`];
}

/** A kernel failed; the index could not be published; a report, a copy or the metrics could not be written. */
const TELLING: ReadonlySet<string> = new Set(['kernel.done', 'publish.failed', 'warning']);

function codesOf({ stderr, events }: NightEnd): string[] {
  const codes = new Set<string>();
  for (const [, code] of stderr.matchAll(/^btfmill: ([a-z-]+): /gmu)) codes.add(code);
  for (const { event, code } of events) if (TELLING.has(event) && code !== undefined) codes.add(code);
  return [...codes];
}
