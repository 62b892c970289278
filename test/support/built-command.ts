/**
 * The command compiled once per state of the sources: tests start it some hundred times, and from source every start
 * costs a second of compiling. What runs is what the package ships.
 */

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execaSync } from 'execa';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Inside node_modules, so that imports of packages resolve. */
const CACHE = join(ROOT, 'node_modules/.cache/btfmill-test');
const SOURCES = ['elf', 'dwarf', 'btf', 'errors', 'crawlers', 'pipeline', 'db', 'scripts'];
const ASSETS = 'crawlers/trust/keys';
const HOUR_MS = 3_600_000;

let entry: string | undefined;

/** Path of the compiled `scripts/btfmill.js`. Safe to call from several processes at once. */
export function builtCommand(): string {
  entry ??= build();
  return entry;
}

function build(): string {
  const home = join(CACHE, sourceDigest());
  const command = join(home, 'dist/scripts/btfmill.js');
  if (existsSync(command)) return command;
  removeOld();
  const temporary = `${home}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(temporary, 'package.json'));
  const { failed, all } = execaSync(
    'tsc',
    ['-p', join(ROOT, 'tsconfig.build.json'), '--declaration', 'false', '--outDir', join(temporary, 'dist')],
    { cwd: ROOT, preferLocal: true, reject: false, all: true },
  );
  if (failed) throw new Error(`the command does not compile:\n${all}`);
  cpSync(join(ROOT, ASSETS), join(temporary, 'dist', ASSETS), { recursive: true });
  try {
    renameSync(temporary, home);
  } catch {
    // Another process was first, with the same sources.
    rmSync(temporary, { recursive: true });
  }
  return command;
}

/** Changes whenever a source file does. */
function sourceDigest(): string {
  const hash = createHash('sha256');
  for (const folder of SOURCES) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      const { mtimeMs, size, isFile } = describe(join(ROOT, folder, name));
      if (isFile) hash.update(`${folder}/${name} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}

function describe(path: string): { mtimeMs: number; size: number; isFile: boolean } {
  const stats = statSync(path);
  return { mtimeMs: stats.mtimeMs, size: stats.size, isFile: stats.isFile() };
}

/** Nobody still runs what was compiled an hour ago. */
function removeOld(): void {
  if (!existsSync(CACHE)) return;
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    if (Date.now() - statSync(path).mtimeMs > HOUR_MS) rmSync(path, { recursive: true, force: true });
  }
}
