/** Shares a plan out to several machines: each kernel falls to one of them, the same one every time. */

import { createHash } from 'node:crypto';
import type { KernelKey } from '../crawlers/types.ts';
import { archivePath } from './archive-path.ts';

export interface Shard {
  /** From 1 to `count`. */
  readonly index: number;
  readonly count: number;
}

/** By a digest of the archive path, so that it depends on nothing but the kernel and the number of machines. */
export function isInShard(key: KernelKey, { index, count }: Shard): boolean {
  const digest = createHash('sha256').update(archivePath(key)).digest();
  return digest.readUInt32BE(0) % count === index - 1;
}
