/** `btfmill merge`: joins what several machines have made. */

import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { openRecord } from '../db/index.ts';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { makeArchive } from '../pipeline/archive-room.ts';
import { lockFile, lockFolder } from '../pipeline/lock.ts';
import { mergeArchive, type MergeReport } from '../pipeline/merge-archives.ts';
import { DEFAULT_ARCHIVE, DEFAULT_DB } from './cli/flags.ts';
import { requireFile, requireFolder } from './cli/inputs.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { oneLine, plural } from './ui/format.ts';

const HELP = `
Examples:
  npm run crawl -- --distro all --shard 2/4 --archive shard2/archive --db shard2/btfmill.sqlite
  npm run btfmill -- merge shard1 shard2 shard3 shard4 --archive archive --db btfmill.sqlite

Each folder holds what one machine has made: archive/ and btfmill.sqlite. Files are checked against that machine's
record and copied; runs and attempts are joined. What is published stays; what two machines have published differently
is named, and of one BTF that two versions of xz have packed the first file stays. The order does not matter otherwise,
and the same merge again changes nothing.

Exit code ${EXIT.someKernelsFailed} when a kernel could not be taken.`;

interface MergeFlags {
  readonly archive: string;
  readonly db: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface NamedReport extends MergeReport {
  readonly from: string;
}

export function registerMerge(program: Command): void {
  const command = program
    .command('merge')
    .argument('<folder...>', `what a machine has made: ${DEFAULT_ARCHIVE}/ and ${DEFAULT_DB}`)
    .description('join the archives and records of several machines')
    .option('--archive <dir>', 'archive that gets the files', DEFAULT_ARCHIVE)
    .option('--db <file>', 'SQLite record that gets the rows', DEFAULT_DB)
    .option('--json', 'JSON Lines on stdout, one object per folder')
    .option('-q, --quiet', 'problems only');
  command.addHelpText('after', HELP).action(async (folders: readonly string[]) => {
    process.exitCode = await merge(folders, command.optsWithGlobals<MergeFlags>());
  });
}

/** Returns the exit code. */
async function merge(folders: readonly string[], flags: MergeFlags): Promise<number> {
  const archiveDir = resolve(flags.archive);
  const dbFile = resolve(flags.db);
  const sources = folders.map((folder) => ({
    folder,
    archiveDir: resolve(folder, DEFAULT_ARCHIVE),
    dbFile: resolve(folder, DEFAULT_DB),
  }));
  for (const source of sources) {
    await requireFolder(source.archiveDir);
    await requireFile(source.dbFile);
    if (source.dbFile === dbFile || source.archiveDir === archiveDir) {
      throw new BtfmillError('usage', `${source.folder} is what the others are to be merged into`);
    }
    // Brings it to this version's schema, in which alone two records can be joined.
    openRecord(source.dbFile, { mustExist: true }).close();
  }
  const stop = listenForStop(() => process.stderr.write('stopping: what is merged stays\n'));
  const recordLock = await lockFile(`${dbFile}.lock`, `the record ${dbFile}`);
  await makeArchive(archiveDir);
  const archiveLock = await lockFolder(archiveDir, `the archive ${archiveDir}`);
  const record = openRecord(dbFile);
  let hasProblems = false;
  try {
    for (const source of sources) {
      const report = await mergeArchive({
        archiveDir,
        record,
        source,
        signal: stop.signal,
      });
      print({ from: join(source.folder), ...report }, flags);
      hasProblems ||= report.problems.length > 0;
    }
    return hasProblems ? EXIT.someKernelsFailed : EXIT.ok;
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    return stop.exitCode();
  } finally {
    stop.release();
    record.close();
    await archiveLock.release();
    await recordLock.release();
  }
}

function print(report: NamedReport, { json, quiet }: MergeFlags): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ v: 1, ...report })}\n`);
    return;
  }
  const { from, published, withdrawn, updated, unchanged, problems } = report;
  for (const { code, path, message } of problems) {
    process.stdout.write(`${code}  ${path}  ${oneLine(message)}\n`);
  }
  if (quiet) return;
  process.stdout.write(
    `${from}: ${plural(published, 'kernel')} published, ${withdrawn} withdrawn, ${updated} with a newer state, ${unchanged} unchanged\n`,
  );
}
