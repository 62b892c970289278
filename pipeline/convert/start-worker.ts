/** Starts the conversion's worker file, from source (.ts) as well as from dist/ (.js). */

import { Worker } from 'node:worker_threads';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import type { CollectWork, FileMessage, Message, Task } from './messages.ts';

const ENTRY = import.meta.url.endsWith('.ts') ? './worker-from-source.mjs' : './worker.js';

export interface RunningWorker {
  /** The last message: a result. Rejects with the worker's failure. */
  readonly result: Promise<Message>;
  /** To a helper that waits for it. */
  send(work: CollectWork): void;
  stop(): Promise<void>;
}

/**
 * Runs one task in a worker.
 * @param onProgress called for every progress message
 * @param onFile called for every file of a task that converts several
 */
export function startWorker(
  task: Task,
  onProgress: (doneBytes: number, totalBytes: number) => void,
  onFile: (message: FileMessage) => void = () => {},
): RunningWorker {
  const worker = new Worker(new URL(ENTRY, import.meta.url), { workerData: task, execArgv: [] });
  const result = new Promise<Message>((resolve, reject) => {
    worker.on('message', (message: Message) => {
      if (message.type === 'progress') onProgress(message.doneBytes, message.totalBytes);
      else if (message.type === 'file') onFile(message);
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
    send(work) {
      worker.postMessage(work);
    },
    async stop() {
      await worker.terminate();
    },
  };
}
