/** `btfmill doctor`: what this machine has of what btfmill needs, and what of the distributions it can reach. */

import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { EXIT } from '../errors/index.ts';
import {
  addNarrowingFlags,
  addSourceFlags,
  ALL_DISTROS,
  distroNames,
  distrosRequest,
  type RequestFlags,
} from './cli/crawl-request.ts';
import { DEFAULT_ARCHIVE, defaultCacheDir } from './cli/flags.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { readVersion } from './cli/version.ts';
import { exitCodeOfDistros, renderDistros, reportDistros } from './doctor/distros-report.ts';
import { probeDistros } from './doctor/probe-distros.ts';
import { probeDisk } from './doctor/probe-disk.ts';
import { probeKeyrings } from './doctor/probe-keyrings.ts';
import { probeNode, probeSqlite, probeTool } from './doctor/probe-programs.ts';
import { type DoctorReport, judge, renderReport } from './doctor/report.ts';
import { TOOLS } from './doctor/tools.ts';
import { oneLine } from './ui/format.ts';

/** A full kernel of today is a package of 1.2 GB with a vmlinux of up to 0.7 GB; twice that for two at once. */
const CACHE_WANTED_BYTES = 4e9;

/** An archive file takes about 1 MB, so this holds some hundred kernels. */
const ARCHIVE_WANTED_BYTES = 1e9;

const HELP = `
Examples:
  npm run doctor
  npm run --silent doctor -- --json | jq '.tools[] | select(.path == null) | .command'
  npm run doctor -- --distros debian fedora
  npm run --silent doctor -- --distros --release 9 --json | jq -c '.distros[].failures[]'

With --distros, the indexes that a crawl would read are read, by the same ways (proxies, --mirror), and no package: which
of them answer, when they were made, what their content rests on, who signed them, how many kernels they have. The other
flags are for --distros alone. All indexes of all releases are a good deal to read; --release and --arch narrow it.

Exit code ${EXIT.usage} when something is missing that no crawl can do without. With --distros ${EXIT.upstreamUnreachable} when an index does not
answer, ${EXIT.integrity} when one is not what it should be.`;

interface DoctorFlags extends RequestFlags {
  readonly archive: string;
  readonly cache: string;
  readonly distros?: readonly string[];
  readonly json?: boolean;
}

export function registerDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('say what is installed, which version, what each is needed for and what works without it')
    .option('--archive <dir>', 'archive whose disk is looked at', DEFAULT_ARCHIVE)
    .option('--cache <dir>', 'cache whose disk is looked at', defaultCacheDir())
    .option('--json', 'print one JSON object')
    .addOption(
      new Option(
        '--distros [names...]',
        'read the indexes of these distributions (default: all) and say what answers',
      )
        .preset(ALL_DISTROS)
        .argParser(distroNames),
    );
  addNarrowingFlags(command);
  addSourceFlags(command);
  command.addHelpText('after', HELP).action(async (flags: DoctorFlags) => {
    if (flags.distros !== undefined) {
      process.exitCode = await examineDistros(flags.distros, flags);
      return;
    }
    const report = await examine(flags);
    process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : renderReport(report));
    if (!report.ok) process.exitCode = EXIT.usage;
  });
}

async function examine(flags: DoctorFlags): Promise<DoctorReport> {
  const keysFolder = fileURLToPath(new URL('../crawlers/trust/keys', import.meta.url));
  // Debian keeps bpftool, which only tests use, in /usr/sbin; vitest.config.ts looks there too.
  const searchPath = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;
  const [node, sqlite, tools, keyrings, archiveDisk, cacheDisk] = await Promise.all([
    probeNode(),
    probeSqlite(),
    Promise.all(TOOLS.map((tool) => probeTool(tool, searchPath))),
    probeKeyrings(keysFolder),
    probeDisk('archive', flags.archive, ARCHIVE_WANTED_BYTES),
    probeDisk('cache', flags.cache, CACHE_WANTED_BYTES),
  ]);
  return judge({ node, sqlite, tools, keyrings, disks: [archiveDisk, cacheDisk] });
}

/** Gives the exit code. */
async function examineDistros(distros: readonly string[], flags: DoctorFlags): Promise<number> {
  const request = distrosRequest(distros, flags);
  const stop = listenForStop(() => {});
  try {
    const listings = await probeDistros(request, {
      userAgent: `btfmill/${readVersion()} (kernel debug package crawler)`,
      signal: stop.signal,
      say: (message) => process.stderr.write(`${oneLine(message)}\n`),
    });
    const report = reportDistros(listings);
    process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : renderDistros(report));
    return exitCodeOfDistros(report);
  } catch (thrown) {
    if (stop.signal.aborted) return stop.exitCode();
    throw thrown;
  } finally {
    stop.release();
  }
}
