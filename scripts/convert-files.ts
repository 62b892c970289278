/** `btfmill convert` of several files: each becomes a file of its name in the output folder. */

import { basename, join } from 'node:path';
import { aboutFile, BtfmillError, EXIT } from '../errors/index.ts';
import { refuseInput, writeOutput } from '../pipeline/atomic-write.ts';
import { type ConvertOptions, convertFiles } from '../pipeline/convert.ts';
import type { ConvertedKernel } from '../pipeline/types.ts';
import { requireFile, requireFolder } from './cli/inputs.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { formatDuration, oneLine, truncate } from './ui/format.ts';
import { createLiveBlock } from './ui/live-block.ts';

export interface ConvertFilesFlags {
  readonly output: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

type Outcome = ConvertedKernel | BtfmillError;

/** `xfs.ko` and `xfs.ko.debug` give `xfs.btf`. */
const EXTENSIONS = /(?:\.(?:ko|o|debug))+$/u;

/**
 * Converts all files into a folder; of each that cannot be converted stderr says why.
 * @returns the exit code
 */
export async function convertIntoFolder(
  files: readonly string[],
  flags: ConvertFilesFlags,
  options: Omit<ConvertOptions, 'signal'>,
): Promise<number> {
  for (const file of files) await requireFile(file);
  await requireFolder(flags.output);
  const outputs = outputNames(files).map((name) => join(flags.output, name));
  const bases = options.base === undefined ? [] : [options.base];
  const inputs = [...files, ...bases];
  for (const output of outputs) await refuseInput(output, inputs);
  const started = performance.now();
  let done = 0;
  let failed = 0;
  const isLive = process.stderr.isTTY && process.env.TERM !== 'dumb' && !flags.quiet;
  const live = isLive
    ? createLiveBlock(process.stderr, (width) => [truncate(`  ${done} of ${files.length} files`, width)])
    : undefined;
  const stop = listenForStop(() => {});
  // A full disk ends the work on the other files.
  const broken = new AbortController();
  const writes: Promise<void>[] = [];
  try {
    const signal = AbortSignal.any([stop.signal, broken.signal]);
    await convertFiles(files, { ...options, signal }, (index, outcome) => {
      done++;
      writes.push(
        finish(index, outcome).catch((error: unknown) => {
          broken.abort(error);
        }),
      );
    });
    await Promise.all(writes);
    broken.signal.throwIfAborted();
  } catch (thrown) {
    if (stop.signal.aborted) return stop.exitCode();
    throw thrown;
  } finally {
    await Promise.all(writes);
    live?.close();
    stop.release();
  }
  if (!flags.quiet) {
    const failures = failed === 0 ? '' : `, ${failed} failed`;
    process.stderr.write(
      `${files.length} files${failures}, ${formatDuration(performance.now() - started)}\n`,
    );
  }
  return failed === 0 ? EXIT.ok : EXIT.someKernelsFailed;

  async function finish(index: number, outcome: Outcome): Promise<void> {
    const file = files[index];
    const bytes = outcome instanceof BtfmillError ? undefined : outcome.fromDwarf;
    if (outcome instanceof BtfmillError || bytes === undefined) {
      failed++;
      const error =
        outcome instanceof BtfmillError ? outcome : new BtfmillError('dwarf-none', 'has no DWARF');
      const { code, message } = aboutFile(error, file, bases);
      process.stderr.write(`btfmill: ${code}: ${oneLine(message)}\n`);
      if (flags.json) process.stdout.write(`${JSON.stringify({ v: 1, file, code, message })}\n`);
      return;
    }
    const { supplement } = outcome;
    await writeOutput(outputs[index], bytes, supplement === undefined ? inputs : [...inputs, supplement]);
    if (!flags.json) return;
    const { profile, buildId, base, stats } = outcome;
    const line = { v: 1, file, profile, buildId, base, btfBytes: bytes.length, ...stats };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

function outputNames(files: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const file of files) {
    const name = `${basename(file).replace(EXTENSIONS, '')}.btf`;
    const other = byName.get(name);
    if (other !== undefined)
      throw new BtfmillError('usage', `${other} and ${file} would both become ${name}`);
    byName.set(name, file);
  }
  return [...byName.keys()];
}
