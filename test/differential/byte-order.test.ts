/** One source compiled for both byte orders of one ABI (MIPS): the same classes, whatever the order of the bytes. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareDeep, decodeBtf } from '../../btf/index.ts';
import { convertBytes } from '../support/conversion.ts';
import { buildProgram, type ProgramName, type Toolchain } from '../support/programs.ts';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const clangFor = (target: string): Toolchain => ({
  name: target,
  compile: ['clang', `--target=${target}`],
  // The compiler's driver would look for a MIPS gcc to link with; these programs need no library.
  link: ['clang', `--target=${target}`, '-fuse-ld=lld', '-Wno-unused-command-line-argument'],
  objcopy: 'objcopy',
});

/** `kernel` holds x86 assembly. */
const PROGRAMS: readonly ProgramName[] = ['names', 'shapes'];

describe.skipIf(needsTool('clang', 'ld.lld'))('little and big endian', () => {
  for (const version of [2, 3, 4, 5]) {
    it.each(PROGRAMS)(`give the same types, DWARF ${version}: %s`, async (program) => {
      const folder = await tempDirForTest('byte-order');
      const convert = async (target: string): Promise<Uint8Array> => {
        const output = join(folder, target);
        const flags = [`-gdwarf-${version}`, '-O2'];
        await buildProgram({ program, toolchain: clangFor(target), flags, output });
        // Of all profiles only this one has complex floating point types.
        return convertBytes(await readFile(output), 'pahole-1.24');
      };
      const little = await convert('mipsel-linux-gnu');
      const big = await convert('mips-linux-gnu');
      expect([little[0], big[0]]).toEqual([0x9f, 0xeb]);
      const { equalTypes, equalFunctions, equalVariables } = compareDeep(decodeBtf(little), decodeBtf(big));
      expect({ equalTypes, equalFunctions, equalVariables }).toEqual({
        equalTypes: true,
        equalFunctions: true,
        equalVariables: true,
      });
    });
  }
});
