/** What is measured is what the package ships: dist/, built anew when a source is newer. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { BtfmillError } from '../../errors/index.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND = join(ROOT, 'dist/scripts/btfmill.js');
const SOURCES = ['elf', 'dwarf', 'btf', 'errors', 'crawlers', 'pipeline', 'db', 'scripts'];

/** Path of the built command. */
export async function builtCommand(say: (message: string) => void): Promise<string> {
  const built = await stat(COMMAND).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if ((await newestSource()) < built) return COMMAND;
  say('building dist/');
  const { failed, all } = await execa(process.execPath, ['--import', 'tsx', 'scripts/build.ts'], {
    cwd: ROOT,
    reject: false,
    all: true,
  });
  if (failed) throw new BtfmillError('tool-failed', `the build failed: ${all}`);
  return COMMAND;
}

async function newestSource(): Promise<number> {
  let newest = 0;
  for (const folder of SOURCES) {
    for (const name of await readdir(join(ROOT, folder), { recursive: true })) {
      newest = Math.max(newest, (await stat(join(ROOT, folder, name))).mtimeMs);
    }
  }
  return newest;
}
