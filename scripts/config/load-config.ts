/** The configuration of a nightly run: file, environment and flags, checked and completed. */

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { DEFAULT_PROFILE, type ProfileName } from '../../dwarf/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import { defaultCacheDir } from '../cli/flags.ts';
import { parseByteSize } from './byte-size.ts';
import { findDuplicateKey } from './duplicate-key.ts';
import { describeIssues } from './issues.ts';
import { configJsonSchema, configSchema, type DistroConfig, type ParsedConfig } from './schema.ts';

export const DEFAULT_CONFIG = 'btfmill.config.json';

/** Everything decided: paths are absolute, sizes are bytes. Printed, it is a configuration file again. */
export interface NightConfig {
  readonly archive: string;
  readonly db: string;
  readonly cache: string;
  readonly cacheSize?: number;
  readonly reports: string;
  readonly metrics?: string;
  readonly backups: ParsedConfig['backups'];
  readonly distros: Readonly<Record<string, DistroConfig>>;
  readonly limits: { readonly bytes?: number; readonly kernels?: number; readonly minutes?: number };
  readonly jobs: number;
  readonly downloads: number;
  readonly threads: number;
  readonly profile: ProfileName;
  readonly source: ParsedConfig['source'];
  readonly crossCheck: ParsedConfig['crossCheck'];
  readonly proxies: ParsedConfig['proxies'];
  readonly publish: ParsedConfig['publish'];
}

/** A value that stands above the file's. */
export interface Override {
  /** Keys from the top, e.g. `['limits', 'bytes']`. */
  readonly path: readonly string[];
  readonly value: unknown;
  /** Who says so: `--jobs`, `BTFMILL_JOBS`. */
  readonly from: string;
}

/** What the environment may say. Paths are those of the working directory. */
const VARIABLES: readonly {
  readonly name: string;
  readonly path: readonly string[];
  readonly kind: 'path' | 'number' | 'size';
}[] = [
  { name: 'BTFMILL_ARCHIVE', path: ['archive'], kind: 'path' },
  { name: 'BTFMILL_DB', path: ['db'], kind: 'path' },
  { name: 'BTFMILL_CACHE', path: ['cache'], kind: 'path' },
  { name: 'BTFMILL_CACHE_SIZE', path: ['cacheSize'], kind: 'size' },
  { name: 'BTFMILL_REPORTS', path: ['reports'], kind: 'path' },
  { name: 'BTFMILL_METRICS', path: ['metrics'], kind: 'path' },
  { name: 'BTFMILL_JOBS', path: ['jobs'], kind: 'number' },
  { name: 'BTFMILL_DOWNLOADS', path: ['downloads'], kind: 'number' },
  { name: 'BTFMILL_THREADS', path: ['threads'], kind: 'number' },
  { name: 'BTFMILL_LIMIT_BYTES', path: ['limits', 'bytes'], kind: 'size' },
  { name: 'BTFMILL_LIMIT_KERNELS', path: ['limits', 'kernels'], kind: 'number' },
  { name: 'BTFMILL_LIMIT_MINUTES', path: ['limits', 'minutes'], kind: 'number' },
];

/** Names of the variables, for the documentation and its test. */
export const CONFIG_VARIABLES: readonly string[] = VARIABLES.map(({ name }) => name);

export function environmentOverrides(env: NodeJS.ProcessEnv): Override[] {
  return VARIABLES.flatMap(({ name, path, kind }) => {
    const text = env[name];
    if (text === undefined || text === '') return [];
    return [{ path, value: fromText(text, kind), from: name }];
  });
}

/** The value that a flag's or variable's text stands for; what it is not is left for the schema to refuse. */
export function fromText(text: string, kind: 'path' | 'number' | 'size'): unknown {
  if (kind === 'path') return resolve(text);
  if (kind === 'size') return parseByteSize(text) ?? text;
  return /^\d+(?:\.\d+)?$/u.test(text) ? Number(text) : text;
}

/**
 * Reads and checks a configuration file; what stands later in `overrides` wins.
 * Throws `usage`, naming every place that is wrong.
 */
export async function loadConfig(file: string, overrides: readonly Override[]): Promise<NightConfig> {
  const value = parseJson(file, await readText(file));
  return readConfig(value, file, overrides);
}

/** {@link loadConfig} for a value that is there already; relative paths begin at the folder of `file`. */
export function readConfig(value: unknown, file: string, overrides: readonly Override[]): NightConfig {
  const sources = new Map<string, string>();
  const merged = isObject(value) ? structuredClone(value) : value;
  for (const { path, value: other, from } of overrides) {
    if (isObject(merged) && put(merged, path, other)) sources.set(path.join('.'), from);
  }
  const result = configSchema.safeParse(merged, { reportInput: true });
  if (!result.success) throw refusal(result.error.issues, file, sources);
  return complete(result.data, dirname(resolve(file)), file);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = isMissing ? 'no such configuration file (--config names one)' : 'cannot be read';
    throw new BtfmillError('usage', `${file}: ${what}`, { cause });
  }
}

function parseJson(file: string, text: string): unknown {
  const json = text.replace(/^\uFEFF/u, '');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    const position = /at position (\d+)/u.exec(message)?.[1];
    const at = position === undefined ? json.length : Number(position);
    throw new BtfmillError('usage', `${place(file, json, at)}: is no JSON: ${message}`, { cause });
  }
  const twice = findDuplicateKey(json);
  if (twice === undefined) return value;
  throw new BtfmillError(
    'usage',
    `${place(file, json, twice.at)}: the key ${JSON.stringify(twice.key)} is there already`,
  );
}

/** `btfmill.config.json:3:14` */
function place(file: string, text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  return `${file}:${line}:${before.length - before.lastIndexOf('\n')}`;
}

/** False when something on the way is no object: the schema will say so. */
function put(target: Record<string, unknown>, path: readonly string[], value: unknown): boolean {
  const [key, ...rest] = path;
  if (rest.length === 0) {
    target[key] = value;
    return true;
  }
  target[key] ??= {};
  const inner = target[key];
  return isObject(inner) && put(inner, rest, value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refusal(
  issues: readonly z.core.$ZodIssue[],
  file: string,
  sources: ReadonlyMap<string, string>,
): BtfmillError {
  const lines = describeIssues(issues, configJsonSchema(), (path) => {
    const name = pathText(path);
    return sources.get(path.join('.')) ?? (name === '' ? file : `${file}: ${name}`);
  });
  return new BtfmillError('usage', lines.join('; '));
}

/** `distros.debian.releases[0]` */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./u, '');
}

function complete(parsed: ParsedConfig, folder: string, file: string): NightConfig {
  const { $schema: _, cacheSize, metrics, limits, backups, publish, distros, ...rest } = parsed;
  if (publish !== false && publish.unsigned && publish.key !== undefined) {
    throw new BtfmillError('usage', `${file}: publish: has a key and is to be unsigned; which?`);
  }
  const at = (path: string): string => resolve(folder, path);
  return {
    ...rest,
    archive: at(rest.archive),
    db: at(rest.db),
    cache: rest.cache === undefined ? defaultCacheDir() : at(rest.cache),
    ...bytes('cacheSize', cacheSize),
    reports: at(rest.reports),
    ...(metrics === undefined ? {} : { metrics: at(metrics) }),
    backups: backups === false ? false : { ...backups, folder: at(backups.folder) },
    distros: Object.fromEntries(
      Object.entries(distros).flatMap(([name, distro]) =>
        distro === undefined ? [] : [[name, { ...distro, keyrings: distro.keyrings.map(at) }]],
      ),
    ),
    limits: {
      ...bytes('bytes', limits.bytes),
      ...(limits.kernels === undefined ? {} : { kernels: limits.kernels }),
      ...(limits.minutes === undefined ? {} : { minutes: limits.minutes }),
    },
    threads: rest.threads ?? availableParallelism(),
    profile: rest.profile ?? DEFAULT_PROFILE,
    publish: publish === false || publish.key === undefined ? publish : { ...publish, key: at(publish.key) },
  };
}

function bytes<Name extends string>(
  name: Name,
  size: string | number | undefined,
): { readonly [key in Name]?: number } {
  const value = size === undefined ? undefined : parseByteSize(size);
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: number };
}
