/** How pahole has to be called to make what a profile makes. */

import type { ProfileName } from '../../dwarf/index.ts';

/** By profile, what stands between `-jN` and the output; the kernel's own flags for that version. */
const FLAGS: Readonly<Record<ProfileName, readonly string[]>> = {
  'pahole-1.24': ['--lang_exclude=rust'],
};

/** @param output file for the raw BTF */
export function paholeArguments(
  profile: ProfileName,
  threads: number,
  vmlinux: string,
  output: string,
): string[] {
  return [`-j${threads}`, ...FLAGS[profile], `--btf_encode_detached=${output}`, vmlinux];
}
