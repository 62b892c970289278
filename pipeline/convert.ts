/** Converts a kernel image or module in worker threads, so that downloads and progress never wait for it. */

import { BtfmillError } from '../errors/index.ts';
import type { ProfileName } from '../dwarf/index.ts';
import type { ConvertedMessage, FileMessage } from './convert/messages.ts';
import { runTask } from './convert/run-task.ts';
import { startWorker } from './convert/start-worker.ts';
import type { ConvertedKernel, SourceChoice, StepProgress } from './types.ts';

export interface ConvertOptions {
  /** `auto` reads native BTF and converts the DWARF, whichever there is. */
  readonly source: SourceChoice;
  readonly profile: ProfileName;
  /** Threads that read DWARF; the result does not depend on it. */
  readonly threads: number;
  /** BTF, or ELF file with `.BTF` or DWARF, of the kernel that the file is a module of: `fromDwarf` is split BTF then. */
  readonly base?: string;
  /** The supplementary file (dwz -m) of the file; default: where the file says that it is. */
  readonly alt?: string;
  readonly signal: AbortSignal;
  readonly onProgress?: StepProgress;
}

/**
 * BTF of a kernel image, from its DWARF, its `.BTF` section or both.
 * @throws BtfmillError `dwarf-none` or `native-none` when the file has not what was asked for, `aborted`, or the
 * located code of whatever is malformed.
 */
export async function convertKernel(path: string, options: ConvertOptions): Promise<ConvertedKernel> {
  const { source, profile, threads, base, alt, signal, onProgress } = options;
  const task = {
    role: 'convert',
    path,
    source,
    profile,
    threads,
    ...(base === undefined ? {} : { base }),
    ...(alt === undefined ? {} : { alt }),
  } as const;
  const message = await runTask(task, signal, (done, total) => onProgress?.(done, total));
  if (message.type !== 'converted')
    throw new BtfmillError('unexpected', `the conversion answered with ${message.type}`);
  return toConverted(message, profile);
}

/**
 * Converts several files, `threads` of them at a time; a base is read once per thread. A file that cannot be
 * converted fails alone: `onFile` is told of each, in the order in which they end.
 * @throws BtfmillError `aborted`
 */
export async function convertFiles(
  files: readonly string[],
  { source, profile, threads, base, alt, signal }: Omit<ConvertOptions, 'onProgress'>,
  onFile: (index: number, outcome: ConvertedKernel | BtfmillError) => void,
): Promise<void> {
  signal.throwIfAborted();
  const next = new Int32Array(new SharedArrayBuffer(4));
  const task = {
    role: 'convert-files',
    files,
    next,
    source,
    profile,
    threads: 1,
    ...(base === undefined ? {} : { base }),
    ...(alt === undefined ? {} : { alt }),
  } as const;
  const tell = ({ index, outcome }: FileMessage): void => {
    const failed = outcome.type === 'failure';
    onFile(index, failed ? new BtfmillError(outcome.code, outcome.message) : toConverted(outcome, profile));
  };
  const workers = Array.from({ length: Math.min(threads, files.length) }, () =>
    startWorker(task, () => {}, tell),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.stop()));
  };
  const onAbort = (): void => void stop();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.all(workers.map(({ result }) => result));
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await stop();
  }
}

function toConverted(message: ConvertedMessage, profile: ProfileName): ConvertedKernel {
  const { fromDwarf, native, buildId, stats, supplement, base: baseUse } = message;
  return {
    profile,
    ...(fromDwarf === undefined ? {} : { fromDwarf }),
    ...(native === undefined ? {} : { native: Uint8Array.from(native) }),
    ...(buildId === undefined ? {} : { buildId }),
    ...(stats === undefined ? {} : { stats }),
    ...(supplement === undefined ? {} : { supplement }),
    ...(baseUse === undefined ? {} : { base: baseUse }),
  };
}
