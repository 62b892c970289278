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
 * a mirror. The end of a banner that gets too long is lost. A file without one comes back as it is.
 */
export function nameKernel(vmlinux: Uint8Array, kernel: string): Uint8Array {
  const named = Buffer.from(vmlinux);
  for (const { start, end, room } of findBanners(named)) {
    const text = named.toString('latin1', start, end).replace(/(?<=^Linux version )\S+/u, kernel);
    if (text.indexOf(')') >= end + room - start) throw new Error(`no room for the name ${kernel}`);
    named.fill(0, start, end + room);
    named.write(text, start, end + room - start, 'latin1');
  }
  return named;
}

/** That of a small kernel, or those of a real one: two, of which the first is for the link alone, without room behind. */
function findBanners(bytes: Buffer): { start: number; end: number; room: number }[] {
  const small = bytes.indexOf(UNNAMED);
  if (small >= 0) return [{ start: small, end: small + UNNAMED.length, room: ROOM_BYTES }];
  const prefix = 'Linux version ';
  const found: { start: number; end: number; room: number }[] = [];
  for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, at + 1)) {
    const end = bytes.indexOf(0, at);
    const isBanner = end - at < 500 && /^Linux version \d\S+ \(/u.test(bytes.toString('latin1', at, end));
    if (isBanner) found.push({ start: at, end, room: 0 });
  }
  return found;
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
