/** ELF reading: headers, sections, symbols, build id. Bytes in, values out. */

export { type ByteSource, memorySource } from './byte-source.ts';
export {
  type ElfFile,
  type ElfSection,
  type OpenElfOptions,
  checkSection,
  contentBytes,
  findSection,
  findSections,
  openElf,
  readSection,
} from './elf-file.ts';
export { type ZstdDecompressor, zstdOfNode } from './compression.ts';
export { RelocatedSections, findDebugSections } from './relocate.ts';
export { FormatError, type FormatErrorCode, type FormatLocation } from './format-error.ts';
export { readObjectBytes } from './object-bytes.ts';
export { type SymbolTable, readSymbolTable } from './symbol-table.ts';
export { readBuildId } from './build-id.ts';
