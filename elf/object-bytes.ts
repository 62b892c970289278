/** The bytes that a file has for a named object (gABI chapter 4, "Symbol Table": st_value, st_size, st_shndx). */

import { SHT_NOBITS } from './constants.ts';
import { checkSection, type ElfFile, type ElfSection } from './elf-file.ts';
import { FormatError } from './format-error.ts';
import { readSymbolTable, type SymbolTable } from './symbol-table.ts';

const WORD = 0x1_0000_0000;

/**
 * The first `maxBytes` of the object, fewer when it is smaller; of one without a size, what its section has from there
 * on. Undefined when no symbol of that name lies in a section with bytes.
 * @throws FormatError `elf-malformed` when the symbol table is damaged or the object does not lie in its section.
 */
export function readObjectBytes(file: ElfFile, name: string, maxBytes: number): Uint8Array | undefined {
  const symbols = readSymbolTable(file);
  if (symbols === undefined) return undefined;
  const wanted = Uint8Array.from(`${name}\0`, (letter) => letter.charCodeAt(0));
  for (let index = 1; index < symbols.count; index++) {
    if (!hasName(symbols, index, wanted)) continue;
    const section = file.sections[symbols.section(index)];
    if (section === undefined || section.index === 0 || section.type === SHT_NOBITS) continue;
    return bytesOf(file, symbols, index, section, { name, maxBytes });
  }
  return undefined;
}

function hasName(symbols: SymbolTable, index: number, wanted: Uint8Array): boolean {
  const { strings } = symbols;
  const offset = symbols.nameOffset(index);
  if (strings[offset] !== wanted[0] || offset + wanted.length > strings.length) return false;
  return wanted.every((byte, at) => strings[offset + at] === byte);
}

function bytesOf(
  file: ElfFile,
  symbols: SymbolTable,
  index: number,
  section: ElfSection,
  { name, maxBytes }: { readonly name: string; readonly maxBytes: number },
): Uint8Array {
  checkSection(file, section);
  const offset =
    (symbols.valueHigh(index) - section.addressHigh) * WORD + symbols.valueLow(index) - section.addressLow;
  const sizeBytes = symbols.sizeBytes(index);
  if (offset < 0 || offset + sizeBytes > section.sizeBytes) {
    throw new FormatError(
      'elf-malformed',
      { format: 'elf', section: section.name },
      `${name} (${sizeBytes} bytes) does not lie in its section of ${section.sizeBytes} bytes`,
    );
  }
  const length = Math.min(sizeBytes === 0 ? section.sizeBytes - offset : sizeBytes, maxBytes);
  return file.source.read(section.offset + offset, length);
}
