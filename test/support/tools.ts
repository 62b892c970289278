/** What a test needs from the machine: a missing program skips the test with a reason, but fails it in CI. */

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const said = new Set<string>();

/**
 * For `describe.skipIf(needsTool('xz', 'gpg'))`: `false` when all programs are in PATH, else the reason for skipping
 * (also printed once to stderr). Throws instead when `CI` is set: there, nothing is silently left out.
 */
export function needsTool(...names: readonly string[]): string | false {
  const missing = names.filter((name) => findTool(name) === undefined);
  return needs(missing.length === 0, `not installed: ${missing.join(', ')}`);
}

/** The same for any other condition of the machine, e.g. a version or the right to mount. */
export function needs(isMet: boolean, reason: string): string | false {
  if (isMet) return false;
  if (inCi()) throw new Error(`a test cannot run in CI: ${reason}`);
  if (!said.has(reason)) {
    said.add(reason);
    process.stderr.write(`skipping tests: ${reason}\n`);
  }
  return reason;
}

/** Absolute path of a program in PATH. */
export function findTool(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (folder !== '' && isExecutable(path)) return path;
  }
  return undefined;
}

function inCi(): boolean {
  const { CI } = process.env;
  return CI !== undefined && CI !== '' && CI !== '0' && CI !== 'false';
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
