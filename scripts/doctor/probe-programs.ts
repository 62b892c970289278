/** Runs programs for their version: the tools on the search path, and Node with SQLite in it. */

import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { execa } from 'execa';
import type { NodeFinding, SqliteFinding, ToolFinding } from './report.ts';
import { parseToolVersion, type ToolInfo } from './tools.ts';
import { satisfiesRange } from './version-range.ts';

const PROBE_TIMEOUT_MS = 10_000;

/** Finds a program on `searchPath` and asks it for its version; a program that hangs or crashes has none. */
export async function probeTool(tool: ToolInfo, searchPath: string): Promise<ToolFinding> {
  const { versionArguments, ...finding } = tool;
  const found = await findProgram(tool.command, searchPath);
  if (found === undefined) return finding;
  // bzip2 prints its version and then compresses standard input, hence no input.
  const { all } = await execa(found, versionArguments, {
    all: true,
    stdin: 'ignore',
    reject: false,
    timeout: PROBE_TIMEOUT_MS,
    stripFinalNewline: true,
  });
  const version = parseToolVersion(all);
  return { ...finding, path: found, ...(version === undefined ? {} : { version }) };
}

async function findProgram(command: string, searchPath: string): Promise<string | undefined> {
  for (const folder of searchPath.split(path.delimiter)) {
    if (folder === '') continue;
    const candidate = path.join(folder, command);
    try {
      await access(candidate, constants.X_OK);
      if ((await stat(candidate)).isFile()) return candidate;
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return undefined;
}

/** Opens a database in memory, in another process: a binary built for another Node can end the one that loads it. */
export async function probeSqlite(): Promise<SqliteFinding> {
  const script = `
    const Database = require(process.argv[1]);
    process.stdout.write(new Database(':memory:').prepare('SELECT sqlite_version()').pluck().get());`;
  let module;
  try {
    module = createRequire(import.meta.url).resolve('better-sqlite3');
  } catch {
    return { loads: false, problem: 'not installed' };
  }
  const child = await execa(process.execPath, ['-e', script, module], {
    reject: false,
    stdin: 'ignore',
    timeout: PROBE_TIMEOUT_MS,
  });
  if (!child.failed) return { loads: true, version: child.stdout };
  const thrown = /^\w*Error: .*$/m.exec(child.stderr)?.[0];
  return {
    loads: false,
    problem: thrown ?? `the attempt ended with ${child.signal ?? `exit code ${child.exitCode}`}`,
  };
}

/** The Node that runs this, against `engines.node` of package.json. */
export async function probeNode(): Promise<NodeFinding> {
  const required = await readEnginesRange();
  const { node: version, napi = '0' } = process.versions;
  return { version, required, napi, fits: satisfiesRange(version, required) };
}

/** Of the nearest package.json above this file, which is the package's own from source and from dist/ alike. */
async function readEnginesRange(): Promise<string> {
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    try {
      const text = await readFile(path.join(folder, 'package.json'), 'utf8');
      return (JSON.parse(text) as { engines: { node: string } }).engines.node;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === path.dirname(folder)) throw error;
    }
  }
}
