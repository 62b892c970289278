/** `npm run bench`: how long btfmill and pahole take for real kernels, by turns, and whether they write the same. */

import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { basename, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DEFAULT_PROFILE, PROFILES, type ProfileName } from '../dwarf/index.ts';
import { BtfmillError, EXIT, toBtfmillError } from '../errors/index.ts';
import { findPahole, type Pahole, profileOfPahole } from '../pipeline/pahole.ts';
import type { StepProgress } from '../pipeline/types.ts';
import { builtCommand } from './bench/built-command.ts';
import { findKernel, type FoundKernel } from './bench/find-kernel.ts';
import { KERNEL_NAMES, wantedKernel } from './bench/kernels.ts';
import { type BenchRow, renderRows } from './bench/report.ts';
import { benchKernel } from './bench/run-bench.ts';
import { runProgram } from './bench/run-program.ts';
import { collect, defaultCacheDir, positiveInteger } from './cli/flags.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { palette, wantsColor } from './ui/color.ts';
import { formatBytes, formatDuration, plural } from './ui/format.ts';
import { createLiveBlock } from './ui/live-block.ts';

const HELP = `
Kernels: ${KERNEL_NAMES.join(', ')} (the newest of each on the machine's Debian mirror), a glob over uname -r,
or the path of a vmlinux. What is not in the cache yet is fetched (about 300 MB each, the full kernel 850 MB), verified
and unpacked to <cache>/bench, and stays there.

Examples:
  npm run bench
  npm run bench -- --kernel 6.1 --kernel 6.12-s390x --threads 1 --runs 7
  npm run bench -- --kernel 6.12 --pahole /opt/dwarves-1.30/bin/pahole
  npm run --silent bench -- --kernel ./vmlinux --json | jq '.rows[].ratios'

Whole processes are measured, from start to exit, with the figures of wait4(2): dist/ (built if it is older than the
sources) beside pahole, by turns, after the file was read once. Cells are min / median / max, ratios are of medians.
Output is compared with that of pahole -j1; the exit code is 3 when it differs in any type.`;

interface BenchFlags {
  readonly kernel?: readonly string[];
  readonly threads: readonly number[];
  readonly runs: number;
  readonly profile?: ProfileName;
  readonly pahole: string;
  readonly cache: string;
  readonly json?: boolean;
}

const program = new Command('npm run bench --')
  .description('measure btfmill beside pahole on real kernels')
  .option('--kernel <name>', 'kernel to convert (repeatable; default: 6.1)', collect)
  .option('--threads <list>', 'numbers of threads, e.g. 1,2', threadList, [1, 2])
  .option('--runs <n>', 'runs of each converter', positiveInteger, 5)
  .addOption(
    new Option('--profile <name>', "whose behaviour to reproduce (default: the pahole's own)").choices(
      Object.keys(PROFILES),
    ),
  )
  .option('--pahole <program>', 'name or path of the pahole to run', 'pahole')
  .option('--cache <dir>', 'where kernels are kept', defaultCacheDir())
  .option('--json', 'the result as JSON on stdout; "v":1')
  .addHelpText('after', HELP)
  .action(async (flags: BenchFlags) => {
    process.exitCode = await bench(flags);
  });

function threadList(text: string): readonly number[] {
  const list = text.split(',').map((part) => positiveInteger(part));
  if (new Set(list).size !== list.length) throw new InvalidArgumentError('A number stands twice.');
  return list;
}

async function bench(flags: BenchFlags): Promise<number> {
  const stop = listenForStop(() => {});
  const { signal } = stop;
  let live = '';
  const block = process.stderr.isTTY
    ? createLiveBlock(process.stderr, () => (live === '' ? [] : [live]))
    : undefined;
  const say = (message: string): void => {
    live = '';
    if (block === undefined) process.stderr.write(`${message}\n`);
    else block.log(message);
  };
  const onProgress = (what: string): StepProgress => {
    const started = performance.now();
    return (done, total) => {
      const of = total === undefined ? '' : ` of ${formatBytes(total)}`;
      live = `  ${what}: ${formatBytes(done)}${of}  ${formatDuration(performance.now() - started)}`;
    };
  };
  try {
    const pahole = await findPahole({ signal, command: flags.pahole });
    if (pahole === undefined) throw new BtfmillError('tool-missing', `no program ${flags.pahole}`);
    const profile = profileFor(pahole, flags.profile);
    const found: FoundKernel[] = [];
    for (const name of flags.kernel ?? ['6.1']) {
      if (name.includes('/') || existsSync(name)) found.push(onDisk(name));
      else
        found.push(
          await findKernel(wantedKernel(name), { cacheDir: resolve(flags.cache), signal, say, onProgress }),
        );
    }
    const command = await builtCommand(say);
    const rows: BenchRow[] = [];
    for (const kernel of found)
      rows.push(...(await benchKernel(kernel, { ...flags, profile, pahole, command, signal, say })));
    block?.close();
    print(rows, profile, flags);
    return rows.every(({ output }) => output !== 'different') ? EXIT.ok : EXIT.someKernelsFailed;
  } catch (thrown) {
    if (signal.aborted) return stop.exitCode();
    const error = toBtfmillError(thrown);
    say(`bench: ${error.code}: ${error.message}`);
    return error.exitCode;
  } finally {
    block?.close();
    stop.release();
  }
}

/** Another version's rules would make another output, and a time for that says nothing. */
function profileFor(pahole: Pahole, asked: ProfileName | undefined): ProfileName {
  const own = profileOfPahole(pahole);
  if (asked !== undefined && own !== undefined && asked !== own) {
    const message = `pahole ${pahole.version} follows ${own}, not ${asked}: --pahole names another`;
    throw new BtfmillError('usage', message);
  }
  return asked ?? own ?? DEFAULT_PROFILE;
}

function onDisk(path: string): FoundKernel {
  if (!existsSync(path)) throw new BtfmillError('usage', `${path}: no such file`);
  return { kernel: basename(path).replace(/^vmlinux-/u, ''), path: resolve(path) };
}

function print(rows: readonly BenchRow[], profile: ProfileName, flags: BenchFlags): void {
  const machine = {
    cpu: cpus()[0]?.model ?? '',
    cores: cpus().length,
    memoryBytes: totalmem(),
    node: process.version,
  };
  if (flags.json) {
    process.stdout.write(`${JSON.stringify({ v: 1, machine, rows })}\n`);
    return;
  }
  const paint = palette(wantsColor(process.stdout, process.env, true));
  process.stdout.write(renderRows(rows, paint.bold));
  process.stdout.write(
    `\n${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}; Node ${machine.node}; ` +
      `profile ${profile}; ${plural(flags.runs, 'run')} each, by turns\n`,
  );
}

await runProgram(program);
