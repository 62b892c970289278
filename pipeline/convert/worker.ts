/**
 * Thread entry: runs one task and answers with messages (see messages.ts). What a task needs is loaded for it alone:
 * loading all of the converter takes longer than comparing two small BTFs.
 */

import { randomFillSync } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { seedHashes } from '../../btf/hashing.ts';
import { toBtfmillError } from '../../errors/index.ts';
import type { Message, Task } from './messages.ts';
import { post, received } from './post.ts';

async function run(task: Task): Promise<Message> {
  switch (task.role) {
    case 'convert':
      return (await import('./convert-task.ts')).convert(task);
    case 'convert-files':
      return (await import('./convert-task.ts')).convertFiles(task);
    case 'collect':
      return (await import('./convert-task.ts')).collectTask(await received());
    case 'compare':
      return { type: 'compared', comparison: (await import('../compare-btf.ts')).compareBtf(task) };
    case 'diff':
      return { type: 'difference', difference: (await import('../diff-btf.ts')).differenceOf(task) };
    case 'banner':
      return (await import('./banner-task.ts')).readBanner(task);
    default:
      return { type: 'inspected', inspection: (await import('../inspect-btf.ts')).inspectBtf(task.btf) };
  }
}

try {
  seedHashes(randomFillSync(new Int32Array(2)));
  post(await run(workerData as Task));
} catch (thrown) {
  const { code, message } = toBtfmillError(thrown);
  post({ type: 'failure', code, message });
}
