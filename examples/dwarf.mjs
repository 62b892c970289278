/** DWARF to BTF in one call: `node dwarf.mjs VMLINUX OUTPUT`. Byte for byte what the profile's pahole writes. */

import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { convertDwarf, kindCountsByName } from 'btfmill/dwarf';
import { FormatError, memorySource, openElf } from 'btfmill/elf';

try {
  const file = openElf(memorySource(readFileSync(argv[2])));
  const { bytes, typeCount, kindCounts } = convertDwarf(file, 'pahole-1.30');
  writeFileSync(argv[3], bytes);
  console.log(`${typeCount} types, ${bytes.length} bytes`);
  console.log(kindCountsByName(kindCounts));
} catch (error) {
  if (!(error instanceof FormatError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
