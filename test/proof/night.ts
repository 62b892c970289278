/** One night of a small site: `nightly` over the local mirror, publishing and all its traces included. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expectExit, jsonLines, runBtfmill, spawnBtfmill } from '../support/run-btfmill.ts';

export interface NightSite {
  readonly folder: string;
  readonly archive: string;
  readonly db: string;
  readonly cache: string;
  /** Of the nights' reports: `run-<id>.md` and `.json`. */
  readonly reports: string;
  readonly config: string;
  /** Minisign's; the public one lies beside it in `<key>.pub`. */
  readonly key: string;
}

export interface NightSiteOptions {
  /** Base URL with `dists/` and `pool/`. */
  readonly mirror: string;
  readonly keyring: string;
  /** Shared by all sites, so that their archives can be compared. */
  readonly key: string;
  /** Comparing with pahole takes as long as all the rest; default never. */
  readonly crossCheck?: 'auto' | 'never';
  /** Default 2. */
  readonly jobs?: number;
}

/** A line of `--json`. */
export interface NightEvent extends Readonly<Record<string, unknown>> {
  readonly event: string;
  readonly step?: string;
  /** Of a kernel that failed. */
  readonly code?: string;
}

export interface NightOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each event as it comes; may kill the night. */
  readonly onEvent?: (event: NightEvent, kill: (signal: NodeJS.Signals) => void) => void;
  /** Told of the command's process id. */
  readonly onStart?: (pid: number) => void;
  readonly timeoutMs?: number;
}

export interface NightEnd {
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stderr: string;
  readonly events: readonly NightEvent[];
}

/** A key for {@link NightSiteOptions}, made by the command itself. */
export async function makeNightKey(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const key = join(folder, 'night.key');
  expectExit(await runBtfmill(['keygen', key], { cwd: folder }), 0);
  return key;
}

export async function openNightSite(folder: string, options: NightSiteOptions): Promise<NightSite> {
  const site: NightSite = {
    folder,
    archive: join(folder, 'archive'),
    db: join(folder, 'record', 'btfmill.sqlite'),
    cache: join(folder, 'cache'),
    reports: join(folder, 'reports'),
    config: join(folder, 'btfmill.config.json'),
    key: options.key,
  };
  await mkdir(folder, { recursive: true });
  await writeFile(site.config, JSON.stringify(configFile(options)));
  return site;
}

/** Paths are relative to the file, so that a copy of the folder is a site of its own. */
function configFile({ mirror, keyring, key, crossCheck = 'never', jobs = 2 }: NightSiteOptions): object {
  return {
    archive: 'archive',
    db: 'record/btfmill.sqlite',
    cache: 'cache',
    reports: 'reports',
    metrics: 'btfmill.prom',
    backups: { folder: 'backups', keep: 3 },
    publish: { key },
    jobs,
    crossCheck,
    distros: { debian: { releases: ['12'], archs: ['amd64'], mirror, keyrings: [keyring] } },
  };
}

export async function runNight(
  site: NightSite,
  { env, onEvent, onStart, timeoutMs = 120_000 }: NightOptions = {},
): Promise<NightEnd> {
  const running = spawnBtfmill(['nightly', '--config', site.config, '--json', '--log', 'text'], {
    cwd: site.folder,
    timeoutMs,
    ...(env === undefined ? {} : { env }),
    ...(onEvent === undefined
      ? {}
      : { onLine: (line, { kill }) => onEvent(JSON.parse(line) as NightEvent, kill) }),
  });
  onStart?.(running.pid);
  const { exitCode, signal, stdout, stderr } = await running.finished;
  // The last line of a command that was killed may be half a line.
  const lines = signal === undefined ? stdout : stdout.slice(0, stdout.lastIndexOf('\n') + 1);
  return { exitCode, signal, stderr, events: jsonLines(lines) as unknown as NightEvent[] };
}
