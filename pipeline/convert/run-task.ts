/** One task in a thread of its own, from start to end. */

import type { Message, Task } from './messages.ts';
import { startWorker } from './start-worker.ts';

/**
 * Runs one task in a thread and gives its result.
 * @throws BtfmillError the task's failure, or `aborted`.
 */
export async function runTask(
  task: Task,
  signal: AbortSignal,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => {},
): Promise<Message> {
  signal.throwIfAborted();
  const worker = startWorker(task, onProgress);
  const stop = (): void => {
    void worker.stop();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await worker.result;
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.stop();
  }
}
