/** The GNU build id note (NT_GNU_BUILD_ID of the GNU linkers). */

import { NT_GNU_BUILD_ID } from './constants.ts';
import type { ElfFile } from './elf-file.ts';
import { readNotes } from './notes.ts';

/** The build id as lower-case hex, or undefined when no well-formed note holds one. */
export function readBuildId(file: ElfFile): string | undefined {
  for (const { owner, type, descriptor } of readNotes(file))
    if (owner === 'GNU' && type === NT_GNU_BUILD_ID) return Array.from(descriptor, hexByte).join('');
  return undefined;
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
