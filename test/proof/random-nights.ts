/** Some nights with a mirror that fails at random, then one with a sound mirror. */

import { Random } from '../fuzz/random.ts';
import { makeScenario, type World, wrongAfterRerun, wrongNow } from './scenario.ts';
import { runNight } from './night.ts';
import { randomMirror } from './random-mirror.ts';

export interface RandomNights {
  readonly wrong: readonly string[];
  readonly nights: number;
  /** Answers that went wrong, of all nights. */
  readonly faults: number;
  readonly notes: string;
}

const DAY_S = 86_400;
/** Some stalls one after the other. */
const NIGHT_TIMEOUT_MS = 900_000;

/** Every night is a day later than the one before: what is held back for a while gets its next try. */
export async function nightsWithRandomMirror(
  world: World,
  o: {
    readonly seed: number;
    readonly kernels: number;
    readonly nights: number;
    readonly hasStalls: boolean;
  },
): Promise<RandomNights> {
  const { server } = world;
  const scenario = await makeScenario({ world, before: 0, now: o.kernels });
  const disturbed = await scenario.start();
  const clock = (day: number): Record<string, string> => ({
    LD_PRELOAD: world.faultyFiles,
    CLOCK_AHEAD: String(day * DAY_S),
  });
  const faults = new Map<string, number>();
  const ends: string[] = [];
  const wrong: string[] = [];
  try {
    for (let night = 1; night <= o.nights; night += 1) {
      // Bad at first, then better.
      const mirror = randomMirror(new Random(o.seed, night), { oneIn: 1 + night, hasStalls: o.hasStalls });
      server.setFault((request) => mirror.choose(request));
      const { exitCode, signal, stderr } = await runNight(disturbed.site, {
        env: clock(night),
        timeoutMs: NIGHT_TIMEOUT_MS,
      });
      ends.push(String(exitCode ?? signal));
      if (exitCode === undefined || exitCode === 1 || exitCode === 2) {
        wrong.push(`night ${night} ended with ${exitCode ?? signal}: ${stderr}`);
      }
      for (const line of await wrongNow(disturbed, scenario, { mayBeBetween: false }))
        wrong.push(`night ${night}: ${line}`);
      for (const [kind, times] of mirror.counts) faults.set(kind, (faults.get(kind) ?? 0) + times);
    }
    server.setFault(() => undefined);
    // Longer than anything is held back.
    for (const line of await wrongAfterRerun(disturbed, scenario, clock(o.nights + 40))) wrong.push(line);
  } finally {
    server.setFault(() => undefined);
    await disturbed.remove();
  }
  return {
    wrong,
    nights: o.nights,
    faults: [...faults.values()].reduce((sum, times) => sum + times, 0),
    notes: `nights ended with ${ends.join(' ')}; ${[...faults].map(([kind, n]) => `${kind} ${n}`).join(', ')}`,
  };
}
