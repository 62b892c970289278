/** The vmlinux files that local mirrors hand out: three builds of the `kernel` program, with and without `.BTF`. */

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addBtfSection, paholeBtf } from '../support/pahole.ts';
import { buildProgram, TOOLCHAINS, toolsOf } from '../support/programs.ts';

export interface MirrorKernels {
  /** x86-64, gcc, DWARF 5, no `.BTF`. */
  readonly dwarf5: string;
  /** x86-64, gcc, DWARF 4, no `.BTF`. */
  readonly dwarf4: string;
  /** x86-64, gcc, DWARF 5, with the `.BTF` that pahole makes of it. */
  readonly native: string;
  /** aarch64, gcc, DWARF 5, no `.BTF`. */
  readonly arm64: string;
}

/** Programs that {@link buildKernels} runs. */
export const KERNEL_TOOLS: readonly string[] = [
  ...toolsOf(TOOLCHAINS['gcc x86_64']),
  ...toolsOf(TOOLCHAINS['gcc arm64']),
  'pahole',
];

const UNNAMED = Buffer.from('Linux version unnamed (builder@example.invalid) #1 SMP\n');
/** Free bytes behind {@link UNNAMED} in entry.S; the last one ends the string. */
const ROOM_BYTES = 127;

/**
 * A vmlinux whose banner (`Linux version <kernel> …`) says that it is this kernel: builds are shared by many kernels of
 * a mirror. A file without the banner of the `kernel` program comes back as it is.
 */
export function nameKernel(vmlinux: Uint8Array, kernel: string): Uint8Array {
  const named = Buffer.from(vmlinux);
  const at = named.indexOf(UNNAMED);
  if (at < 0) return named;
  const banner = Buffer.from(UNNAMED.toString().replace('unnamed', kernel));
  if (banner.length > UNNAMED.length + ROOM_BYTES) throw new Error(`no room for the name ${kernel}`);
  banner.copy(named, at);
  return named;
}

export async function buildKernels(folder: string): Promise<MirrorKernels> {
  const x86 = TOOLCHAINS['gcc x86_64'];
  const build = (
    name: string,
    toolchain: (typeof TOOLCHAINS)[keyof typeof TOOLCHAINS],
    flags: readonly string[],
  ) => buildProgram({ program: 'kernel', toolchain, flags, output: join(folder, name) });
  const dwarf5 = await build('dwarf5', x86, ['-gdwarf-5', '-O2']);
  const dwarf4 = await build('dwarf4', x86, ['-gdwarf-4', '-O2']);
  const arm64 = await build('arm64', TOOLCHAINS['gcc arm64'], ['-gdwarf-5', '-O2']);
  const native = join(folder, 'native');
  await copyFile(dwarf5, native);
  await addBtfSection(native, x86.objcopy, await paholeBtf(dwarf5));
  return { dwarf5, dwarf4, native, arm64 };
}
