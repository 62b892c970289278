/** Compiles a few lines of C into one executable with DWARF: all types of the source, used or not. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

/** Programs that {@link compileUnits} needs. */
export const COMPILE_TOOLS = ['gcc'] as const;

/** @param sources one unit each, in this order; @returns the executable's path in `folder` */
export async function compileUnits(
  folder: string,
  sources: readonly string[],
  flags: readonly string[] = ['-gdwarf-5', '-O1'],
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const objects = await Promise.all(
    sources.map(async (text, i) => {
      const source = join(folder, `unit${i}.c`);
      await writeFile(source, text);
      const object = join(folder, `unit${i}.o`);
      const all = [...flags, '-w', '-ffreestanding', '-fno-eliminate-unused-debug-types', '-c'];
      await execa('gcc', [...all, source, '-o', object]);
      return object;
    }),
  );
  const program = join(folder, 'program');
  await execa('gcc', ['-nostdlib', '-static', '-no-pie', '-Wl,-e,0', '-o', program, ...objects]);
  return program;
}
