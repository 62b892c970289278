/** `btfmill crawl`: the main job, from a distribution's indexes to the archive. */

import { type Command, Option } from 'commander';
import { availableParallelism } from 'node:os';
import { crawlerNames } from '../crawlers/index.ts';
import { checkRecordFile, openRecord } from '../db/index.ts';
import { DEFAULT_PROFILE, PROFILES, type ProfileName } from '../dwarf/index.ts';
import { BtfmillError } from '../errors/index.ts';
import type { Lock } from '../pipeline/lock.ts';
import type { CrossCheckMode, RunOptions, RunReport } from '../pipeline/run-types.ts';
import { runCrawl } from '../pipeline/run.ts';
import type { Shard } from '../pipeline/shard.ts';
import type { SourceChoice } from '../pipeline/types.ts';
import {
  addNarrowingFlags,
  addSourceFlags,
  ALL_DISTROS,
  distroNames,
  distrosRequest,
  type RequestFlags,
} from './cli/crawl-request.ts';
import {
  collect,
  DEFAULT_ARCHIVE,
  DEFAULT_DB,
  defaultCacheDir,
  positiveInteger,
  shardOf,
} from './cli/flags.ts';
import { CLOSED_OUTPUT_EXIT, onOutputFault } from './cli/output-faults.ts';
import { checkPlaces, type Places } from './cli/places.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { takeLocks } from './cli/take-locks.ts';
import { withRun } from './cli/with-run.ts';
import { createRunReporter } from './ui/run-reporter.ts';

const HELP = `
Examples:
  npm run crawl -- --distro debian --release 12 --kernel '*-cloud-amd64' --limit 1
  npm run crawl -- --distro debian --dry-run
  npm run crawl -- --distro debian --release 13 --release sid --arch arm64 --jobs 4
  npm run crawl -- --distro all --mirror debian=http://mirror.example/debian
  npm run --silent crawl -- --distro debian --json > run.jsonl

Several distributions are listed a few at once; one that cannot be read stops none of the others, and counts in the exit
code. --release and --arch are then for those that know the name: it is a usage error when none does, and said when one
does not. A --mirror has to say whose it is. With --variant debug come kernels built with debugging, where there are such.

A kernel counts as published when the record says so and its file is there with the recorded size. The same command
again does only what is missing; a run that was stopped or killed is completed by it. --limit takes the newest kernels
that exist, whether they are published already or not.

A kernel that failed because of what its package holds is tried once more by the next run and then held back: for a
day, then two, four, eight, then a month, unless its package, btfmill or the options change.

An rpm package's own signature is checked before it is unpacked, against the distribution's keys and those of --keyring;
status --trust shows who signed what. The name of a kernel comes from inside the package: its path there and the vmlinux's
own banner have to say what the index promised (kernel-name).

A BTF made from DWARF that nothing could be compared with is published with a warning; with --cross-check never, without.

The record (--db) must lie outside the archive; beside it, <db>.lock keeps a second run away. In the cache, indexes stay,
packages go when their kernel is done (--keep-packages keeps them). A dry run writes nothing but the indexes, to the
cache, and what tells whether they have changed, to the record (which it makes if need be).

Exit codes: 0 done, 2 usage or set-up, 3 some kernels failed, 4 an index could not be reached, 5 a signature or digest
is wrong, 6 another run holds the lock, 1 anything unexpected; the first of 1, 5, 4, 2, 3 that applies. 130 or 143 when
a signal stopped it (a second one, a second later, ends it at once), 141 when whoever read its output went away.`;

interface CrawlFlags extends RequestFlags {
  readonly distro: readonly string[];
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly archive: string;
  readonly db: string;
  readonly cache: string;
  readonly keepPackages?: boolean;
  readonly shard?: Shard;
  readonly jobs: number;
  readonly threads: number;
  readonly source: SourceChoice;
  readonly crossCheck: CrossCheckMode;
  readonly profile: ProfileName;
  readonly retryFailed?: boolean;
  readonly color: boolean;
}

export function registerCrawl(program: Command): void {
  const command = program
    .command('crawl')
    .description("find a distribution's kernels, and publish the BTF of those that the archive lacks");
  addWhatFlags(command);
  addWhereFlags(command);
  addHowFlags(command);
  command.addHelpText('after', HELP).action(async () => {
    const report = await crawl(command.optsWithGlobals<CrawlFlags>());
    process.exitCode = report.exitCode;
  });
}

function addWhatFlags(command: Command): void {
  const names = `${crawlerNames().join(', ')}, or ${ALL_DISTROS} of them`;
  command.addOption(
    new Option('--distro <name>', `distribution to crawl: ${names} (repeatable)`)
      .argParser(distroNames)
      .makeOptionMandatory(),
  );
  addNarrowingFlags(command);
  command
    .option('--kernel <glob>', "only kernels whose uname -r matches, e.g. '*-cloud-*' (repeatable)", collect)
    .option(
      '--history',
      'also kernels that left the mirrors: those of Ubuntu that Launchpad still has, and those of every state of Amazon Linux 2023',
    )
    .option('--limit <n>', 'only the newest n kernels of each distribution', positiveInteger)
    .option('--shard <k/n>', 'only the kth of n shares of the kernels, for n machines', shardOf)
    .option('-n, --dry-run', 'show what would be done, and stop')
    .option('--retry-failed', 'do not hold back kernels that failed before');
}

function addWhereFlags(command: Command): void {
  command
    .option('--archive <dir>', 'archive to fill', DEFAULT_ARCHIVE)
    .option('--db <file>', 'SQLite record of everything seen and done', DEFAULT_DB)
    .option('--cache <dir>', 'downloads and work files', defaultCacheDir())
    .option('--keep-packages', 'leave packages in the cache when their kernel is done');
  addSourceFlags(command);
  command.option(
    '--insecure',
    'accept indexes and packages without a good signature (the record says so for ever)',
  );
}

function addHowFlags(command: Command): void {
  command
    .addOption(
      new Option('--source <source>', 'BTF to publish; auto: native if the kernel has it, else from DWARF')
        .choices(['auto', 'dwarf', 'native'])
        .default('auto'),
    )
    .addOption(
      new Option(
        '--cross-check <when>',
        'compare our conversion; auto: with native BTF, else pahole if installed',
      )
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .addOption(
      new Option('--profile <name>', 'converter whose behaviour is reproduced')
        .choices(Object.keys(PROFILES))
        .default(DEFAULT_PROFILE),
    )
    .option('-j, --jobs <n>', 'kernels in work at once', positiveInteger, 2)
    .option(
      '--threads <n>',
      'threads of one conversion or decompression',
      positiveInteger,
      availableParallelism(),
    )
    .option('--json', 'JSON Lines on stdout, one event each, "v":1')
    .option('-q, --quiet', 'problems only');
}

async function crawl(flags: CrawlFlags): Promise<RunReport> {
  const places = checkPlaces(flags);
  checkRecordFile(places.dbFile, false);
  const options = runOptions(flags, places);
  const reporter = createRunReporter({
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
    color: flags.color,
    dryRun: options.dryRun,
  });
  const stop = listenForStop(() => {
    reporter.say(
      'stopping: what is done is kept, the same command goes on from here (once more: quit at once)',
    );
  });
  const forget = onOutputFault((fault) => {
    // The plan is all that a dry run is asked for, and whoever has read enough of it closes the pipe.
    if (options.dryRun) return;
    const why = fault === 'closed' ? 'stdout was closed' : `stdout: ${fault.message}`;
    reporter.say(`stopping, ${why}: what is done is kept, the same command goes on from here`);
    stop.stop(new BtfmillError('aborted', why), fault === 'closed' ? CLOSED_OUTPUT_EXIT : fault.exitCode);
  });
  // A dry run changes nothing that another run could trip over.
  let locks: Lock[] = [];
  try {
    if (!options.dryRun) locks = await takeLocks(places);
    const setup = { openRecord: () => openRecord(places.dbFile), options, reporter, stop };
    return await withRun(setup, (deps) => runCrawl(options, deps));
  } finally {
    reporter.close();
    stop.release();
    forget();
    for (const lock of locks) await lock.release();
  }
}

function runOptions(flags: CrawlFlags, { archiveDir, cacheDir }: Places): RunOptions {
  return {
    ...distrosRequest(flags.distro, flags),
    ...(flags.limit === undefined ? {} : { limit: flags.limit }),
    ...(flags.shard === undefined ? {} : { shard: flags.shard }),
    dryRun: flags.dryRun ?? false,
    jobs: flags.jobs,
    archiveDir,
    cacheDir,
    source: flags.source,
    crossCheck: flags.crossCheck,
    profile: flags.profile,
    threads: flags.threads,
    keepPackages: flags.keepPackages ?? false,
    retryFailed: flags.retryFailed ?? false,
  };
}
