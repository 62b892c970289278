/** Times the steps of one kernel and says where it is. */

import type { KernelKey } from '../crawlers/types.ts';
import type { RunEvent, StepControl, StepName } from './run-types.ts';
import type { StepTiming } from './types.ts';

export interface StepClock {
  /** Runs one step; its time counts whether it succeeds or not, `bytesOf` its result when it does. */
  step<Result>(
    name: StepName,
    work: (control: StepControl) => Promise<Result>,
    bytesOf: (result: Result) => number,
  ): Promise<Result>;
  /** What was timed so far, in order. */
  timings(): readonly StepTiming[];
}

export function createStepClock(
  key: KernelKey,
  emit: (event: RunEvent) => void,
  signal: AbortSignal,
): StepClock {
  const timings: StepTiming[] = [];
  return {
    timings: () => [...timings],
    async step(name, work, bytesOf) {
      signal.throwIfAborted();
      emit({ event: 'kernel.step', key, step: name });
      const start = performance.now();
      let bytes = 0;
      try {
        const result = await work({
          signal,
          onProgress: (doneBytes, totalBytes) => {
            emit({ event: 'kernel.progress', key, step: name, doneBytes, totalBytes });
          },
        });
        bytes = bytesOf(result);
        return result;
      } finally {
        timings.push({ step: name, milliseconds: performance.now() - start, bytes });
      }
    },
  };
}
