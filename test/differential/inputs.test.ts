/**
 * Every way in which the DWARF of the test programs can be stored: object files of many machines, compressed sections,
 * type units, dwz, link-time optimisation, versions mixed. The oracle is pahole 1.24 where it reads them, byte for
 * byte; else the same program stored plainly.
 */

import { copyFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareDeep, decodeBtf } from '../../btf/index.ts';
import { convertDwarf } from '../../dwarf/index.ts';
import { type ElfFile, memorySource, openElf, RelocatedSections } from '../../elf/index.ts';
import { convertKernel } from '../../pipeline/convert.ts';
import { zstd } from '../../pipeline/convert/zstd.ts';
import { expectEqualTypes, expectSameBytes } from '../support/expect-btf.ts';
import { paholeBtf, paholeGivesProfile124 } from '../support/pahole.ts';
import {
  buildProgram,
  compileObjects,
  PROGRAM_NAMES,
  type ProgramName,
  TOOLCHAINS,
  type Toolchain,
  toolsOf,
} from '../support/programs.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/objects', import.meta.url));

const gcc = TOOLCHAINS['gcc x86_64'];
const clang = TOOLCHAINS['clang x86_64'];

let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await makeTempDir('inputs');
});

afterAll(async () => {
  await removeDir(folder);
});

/** A path that no other test of this file uses. */
function newPath(name: string): string {
  return join(folder, `${made++}`, name);
}

async function open(file: string): Promise<ElfFile> {
  return openElf(memorySource(await readFile(file)), { zstd });
}

async function convert(file: string): Promise<Uint8Array> {
  return convertDwarf(await open(file), 'pahole-1.24').bytes;
}

/** The way the pipeline takes, which finds supplementary files. */
async function convertByPath(file: string): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(60_000);
  const { fromDwarf } = await convertKernel(file, {
    source: 'dwarf',
    profile: 'pahole-1.24',
    threads: 2,
    signal,
  });
  if (fromDwarf === undefined) throw new Error('nothing was converted');
  return fromDwarf;
}

async function expectLikePahole(file: string): Promise<void> {
  const theirs = await paholeBtf(file);
  expect(decodeBtf(theirs).typeCount).toBeGreaterThan(5);
  const ours = await convert(file);
  if (paholeGivesProfile124()) expectSameBytes(ours, theirs);
  else expectEqualTypes(ours, theirs);
}

/** All classes are the same: types, functions and variables. */
function expectSameClasses(ours: Uint8Array, twin: Uint8Array): void {
  expectEqualTypes(ours, twin);
  const { equalFunctions, equalVariables } = compareDeep(decodeBtf(ours), decodeBtf(twin));
  expect({ equalFunctions, equalVariables }).toEqual({ equalFunctions: true, equalVariables: true });
}

async function compile(
  program: ProgramName,
  compiler: readonly [string, ...string[]],
  ...flags: readonly string[]
): Promise<string[]> {
  return compileObjects(program, compiler, newPath('objects'), () => flags);
}

async function link(
  program: ProgramName,
  toolchain: Toolchain,
  ...flags: readonly string[]
): Promise<string> {
  const output = newPath(program);
  return buildProgram({ program, toolchain, output, flags: ['-O2', ...flags] });
}

describe('object files', () => {
  /** Machines that the libdw of pahole 1.24 relocates. */
  const TARGETS = [
    'x86_64',
    'i386',
    's390x',
    'aarch64',
    'aarch64_be',
    'arm',
    'armeb',
    'riscv64',
    'riscv32',
    'powerpc',
    'powerpc64',
    'powerpc64le',
  ];

  describe.skipIf(needsTool('pahole', 'clang'))('of clang', () => {
    for (const target of TARGETS) {
      it.each([4, 5])(`${target}, DWARF %i`, async (version) => {
        for (const program of PROGRAM_NAMES) {
          const compiler = ['clang', `--target=${target}-linux-gnu`] as const;
          const objects = await compile(program, compiler, '-O2', `-gdwarf-${version}`);
          for (const object of objects.filter((path) => path.endsWith('.c.o')))
            await expectLikePahole(object);
        }
      });
    }
  });

  for (const toolchain of Object.values<Toolchain>(TOOLCHAINS).filter(({ name }) => name.startsWith('gcc'))) {
    it.skipIf(needsTool('pahole', ...toolsOf(toolchain))).each([3, 4, 5])(
      `of ${toolchain.name}, DWARF %i`,
      async (version) => {
        for (const program of PROGRAM_NAMES) {
          const objects = await compile(program, toolchain.compile, '-O2', `-gdwarf-${version}`);
          for (const object of objects.filter((path) => path.endsWith('.c.o')))
            await expectLikePahole(object);
        }
      },
    );
  }

  // Compilers that not every machine has; test/fixtures/objects/make.sh made these and what pahole 1.24 says of them.
  it.each(['riscv64', 'arm', 'ppc64le'])('of gcc 12 for %s', async (machine) => {
    const expected = await readFile(join(FIXTURES, `${machine}.btf`));
    expectSameBytes(await convert(join(FIXTURES, `${machine}.o`)), expected);
  });

  // pahole 1.24's libdw does not relocate mips.
  describe.skipIf(needsTool('clang', 'readelf'))('are relocated as readelf does it', () => {
    it.each(['mips', 'mipsel', 'mips64', 'mips64el', 'riscv64', 's390x', 'i386', 'arm'])(
      '%s',
      async (target) => {
        let compared = 0;
        for (const object of await compile(
          'kernel',
          ['clang', `--target=${target}-linux-gnu`],
          '-g',
          '-O2',
        )) {
          if (object.endsWith('.S.o')) continue;
          const file = await open(object);
          // readelf takes symbols by their values alone.
          const sections = file.sections.map((section) => ({ ...section, addressLow: 0, addressHigh: 0 }));
          const relocated = new RelocatedSections({ ...file, sections });
          for (const name of ['.debug_info', '.debug_str_offsets', '.debug_addr']) {
            expect(Buffer.from(relocated.read(name)).toString('hex')).toBe(await readelfDump(object, name));
            compared++;
          }
        }
        expect(compared).toBeGreaterThan(0);
      },
    );
  });

  it.skipIf(needsTool('pahole', ...toolsOf(gcc)))('joined by ld -r', async () => {
    const objects = await compile('kernel', gcc.compile, '-g', '-O2');
    const output = join(dirname(objects[0]), 'joined');
    await execa('gcc', ['-nostdlib', '-r', '-o', output, ...objects]);
    await expectLikePahole(output);
  });
});

/** A section with its relocations applied, as hex, from `readelf --relocated-dump`. */
async function readelfDump(file: string, section: string): Promise<string> {
  const { stdout } = await execa('readelf', ['-R', section, file]);
  return stdout
    .split('\n')
    .map((line) => /^ {2}0x[0-9a-f]{8} (.{35})/u.exec(line)?.[1].replaceAll(' ', '') ?? '')
    .join('');
}

describe('compressed sections', () => {
  const KINDS = [
    ['gcc x86_64', 'zlib'],
    ['gcc i386', 'zlib'],
    ['gcc s390x', 'zlib'],
    ['gcc x86_64', 'zlib-gnu'],
    ['gcc s390x', 'zlib-gnu'],
  ] as const;

  for (const [name, kind] of KINDS) {
    const toolchain: Toolchain = TOOLCHAINS[name];
    it.skipIf(needsTool('pahole', ...toolsOf(toolchain)))(`${kind}, ${name}`, async () => {
      for (const program of PROGRAM_NAMES) {
        for (const object of await compile(program, toolchain.compile, '-g', '-O2', `-gz=${kind}`))
          if (object.endsWith('.c.o')) await expectLikePahole(object);
        const output = newPath(program);
        await buildProgram({
          program,
          toolchain,
          output,
          linkFlags: [`-Wl,--compress-debug-sections=${kind}`],
        });
        await expectLikePahole(output);
      }
    });
  }

  // pahole 1.24's libdw knows no zstd.
  for (const name of ['gcc x86_64', 'gcc i386', 'gcc s390x'] as const) {
    const toolchain: Toolchain = TOOLCHAINS[name];
    it.skipIf(needsTool('zstd', ...toolsOf(toolchain)))(`zstd, ${name}`, async () => {
      for (const program of PROGRAM_NAMES) {
        const plain = await link(program, toolchain, '-g');
        const packed = newPath('packed');
        await execa('mkdir', ['-p', dirname(packed)]);
        await execa(toolchain.objcopy, ['--compress-debug-sections=zstd', plain, packed]);
        expectSameBytes(await convertByPath(packed), await convert(plain));
      }
    });
  }
});

describe('type units', () => {
  for (const toolchain of [gcc, clang]) {
    it.skipIf(needsTool(...toolsOf(toolchain))).each([4, 5])(
      `of ${toolchain.name}, DWARF %i`,
      async (version) => {
        for (const program of PROGRAM_NAMES) {
          const plain = await convert(await link(program, toolchain, `-gdwarf-${version}`));
          const split = await link(program, toolchain, `-gdwarf-${version}`, '-fdebug-types-section');
          expectSameClasses(await convert(split), plain);
        }
      },
    );

    it.skipIf(needsTool(...toolsOf(toolchain))).each([4, 5])(
      `of ${toolchain.name} in object files, DWARF %i`,
      async (version) => {
        for (const program of PROGRAM_NAMES) {
          const plain = await compile(program, toolchain.compile, '-O2', `-gdwarf-${version}`);
          const flags = ['-O2', `-gdwarf-${version}`, '-fdebug-types-section'];
          const split = await compile(program, toolchain.compile, ...flags);
          for (const [i, object] of split.entries())
            if (object.endsWith('.c.o')) expectSameClasses(await convert(object), await convert(plain[i]));
        }
      },
    );
  }
});

describe.skipIf(needsTool('dwz', ...toolsOf(gcc)))('dwz', () => {
  it.each([4, 5])('one file, DWARF %i', async (version) => {
    for (const program of PROGRAM_NAMES) {
      const plain = await link(program, gcc, `-gdwarf-${version}`);
      const short = `${plain}.dwz`;
      await execa('dwz', ['-o', short, plain]);
      expect(Buffer.compare(await readFile(short), await readFile(plain))).not.toBe(0);
      expectSameClasses(await convertByPath(short), await convert(plain));
    }
  });

  // dwz -m of DWARF 5 leaves out imports of types that nothing refers to, such as va_list of the program `kernel`.
  it.each([
    ['DWARF 4', 4, [], PROGRAM_NAMES],
    ['DWARF 5', 5, [], ['shapes', 'names']],
    ['DWARF 5, .debug_sup', 5, ['--dwarf-5'], ['shapes', 'names']],
  ] as const)('several files with one supplementary file, %s', async (_, version, flags, programs) => {
    const dir = dirname(await link('names', gcc, `-gdwarf-${version}`));
    const pairs: { plain: string; short: string }[] = [];
    for (const program of programs) {
      for (const reversed of [false, true]) {
        const plain = newPath(program);
        await buildProgram({
          program,
          toolchain: gcc,
          output: plain,
          flags: ['-O2', `-gdwarf-${version}`],
          reversed,
        });
        const short = join(dir, `${program}-${reversed}`);
        await copyFile(plain, short);
        pairs.push({ plain, short });
      }
    }
    const common = join(dir, 'common');
    await execa('dwz', ['-m', common, '-M', 'common', ...flags, ...pairs.map(({ short }) => short)]);
    for (const { plain, short } of pairs) {
      expectSameClasses(await convertByPath(short), await convert(plain));
      const given = convertDwarf(await open(short), 'pahole-1.24', await open(common)).bytes;
      expectSameBytes(await convertByPath(short), given);
    }
    await expect(convert(pairs[0].short)).rejects.toMatchObject({ code: 'dwarf-supplement' });
    await execa('rm', [common]);
    await expect(convertByPath(pairs[0].short)).rejects.toMatchObject({ code: 'dwarf-supplement' });
  });
});

describe('link-time optimisation', () => {
  it.skipIf(needsTool('pahole', 'clang', 'ld.lld')).each(['-O0', '-O2'])('clang %s', async (level) => {
    for (const program of PROGRAM_NAMES) {
      const objects = await compile(program, clang.compile, '-g', level, '-flto');
      const output = join(dirname(objects[0]), 'linked');
      await execa('ld.lld', ['-r', '-o', output, ...objects.filter((path) => path.endsWith('.c.o'))]);
      await expectLikePahole(output);
    }
  });

  it.skipIf(needsTool('pahole', ...toolsOf(gcc))).each(['-O0', '-O2'])('gcc %s', async (level) => {
    for (const program of PROGRAM_NAMES) {
      const objects = await compile(program, gcc.compile, '-g', level, '-flto');
      const output = join(dirname(objects[0]), 'linked');
      const flags = ['-g', '-flto', level, '-nostdlib', '-r', '-flinker-output=nolto-rel', '-o', output];
      await execa('gcc', [...flags, ...objects.filter((path) => path.endsWith('.c.o'))]);
      // pahole 1.24 finds no types for per-CPU variables here and ends at the first.
      if (program === 'names') await expectLikePahole(output);
      else expectEqualTypes(await convert(output), await paholeBtf(output));
    }
  });
});

describe.skipIf(needsTool('pahole', ...toolsOf(gcc)))('DWARF 2 to 5', () => {
  it.each([0, 1, 2, 3])('in one file, from number %i on', async (first) => {
    for (const program of PROGRAM_NAMES) {
      const flagsOf = (index: number): string[] => ['-O2', `-gdwarf-${2 + ((first + index) % 4)}`];
      const objects = await compileObjects(program, gcc.compile, newPath('mixed'), flagsOf);
      const output = join(dirname(objects[0]), 'mixed');
      await execa('gcc', ['-nostdlib', '-static', '-no-pie', '-Wl,-e,0', '-o', output, ...objects]);
      await expectLikePahole(output);
    }
  });
});
