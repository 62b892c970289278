/** How pahole has to be called to make what a profile makes. */

import type { ProfileName } from '../../dwarf/index.ts';
import { PAHOLE_KERNEL_FEATURES } from '../../pipeline/pahole.ts';

/** By profile, what stands between `-jN` and the output; the kernel's own flags for that version. */
const FLAGS: Readonly<Record<ProfileName, readonly string[]>> = {
  'pahole-1.24': ['--lang_exclude=rust'],
  'pahole-1.30': ['--lang_exclude=rust', PAHOLE_KERNEL_FEATURES],
  'pahole-1.32': ['--lang_exclude=rust', PAHOLE_KERNEL_FEATURES],
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
