/**
 * Which kernel a vmlinux says it is: `Linux version <uname -r> (<builder>) (<compiler>) …`, the string that
 * /proc/version begins with. Linux: init/version.c, init/version-timestamp.c (`linux_banner`).
 */

import { SHF_COMPRESSED, SHT_PROGBITS } from '../elf/constants.ts';
import { type ElfFile, type ElfSection, FormatError, readObjectBytes } from '../elf/index.ts';

/** Real ones have about 200 bytes. */
const MAX_BANNER_BYTES = 4096;

/** `%s` and the like are no release: all of them begin with a digit. The kernel limits it to 64 bytes (__NEW_UTS_LEN). */
const BANNER = /Linux version (?<release>\d[!-~]{0,63}) \(/u;

const START = Buffer.from('Linux version ');

const WINDOW_BYTES = 1 << 20;

/**
 * The release in the banner; undefined when the file does not have the bytes (a debug file whose .rodata was stripped)
 * or no banner in them. Looks where the symbol `linux_banner` is, else through all of .rodata: a symbol table that is
 * missing, damaged or of no help costs time only.
 */
export function readKernelBanner(file: ElfFile): string | undefined {
  return releaseAtSymbol(file) ?? releaseInSections(file);
}

function releaseAtSymbol(file: ElfFile): string | undefined {
  try {
    const bytes = readObjectBytes(file, 'linux_banner', MAX_BANNER_BYTES);
    return bytes === undefined ? undefined : releaseOf(Buffer.from(bytes));
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}

function releaseInSections(file: ElfFile): string | undefined {
  for (const section of file.sections) {
    const isSearched =
      /^\.rodata(?:\.|$)/u.test(section.name) &&
      section.type === SHT_PROGBITS &&
      (section.flags & SHF_COMPRESSED) === 0;
    const release = isSearched ? releaseInSection(file, section) : undefined;
    if (release !== undefined) return release;
  }
  return undefined;
}

/** Windows overlap by as much as a banner can have. */
function releaseInSection({ source }: ElfFile, { offset: start, sizeBytes }: ElfSection): string | undefined {
  const end = Math.min(start + sizeBytes, source.size);
  for (let offset = start; offset < end; offset += WINDOW_BYTES) {
    const length = Math.min(WINDOW_BYTES + MAX_BANNER_BYTES, end - offset);
    const window = Buffer.from(source.read(offset, length));
    for (let at = window.indexOf(START); at !== -1; at = window.indexOf(START, at + 1)) {
      const release = releaseOf(window.subarray(at, at + MAX_BANNER_BYTES));
      if (release !== undefined) return release;
    }
  }
  return undefined;
}

function releaseOf(bytes: Buffer): string | undefined {
  const match = BANNER.exec(bytes.toString('latin1'));
  return match?.index === 0 ? match.groups?.release : undefined;
}
