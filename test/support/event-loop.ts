/** Does a piece of work leave the event loop to others? */

import { setImmediate } from 'node:timers/promises';

/**
 * Turns of the event loop while `work` is under way. Work in other threads leaves the loop turning, thousands of times
 * a second, however busy the machine is; work in this thread stops it, whatever promises it hides behind.
 */
export async function turnsDuring(work: Promise<unknown>): Promise<number> {
  const state = { turns: 0, isDone: false };
  const done = work.finally(() => {
    state.isDone = true;
  });
  // A failure is reported below; the loop must not end the process with it.
  done.catch(() => {});
  while (!state.isDone) {
    await setImmediate();
    state.turns++;
  }
  await done;
  return state.turns;
}
