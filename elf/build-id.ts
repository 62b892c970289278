/** The GNU build id note (gABI "Note Section"; NT_GNU_BUILD_ID of the GNU linkers). */

import { NT_GNU_BUILD_ID, SHT_NOTE } from './constants.ts';
import { type ElfFile, readSection } from './elf-file.ts';

/** Notes are small; vmlinux's `.notes` is below 1 KiB. */
const MAX_NOTE_BYTES = 1 << 20;

/** The build id as lower-case hex, or undefined when no well-formed note holds one. */
export function readBuildId(file: ElfFile): string | undefined {
  for (const section of file.sections) {
    if (section.type !== SHT_NOTE || section.sizeBytes > MAX_NOTE_BYTES) continue;
    const found = buildIdIn(readSection(file, section), file.littleEndian);
    if (found !== undefined) return found;
  }
  return undefined;
}

function buildIdIn(bytes: Uint8Array, littleEndian: boolean): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 12 <= bytes.length) {
    const nameSize = view.getUint32(at, littleEndian);
    const descriptorSize = view.getUint32(at + 4, littleEndian);
    const type = view.getUint32(at + 8, littleEndian);
    const descriptor = at + 12 + align4(nameSize);
    const next = descriptor + align4(descriptorSize);
    if (descriptor + descriptorSize > bytes.length) return undefined;
    const isGnu = nameSize === 4 && view.getUint32(at + 12, false) === 0x47_4e_55_00;
    if (isGnu && type === NT_GNU_BUILD_ID) {
      return Array.from(bytes.subarray(descriptor, descriptor + descriptorSize), hexByte).join('');
    }
    at = next;
  }
  return undefined;
}

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
