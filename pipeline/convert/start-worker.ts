/** Starts the conversion's worker file, from source (.ts) as well as from dist/ (.js). */

import { Worker } from 'node:worker_threads';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import type { Message, Task } from './messages.ts';

/** Node runs TypeScript by itself from 22.18 on; before that the loader that runs the sources has to be named. */
function loaderArguments(): string[] {
  const runsTypeScript = process.features as { typescript?: unknown };
  const isSource = import.meta.url.endsWith('.ts');
  return isSource && !runsTypeScript.typescript ? ['--import', import.meta.resolve('tsx')] : [];
}

export interface RunningWorker {
  /** The last message: a result. Rejects with the worker's failure. */
  readonly result: Promise<Message>;
  stop(): Promise<void>;
}

/**
 * Runs one task in a worker.
 * @param onProgress called for every progress message
 */
export function startWorker(
  task: Task,
  onProgress: (doneBytes: number, totalBytes: number) => void,
): RunningWorker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), {
    workerData: task,
    execArgv: [
      ...process.execArgv.filter((argument) => !argument.startsWith('--cpu-prof')),
      ...loaderArguments(),
    ],
  });
  const result = new Promise<Message>((resolve, reject) => {
    worker.on('message', (message: Message) => {
      if (message.type === 'progress') onProgress(message.doneBytes, message.totalBytes);
      else if (message.type === 'failure') reject(new BtfmillError(message.code, message.message));
      else resolve(message);
    });
    worker.on('error', (error) => {
      reject(toBtfmillError(error));
    });
    worker.on('exit', (code) => {
      reject(new BtfmillError('unexpected', `the conversion thread ended with code ${code} and no result`));
    });
  });
  return {
    result,
    async stop() {
      await worker.terminate();
    },
  };
}
