/** One night of a small site: what is new on the local mirror goes into the archive, which is then published. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expectExit, jsonLines, runBtfmill, spawnBtfmill } from '../support/run-btfmill.ts';

export interface NightSite {
  readonly folder: string;
  readonly archive: string;
  readonly db: string;
  readonly cache: string;
  /** Minisign's; the public one lies beside it in `<key>.pub`. */
  readonly key: string;
  readonly options: NightSiteOptions;
}

export interface NightSiteOptions {
  /** Base URL with `dists/` and `pool/`. */
  readonly mirror: string;
  readonly keyring: string;
  /** Shared by all sites, so that their archives can be compared. */
  readonly key: string;
  /** Flags of the crawl besides. */
  readonly flags?: readonly string[];
}

export type NightEvent = Readonly<Record<string, unknown>>;

export interface NightOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Told of each event as it comes; may kill the night. */
  readonly onEvent?: (event: NightEvent, kill: (signal: NodeJS.Signals) => void) => void;
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
  await mkdir(folder, { recursive: true });
  return {
    folder,
    archive: join(folder, 'archive'),
    db: join(folder, 'record', 'btfmill.sqlite'),
    cache: join(folder, 'cache'),
    key: options.key,
    options,
  };
}

/** Crawls, then publishes; a crawl that a signal ended, or that went wrong as a whole, is not published. */
export async function runNight(site: NightSite, options: NightOptions = {}): Promise<NightEnd> {
  const crawled = await run(site, crawlArgs(site), options);
  const goesOn = crawled.exitCode === 0 || PUBLISHED_NEVERTHELESS.has(crawled.exitCode);
  if (!goesOn) return crawled;
  const published = await run(
    site,
    ['publish', '--archive', site.archive, '--db', site.db, '--key', site.key, '--json'],
    options,
  );
  return {
    exitCode: published.exitCode === 0 ? crawled.exitCode : published.exitCode,
    signal: published.signal,
    stderr: `${crawled.stderr}\n${published.stderr}`,
    events: [...crawled.events, ...published.events],
  };
}

/** Kernels that failed, and indexes that could not be read or believed, keep nobody from publishing the others. */
const PUBLISHED_NEVERTHELESS: ReadonlySet<number | undefined> = new Set([3, 4, 5]);

function crawlArgs({ archive, db, cache, options }: NightSite): string[] {
  const { mirror, keyring, flags = [] } = options;
  return [
    ...['crawl', '--distro', 'debian', '--release', '12', '--arch', 'x86_64', '--mirror', mirror],
    ...['--keyring', keyring, '--archive', archive, '--db', db, '--cache', cache, '--json', ...flags],
  ];
}

async function run(
  site: NightSite,
  args: readonly string[],
  { env, onEvent, timeoutMs = 120_000 }: NightOptions,
): Promise<NightEnd> {
  const { exitCode, signal, stdout, stderr } = await spawnBtfmill(args, {
    cwd: site.folder,
    timeoutMs,
    ...(env === undefined ? {} : { env }),
    ...(onEvent === undefined
      ? {}
      : { onLine: (line, { kill }) => onEvent(JSON.parse(line) as NightEvent, kill) }),
  }).finished;
  // The last line of a command that was killed may be half a line.
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1) || (signal === undefined ? stdout : '');
  return { exitCode, signal, stderr, events: jsonLines(signal === undefined ? stdout : whole) };
}
