/** `btfmill gc`: makes room in the cache. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { openRecord } from '../db/index.ts';
import { collectGarbage } from '../pipeline/collect-garbage.ts';
import { lockFile } from '../pipeline/lock.ts';
import { DEFAULT_DB, defaultCacheDir, positiveInteger } from './cli/flags.ts';
import { requireFolder } from './cli/inputs.ts';
import { formatBytes, plural } from './ui/format.ts';

const HELP = `
Examples:
  npm run btfmill -- gc --dry-run
  npm run btfmill -- gc --days 1

Removes packages, whole or partial, that no run has touched for so many days, bodies of indexes that the record no
longer asks for, and what a killed run left in its work folder. Published files are never touched.`;

interface GcFlags {
  readonly cache: string;
  readonly db: string;
  readonly days: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const DAY_MS = 86_400_000;

export function registerGc(program: Command): void {
  const command = program
    .command('gc')
    .description('make room in the cache')
    .option('--cache <dir>', 'cache to clean', defaultCacheDir())
    .option('--db <file>', 'SQLite record, which says what is still asked for', DEFAULT_DB)
    .option('--days <n>', 'keep what was touched in the last n days', positiveInteger, 7)
    .option('-n, --dry-run', 'show what would be removed, and stop')
    .option('--json', 'print one JSON object')
    .option('-q, --quiet', 'print nothing');
  command.addHelpText('after', HELP).action(async () => {
    await gc(command.optsWithGlobals<GcFlags>());
  });
}

async function gc(flags: GcFlags): Promise<void> {
  const cacheDir = resolve(flags.cache);
  await requireFolder(cacheDir);
  const lock = await lockFile(join(cacheDir, 'lock'), `the cache ${cacheDir}`);
  try {
    const garbage = await collectGarbage({
      cacheDir,
      bodiesInUse: bodiesInUse(flags.db),
      keepSince: new Date(Date.now() - flags.days * DAY_MS),
      dryRun: flags.dryRun ?? false,
    });
    const freedBytes = garbage.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (flags.json) {
      const report = { v: 1, dryRun: flags.dryRun ?? false, freedBytes, files: garbage };
      process.stdout.write(`${JSON.stringify(report)}\n`);
    } else if (!flags.quiet) {
      for (const { path, sizeBytes } of garbage) process.stdout.write(`${path}  ${formatBytes(sizeBytes)}\n`);
      const what = flags.dryRun ? 'would be removed' : 'removed';
      process.stdout.write(`${plural(garbage.length, 'file')} ${what}, ${formatBytes(freedBytes)}\n`);
    }
  } finally {
    await lock.release();
  }
}

/** Without a record nothing is asked for conditionally. */
function bodiesInUse(db: string): ReadonlySet<string> {
  if (!existsSync(db)) return new Set();
  const record = openRecord(db, { mustExist: true, forQueries: true });
  try {
    return new Set(record.bodiesInUse());
  } finally {
    record.close();
  }
}
