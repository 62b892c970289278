/** What to do with a file that already lies under a kernel's final name: complete it, adopt it, replace it, or refuse. */

import type { KernelKey } from '../crawlers/types.ts';
import type { BtfFacts, BtfRecord } from '../db/index.ts';
import { BtfmillError, type ErrorCode, toBtfmillError } from '../errors/index.ts';
import { archivePath } from './archive-path.ts';
import { kernelId, type PlanItem } from './plan.ts';
import type { RunDeps, RunSteps } from './run-types.ts';
import type { StoredFacts } from './store.ts';

/** Codes that say nothing about the file, only about our looking at it. */
const NOT_THE_FILES_FAULT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'aborted',
  'io-failed',
  'tool-missing',
  'tool-failed',
  'unexpected',
]);

/**
 * Completes a kernel whose run died between the renaming of its file and the record: the record holds everything but
 * the facts about the file, and the file tells these. Undefined when the file is not what was announced.
 */
export async function recoverKernel(
  key: KernelKey,
  item: PlanItem,
  { record, steps, now, signal }: RunDeps,
): Promise<StoredFacts | undefined> {
  let stored: StoredFacts | undefined;
  try {
    stored = await readIfSound(key, steps, signal);
  } catch {
    // The whole way then: its steps meet the same obstacle and report it for this kernel.
    return undefined;
  }
  const row = record.kernels.find(key);
  if (stored === undefined || row === undefined || stored.btfSha256 !== item.known?.btfSha256)
    return undefined;
  const facts = stored;
  const at = now().toISOString();
  record.transaction(() => {
    record.kernels.markPublished(row.id, facts, at);
    const [attempt] = record.attempts.ofKernel(row.id, 1);
    record.attempts.finish(attempt.id, {
      outcome: 'published',
      finishedAt: at,
      fetchedBytes: attempt.fetchedBytes ?? 0,
    });
  });
  return stored;
}

/**
 * What was published does not change, and a lost or damaged file is made again only as it was. Throws
 * `archive-conflict` when the record says that `key` was published with another BTF.
 */
export function refuseOtherContent(
  key: KernelKey,
  made: Pick<BtfFacts, 'btfSha256' | 'source' | 'profile'>,
  { kernels }: BtfRecord,
): void {
  const former = kernels.find(key);
  if (former?.btfSha256 === undefined || former.btfSha256 === made.btfSha256) return;
  const { source = made.source, profile = made.profile } = former;
  const remedy =
    source === made.source && profile === made.profile
      ? 'put back a copy of the file'
      : `crawl with --source ${source} --profile ${profile}, which made it, or put back a copy of the file`;
  throw new BtfmillError(
    'archive-conflict',
    `${archivePath(key)} was published with another BTF (${former.btfSha256}) than ${kernelId(key)} now gives (${made.btfSha256}); ${remedy}`,
  );
}

export interface BtfToStore {
  readonly key: KernelKey;
  readonly item: PlanItem;
  readonly btf: Uint8Array;
  readonly btfSha256: string;
}

/**
 * Stores the BTF, unless a sound file with the very same BTF is there already. Published files never change: a sound
 * file with another BTF that the record does not know is somebody's publication, and is an `archive-conflict`.
 * Damaged files, and files of another size than the record says, are replaced: see {@link refuseOtherContent} for these.
 */
export async function storeOrAdopt(
  what: BtfToStore,
  steps: RunSteps,
  signal: AbortSignal,
): Promise<StoredFacts> {
  const { key, item } = what;
  if (item.fileSizeBytes !== undefined && item.known?.state !== 'published') {
    const there = await readIfSound(key, steps, signal);
    if (there?.btfSha256 === what.btfSha256) return there;
    if (there !== undefined) {
      throw new BtfmillError(
        'archive-conflict',
        `${archivePath(key)} is not in the record and holds another BTF (${there.btfSha256}) than ${kernelId(key)} now gives (${what.btfSha256}); move it away`,
      );
    }
  }
  return steps.store(key, what.btf, signal);
}

async function readIfSound(
  key: KernelKey,
  steps: RunSteps,
  signal: AbortSignal,
): Promise<StoredFacts | undefined> {
  try {
    return await steps.inspect(key, signal);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (NOT_THE_FILES_FAULT.has(error.code)) throw error;
    return undefined;
  }
}
