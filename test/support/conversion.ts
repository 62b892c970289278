/** DWARF from the builders through the converter: the BTF as lines of text, or the FormatError it ends in. */

import { BTF_KIND_NAMES, type Btf, decodeBtf, describeLines, validateBtf } from '../../btf/index.ts';
import { convertDwarf, type ProfileName } from '../../dwarf/index.ts';
import { FormatError, memorySource, openElf } from '../../elf/index.ts';
import { type DwarfOptions, type Unit, writeDwarfElf } from '../builders/dwarf-writer.ts';
import type { ElfFile, ElfTarget } from '../builders/elf-writer.ts';

/** What tests that do not depend on a profile use. */
const TESTED_PROFILE: ProfileName = 'pahole-1.30';

export type ElfParts = Omit<ElfFile, keyof ElfTarget>;

/** Converts an ELF file's bytes. */
export function convertBytes(elf: Uint8Array, profile: ProfileName = TESTED_PROFILE): Uint8Array {
  return convertDwarf(openElf(memorySource(elf)), profile).bytes;
}

/** Writes the units as ELF and converts them. */
export function convertUnits(
  units: readonly Unit[],
  options: DwarfOptions = {},
  elf: ElfParts = {},
  profile: ProfileName = TESTED_PROFILE,
): Btf {
  return decodeBtf(convertBytes(writeDwarfElf(options, units, elf), profile));
}

/** One line per type in id order, e.g. `STRUCT list: struct of 8 bytes; next: at bit 0, *struct list`. */
export function typeLines(btf: Btf): string[] {
  const lines: string[] = [];
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    const name = btf.name(id);
    lines.push(
      `${BTF_KIND_NAMES[btf.kind(id)]}${name === '' ? '' : ` ${name}`}: ${describeLines(btf, id).join('; ')}`,
    );
  }
  return lines;
}

/** {@link convertUnits} as {@link typeLines}; throws when the kernel would not take the result. */
export function convertedLines(
  units: readonly Unit[],
  options: DwarfOptions = {},
  elf: ElfParts = {},
  profile: ProfileName = TESTED_PROFILE,
): string[] {
  const btf = convertUnits(units, options, elf, profile);
  const problems = validateBtf(btf);
  if (problems.length > 0) throw new Error(`not valid BTF: ${problems.map(({ text }) => text).join('; ')}`);
  return typeLines(btf);
}

/** The FormatError that `read` ends in; a value or any other error fails the test. */
export function formatErrorOf(read: () => unknown): FormatError {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  throw new Error('a FormatError was expected, not a value');
}
