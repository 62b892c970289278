/** `btfmill nightly`: everything that is configured, every night, with nobody looking on. */

import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { type BtfRecord, checkRecordFile, openRecord } from '../db/index.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import type { Lock } from '../pipeline/lock.ts';
import { explainDamage, type NightOptions, runNightly } from '../pipeline/nightly/run-nightly.ts';
import type { SigningKey } from '../pipeline/publish/minisign.ts';
import { exitOfBroken } from '../pipeline/run-exit.ts';
import type { RunOptions } from '../pipeline/run-types.ts';
import type { Shard } from '../pipeline/shard.ts';
import { collect, shardOf } from './cli/flags.ts';
import { checkOtherPlaces, checkPlaces, type Places } from './cli/places.ts';
import { CREDENTIAL, findSigningKey, KEY_VARIABLE } from './cli/signing-key.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { takeLocks } from './cli/take-locks.ts';
import { withRun } from './cli/with-run.ts';
import { chooseDistros } from './config/choose-distros.ts';
import {
  DEFAULT_CONFIG,
  environmentOverrides,
  fromText,
  loadConfig,
  type NightConfig,
  type Override,
} from './config/load-config.ts';
import { configJsonSchema } from './config/schema.ts';
import { configuredLimits, configuredRequest, runBudget } from './config/to-run.ts';
import { createJsonLog } from './ui/json-log.ts';
import { createRunReporter, type RunReporter } from './ui/run-reporter.ts';

const HELP = `
Examples:
  npm run nightly -- --print-config
  npm run nightly
  npm run nightly -- --config /etc/btfmill/btfmill.config.json --distro debian --log json

The configuration file is JSON; deploy/README.md lists its keys, --print-schema prints them as JSON Schema. Flags stand
above the environment (BTFMILL_JOBS and so on), that above the file. Relative paths in the file begin at its folder.

A night reads all indexes (only their headers when nothing has changed), makes what the archive lacks, publishes the
index when that is configured, and leaves a report, metrics and a copy of the record. It can be stopped or killed at
any time; the next one goes on from there. What lies beyond the limits of a run is left for the next.

On a terminal it shows progress; else it writes one JSON object per event to stderr, each with the number of the run.

Exit codes: as of crawl, and 7 when a published file is not what the record says (nothing is published then). 3 is only
for kernels that failed: a night that breaks off, cannot publish or cannot write its traces gives another.`;

const DAY_MS = 86_400_000;

interface NightlyFlags {
  readonly config: string;
  readonly printConfig?: boolean;
  readonly printSchema?: boolean;
  readonly distro?: readonly string[];
  readonly shard?: Shard;
  readonly archive?: string;
  readonly db?: string;
  readonly cache?: string;
  readonly cacheSize?: string;
  readonly reports?: string;
  readonly metrics?: string;
  readonly jobs?: string;
  readonly downloads?: string;
  readonly threads?: string;
  readonly limitBytes?: string;
  readonly limitKernels?: string;
  readonly limitMinutes?: string;
  readonly publish: boolean;
  readonly retryFailed?: boolean;
  readonly log: 'auto' | 'json' | 'text';
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
}

export function registerNightly(program: Command): void {
  const command = program
    .command('nightly')
    .description('crawl everything that is configured, publish, and leave a report: the job for a timer')
    .option('--config <file>', 'configuration', process.env.BTFMILL_CONFIG || DEFAULT_CONFIG)
    .option('--print-config', 'print the configuration with all defaults, and stop')
    .option('--print-schema', 'print the JSON Schema of the configuration, and stop')
    .option('--distro <name>', 'only this one of the configured distributions (repeatable)', collect)
    .option('--shard <k/n>', 'only the kth of n shares of the kernels, for n machines', shardOf)
    .option('--archive <dir>', 'instead of the configured archive')
    .option('--db <file>', 'instead of the configured record')
    .option('--cache <dir>', 'instead of the configured cache')
    .option('--cache-size <size>', 'what downloads and work files may take, e.g. "40 GB"')
    .option('--reports <dir>', 'instead of the configured folder for reports')
    .option('--metrics <file>', 'instead of the configured metrics file')
    .option('-j, --jobs <n>', 'kernels unpacked, converted and compressed at once')
    .option('--downloads <n>', 'packages fetched at once')
    .option('--threads <n>', 'threads of one conversion or decompression')
    .option('--limit-bytes <size>', 'packages to fetch in this run, e.g. "20 GB"')
    .option('--limit-kernels <n>', 'kernels to make in this run')
    .option('--limit-minutes <n>', 'begin no kernel after so long')
    .option('--no-publish', 'do not publish the index')
    .option('--retry-failed', 'do not hold back kernels that failed before')
    .addOption(
      new Option('--log <form>', 'what goes to stderr; auto: text on a terminal, else JSON')
        .choices(['auto', 'json', 'text'])
        .default('auto'),
    )
    .addOption(
      new Option('--log-level <level>', 'of the JSON log; debug has the single steps')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .option('--json', 'JSON Lines on stdout, one event each, "v":1')
    .option('-q, --quiet', 'problems only');
  command.addHelpText('after', HELP).action(async () => {
    const flags = command.optsWithGlobals<NightlyFlags>();
    if (flags.printSchema) {
      process.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
      return;
    }
    const config = await loadConfig(flags.config, [
      ...environmentOverrides(process.env),
      ...overrides(flags),
    ]);
    if (flags.printConfig) process.stdout.write(`${JSON.stringify(config, undefined, 2)}\n`);
    else process.exitCode = await nightly(config, flags);
  });
}

function overrides(flags: NightlyFlags): Override[] {
  const given: Override[] = [];
  const add = (
    flag: string,
    path: string[],
    text: string | undefined,
    kind: Parameters<typeof fromText>[1],
  ) => {
    if (text !== undefined) given.push({ path, value: fromText(text, kind), from: flag });
  };
  add('--archive', ['archive'], flags.archive, 'path');
  add('--db', ['db'], flags.db, 'path');
  add('--cache', ['cache'], flags.cache, 'path');
  add('--cache-size', ['cacheSize'], flags.cacheSize, 'size');
  add('--reports', ['reports'], flags.reports, 'path');
  add('--metrics', ['metrics'], flags.metrics, 'path');
  add('--jobs', ['jobs'], flags.jobs, 'number');
  add('--downloads', ['downloads'], flags.downloads, 'number');
  add('--threads', ['threads'], flags.threads, 'number');
  add('--limit-bytes', ['limits', 'bytes'], flags.limitBytes, 'size');
  add('--limit-kernels', ['limits', 'kernels'], flags.limitKernels, 'number');
  add('--limit-minutes', ['limits', 'minutes'], flags.limitMinutes, 'number');
  if (!flags.publish) given.push({ path: ['publish'], value: false, from: '--no-publish' });
  return given;
}

async function nightly(config: NightConfig, flags: NightlyFlags): Promise<number> {
  const places = checkPlaces(config);
  checkOtherPlaces(places, {
    reports: config.reports,
    metrics: config.metrics,
    configuration: resolve(flags.config),
    ...(config.backups ? { backups: config.backups.folder } : {}),
    ...(config.publish ? { 'publish.key': config.publish.key } : {}),
  });
  checkRecordFile(places.dbFile, false);
  const key = await signingKey(config.publish, places.archiveDir);
  const options = nightOptions(config, flags, places, key);
  const reporter = createReporter(flags);
  const stop = listenForStop(() => {
    reporter.say('stopping: what is done is kept, the next run goes on from here');
  });
  let locks: Lock[] = [];
  try {
    locks = await takeLocks(places);
    const setup = {
      openRecord: () => openForNight(places.dbFile, options),
      options: options.run,
      proxies: config.proxies,
      reporter,
      stop,
    };
    return await withRun(setup, (deps) => runNightly(options, deps));
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    throw new BtfmillError(error.code, error.message, { cause: error, exitCode: exitOfBroken(error) });
  } finally {
    reporter.close();
    stop.release();
    for (const lock of locks) await lock.release();
  }
}

function openForNight(dbFile: string, { backups }: NightOptions): BtfRecord {
  try {
    return openRecord(dbFile);
  } catch (thrown) {
    throw explainDamage(thrown, backups?.folder);
  }
}

/** Looked for before anything is fetched. */
async function signingKey(
  publish: NightConfig['publish'],
  archiveDir: string,
): Promise<SigningKey | undefined> {
  if (publish === false || publish.unsigned) return undefined;
  const key = await findSigningKey(publish.key, process.env, archiveDir);
  if (key !== undefined) return key;
  throw new BtfmillError(
    'usage',
    `publish: no key to sign with: name one with publish.key, ${KEY_VARIABLE} or systemd's credential ${CREDENTIAL}, or set publish.unsigned`,
  );
}

function nightOptions(
  config: NightConfig,
  flags: NightlyFlags,
  { archiveDir, cacheDir }: Places,
  key: SigningKey | undefined,
): NightOptions {
  const distros = chooseDistros(config.distros, flags.distro);
  const run: RunOptions = {
    ...configuredRequest(distros),
    limits: configuredLimits(distros),
    ...(flags.shard === undefined ? {} : { shard: flags.shard }),
    dryRun: false,
    jobs: config.jobs,
    downloads: config.downloads,
    ...(config.cacheSize === undefined ? {} : { cacheLimitBytes: config.cacheSize }),
    budget: runBudget(config.limits),
    archiveDir,
    cacheDir,
    source: config.source,
    crossCheck: config.crossCheck,
    profile: config.profile,
    threads: config.threads,
    keepPackages: false,
    retryFailed: flags.retryFailed ?? false,
  };
  const { publish, metrics, backups } = config;
  return {
    run,
    reportsDir: config.reports,
    distros: Object.keys(config.distros),
    ...(metrics === undefined ? {} : { metricsFile: metrics }),
    ...(backups === false ? {} : { backups }),
    ...(publish === false
      ? {}
      : { publish: { ...(key === undefined ? {} : { key }), validForMs: publish.validDays * DAY_MS } }),
  };
}

function createReporter(flags: NightlyFlags): RunReporter {
  const isJson = flags.log === 'json' || (flags.log === 'auto' && !process.stderr.isTTY);
  const reporter = createRunReporter({
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    json: flags.json ?? false,
    quiet: flags.quiet ?? false,
    color: flags.color,
    dryRun: false,
    ...(isJson ? { log: createJsonLog(process.stderr.fd, flags.quiet ? 'warn' : flags.logLevel) } : {}),
  });
  return reporter;
}
