/** `btfmill publish`: index, sums and signature of the archive, so that strangers can copy and check it. */

import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { openRecord } from '../db/index.ts';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { lockFolder } from '../pipeline/lock.ts';
import { publishArchive, type PublishReport } from '../pipeline/publish/publish.ts';
import { DEFAULT_ARCHIVE, DEFAULT_DB, positiveInteger } from './cli/flags.ts';
import { requireFolder } from './cli/inputs.ts';
import { CREDENTIAL, findSigningKey, KEY_VARIABLE } from './cli/signing-key.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { formatBytes, plural } from './ui/format.ts';

const HELP = `
Examples:
  npm run btfmill -- publish --key btfmill.key
  npm run --silent btfmill -- publish --key btfmill.key --json | jq -r '.added[]'

Writes into the archive: index/<distro>/<release>/<arch>.jsonl, manifest-<serial>.json, SHA256SUMS, config.json,
changes/<serial>.txt, archive.sqlite, compat/, and last timestamp.json with timestamp.json.minisig. Only what has
changed is written; without anything new the timestamp is renewed when half of its time is over.
archive-layout.md says what is in them. The key: --key, else ${KEY_VARIABLE}, else systemd's credential
${CREDENTIAL}.

Exit codes: ${EXIT.ok} done or nothing to do, ${EXIT.usage} no key, ${EXIT.integrity} the published index is damaged, ${EXIT.locked} another run holds the lock,
${EXIT.damageFound} a file is not what the record says: nothing is published then.`;

const DAY_MS = 86_400_000;

interface PublishFlags {
  readonly archive: string;
  readonly db: string;
  readonly key?: string;
  readonly unsigned?: boolean;
  readonly validDays: number;
  readonly aliases: 'map' | 'links';
  readonly hardLinks?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function registerPublish(program: Command): void {
  const command = program
    .command('publish')
    .description('write and sign the index of the archive')
    .option('--archive <dir>', 'archive to publish', DEFAULT_ARCHIVE)
    .option('--db <file>', 'SQLite record of that archive', DEFAULT_DB)
    .option('--key <file>', 'minisign secret key without a password (keygen makes one)')
    .option('--unsigned', 'publish without a signature; mirrors can then not tell who made it')
    .option('--valid-days <n>', 'days after which a copy without a newer timestamp is stale', validDays, 7)
    .addOption(
      new Option(
        '--aliases <how>',
        'other names of releases and architectures: a map in compat/, or links too',
      )
        .choices(['map', 'links'])
        .default('map'),
    )
    .option('--hard-links', 'make files with the same bytes one file')
    .option('--json', 'print one JSON object')
    .option('-q, --quiet', 'no summary');
  command.addHelpText('after', HELP).action(async () => {
    process.exitCode = await publish(command.optsWithGlobals<PublishFlags>());
  });
}

/** As in the configuration: who forgets an archive for a year has none. */
const MAX_VALID_DAYS = 366;

function validDays(text: string): number {
  const days = positiveInteger(text);
  if (days > MAX_VALID_DAYS) throw new InvalidArgumentError(`It must not be more than ${MAX_VALID_DAYS}.`);
  return days;
}

/** Returns the exit code. */
async function publish(flags: PublishFlags): Promise<number> {
  const archiveDir = resolve(flags.archive);
  await requireFolder(archiveDir);
  const key = flags.unsigned ? undefined : await findSigningKey(flags.key, process.env, archiveDir);
  if (key === undefined && !flags.unsigned) {
    throw new BtfmillError(
      'usage',
      `no key to sign with: name one with --key or ${KEY_VARIABLE}, or publish with --unsigned`,
    );
  }
  const stop = listenForStop(() => process.stderr.write('stopping: the published state stays as it is\n'));
  const lock = await lockFolder(archiveDir, `the archive ${archiveDir}`);
  const record = openRecord(flags.db, { mustExist: true, forQueries: true });
  try {
    const validForMs = flags.validDays * DAY_MS;
    const report = await publishArchive({
      archiveDir,
      record,
      ...(key === undefined ? {} : { key }),
      validForMs,
      linkAliases: flags.aliases === 'links',
      hardLinks: flags.hardLinks ?? false,
      now: new Date(),
      signal: stop.signal,
    });
    print(report, flags);
    return EXIT.ok;
  } catch (thrown) {
    if (!stop.signal.aborted) throw thrown;
    return stop.exitCode();
  } finally {
    stop.release();
    record.close();
    await lock.release();
  }
}

function print(report: PublishReport, { json, quiet }: PublishFlags): void {
  if (json) process.stdout.write(`${JSON.stringify({ v: 1, ...report })}\n`);
  else if (!quiet) process.stdout.write(`${summary(report)}\n`);
}

function summary(report: PublishReport): string {
  const { serial, outcome, added, withdrawn, kernels, expires, takenAliases, freedBytes } = report;
  const freed = freedBytes === 0 ? '' : `, ${formatBytes(freedBytes)} freed by hard links`;
  const taken =
    takenAliases.length === 0 ? '' : `, no links for ${takenAliases.join(', ')}: something else has the name`;
  const state = `serial ${serial}, ${plural(kernels, 'kernel')}, holds until ${expires}${freed}${taken}`;
  if (outcome === 'unchanged') return `nothing new: ${state}`;
  if (outcome === 'renewed') return `nothing new, timestamp renewed: ${state}`;
  const back = withdrawn.length === 0 ? '' : `, ${withdrawn.length} withdrawn`;
  return `published ${plural(added.length, 'new kernel')}${back}: ${state}`;
}
