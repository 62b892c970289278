/** Builds the C programs of test/fixtures/programs: small executables with DWARF that look like a kernel to the converter. */

import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const PROGRAMS = fileURLToPath(new URL('../fixtures/programs', import.meta.url));

/** A folder of test/fixtures/programs. */
export type ProgramName = 'kernel' | 'shapes' | 'names' | 'functions' | 'arrays';

export const PROGRAM_NAMES: readonly ProgramName[] = ['kernel', 'shapes', 'names', 'functions', 'arrays'];

export interface Toolchain {
  readonly name: string;
  readonly compile: readonly [string, ...string[]];
  /** gcc's driver links for clang too: Debian 12's lld knows no s390x. */
  readonly link: readonly [string, ...string[]];
  /** binutils' objcopy for this target. */
  readonly objcopy: string;
}

const gcc = (name: string, prefix: string, ...flags: readonly string[]): Toolchain => ({
  name,
  compile: [`${prefix}gcc`, ...flags],
  link: [`${prefix}gcc`, ...flags],
  objcopy: `${prefix}objcopy`,
});

const clang = (name: string, prefix: string, ...flags: readonly string[]): Toolchain => ({
  name,
  compile: ['clang', ...flags],
  link: [`${prefix}gcc`, ...flags.filter((flag) => flag.startsWith('-m'))],
  objcopy: `${prefix}objcopy`,
});

export const TOOLCHAINS = {
  'gcc x86_64': gcc('gcc x86_64', ''),
  'clang x86_64': clang('clang x86_64', ''),
  'gcc i386': gcc('gcc i386', '', '-m32'),
  'clang i386': clang('clang i386', '', '-m32'),
  'gcc s390x': gcc('gcc s390x', 's390x-linux-gnu-'),
  'clang s390x': clang('clang s390x', 's390x-linux-gnu-', '--target=s390x-linux-gnu'),
  'gcc arm64': gcc('gcc arm64', 'aarch64-linux-gnu-'),
  'clang arm64': clang('clang arm64', 'aarch64-linux-gnu-', '--target=aarch64-linux-gnu'),
} as const satisfies Record<string, Toolchain>;

/** For `needsTool(...toolsOf(toolchain))`. */
export function toolsOf(toolchain: Toolchain): string[] {
  return [...new Set([toolchain.compile[0], toolchain.link[0], toolchain.objcopy])];
}

export interface BuildOptions {
  readonly program: ProgramName;
  readonly toolchain: Toolchain;
  /** The executable; objects are put beside it. */
  readonly output: string;
  /** Compiler flags; default `-gdwarf-5 -O2`. */
  readonly flags?: readonly string[];
  /** Added to the link, e.g. `-Wl,--build-id=0x…`. */
  readonly linkFlags?: readonly string[];
  /** Links the objects the other way round: the same units in another order. */
  readonly reversed?: boolean;
  /** Links per-cpu data at address 0, as x86-64 kernels did. */
  readonly percpuAtZero?: boolean;
}

/** Compiles and links; resolves to `output`. Units come in the order of their file names, `.c` before `.S`. */
export async function buildProgram(options: BuildOptions): Promise<string> {
  const { program, toolchain, output, flags = ['-gdwarf-5', '-O2'] } = options;
  const objects = await compileObjects(program, toolchain.compile, `${output}.objects`, () => flags);
  const [linker, ...target] = toolchain.link;
  const script = join(PROGRAMS, options.percpuAtZero === true ? 'percpu-at-zero.ld' : 'percpu.ld');
  await execa(linker, [
    ...target,
    '-nostdlib',
    '-static',
    '-no-pie',
    '-Wl,--build-id=sha1',
    '-Wl,-e,0',
    `-Wl,-T,${script}`,
    ...(options.linkFlags ?? []),
    '-o',
    output,
    ...(options.reversed === true ? objects.toReversed() : objects),
  ]);
  return output;
}

/**
 * Compiles a program's sources; resolves to the objects, in the order of {@link buildProgram}.
 * @param objectDir is made if need be
 * @param flagsOf compiler flags by number of the source
 */
export async function compileObjects(
  program: ProgramName,
  [compiler, ...target]: readonly [string, ...string[]],
  objectDir: string,
  flagsOf: (index: number) => readonly string[],
): Promise<string[]> {
  const folder = join(PROGRAMS, program);
  await mkdir(objectDir, { recursive: true });
  const sources = await sourcesOf(folder);
  const objects: string[] = [];
  for (const [index, source] of sources.entries()) {
    const object = join(objectDir, `${source}.o`);
    const fixed = ['-ffreestanding', '-fno-stack-protector', '-fno-pic', '-w', '-c', source, '-o', object];
    await execa(compiler, [...target, ...flagsOf(index), ...fixed], { cwd: folder });
    objects.push(object);
  }
  return objects;
}

async function sourcesOf(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).sort();
  const sources = ['.c', '.S'].flatMap((suffix) => names.filter((name) => name.endsWith(suffix)));
  if (sources.length === 0) throw new Error(`no sources in ${basename(folder)}`);
  return sources;
}
