/** One kernel: both converters by turns, and what they wrote side by side. */

import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { compareDeep, decodeBtf } from '../../btf/index.ts';
import { hasDwarf, type ProfileName } from '../../dwarf/index.ts';
import { findSection, openElf } from '../../elf/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import { openFileSource } from '../../pipeline/convert/file-source.ts';
import type { Pahole } from '../../pipeline/pahole.ts';
import type { FoundKernel } from './find-kernel.ts';
import { type Cost, measure } from './measure.ts';
import { paholeArguments } from './pahole-arguments.ts';
import type { BenchRow, OutputVerdict } from './report.ts';
import { ratios, summarize } from './statistics.ts';

export interface BenchOptions {
  /** Path of the built command. */
  readonly command: string;
  readonly pahole: Pahole;
  readonly profile: ProfileName;
  readonly threads: readonly number[];
  readonly runs: number;
  readonly signal: AbortSignal;
  readonly say: (message: string) => void;
}

/** A row per number of threads. */
export async function benchKernel(found: FoundKernel, options: BenchOptions): Promise<BenchRow[]> {
  const { pahole, profile, signal, say, runs } = options;
  const debugInfoBytes = debugInfoSize(found.path);
  const folder = await mkdtemp(join(tmpdir(), 'btfmill-bench-'));
  try {
    const reference = join(folder, 'reference.btf');
    await readThrough(found.path, signal);
    // Older paholes give another result every time with more than one thread; and a first run warms both up.
    await measure([pahole.command, ...paholeArguments(profile, 1, found.path, reference)], signal);
    const rows: BenchRow[] = [];
    for (const threads of options.threads) {
      const ours: Cost[] = [];
      const theirs: Cost[] = [];
      const output = join(folder, 'btfmill.btf');
      const oracle = join(folder, 'pahole.btf');
      const ourCommand = [process.execPath, options.command, 'convert', found.path, '-o', output, '-q'];
      ourCommand.push('--profile', profile, '--threads', String(threads));
      const theirCommand = [pahole.command, ...paholeArguments(profile, threads, found.path, oracle)];
      for (let run = 1; run <= runs; run++) {
        say(`${found.kernel} -j${threads}: run ${run} of ${runs}`);
        await rm(output, { force: true });
        ours.push(await measure(ourCommand, signal));
        await rm(oracle, { force: true });
        theirs.push(await measure(theirCommand, signal));
      }
      const [btfmill, costs] = [summarize(ours), summarize(theirs)];
      rows.push({
        kernel: found.kernel,
        debugInfoBytes,
        profile,
        pahole: pahole.version,
        threads,
        runs,
        btfmill,
        reference: costs,
        ratios: ratios(btfmill, costs),
        output: await compareOutputs(output, reference),
      });
    }
    return rows;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function debugInfoSize(path: string): number {
  const source = openFileSource(path);
  try {
    const file = openElf(source);
    if (!hasDwarf(file)) throw new BtfmillError('dwarf-none', `${path} has no DWARF`);
    return findSection(file, '.debug_info')?.sizeBytes ?? 0;
  } finally {
    source.close();
  }
}

/** Into the page cache: what is measured is not the disk. */
async function readThrough(path: string, signal: AbortSignal): Promise<void> {
  const stream = createReadStream(path, { highWaterMark: 1 << 22, signal });
  stream.resume();
  await finished(stream);
}

async function compareOutputs(ours: string, theirs: string): Promise<OutputVerdict> {
  const [a, b] = await Promise.all([readFile(ours), readFile(theirs)]);
  if (a.equals(b)) return 'identical';
  const { equalTypes, equalFunctions, equalVariables } = compareDeep(decodeBtf(a), decodeBtf(b));
  return equalTypes && equalFunctions && equalVariables ? 'same types' : 'different';
}
