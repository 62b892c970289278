/** `btfmill verify`: is every file of the archive what the record says, and nothing else there? */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { openRecord } from '../db/index.ts';
import { EXIT } from '../errors/index.ts';
import { readArchiveFile } from '../pipeline/store.ts';
import { type Damage, verifyArchive, type VerifyReport } from '../pipeline/verify.ts';
import { DEFAULT_ARCHIVE, DEFAULT_DB, positiveInteger } from './cli/flags.ts';
import { requireFolder } from './cli/inputs.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { palette, wantsColor } from './ui/color.ts';
import { formatBytes, formatDuration, oneLine, plural } from './ui/format.ts';
import { createLiveBlock } from './ui/live-block.ts';

const HELP = `
Examples:
  npm run verify
  npm run verify -- --archive /srv/btf/archive --db /srv/btf/btfmill.sqlite
  npm run --silent verify -- --json | jq -r 'select(.event == "damage") | .path'

Each file is compared with the record in size and SHA-256, unpacked, and its BTF is validated and compared. Then the
archive is searched for files that the record does not know. Links are passed over: they are aliases. Files that a crawl
is writing, or left unfinished when it was killed, are counted only.
What is found goes to stdout. Exit code ${EXIT.damageFound} when anything is wrong. To repair, remove the damaged file and crawl again.`;

interface VerifyFlags {
  readonly archive: string;
  readonly db: string;
  readonly jobs: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
}

export function registerVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('check every file of the archive against the record')
    .option('--archive <dir>', 'archive to check', DEFAULT_ARCHIVE)
    .option('--db <file>', 'SQLite record of that archive', DEFAULT_DB)
    .option('-j, --jobs <n>', 'files read at once', positiveInteger, availableParallelism())
    .option('--json', 'JSON Lines on stdout: one "damage" each, then one "verify.finished"; "v":1')
    .option('-q, --quiet', 'no progress and no summary');
  command.addHelpText('after', HELP).action(async () => {
    process.exitCode = await verify(command.optsWithGlobals<VerifyFlags>());
  });
}

/** Returns the exit code. */
async function verify(flags: VerifyFlags): Promise<number> {
  const archiveDir = resolve(flags.archive);
  await requireFolder(archiveDir);
  const record = openRecord(flags.db, { mustExist: true, forQueries: true });
  let progress = '';
  const isLive = process.stderr.isTTY && process.env.TERM !== 'dumb' && !flags.quiet;
  const live = isLive
    ? createLiveBlock(process.stderr, () => (progress === '' ? [] : [progress]))
    : undefined;
  const say = (line: string): void => {
    if (live === undefined) process.stderr.write(`${line}\n`);
    else live.log(line);
  };
  const stop = listenForStop(() => say('stopping'));
  const damages: Damage[] = [];
  try {
    const report = await verifyArchive({
      record,
      archiveDir,
      jobs: flags.jobs,
      signal: stop.signal,
      inspect: (key, signal) => readArchiveFile({ archiveDir, key, signal }),
      onDamage: (damage) => damages.push(damage),
      onProgress: (checked, total) => {
        progress = `${checked} of ${total} files checked, ${damages.length} damaged`;
      },
    });
    live?.close();
    printReport(report, flags);
    return report.damages.length === 0 ? EXIT.ok : EXIT.damageFound;
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    return stop.exitCode();
  } finally {
    live?.close();
    stop.release();
    record.close();
  }
}

function printReport(report: VerifyReport, flags: VerifyFlags): void {
  const { damages, ...totals } = report;
  if (flags.json) {
    const events = damages.map((damage) => ({ v: 1, event: 'damage', ...damage }));
    const end = { v: 1, event: 'verify.finished', ...totals, damaged: damages.length };
    for (const event of [...events, end]) process.stdout.write(`${JSON.stringify(event)}\n`);
    return;
  }
  const paint = palette(wantsColor(process.stdout, process.env, flags.color));
  for (const { kind, path, message } of damages) {
    process.stdout.write(`${paint.red(kind)}  ${path}  ${oneLine(message)}\n`);
  }
  if (flags.quiet) return;
  const found =
    damages.length === 0 ? paint.green('all sound') : paint.red(plural(damages.length, 'problem'));
  const unfinished = totals.unfinished === 0 ? '' : `, ${plural(totals.unfinished, 'unfinished file')}`;
  process.stdout.write(
    `${plural(totals.checked, 'file')} checked (${formatBytes(totals.sizeBytes)}), ${found}${unfinished}, ${formatDuration(totals.milliseconds)}\n`,
  );
}
