/** `btfmill retry`: lets the next run try failed kernels again at once. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type BtfRecord, openRecord, type KernelRow } from '../db/index.ts';
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
  npm run btfmill -- retry --code dwarf-none          # those without debug information, too

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

/**
 * The code for which another try at a kernel may be wanted; a published one has one when its file is lost and could not
 * be made again.
 */
function reasonOf({ id, state, code }: KernelRow, { attempts }: BtfRecord): string | undefined {
  if (state === 'failed') return code;
  if (state === 'no-debug-info') return 'dwarf-none';
  if (state !== 'published') return undefined;
  const [last] = attempts.ofKernel(id, 1);
  return last?.retryAfter === undefined ? undefined : last.code;
}

async function retry(pattern: string | undefined, { db, code, all }: RetryFlags): Promise<void> {
  if (pattern === undefined && code === undefined && !all) {
    throw new BtfmillError('usage', 'name a kernel, or codes with --code, or --all');
  }
  const dbFile = resolve(db);
  const lock = await lockFile(`${dbFile}.lock`, `the record ${dbFile}`);
  const record = openRecord(dbFile, { mustExist: true });
  try {
    const found = pattern === undefined ? record.kernels.named('*') : findKernels(record, pattern);
    const meant = found.flatMap((row) => {
      const why = reasonOf(row, record);
      return why !== undefined && (code === undefined || code.includes(why)) ? [{ row, why }] : [];
    });
    // Nothing went wrong with a package that has no debug information: all that failed does not mean it.
    const isNamed = pattern !== undefined || code !== undefined;
    const again = meant.filter(({ row }) => isNamed || row.state !== 'no-debug-info');
    if (again.length === 0) throw new BtfmillError('usage', 'no kernel failed that is meant by this');
    const at = new Date().toISOString();
    record.transaction(() => {
      for (const { row } of again) {
        if (row.state === 'no-debug-info') record.kernels.markPending(row.id, at);
        else record.attempts.clearRetry(row.id);
      }
    });
    for (const { row, why } of again) process.stdout.write(`${archivePath(row)}  ${why}\n`);
    process.stderr.write(`the next run tries ${plural(again.length, 'kernel')} again\n`);
  } finally {
    record.close();
    await lock.release();
  }
}
