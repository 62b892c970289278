/**
 * Our converter beside pahole on linked programs: compilers × DWARF versions × architectures. With a pahole of the
 * profile (1.24 to 1.27) the outputs are the same bytes; with another the types are equal.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBtf } from '../../btf/index.ts';
import { convertDwarf } from '../../dwarf/index.ts';
import { memorySource, openElf } from '../../elf/index.ts';
import { convertKernel } from '../../pipeline/convert.ts';
import { expectEqualTypes, expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf, paholeGivesProfile124 } from '../support/pahole.ts';
import {
  type BuildOptions,
  buildProgram,
  PROGRAM_NAMES,
  TOOLCHAINS,
  type Toolchain,
  toolsOf,
} from '../support/programs.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

let folder: string;

beforeAll(async () => {
  folder = await makeTempDir('differential');
});

afterAll(async () => {
  await removeDir(folder);
});

for (const toolchain of Object.values<Toolchain>(TOOLCHAINS)) {
  describe.skipIf(needsTool('pahole', ...toolsOf(toolchain)))(toolchain.name, () => {
    for (const version of [4, 5]) {
      it.each(PROGRAM_NAMES)(`DWARF ${version}: %s`, async (program) => {
        await expectAgreement({ program, toolchain, flags: [`-gdwarf-${version}`, '-O2'] });
      });
    }

    it('in threads', async () => {
      await expectAgreement({ program: 'names', toolchain }, convertInThreads);
    });
  });
}

interface Mode {
  readonly name: string;
  readonly toolchain: Toolchain;
  readonly build: Pick<BuildOptions, 'flags' | 'linkFlags' | 'percpuAtZero' | 'reversed'>;
}

const gcc = TOOLCHAINS['gcc x86_64'];
const clang = TOOLCHAINS['clang x86_64'];

/** What one flag changes in the DWARF of the same source. */
const MODES: readonly Mode[] = [
  { name: 'units in reverse order', toolchain: gcc, build: { reversed: true } },
  { name: 'units in reverse order, clang', toolchain: clang, build: { reversed: true } },
  { name: 'DWARF 2', toolchain: gcc, build: { flags: ['-gdwarf-2', '-gstrict-dwarf', '-O2'] } },
  { name: 'DWARF 3', toolchain: gcc, build: { flags: ['-gdwarf-3', '-O2'] } },
  { name: 'DWARF 3, big endian', toolchain: TOOLCHAINS['gcc s390x'], build: { flags: ['-gdwarf-3', '-O2'] } },
  { name: 'strict DWARF 5', toolchain: gcc, build: { flags: ['-gdwarf-5', '-gstrict-dwarf', '-O2'] } },
  { name: '64-bit DWARF 5', toolchain: gcc, build: { flags: ['-gdwarf-5', '-gdwarf64', '-O2'] } },
  { name: '64-bit DWARF 4', toolchain: gcc, build: { flags: ['-gdwarf-4', '-gdwarf64', '-O2'] } },
  { name: 'gcc unoptimised', toolchain: gcc, build: { flags: ['-gdwarf-5', '-O0'] } },
  { name: 'clang unoptimised', toolchain: clang, build: { flags: ['-gdwarf-5', '-O0'] } },
  { name: 'per-cpu data at 0', toolchain: gcc, build: { flags: ['-gdwarf-5', '-O2'], percpuAtZero: true } },
  {
    name: 'left-over relocations',
    toolchain: gcc,
    build: { flags: ['-gdwarf-5', '-O2'], linkFlags: ['-Wl,--emit-relocs'] },
  },
  {
    name: 'separate code sections',
    toolchain: gcc,
    build: { flags: ['-gdwarf-5', '-O2', '-ffunction-sections', '-fdata-sections'] },
  },
];

describe.skipIf(needsTool('pahole', ...toolsOf(gcc), ...toolsOf(clang), 's390x-linux-gnu-gcc'))(
  'modes',
  () => {
    for (const { name, toolchain, build } of MODES) {
      it.each(PROGRAM_NAMES)(`${name}: %s`, async (program) => {
        await expectAgreement({ program, toolchain, ...build });
      });
    }
  },
);

let built = 0;

function newFile(program: string): string {
  return join(folder, `${program}-${built++}`);
}

async function convert(file: string): Promise<Uint8Array> {
  return convertDwarf(openElf(memorySource(await readFile(file))), 'pahole-1.24').bytes;
}

/** The way the pipeline takes: sections shared by two threads. */
async function convertInThreads(file: string): Promise<Uint8Array> {
  const { fromDwarf } = await convertKernel(file, {
    source: 'dwarf',
    profile: 'pahole-1.24',
    threads: 2,
    signal: AbortSignal.timeout(60_000),
  });
  if (fromDwarf === undefined) throw new Error('nothing was converted');
  return fromDwarf;
}

async function expectAgreement(
  options: Omit<BuildOptions, 'output'>,
  convertFile: typeof convert = convert,
): Promise<void> {
  const file = await buildProgram({ ...options, output: newFile(options.program) });
  const theirs = await paholeBtf(file);
  const ours = await convertFile(file);
  // An oracle that says nothing would agree with everything.
  expect(decodeBtf(theirs).typeCount).toBeGreaterThan(50);
  if (paholeGivesProfile124()) expectSameBytes(ours, theirs);
  else expectEqualTypes(ours, theirs);
}
