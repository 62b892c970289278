/** `btfmill import`: takes an archive that somebody else has made into the record. */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openRecord } from '../db/index.ts';
import { EXIT } from '../errors/index.ts';
import { importArchive, type ImportReport } from '../pipeline/import-archive.ts';
import { FINDINGS } from '../pipeline/lint/findings.ts';
import { lockFile } from '../pipeline/lock.ts';
import { DEFAULT_DB, positiveInteger } from './cli/flags.ts';
import { requireFolder } from './cli/inputs.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { oneLine, plural } from './ui/format.ts';
import { createLiveBlock } from './ui/live-block.ts';

const HELP = `
Examples:
  npm run btfmill -- import btfhub-archive --db btfmill.sqlite
  npm run --silent btfmill -- import btfhub-archive --json | jq '.refused'

Every <distro>/<release>/<arch>/<kernel>.btf.tar.xz is read in full; those that hold one sound BTF of a kernel under the
right name become published in the record, with the source "imported". The files are not touched: crawl and publish
with --archive of the same folder to go on with it. What that archive has withdrawn in an index of its own is withdrawn
in the record. The rest is named and left out ("verify" tells the same).

Exit code ${EXIT.damageFound} when a file is not sound, or not the one that the record or the archive's index has published.`;

interface ImportFlags {
  readonly db: string;
  readonly jobs: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function registerImport(program: Command): void {
  const command = program
    .command('import')
    .argument('<dir>', "an archive with BTFHub's layout")
    .description("take somebody's archive into the record, without touching its files")
    .option('--db <file>', 'SQLite record to add it to; made when it is missing', DEFAULT_DB)
    .option('-j, --jobs <n>', 'files read at once', positiveInteger, availableParallelism())
    .option('--json', 'print one JSON object')
    .option('-q, --quiet', 'no progress and no summary');
  command.addHelpText('after', HELP).action(async (dir: string) => {
    process.exitCode = await importInto(resolve(dir), command.optsWithGlobals<ImportFlags>());
  });
}

/** Returns the exit code. */
async function importInto(archiveDir: string, flags: ImportFlags): Promise<number> {
  await requireFolder(archiveDir);
  const dbFile = resolve(flags.db);
  const lock = await lockFile(`${dbFile}.lock`, `the record ${dbFile}`);
  const record = openRecord(dbFile);
  const isLive = process.stderr.isTTY && process.env.TERM !== 'dumb' && !flags.quiet;
  let progress = '';
  const live = isLive
    ? createLiveBlock(process.stderr, () => (progress === '' ? [] : [progress]))
    : undefined;
  const stop = listenForStop(() => {
    process.stderr.write('stopping: what is imported stays\n');
  });
  try {
    const report = await importArchive({
      archiveDir,
      record,
      jobs: flags.jobs,
      now: () => new Date(),
      signal: stop.signal,
      onProgress: (done, total) => {
        progress = `${done} of ${total} files read`;
      },
    });
    live?.close();
    print(report, flags);
    return report.refused === 0 && report.conflicting.length === 0 ? EXIT.ok : EXIT.damageFound;
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    return stop.exitCode();
  } finally {
    live?.close();
    stop.release();
    record.close();
    await lock.release();
  }
}

function print(report: ImportReport, { json, quiet }: ImportFlags): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ v: 1, ...report })}\n`);
    return;
  }
  for (const { kind, path, message } of report.findings) {
    if (FINDINGS[kind] === 'error') process.stdout.write(`${kind}  ${oneLine(path)}  ${oneLine(message)}\n`);
  }
  for (const path of report.conflicting) {
    process.stdout.write(
      `archive-conflict  ${path}  is not the file that the record, or the archive's own index, has published\n`,
    );
  }
  if (quiet) return;
  const { imported, withdrawn, known, refused } = report;
  const taken = withdrawn === 0 ? '' : ` (${withdrawn} of them withdrawn)`;
  process.stdout.write(
    `${plural(imported, 'file')} imported${taken}, ${known} known before, ${refused} refused\n`,
  );
}
