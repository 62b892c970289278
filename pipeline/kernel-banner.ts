/**
 * Which kernel a vmlinux says it is: `Linux version <uname -r> (<builder>) (<compiler>) …`, the string that
 * /proc/version begins with. Linux: init/version.c, init/version-timestamp.c (`linux_banner`).
 */

import { SHF_COMPRESSED, SHT_PROGBITS } from '../elf/constants.ts';
import { type ElfFile, type ElfSection, FormatError, readObjectBytes } from '../elf/index.ts';

/** `%s` and the like are no release: all of them begin with a digit. The kernel limits it to 64 bytes (__NEW_UTS_LEN). */
const BANNER = /Linux version (?<release>\d[!-~]{0,63}) \(/u;

/** As much of it as the release can reach into. */
const BANNER_BYTES = 128;

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
    const bytes = readObjectBytes(file, 'linux_banner', BANNER_BYTES);
    const found = bytes === undefined ? null : BANNER.exec(latin1(bytes));
    return found?.index === 0 ? found.groups?.release : undefined;
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

/** Windows overlap by as much of a banner as is looked at. */
function releaseInSection({ source }: ElfFile, { offset: start, sizeBytes }: ElfSection): string | undefined {
  const end = Math.min(start + sizeBytes, source.size);
  for (let offset = start; offset < end; offset += WINDOW_BYTES) {
    const window = source.read(offset, Math.min(WINDOW_BYTES + BANNER_BYTES, end - offset));
    const found = BANNER.exec(latin1(window));
    if (found !== null) return found.groups?.release;
  }
  return undefined;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
