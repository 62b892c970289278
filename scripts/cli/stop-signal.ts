/** Ctrl-C and SIGTERM: the first asks the run to stop, the second ends the process at once. */

import { constants } from 'node:os';
import { BtfmillError } from '../../errors/index.ts';

export interface StopSignal {
  readonly signal: AbortSignal;
  /** What a shell expects after the signal that came: 130 or 143. */
  readonly exitCode: () => number;
  /** Lets the signals have their usual effect again. */
  readonly release: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** @param onFirst called once, to say what stops and what stays. */
export function listenForStop(onFirst: () => void): StopSignal {
  const controller = new AbortController();
  let received: (typeof SIGNALS)[number] = 'SIGINT';
  const exitCode = (): number => 128 + constants.signals[received];

  function stop(name: NodeJS.Signals): void {
    if (controller.signal.aborted) process.exit(exitCode());
    received = name === 'SIGTERM' ? name : 'SIGINT';
    onFirst();
    controller.abort(new BtfmillError('aborted', `stopped by ${received}`));
  }

  for (const name of SIGNALS) process.on(name, stop);
  return {
    signal: controller.signal,
    exitCode,
    release: () => {
      for (const name of SIGNALS) process.off(name, stop);
    },
  };
}
