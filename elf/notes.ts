/** Notes (gABI chapter 5, "Note Section") of all SHT_NOTE sections. */

import { SHT_NOTE } from './constants.ts';
import { type ElfFile, readSection } from './elf-file.ts';

export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly descriptor: Uint8Array;
}

/** Notes are small; vmlinux's `.notes` is below 1 KiB. */
const MAX_NOTE_BYTES = 1 << 20;

/** The well-formed notes in file order; a section is left at its first damaged one. */
export function* readNotes(file: ElfFile): Generator<ElfNote> {
  for (const section of file.sections) {
    if (section.type !== SHT_NOTE || section.sizeBytes > MAX_NOTE_BYTES) continue;
    yield* notesIn(readSection(file, section), file.littleEndian);
  }
}

function* notesIn(bytes: Uint8Array, littleEndian: boolean): Generator<ElfNote> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 12 <= bytes.length) {
    const nameSize = view.getUint32(at, littleEndian);
    const descriptorSize = view.getUint32(at + 4, littleEndian);
    const descriptor = at + 12 + align4(nameSize);
    if (descriptor + descriptorSize > bytes.length) return;
    yield {
      owner: String.fromCharCode(
        ...bytes.subarray(at + 12, at + 12 + Math.min(nameSize, MAX_OWNER_BYTES)),
      ).split('\0')[0],
      type: view.getUint32(at + 8, littleEndian),
      descriptor: bytes.subarray(descriptor, descriptor + descriptorSize),
    };
    at = descriptor + align4(descriptorSize);
  }
}

/** "GNU", "Linux", "Xen" … */
const MAX_OWNER_BYTES = 256;

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
