/**
 * What a site looks like when its nights are over, without what differs from night to night: times, ids, how often
 * something was tried, and in how many serials the kernels came. Two sites that have seen the same mirror must look the
 * same, whatever happened on the way.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { openSqlite } from '../../db/sqlite.ts';
import { parsePublicKey, verifyMinisign } from '../../pipeline/publish/minisign.ts';
import { filesBelow } from '../e2e/site.ts';
import type { NightSite } from './night.ts';

/** What is there by where it is: `archive/…` files, `record/<table>/<row>`, `cache/…` names. */
export type EndState = ReadonlyMap<string, string>;

/** Throws when the record is damaged, or the archive's signature is not good. */
export async function endState(site: NightSite): Promise<EndState> {
  await checkSignature(site);
  const state = new Map<string, string>();
  for (const [path, text] of await archiveFiles(site.archive)) state.set(`archive/${path}`, text);
  for (const [key, value] of recordRows(site.db)) state.set(`record/${key}`, value);
  for (const file of await filesBelow(site.cache)) {
    const path = relative(site.cache, file);
    if (!path.startsWith(INDEXES)) state.set(`cache/${path}`, 'there');
  }
  return state;
}

/**
 * Copies of indexes: one that a killed night has written and not yet noted in the record serves all the same, by its
 * digest, and an old one is left to `gc`.
 */
const INDEXES = 'indexes/';

/** The files under kernels' names, as {@link endState} has them. */
export async function kernelFiles(archive: string): Promise<EndState> {
  const found = new Map<string, string>();
  for (const file of await filesBelow(archive)) {
    const path = relative(archive, file);
    if (/(?:^|\/)[^./][^/]*\.btf\.tar\.xz$/u.test(path)) {
      found.set(`archive/${path}`, describe(path, file, await readFile(file)));
    }
  }
  return found;
}

/** Kernels as they are, to the byte; of the files that describe them, what does not depend on the time. */
async function archiveFiles(archive: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const changes: string[] = [];
  const { serial } = JSON.parse(await readFile(join(archive, 'timestamp.json'), 'utf8')) as {
    serial: number;
  };
  for (const file of await filesBelow(archive)) {
    const path = relative(archive, file);
    const bytes = await readFile(file);
    if (path.startsWith('changes/')) changes.push(...lines(bytes));
    else if (path === `manifest-${serial}.json`)
      found.set('manifest', withoutTimes(JSON.parse(bytes.toString())));
    else if (!isOlderManifest(path, serial)) found.set(path, describe(path, file, bytes));
  }
  found.set('changes', changes.toSorted().join('\n'));
  return found;
}

function isOlderManifest(path: string, serial: number): boolean {
  return Number(/^manifest-(\d+)\.json$/u.exec(path)?.[1] ?? serial) < serial;
}

/** Where two states differ, a line each; empty when they are the same. */
export function differences(found: EndState, wanted: EndState): string[] {
  const lines: string[] = [];
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    const [is, should] = [found.get(key), wanted.get(key)];
    if (is === should) continue;
    if (is === undefined) lines.push(`${key} is missing`);
    else if (should === undefined) lines.push(`${key} should not be there: ${is.slice(0, 300)}`);
    else lines.push(`${key} is ${is.slice(0, 600)} and not ${should.slice(0, 600)}`);
  }
  return lines;
}

function describe(path: string, file: string, bytes: Buffer): string {
  if (path.endsWith('.jsonl')) {
    return lines(bytes)
      .map((line) => withoutTimes(JSON.parse(line)))
      .toSorted()
      .join('\n');
  }
  if (path === 'archive.sqlite') {
    return tableRows(file, 'kernels')
      .map((row) => withoutTimes(row))
      .join('\n');
  }
  if (path === 'config.json' || path === 'timestamp.json') return withoutTimes(JSON.parse(bytes.toString()));
  if (path.endsWith('.minisig')) return 'a good signature';
  return `${bytes.length} bytes, SHA-256 ${createHash('sha256').update(bytes).digest('hex')}`;
}

function lines(bytes: Buffer): string[] {
  return bytes.toString().split('\n').slice(0, -1);
}

/**
 * JSON without times and serials, and without digests and sizes of files that hold them: entries of the manifest for
 * indexes, changes and the copy of the record, and what the timestamp says of the manifest.
 */
function withoutTimes(value: unknown): string {
  return JSON.stringify(value, function replace(this: unknown, key: string, child: unknown) {
    if (TIMES.has(key)) return undefined;
    const { path } = this as { path?: string };
    const holdsTimes =
      typeof path === 'string' && /^(?:index|changes)\/|^manifest-|^archive\.sqlite$/u.test(path);
    if (!holdsTimes) return child;
    if (key === 'path') return path.replace(/\d+(?=\.(?:json|txt)$)/u, 'N');
    return key === 'size' || key === 'sha256' ? undefined : child;
  });
}

const TIMES = new Set(['at', 'serial', 'generated', 'expires', 'published_at', 'changed_at']);

async function checkSignature({ archive, key }: NightSite): Promise<void> {
  const publicKey = parsePublicKey(await readFile(`${key}.pub`, 'utf8'), key);
  const signature = await readFile(join(archive, 'timestamp.json.minisig'), 'utf8');
  verifyMinisign(await readFile(join(archive, 'timestamp.json')), signature, publicKey, archive);
}

type Row = Record<string, string | number | null>;

function* recordRows(file: string): Generator<[string, string]> {
  const database = openSqlite(file, { readonly: true });
  try {
    const problems = [
      ...database.prepare<[], Row>('PRAGMA integrity_check').all(),
      ...database.prepare<[], Row>('PRAGMA foreign_key_check').all(),
    ].map((row) => JSON.stringify(row));
    if (problems.join() !== '{"integrity_check":"ok"}') throw new Error(`${file}: ${problems.join(', ')}`);
    const digests = new Map(
      database
        .prepare<[], { id: number; digest: string }>('SELECT id, digest FROM packages')
        .all()
        .map(({ id, digest }) => [id, digest]),
    );
    for (const row of database.prepare<[], Row>('SELECT * FROM kernels').all()) {
      const facts = { ...without(row, PASSING), package: digests.get(row.package_id as number) };
      yield [`kernels/${row.distro}/${row.release}/${row.arch}/${row.kernel}`, JSON.stringify(facts)];
    }
    for (const row of database.prepare<[], Row>('SELECT * FROM packages').all()) {
      yield [`packages/${row.digest}`, JSON.stringify(without(row, PASSING))];
    }
    const underWay = database
      .prepare<[], Row>('SELECT count(*) AS n FROM attempts WHERE finished_at IS NULL')
      .get();
    yield ['attempts under way', String(underWay?.n)];
    const lastRun = database.prepare<[], Row>('SELECT exit_code FROM runs ORDER BY id DESC LIMIT 1').get();
    yield ['exit code of the last run', String(lastRun?.exit_code)];
  } finally {
    database.close();
  }
}

/** Columns that say when, or in which order. */
const PASSING = ['id', 'package_id', 'changed_at', 'published_at', 'first_seen', 'last_seen'];

function without(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !columns.includes(name)));
}

function tableRows(file: string, table: string): Row[] {
  const database = openSqlite(file, { readonly: true });
  try {
    return database.prepare<[], Row>(`SELECT * FROM ${table}`).all();
  } finally {
    database.close();
  }
}
