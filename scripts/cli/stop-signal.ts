/** What stops a verb on its way: Ctrl-C and SIGTERM, and an output that nobody takes any more. */

import { constants } from 'node:os';
import { BtfmillError } from '../../errors/index.ts';

export interface StopSignal {
  readonly signal: AbortSignal;
  /** What a shell expects after what came: 130 or 143 for a signal, else what {@link StopSignal.stop} was told. */
  readonly exitCode: () => number;
  /** Stops for another reason than a signal. What stopped first decides the exit code. */
  readonly stop: (reason: BtfmillError, exitCode: number) => void;
  /** Lets the signals have their usual effect again. */
  readonly release: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * One Ctrl-C may come twice: from the terminal, which gives it to every process in the foreground, and from npm,
 * which hands on what it gets. Only after so long is another signal the user's second.
 */
const ECHO_MS = 1000;

/**
 * The first signal asks the verb to stop, a second one ends the process at once.
 * @param onFirst called once, to say what stops and what stays; not for {@link StopSignal.stop}.
 */
export function listenForStop(onFirst: () => void): StopSignal {
  const controller = new AbortController();
  let exitCode = 128 + constants.signals.SIGINT;
  let firstSignalMs: number | undefined;

  function stop(reason: BtfmillError, code: number): void {
    if (controller.signal.aborted) return;
    exitCode = code;
    controller.abort(reason);
  }

  function take(name: NodeJS.Signals): void {
    const code = 128 + constants.signals[name];
    const now = performance.now();
    if (firstSignalMs !== undefined) {
      if (now - firstSignalMs >= ECHO_MS) process.exit(code);
      return;
    }
    firstSignalMs = now;
    if (controller.signal.aborted) return;
    onFirst();
    stop(new BtfmillError('aborted', `stopped by ${name}`), code);
  }

  for (const name of SIGNALS) process.on(name, take);
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    stop,
    release: () => {
      for (const name of SIGNALS) process.off(name, take);
    },
  };
}
