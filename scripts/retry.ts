/** `btfmill retry`: lets the next run try failed kernels again at once. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openRecord, type KernelRow } from '../db/index.ts';
import { BtfmillError } from '../errors/index.ts';
import { archivePath } from '../pipeline/archive-path.ts';
import { lockFile } from '../pipeline/lock.ts';
import { findKernels } from '../pipeline/report/kernel-story.ts';
import { collect, DEFAULT_DB } from './cli/flags.ts';
import { plural } from './ui/format.ts';

const HELP = `
Examples:
  npm run btfmill -- retry 6.1.0-50-cloud-amd64
  npm run btfmill -- retry --code cross-check --code dwarf-unsupported
  npm run btfmill -- retry --all

A kernel that failed is tried again the next night, then after 1, 2, 4, 8 days and then monthly, and at once by another
version of btfmill; this makes the next run try it whenever that is.`;

interface RetryFlags {
  readonly db: string;
  readonly code?: readonly string[];
  readonly all?: boolean;
}

export function registerRetry(program: Command): void {
  const command = program
    .command('retry')
    .argument('[kernel]', 'uname -r or archive path, or a pattern of either')
    .description('try failed kernels again with the next run, whenever that is')
    .option('--db <file>', 'SQLite record', DEFAULT_DB)
    .option('--code <code>', 'those that failed with this error code (repeatable)', collect)
    .option('--all', 'all that failed');
  command.addHelpText('after', HELP).action(async (pattern: string | undefined) => {
    await retry(pattern, command.optsWithGlobals<RetryFlags>());
  });
}

async function retry(pattern: string | undefined, { db, code, all }: RetryFlags): Promise<void> {
  if (pattern === undefined && code === undefined && !all) {
    throw new BtfmillError('usage', 'name a kernel, or codes with --code, or --all');
  }
  const dbFile = resolve(db);
  const lock = await lockFile(`${dbFile}.lock`, `the record ${dbFile}`);
  const record = openRecord(dbFile, { mustExist: true });
  try {
    const found = pattern === undefined ? record.kernels.inState('failed') : findKernels(record, pattern);
    const isWanted = (row: KernelRow): boolean => code === undefined || code.includes(row.code ?? '');
    const failed = found.filter((row) => row.state === 'failed' && isWanted(row));
    if (failed.length === 0) throw new BtfmillError('usage', 'no kernel failed that is meant by this');
    record.transaction(() => {
      for (const { id } of failed) record.attempts.clearRetry(id);
    });
    for (const row of failed) process.stdout.write(`${archivePath(row)}  ${row.code ?? ''}\n`);
    process.stderr.write(`the next run tries ${plural(failed.length, 'kernel')} again\n`);
  } finally {
    record.close();
    await lock.release();
  }
}
