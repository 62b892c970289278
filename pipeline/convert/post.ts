/** Between a worker thread and whoever started it. */

import { once } from 'node:events';
import { type MessagePort, parentPort } from 'node:worker_threads';
import type { CollectWork, Message } from './messages.ts';

export function post(message: Message): void {
  parentPort?.postMessage(message);
}

/** What a helper is sent after it was started. */
export async function received(): Promise<CollectWork> {
  const [work] = (await once(parentPort as MessagePort, 'message')) as [CollectWork];
  return work;
}
