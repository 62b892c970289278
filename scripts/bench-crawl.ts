/** `npm run bench:crawl`: a kernel's whole way to the archive beside BTFHub's, and what more jobs bring a night. */

import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { resolveBases } from '../crawlers/debian/sources.ts';
import { BtfmillError, EXIT, toBtfmillError } from '../errors/index.ts';
import { findPahole } from '../pipeline/pahole.ts';
import { builtCommand } from './bench/built-command.ts';
import { contest, type ContestOptions } from './bench/crawl-contest.ts';
import { renderContest, renderScaling } from './bench/crawl-report.ts';
import { benchHttpClient, findPackages } from './bench/find-kernel.ts';
import { scaling } from './bench/job-scaling.ts';
import { wantedKernel } from './bench/kernels.ts';
import { startLoopbackMirror } from './bench/loopback-mirror.ts';
import { runProgram } from './bench/run-program.ts';
import { defaultCacheDir, positiveInteger } from './cli/flags.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { palette, wantsColor } from './ui/color.ts';

const HELP = `
Examples:
  npm run bench:crawl
  npm run bench:crawl -- --kernel 6.12-arm64 --runs 5
  npm run bench:crawl -- --kernel 6.1 --jobs 1,2,4 --kernels 6

Packages and indexes come from the machine's Debian mirror once, and then from a loopback port, for both sides alike: the
network is not measured. BTFHub's steps are the commands that it runs for a .deb (curl, ar and tar of the whole package,
pahole with its flags, tar with xz); its reading of indexes is left out. btfmill starts with an empty cache and record:
it reads and verifies the indexes, too. Whole processes with their children, by turns, min / median / max.

With --jobs, nights over the newest --kernels of that kind instead, one night each, with as many downloads at once.`;

interface BenchCrawlFlags {
  readonly kernel: string;
  readonly runs: number;
  readonly threads: number;
  readonly pahole: string;
  readonly cache: string;
  readonly jobs?: readonly number[];
  readonly kernels: number;
}

const program = new Command('npm run bench:crawl --')
  .description('measure crawls of real kernels')
  .option('--kernel <name>', 'kernel of npm run bench, or a glob', '6.1')
  .option('--runs <n>', 'runs of each', positiveInteger, 3)
  .option('--threads <n>', 'threads of btfmill for one kernel', positiveInteger, 2)
  .option('--pahole <program>', 'name or path of the pahole to run', 'pahole')
  .option('--cache <dir>', 'where indexes are kept', defaultCacheDir())
  .option('--jobs <list>', 'nights with so many jobs each, e.g. 1,2,4', (text) =>
    text.split(',').map((part) => positiveInteger(part)),
  )
  .option('--kernels <n>', 'kernels of such a night', positiveInteger, 4)
  .addHelpText('after', HELP)
  .action(async (flags: BenchCrawlFlags) => {
    process.exitCode = await bench(flags);
  });

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}

async function bench({ kernel, cache, jobs, kernels, ...flags }: BenchCrawlFlags): Promise<number> {
  const stop = listenForStop(() => {});
  const { signal } = stop;
  const folder = await mkdtemp(join(tmpdir(), 'btfmill-bench-'));
  const http = benchHttpClient();
  try {
    const pahole = await findPahole({ signal, command: flags.pahole });
    if (pahole === undefined) throw new BtfmillError('tool-missing', `no program ${flags.pahole}`);
    const where = { cacheDir: resolve(cache), signal, say };
    const packages = await findPackages(wantedKernel(kernel), http, where);
    if (packages.length === 0) throw new BtfmillError('usage', `${kernel}: the mirror has no such kernel`);
    const command = await builtCommand(say);
    const { main, security } = await resolveBases(undefined, '/etc');
    const mirror = await startLoopbackMirror({ main, security: security[0], folder, http, signal });
    try {
      const options: ContestOptions = { ...flags, pahole, command, mirror, folder, signal, say };
      const { bold } = palette(wantsColor(process.stdout, process.env, true));
      const table =
        jobs === undefined
          ? renderContest(packages[0], await contest(packages[0], options), bold)
          : renderScaling(await scaling(packages.slice(0, kernels), jobs, options), cpus().length, bold);
      process.stdout.write(table);
    } finally {
      await mirror.close();
    }
    return EXIT.ok;
  } catch (thrown) {
    if (signal.aborted) return stop.exitCode();
    const error = toBtfmillError(thrown);
    say(`bench: ${error.code}: ${error.message}`);
    return error.exitCode;
  } finally {
    await http.close();
    await rm(folder, { recursive: true, force: true });
    stop.release();
  }
}

await runProgram(program);
