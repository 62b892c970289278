/** One place to crawl into: a working directory with archive, record and cache, and the command that fills it. */

import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { openSqlite } from '../../db/sqlite.ts';
import { extract } from 'tar-stream';
import { programBytes } from '../support/program-bytes.ts';
import { type CommandOptions, type CommandResult, jsonLines, runBtfmill } from '../support/run-btfmill.ts';

export interface SiteOptions {
  readonly folder: string;
  /** Base URL with `dists/` and `pool/`. */
  readonly mirror: string;
  readonly keyring: string;
}

export interface Site {
  readonly folder: string;
  readonly archive: string;
  readonly db: string;
  readonly cache: string;
  /** Arguments of a crawl of Debian 12, amd64; `extra` comes last. */
  args(...extra: readonly string[]): string[];
  crawl(extra?: readonly string[], options?: Partial<CommandOptions>): Promise<Crawl>;
  command(args: readonly string[], options?: Partial<CommandOptions>): Promise<CommandResult>;
}

/** A finished crawl with its `--json` events taken apart. */
export interface Crawl extends CommandResult {
  readonly events: readonly Event[];
  /** `kernel.done` by kernel. */
  readonly done: ReadonlyMap<string, KernelDone>;
}

export type Event = Readonly<Record<string, unknown>>;

export interface KernelDone {
  readonly kernel: string;
  readonly outcome: string;
  readonly code?: string;
  readonly message?: string;
  readonly fetchedBytes?: number;
  readonly source?: string;
}

export function openSite({ folder, mirror, keyring }: SiteOptions): Site {
  const archive = join(folder, 'archive');
  const db = join(folder, 'record.sqlite');
  const cache = join(folder, 'cache');
  const args = (...extra: readonly string[]): string[] => {
    const plane = extra.includes('--release') ? [] : ['--release', '12'];
    const arch = extra.includes('--arch') ? [] : ['--arch', 'x86_64'];
    const places = [
      '--mirror',
      mirror,
      '--keyring',
      keyring,
      '--archive',
      archive,
      '--db',
      db,
      '--cache',
      cache,
    ];
    return ['crawl', '--distro', 'debian', ...plane, ...arch, ...places, ...extra];
  };
  const command: Site['command'] = (words, options) => runBtfmill(words, { cwd: folder, ...options });
  return {
    folder,
    archive,
    db,
    cache,
    args,
    command,
    async crawl(extra = [], options = {}) {
      const result = await command(args(...extra, '--json'), options);
      return readCrawl(result);
    },
  };
}

export function readCrawl(result: CommandResult): Crawl {
  const events = jsonLines(result.stdout);
  const done = new Map<string, KernelDone>();
  for (const event of events) {
    if (event.event !== 'kernel.done') continue;
    const one = (event.done ?? event) as KernelDone;
    done.set(one.kernel, one);
  }
  return { ...result, events, done };
}

/** Every file below a folder by relative path, with the digest of its content; empty when the folder is not there. */
export async function treeOf(folder: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const path of await filesBelow(folder)) {
    tree[relative(folder, path)] = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  }
  return tree;
}

/** Paths of all regular files below a folder, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const paths: string[] = [];
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) paths.push(path);
  }
  return paths;
}

export interface ArchiveMember {
  readonly name: string;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly uname: string | undefined;
  readonly mtime: Date | undefined;
  readonly data: Buffer;
}

/** Members of a published file, through the system's xz. */
export async function archiveMembers(file: string): Promise<ArchiveMember[]> {
  const members: ArchiveMember[] = [];
  const parser = extract();
  parser.end(await programBytes('xz', ['-dc', file]));
  for await (const entry of parser) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    const { name, mode, uid, gid, uname, mtime } = entry.header;
    members.push({ name, mode, uid, gid, uname, mtime, data: Buffer.concat(chunks) });
  }
  return members;
}

export type Row = Readonly<Record<string, string | number | null>>;

/** Rows of a query on the record. */
export function query(file: string, sql: string): Row[] {
  const database = openSqlite(file, { readonly: true });
  try {
    return database.prepare<[], Row>(sql).all();
  } finally {
    database.close();
  }
}

/** Kernels of the record as `kernel → state` or `kernel → failed(code)`. */
export function statesOf(file: string): Record<string, string> {
  return Object.fromEntries(
    query(file, 'SELECT kernel, state, code FROM kernels ORDER BY kernel').map(({ kernel, state, code }) => [
      kernel,
      code === null ? state : `${state}(${code})`,
    ]),
  ) as Record<string, string>;
}
