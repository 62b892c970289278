/** `btfmill withdraw`: takes a published kernel back. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openRecord } from '../db/index.ts';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { archivePath, keyOfArchivePath } from '../pipeline/archive-path.ts';
import { lockFile } from '../pipeline/lock.ts';
import { MAX_TEXT_LENGTH } from '../pipeline/publish/layout.ts';
import { DEFAULT_DB } from './cli/flags.ts';

const HELP = `
Example:
  npm run btfmill -- withdraw debian/12/x86_64/6.1.0-50-cloud-amd64.btf.tar.xz --reason 'made from the wrong vmlinux'

The file stays where it is, because copies have it too; the record, and with the next "publish" the index and every
mirror's, say that it is bad and why. No run makes it again.
Exit code ${EXIT.usage} when no such kernel is published.`;

interface WithdrawFlags {
  readonly db: string;
  readonly reason: string;
}

export function registerWithdraw(program: Command): void {
  const command = program
    .command('withdraw')
    .argument('<path>', 'path in the archive: <distro>/<release>/<arch>/<kernel>')
    .description('say that a published kernel is bad, and why')
    .option('--db <file>', 'SQLite record', DEFAULT_DB)
    .requiredOption('--reason <text>', 'one sentence for everybody who has a copy');
  command.addHelpText('after', HELP).action(async (path: string) => {
    await withdraw(path, command.optsWithGlobals<WithdrawFlags>());
  });
}

async function withdraw(path: string, { db, reason }: WithdrawFlags): Promise<void> {
  const key = keyOfArchivePath(path.endsWith('.btf.tar.xz') ? path : `${path}.btf.tar.xz`);
  if (key === undefined) {
    throw new BtfmillError('usage', `${path}: is no path such as debian/12/x86_64/6.1.0-50-cloud-amd64`);
  }
  if (reason.trim() === '') throw new BtfmillError('usage', '--reason must say something');
  if (reason.trim().length > MAX_TEXT_LENGTH) {
    throw new BtfmillError('usage', `--reason must not have more than ${MAX_TEXT_LENGTH} characters`);
  }
  const dbFile = resolve(db);
  const lock = await lockFile(`${dbFile}.lock`, `the record ${dbFile}`);
  const record = openRecord(dbFile, { mustExist: true });
  try {
    if (!record.kernels.withdraw(key, reason.trim(), new Date().toISOString())) {
      const state = record.kernels.find(key)?.state ?? 'unknown to the record';
      throw new BtfmillError('usage', `${archivePath(key)} is not published, but ${state}`);
    }
    process.stdout.write(`withdrawn: ${archivePath(key)}; "publish" tells everybody else\n`);
  } finally {
    record.close();
    await lock.release();
  }
}
