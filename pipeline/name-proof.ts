/** Whether a vmlinux is the kernel that its index promised: its path in the package and its own banner have to say so. */

import type { DebugPackage } from '../crawlers/types.ts';
import { BtfmillError } from '../errors/index.ts';
import type { NameProof, UnpackedVmlinux } from './types.ts';

/**
 * What has shown the name.
 *
 * @param banner `uname -r` of the `Linux version` banner; undefined when the file has none, as when its .rodata was
 * stripped: the path, which came out of the package too, then has to do
 * @throws BtfmillError `kernel-name` when path or banner says that it is another kernel
 */
export function proveName(
  { kernel, url }: Pick<DebugPackage, 'kernel' | 'url'>,
  { kernel: ofPath, memberPath }: Pick<UnpackedVmlinux, 'kernel' | 'memberPath'>,
  banner: string | undefined,
): NameProof {
  if (ofPath !== kernel) throw mismatch(url, `is ${memberPath} by its path`, kernel);
  if (banner === undefined) return 'path';
  if (banner !== kernel) throw mismatch(url, `calls itself ${banner} in its banner`, kernel);
  return 'path+banner';
}

function mismatch(url: string, what: string, kernel: string): BtfmillError {
  return new BtfmillError('kernel-name', `${url}: the vmlinux in it ${what}, and not ${kernel}`);
}
