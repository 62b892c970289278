/** What happens when stdout or stderr takes no more: without a listener, Node would end the process with a stack trace. */

import type { Writable } from 'node:stream';
import { type BtfmillError, toBtfmillError } from '../../errors/index.ts';

/** Exit code of a crawl whose stdout was closed before its end: what a shell shows after SIGPIPE. */
export const CLOSED_OUTPUT_EXIT = 141;

/** Why stdout takes no more: `closed` when its reader has gone, else the error that writing met. */
export type OutputFault = 'closed' | BtfmillError;

export interface WatchedOutput {
  /** The first fault of stdout, once everything written so far has been taken or refused. */
  readonly settled: () => Promise<OutputFault | undefined>;
}

const listeners = new Set<(fault: OutputFault) => void>();

/**
 * Takes the errors of both streams from now on. Those of stderr are dropped: there is nowhere to tell of them, and
 * lost talk must not stop work. Those of stdout are kept for `settled`, and told to {@link onOutputFault} at once.
 */
export function watchOutput(stdout: Writable, stderr: Writable): WatchedOutput {
  let first: OutputFault | undefined;
  stderr.on('error', () => {});
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (first !== undefined) return;
    first = error.code === 'EPIPE' ? 'closed' : toBtfmillError(error);
    for (const listener of listeners) listener(first);
  });
  return {
    async settled() {
      await new Promise((resolve) => stdout.write('', resolve));
      // The error event follows the callback of the write that met it.
      await new Promise((resolve) => setImmediate(resolve));
      return first;
    },
  };
}

/** For verbs whose work is in vain without their output. The result ends the listening. */
export function onOutputFault(listener: (fault: OutputFault) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Writes a result to stdout; false when it was not taken, of which `settled` tells. */
export async function writeResult(result: string | Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(result, (error) => {
      resolve(error === undefined || error === null);
    });
  });
}
