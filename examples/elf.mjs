/**
 * What an ELF file holds: `node elf.mjs FILE`. Only headers and what is asked for are read; the file may be larger
 * than memory.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { argv } from 'node:process';
import { FormatError, findSection, openElf, readBuildId, readSymbolTable } from 'btfmill/elf';

const STT_FUNC = 2;

const fd = openSync(argv[2], 'r');
try {
  // The library opens no files: it is given something that has a size and can be read from.
  const file = openElf({
    size: fstatSync(fd).size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      if (readSync(fd, bytes, 0, length, offset) !== length) throw new Error('the file became shorter');
      return bytes;
    },
  });
  console.log(`${file.is64 ? 64 : 32} bits, ${file.littleEndian ? 'little' : 'big'}-endian`);
  console.log(`build id ${readBuildId(file) ?? 'none'}`);
  console.log(`${findSection(file, '.debug_info')?.sizeBytes ?? 0} bytes of .debug_info`);

  const symbols = readSymbolTable(file);
  let functions = 0;
  for (let i = 0; i < (symbols?.count ?? 0); i++) if (symbols.type(i) === STT_FUNC) functions++;
  console.log(`${functions} function symbols`);
} catch (error) {
  // Whatever is wrong with the bytes is a FormatError: a code, and where.
  if (!(error instanceof FormatError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  closeSync(fd);
}
