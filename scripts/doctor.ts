/** `btfmill doctor`: what this machine has of what btfmill needs. */

import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { EXIT } from '../errors/index.ts';
import { DEFAULT_ARCHIVE, defaultCacheDir } from './cli/flags.ts';
import { probeDisk } from './doctor/probe-disk.ts';
import { probeKeyrings } from './doctor/probe-keyrings.ts';
import { probeNode, probeSqlite, probeTool } from './doctor/probe-programs.ts';
import { type DoctorReport, judge, renderReport } from './doctor/report.ts';
import { TOOLS } from './doctor/tools.ts';

/** A full kernel of today is a package of 1.2 GB with a vmlinux of up to 0.7 GB; twice that for two at once. */
const CACHE_WANTED_BYTES = 4e9;

/** An archive file takes about 1 MB, so this holds some hundred kernels. */
const ARCHIVE_WANTED_BYTES = 1e9;

const HELP = `
Examples:
  npm run doctor
  npm run --silent doctor -- --json | jq '.tools[] | select(.path == null) | .command'

Exit code ${EXIT.usage} when something is missing that no crawl can do without.`;

interface DoctorFlags {
  readonly archive: string;
  readonly cache: string;
  readonly json?: boolean;
}

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description('say what is installed, which version, what each is needed for and what works without it')
    .option('--archive <dir>', 'archive whose disk is looked at', DEFAULT_ARCHIVE)
    .option('--cache <dir>', 'cache whose disk is looked at', defaultCacheDir())
    .option('--json', 'print one JSON object')
    .addHelpText('after', HELP)
    .action(async (flags: DoctorFlags) => {
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
