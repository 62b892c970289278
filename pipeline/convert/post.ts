/** From a worker thread to whoever started it. */

import { parentPort } from 'node:worker_threads';
import type { Message } from './messages.ts';

export function post(message: Message): void {
  parentPort?.postMessage(message);
}
