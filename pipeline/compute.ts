/**
 * Work that would stop the event loop, and with it downloads and the display: a kernel's BTF takes 0.1 s to inspect and
 * up to a second to compare, its symbol table is 10 MB. It is done in a thread of its own, as the conversion is.
 */

import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { type Comparison, compareBtf, type CompareInput } from './compare-btf.ts';
import { runTask } from './convert/run-task.ts';
import { type BtfDifference, type DiffInput, differenceOf } from './diff-btf.ts';
import { type Inspection, inspectBtf } from './inspect-btf.ts';

/** Below this, computing takes less than the 10 to 50 ms that starting a thread takes. */
const SMALL_BTF_BYTES = 1 << 16;

/** {@link compareBtf}; throws also `aborted`. */
export async function compareInThread(input: CompareInput, signal: AbortSignal): Promise<Comparison> {
  if (input.ours.length + input.theirs.length <= SMALL_BTF_BYTES) return now(() => compareBtf(input));
  const message = await runTask({ role: 'compare', ...input }, signal);
  if (message.type !== 'compared') throw new BtfmillError('unexpected', `a comparison gave ${message.type}`);
  return message.comparison;
}

/** {@link differenceOf}; throws also `aborted`. */
export async function diffInThread(input: DiffInput, signal: AbortSignal): Promise<BtfDifference> {
  const size = [...input.a, ...input.b].reduce((sum, { length }) => sum + length, 0);
  if (size <= SMALL_BTF_BYTES) return now(() => differenceOf(input));
  const message = await runTask({ role: 'diff', ...input }, signal);
  if (message.type !== 'difference')
    throw new BtfmillError('unexpected', `a search for differences gave ${message.type}`);
  return message.difference;
}

/** {@link inspectBtf}; throws `aborted`. */
export async function inspectInThread(btf: Uint8Array, signal: AbortSignal): Promise<Inspection> {
  if (btf.length <= SMALL_BTF_BYTES) return now(() => inspectBtf(btf));
  const message = await runTask({ role: 'inspect', btf }, signal);
  if (message.type !== 'inspected')
    throw new BtfmillError('unexpected', `an inspection gave ${message.type}`);
  return message.inspection;
}

/**
 * `readKernelBanner` of a file.
 * @throws BtfmillError `elf-malformed` or `elf-unsupported` when the file is no ELF file, `io-failed`, `aborted`
 */
export async function readBannerInThread(path: string, signal: AbortSignal): Promise<string | undefined> {
  const message = await runTask({ role: 'banner', path }, signal);
  if (message.type !== 'banner')
    throw new BtfmillError('unexpected', `a search for the banner gave ${message.type}`);
  return message.release;
}

/** Fails as the thread would. */
function now<T>(compute: () => T): T {
  try {
    return compute();
  } catch (thrown) {
    throw toBtfmillError(thrown);
  }
}
