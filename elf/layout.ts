/**
 * Addresses for the sections of a relocatable file, whose headers have none. Allocated sections come one after
 * another in file order, aligned as they ask, from 64 KiB on: as elfutils lays out a single file
 * (libdwfl/dwfl_report_elf.c), so that no variable of such a file is at address 0.
 */

import { SHF_ALLOC } from './constants.ts';
import type { ElfSection } from './elf-file.ts';

const FIRST_ADDRESS = 0x1_0000;
/** Pages of the largest kind are 2 MiB or 1 GiB; an alignment beyond this is damage, and counts as none. */
const MAX_ALIGNMENT = 1 << 30;

/** The same sections; the allocated ones with addresses that do not overlap. */
export function layOutSections(sections: readonly ElfSection[]): ElfSection[] {
  let end = FIRST_ADDRESS;
  return sections.map((section) => {
    if ((section.flags & SHF_ALLOC) === 0) return section;
    const alignment = section.alignment <= MAX_ALIGNMENT ? Math.max(1, section.alignment) : 1;
    const address = Math.ceil(end / alignment) * alignment;
    end = address + section.sizeBytes;
    return {
      ...section,
      addressLow: address % 0x1_0000_0000,
      addressHigh: Math.floor(address / 0x1_0000_0000),
    };
  });
}
