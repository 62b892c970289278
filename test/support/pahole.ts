/** pahole as the tests' oracle: its version, and the BTF it makes of a file. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { execa, execaSync } from 'execa';
import { findTool } from './tools.ts';

/** 1.24 as 124; 0 without pahole. */
export function paholeVersion(): number {
  if (findTool('pahole') === undefined) return 0;
  const [, major = '0', minor = '0'] =
    /v?(\d+)\.(\d+)/u.exec(execaSync('pahole', ['--version']).stdout) ?? [];
  return Number(major) * 100 + Number(minor);
}

/** Releases whose `-j1` output is one and the same, byte for byte: the profile `pahole-1.24`. */
export function paholeGivesProfile124(): boolean {
  const version = paholeVersion();
  return version >= 124 && version <= 127;
}

/**
 * What `pahole -j1 --btf_encode_detached` makes of `file`; an error when it writes nothing, whatever its exit code.
 * @param base file with the BTF that the result is split from
 */
export async function paholeBtf(file: string, base?: string): Promise<Uint8Array> {
  const output = `${file}.pahole.btf`;
  await rm(output, { force: true });
  const baseFlags = base === undefined ? [] : ['--btf_base', base];
  await execa('pahole', [
    '-j1',
    '--lang_exclude=rust',
    ...baseFlags,
    `--btf_encode_detached=${output}`,
    file,
  ]);
  return readFile(output);
}

/** Gives `file` a `.BTF` section, the way a kernel build does. */
export async function addBtfSection(file: string, objcopy: string, btf: Uint8Array): Promise<void> {
  const blob = `${file}.btf-section`;
  await writeFile(blob, btf);
  await execa(objcopy, ['--add-section', `.BTF=${blob}`, '--set-section-flags', '.BTF=readonly', file]);
  await rm(blob);
}
