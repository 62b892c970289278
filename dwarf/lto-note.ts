/** Whether a kernel says of itself that it was built with link-time optimisation (include/linux/elfnote-lto.h). */

import type { ElfFile } from '../elf/elf-file.ts';
import { readNotes } from '../elf/notes.ts';

const LINUX_ELFNOTE_LTO_INFO = 0x101;

/** Undefined when the file has no such note. */
export function readLtoNote(file: ElfFile): boolean | undefined {
  for (const { owner, type, descriptor } of readNotes(file))
    if (owner === 'Linux' && type === LINUX_ELFNOTE_LTO_INFO) return descriptor.some((byte) => byte !== 0);
  return undefined;
}
