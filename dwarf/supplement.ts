/**
 * The supplementary file that several files of a package share, as dwz -m makes it: `.gnu_debugaltlink` (a path, NUL,
 * the build id of the other file) or `.debug_sup` of DWARF 5 (§7.3.6).
 */

import { readBuildId } from '../elf/build-id.ts';
import { type ElfFile, findSection, readSection } from '../elf/elf-file.ts';
import { FormatError } from '../elf/format-error.ts';

const GNU_LINK = '.gnu_debugaltlink';
const DWARF5_LINK = '.debug_sup';
/** Both hold one path and one id. */
const MAX_LINK_BYTES = 1 << 16;

/** Where a file says its supplementary file is (`.gnu_debugaltlink`, or `.debug_sup` of DWARF 5 §7.3.6). */
export interface SupplementLink {
  /** As the file has it: absolute, or from the folder that the file is in. */
  readonly path: string;
  /** Build id (or DWARF 5: checksum) of the other file as lower-case hex. */
  readonly id: string;
  readonly section: string;
}

/**
 * The supplementary file that a file names, or undefined.
 * @throws FormatError `dwarf-malformed` when the section is there and damaged.
 */
export function readSupplementLink(file: ElfFile): SupplementLink | undefined {
  const gnu = findSection(file, GNU_LINK);
  if (gnu !== undefined) return gnuLink(contents(file, GNU_LINK));
  if (findSection(file, DWARF5_LINK) === undefined) return undefined;
  const link = dwarf5Link(contents(file, DWARF5_LINK), file.littleEndian);
  return link.isSupplement ? undefined : link;
}

/**
 * Checks that a file is the supplementary file of another.
 * @throws FormatError `dwarf-supplement` when it is not.
 */
export function checkSupplement(file: ElfFile, supplement: ElfFile): void {
  const link = readSupplementLink(file);
  if (link === undefined) return;
  const id = supplementId(supplement);
  if (id !== link.id) mismatch(link, `its id is ${id ?? 'missing'}`);
  if (supplement.littleEndian !== file.littleEndian) mismatch(link, 'its byte order is another');
}

/** How a message names the file that is wanted. */
export function supplementText({ path, id }: SupplementLink): string {
  return `${JSON.stringify(path)} with id ${id}`;
}

function mismatch(link: SupplementLink, what: string): never {
  throw new FormatError(
    'dwarf-supplement',
    { format: 'dwarf', section: link.section },
    `the supplementary file is not ${supplementText(link)}: ${what}`,
  );
}

function supplementId(supplement: ElfFile): string | undefined {
  if (findSection(supplement, DWARF5_LINK) === undefined) return readBuildId(supplement);
  const { isSupplement, id } = dwarf5Link(contents(supplement, DWARF5_LINK), supplement.littleEndian);
  return isSupplement ? id : undefined;
}

function contents(file: ElfFile, name: string): Uint8Array {
  const section = findSection(file, name);
  if (section === undefined || section.sizeBytes > MAX_LINK_BYTES)
    malformed(name, 'the section is too large');
  return readSection(file, section);
}

function malformed(section: string, what: string): never {
  throw new FormatError('dwarf-malformed', { format: 'dwarf', section }, what);
}

function gnuLink(bytes: Uint8Array): SupplementLink {
  const end = bytes.indexOf(0);
  if (end < 0) malformed(GNU_LINK, 'the path does not end');
  return { path: text(bytes.subarray(0, end)), id: hex(bytes.subarray(end + 1)), section: GNU_LINK };
}

function dwarf5Link(bytes: Uint8Array, littleEndian: boolean): SupplementLink & { isSupplement: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pathEnd = bytes.indexOf(0, 3);
  if (bytes.length < 5 || view.getUint16(0, littleEndian) !== 5 || pathEnd < 0)
    malformed(DWARF5_LINK, 'no version 5 with a path');
  let idStart = pathEnd + 1;
  let length = 0;
  let scale = 1;
  for (;;) {
    const byte = bytes[idStart++];
    // Also when there is none; ids are far shorter than the section may be.
    if (byte === undefined || scale > MAX_LINK_BYTES)
      malformed(DWARF5_LINK, 'the length of the checksum is damaged');
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
    scale *= 128;
  }
  if (idStart + length > bytes.length) malformed(DWARF5_LINK, 'the checksum is longer than the section');
  return {
    isSupplement: bytes[2] === 1,
    path: text(bytes.subarray(3, pathEnd)),
    id: hex(bytes.subarray(idStart, idStart + length)),
    section: DWARF5_LINK,
  };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
