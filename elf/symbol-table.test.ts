import { describe, expect, it } from 'vitest';
import { type ElfFile as ElfDescription, SHT, writeElf } from '../test/builders/elf-writer.ts';
import { formatErrorOf } from '../test/support/conversion.ts';
import { memorySource } from './byte-source.ts';
import { STT_FUNC, STT_OBJECT } from './constants.ts';
import { type ElfFile, openElf } from './elf-file.ts';
import { type SymbolTable, readSymbolTable } from './symbol-table.ts';

const TARGETS = [
  { bits: 64, littleEndian: true },
  { bits: 64, littleEndian: false },
  { bits: 32, littleEndian: true },
  { bits: 32, littleEndian: false },
] as const;

function open(description: ElfDescription): ElfFile {
  return openElf(memorySource(writeElf(description)));
}

function nameOf(table: SymbolTable, index: number): string {
  const start = table.nameOffset(index);
  return Buffer.from(table.strings.subarray(start, table.strings.indexOf(0, start))).toString();
}

/** The sections of a symbol table whose second entry has its first byte at `.symtab`+entry size. */
function symbolFile(change: (symtab: DataView) => void, description: ElfDescription = {}): ElfFile {
  const bytes = writeElf({ symbols: [{ name: 'f', type: 'func' }], ...description });
  const section = openElf(memorySource(bytes)).sections.find(({ type }) => type === SHT.SYMTAB);
  change(new DataView(bytes.buffer, section?.offset, section?.sizeBytes));
  return openElf(memorySource(bytes));
}

describe.each(TARGETS)('readSymbolTable, $bits bit, little endian $littleEndian', (target) => {
  it('reads types, names, values, sizes and sections', () => {
    const table = readSymbolTable(
      open({
        ...target,
        sections: [{ name: '.text' }, { name: '.data..percpu' }],
        symbols: [
          { name: 'start', type: 'func', section: '.text', value: 0x81000010, size: 32 },
          { name: 'var', type: 'object', section: '.data..percpu', value: 8, size: 0x1234, binding: 'local' },
          { name: 'absolute', section: 0xfff1, value: 1 },
          { name: 'reserved', section: 0xffff },
          { name: 'undefined' },
        ],
      }),
    ) as SymbolTable;
    expect(table.count).toBe(6);
    expect([1, 2, 3, 4, 5].map((i) => nameOf(table, i))).toEqual([
      'start',
      'var',
      'absolute',
      'reserved',
      'undefined',
    ]);
    expect([table.type(1), table.type(2), table.type(3)]).toEqual([STT_FUNC, STT_OBJECT, 0]);
    expect([1, 2, 3, 4, 5].map((i) => table.section(i))).toEqual([1, 2, -1, -1, 0]);
    expect([table.valueLow(1), table.valueHigh(1)]).toEqual([0x81000010, 0]);
    expect([table.sizeBytes(1), table.sizeBytes(2)]).toEqual([32, 0x1234]);
  });

  it('is undefined for a stripped file', () => {
    expect(readSymbolTable(open({ ...target, sections: [{ name: '.text' }] }))).toBeUndefined();
  });

  it('refuses a name outside the strings, with the symbol it belongs to', () => {
    const entry = target.bits === 64 ? 24 : 16;
    const file = symbolFile((view) => view.setUint32(entry, 0x7fffffff, target.littleEndian), target);
    const table = readSymbolTable(file) as SymbolTable;
    expect(formatErrorOf(() => table.nameOffset(1))).toMatchObject({
      code: 'elf-malformed',
      location: { format: 'elf', section: '.symtab', offset: entry },
    });
  });
});

describe('readSymbolTable', () => {
  it('keeps the upper half of a kernel address', () => {
    const table = readSymbolTable(
      open({ symbols: [{ name: 'f', type: 'func', value: 0xffffffff_81000000n }] }),
    ) as SymbolTable;
    expect([table.valueHigh(1), table.valueLow(1)]).toEqual([0xffffffff, 0x81000000]);
  });

  it('refuses a size beyond 2^53', () => {
    const file = symbolFile((view) => view.setUint32(24 + 20, 0xffffffff, true));
    expect(formatErrorOf(() => readSymbolTable(file)?.sizeBytes(1))).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.symtab', offset: 24 },
    });
  });

  const STRINGS = { name: '.strtab', type: SHT.STRTAB, data: Uint8Array.of(0) };
  const symtab = { name: '.symtab', type: SHT.SYMTAB, entrySize: 24, data: new Uint8Array(24) };

  it.each([
    ['a link to nowhere', [{ ...symtab, link: 99 }, STRINGS]],
    ['a link to a section without strings', [{ ...symtab, link: '.text' }, { name: '.text' }]],
    ['entries of size 0', [{ ...symtab, link: '.strtab', entrySize: 0 }, STRINGS]],
    ['entries that are too small', [{ ...symtab, link: '.strtab', entrySize: 16 }, STRINGS]],
    [
      'strings without end',
      [
        { ...symtab, link: '.strtab' },
        { ...STRINGS, data: Uint8Array.of(0, 97) },
      ],
    ],
    ['contents outside the file', [{ ...symtab, link: '.strtab', raw: { size: 0x10000 } }, STRINGS]],
  ])('refuses %s', (_, sections) => {
    expect(formatErrorOf(() => readSymbolTable(open({ sections })))).toMatchObject({
      code: 'elf-malformed',
      location: { format: 'elf', section: '.symtab' },
    });
  });

  it('leaves out a last entry that is cut short', () => {
    const sections = [{ ...symtab, link: '.strtab', data: new Uint8Array(24 + 23) }, STRINGS];
    expect(readSymbolTable(open({ sections }))?.count).toBe(1);
  });
});
