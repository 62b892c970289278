/** `btfmill verify`: the linter of an archive, ours or anybody's with the same layout. */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { type BtfRecord, openRecord } from '../db/index.ts';
import { EXIT } from '../errors/index.ts';
import { type Expectations, expectPublished, expectRecorded } from '../pipeline/lint/expectations.ts';
import { type Finding, FINDINGS } from '../pipeline/lint/findings.ts';
import { lintArchive, type LintReport } from '../pipeline/lint/lint-archive.ts';
import { verifyTimestamp } from '../pipeline/lint/lint-description.ts';
import { DEFAULT_ARCHIVE, DEFAULT_DB, positiveInteger } from './cli/flags.ts';
import { requireFolder } from './cli/inputs.ts';
import { findPublicKey } from './cli/signing-key.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { palette, wantsColor } from './ui/color.ts';
import { formatBytes, formatDuration, oneLine, plural } from './ui/format.ts';
import { createLiveBlock } from './ui/live-block.ts';

const HELP = `
Examples:
  npm run verify
  npm run verify -- --deep --archive /srv/btf/archive --db /srv/btf/btfmill.sqlite
  npm run verify -- --deep --no-record --archive btfhub-archive
  npm run verify -- --no-record --archive /srv/btf/copy --public-key btfmill.key.pub
  npm run --silent verify -- --json | jq -r 'select(.event == "finding") | .path'

Each file is compared in size and SHA-256 with the record; without a record, with the index that the archive was
published with; without either, judged by itself. --deep also unpacks it: one member of the right name, mode and
time, whose BTF is sound and the one expected. What the archive was published with (timestamp, signature, indexes, sums
and lists) is held against its manifest; who signed it counts only with --public-key. Links are passed over: they are
aliases. Files that a crawl is writing, or left unfinished when it was killed, are counted only.

What is found goes to stdout: errors, after which a program gets nothing or something wrong, and what only differs
from the layout. Exit code ${EXIT.damageFound} when there are errors, with --strict for either; ${EXIT.integrity} when the signature is not
--public-key's, or without a record the archive's own index is damaged. To repair an archive of ours, remove the
damaged file and crawl again; damaged lists are made anew by the next publish.`;

interface VerifyFlags {
  readonly archive: string;
  readonly db?: string;
  readonly record: boolean;
  readonly publicKey?: string;
  readonly deep?: boolean;
  readonly strict?: boolean;
  readonly jobs: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
}

export function registerVerify(program: Command): void {
  const command = program
    .command('verify')
    .description('check every file of an archive')
    .option('--archive <dir>', 'archive to check', DEFAULT_ARCHIVE)
    .option('--db <file>', `SQLite record of that archive (default: ${DEFAULT_DB}, if there is one)`)
    .option('--no-record', 'compare with no record, but with the published index, if there is one')
    .option('--public-key <key>', 'minisign key that must have signed it, or the file that holds that')
    .option('--deep', 'unpack every file, and check the BTF in it')
    .option('--strict', 'exit code 7 also for what only differs from the layout')
    .option('-j, --jobs <n>', 'files read at once', positiveInteger, availableParallelism())
    .option('--json', 'JSON Lines on stdout: one "finding" each, then one "verify.finished"; "v":1')
    .option('-q, --quiet', 'no progress and no summary');
  command.addHelpText('after', HELP).action(async () => {
    process.exitCode = await verify(command.optsWithGlobals<VerifyFlags>());
  });
}

/** Returns the exit code. */
async function verify(flags: VerifyFlags): Promise<number> {
  const archiveDir = resolve(flags.archive);
  await requireFolder(archiveDir);
  if (flags.publicKey !== undefined) await verifyTimestamp(archiveDir, await findPublicKey(flags.publicKey));
  const record = findRecord(flags);
  let progress = '';
  const isLive = process.stderr.isTTY && process.env.TERM !== 'dumb' && !flags.quiet;
  const live = isLive
    ? createLiveBlock(process.stderr, () => (progress === '' ? [] : [progress]))
    : undefined;
  const stop = listenForStop(() => {
    if (live === undefined) process.stderr.write('stopping\n');
    else live.log('stopping');
  });
  let found = 0;
  const start = performance.now();
  try {
    const expected = record === undefined ? await expectPublished(archiveDir) : expectRecorded(record);
    const report = await lintArchive({
      archiveDir,
      ...(expected === undefined ? {} : { expected }),
      deep: flags.deep ?? false,
      jobs: flags.jobs,
      signal: stop.signal,
      onFile: ({ findings }, done, total) => {
        found += findings.length;
        progress = `${done} of ${total} files checked, ${plural(found, 'finding')}`;
      },
    });
    live?.close();
    return printReport(report, expected, performance.now() - start, flags);
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    return stop.exitCode();
  } finally {
    live?.close();
    stop.release();
    record?.close();
  }
}

/** The one that is named must be there. */
function findRecord({ db, record }: VerifyFlags): BtfRecord | undefined {
  if (!record || (db === undefined && !existsSync(DEFAULT_DB))) return undefined;
  return openRecord(db ?? DEFAULT_DB, { mustExist: true, forQueries: true });
}

/** Returns the exit code. */
function printReport(
  report: LintReport,
  expected: Expectations | undefined,
  milliseconds: number,
  flags: VerifyFlags,
): number {
  const { findings, ...totals } = report;
  const errors = findings.filter(isError).length;
  const comparedWith = expected?.source ?? 'nothing';
  if (flags.json) {
    const events = findings.map((finding) => ({
      v: 1,
      event: 'finding',
      severity: FINDINGS[finding.kind],
      ...finding,
    }));
    const layout = findings.length - errors;
    const end = { v: 1, event: 'verify.finished', comparedWith, ...totals, errors, layout, milliseconds };
    for (const event of [...events, end]) process.stdout.write(`${JSON.stringify(event)}\n`);
  } else {
    const paint = palette(wantsColor(process.stdout, process.env, flags.color));
    for (const finding of findings) {
      const { kind, path, message } = finding;
      const shown = isError(finding) ? paint.red(kind) : paint.yellow(kind);
      process.stdout.write(`${shown}  ${oneLine(path)}  ${oneLine(message)}\n`);
    }
    const verdict =
      findings.length === 0
        ? paint.green('all sound')
        : `${plural(errors, 'error')}, ${findings.length - errors} of layout`;
    const unfinished = totals.unfinished === 0 ? '' : `, ${plural(totals.unfinished, 'unfinished file')}`;
    const judged = expected === undefined ? 'by themselves' : `against ${comparedWith}`;
    if (!flags.quiet) {
      process.stdout.write(
        `${plural(totals.checked, 'file')} checked ${judged} (${formatBytes(totals.sizeBytes)}), ${verdict}${unfinished}, ${formatDuration(milliseconds)}\n`,
      );
    }
  }
  const isBad = flags.strict ? findings.length > 0 : errors > 0;
  return isBad ? EXIT.damageFound : EXIT.ok;
}

function isError({ kind }: Finding): boolean {
  return FINDINGS[kind] === 'error';
}
