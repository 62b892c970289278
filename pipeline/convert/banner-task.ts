/** What a thread does that looks which kernel a vmlinux says it is. */

import { openElf } from '../../elf/index.ts';
import { readKernelBanner } from '../kernel-banner.ts';
import { openFileSource } from './file-source.ts';
import type { BannerMessage, BannerTask } from './messages.ts';
import { zstd } from './zstd.ts';

/** @throws FormatError when the file is no ELF file, `io-failed` */
export function readBanner({ path }: BannerTask): BannerMessage {
  const source = openFileSource(path);
  try {
    const release = readKernelBanner(openElf(source, { zstd }));
    return { type: 'banner', ...(release === undefined ? {} : { release }) };
  } finally {
    source.close();
  }
}
