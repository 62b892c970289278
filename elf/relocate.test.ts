import { describe, expect, it } from 'vitest';
import { byteWriter } from '../test/builders/byte-writer.ts';
import {
  type ElfFile as ElfDescription,
  type ElfSection,
  type ElfTarget,
  type Relocation,
  relocationSection,
  SHF,
  SHT,
  writeElf,
} from '../test/builders/elf-writer.ts';
import { formatErrorOf } from '../test/support/conversion.ts';
import { memorySource } from './byte-source.ts';
import { openElf } from './elf-file.ts';
import { RelocatedSections } from './relocate.ts';
import { readSymbolTable } from './symbol-table.ts';

const ET_REL = 1;
const EM_MIPS = 8;
const EM_RISCV = 243;

interface Target extends Required<ElfTarget> {
  readonly machine: number;
  readonly kind: 'rel' | 'rela';
  /** Absolute relocations of 4 and 8 bytes. */
  readonly abs32: number;
  readonly abs64?: number;
}

const TARGETS: readonly (Target & { readonly name: string })[] = [
  { name: 'x86_64', bits: 64, littleEndian: true, machine: 62, kind: 'rela', abs32: 10, abs64: 1 },
  { name: 'i386', bits: 32, littleEndian: true, machine: 3, kind: 'rel', abs32: 1 },
  { name: 'arm', bits: 32, littleEndian: true, machine: 40, kind: 'rel', abs32: 2 },
  { name: 'arm64', bits: 64, littleEndian: true, machine: 183, kind: 'rela', abs32: 258, abs64: 257 },
  { name: 's390x', bits: 64, littleEndian: false, machine: 22, kind: 'rela', abs32: 4, abs64: 22 },
  { name: 'ppc', bits: 32, littleEndian: false, machine: 20, kind: 'rela', abs32: 1 },
  { name: 'ppc64', bits: 64, littleEndian: false, machine: 21, kind: 'rela', abs32: 1, abs64: 38 },
  { name: 'ppc64le', bits: 64, littleEndian: true, machine: 21, kind: 'rela', abs32: 1, abs64: 38 },
  { name: 'mips', bits: 32, littleEndian: false, machine: 8, kind: 'rel', abs32: 2 },
  { name: 'mips64', bits: 64, littleEndian: false, machine: 8, kind: 'rela', abs32: 2, abs64: 18 },
  { name: 'mips64el', bits: 64, littleEndian: true, machine: 8, kind: 'rela', abs32: 2, abs64: 18 },
  { name: 'riscv64', bits: 64, littleEndian: true, machine: 243, kind: 'rela', abs32: 1, abs64: 2 },
  { name: 'bpf', bits: 64, littleEndian: true, machine: 247, kind: 'rel', abs32: 3, abs64: 2 },
];

const X86 = TARGETS[0];

/** `.text` is section 1, the data section 2, its relocations 3, the symbol table 4. */
function describeFile(
  target: Target,
  data: Uint8Array,
  relocations: readonly Relocation[],
  overrides: { readonly file?: Partial<ElfDescription>; readonly table?: Partial<ElfSection> } = {},
): ElfDescription {
  const { bits, littleEndian, machine, kind } = target;
  return {
    bits,
    littleEndian,
    machine,
    type: ET_REL,
    sections: [
      { name: '.text', flags: SHF.ALLOC | SHF.EXECINSTR, align: 16, data: new Uint8Array(0x30) },
      { name: '.debug_info', data },
      {
        ...relocationSection(relocations, { bits, littleEndian, machine, kind, info: 2, link: 4 }),
        name: '.rela.debug_info',
        ...overrides.table,
      },
    ],
    symbols: [
      { name: 'function', type: 'func', section: '.text', value: 0x20, size: 4 },
      { name: 'absolute', section: 0xfff1, value: 0x1234 },
      { name: 'elsewhere', section: 0, value: 0 },
      { name: '', type: 'section', section: '.debug_info' },
    ],
    ...overrides.file,
  };
}

const FUNCTION = 1;
const ABSOLUTE = 2;
const UNDEFINED = 3;
const INFO = 4;
/** Where the layout puts `function`. */
const FUNCTION_ADDRESS = 0x1_0020;

function read(description: ElfDescription, name = '.debug_info'): Uint8Array {
  return new RelocatedSections(openElf(memorySource(writeElf(description)))).read(name);
}

function words(
  target: ElfTarget,
  ...values: readonly (readonly [value: number | bigint, bytes: number])[]
): Uint8Array {
  const out = byteWriter(target.littleEndian ?? true);
  for (const [value, bytes] of values) out.uint(value, bytes);
  return out.toBytes();
}

describe.each(TARGETS)('relocations of $name', (target) => {
  // What stands at the place is the addend of a REL entry and nothing to a RELA entry.
  const implicit = target.kind === 'rel' ? 5 : 0x7777_7777;
  const addend = 5;

  it('puts symbol plus addend into four bytes', () => {
    const data = words(target, [1, 4], [implicit, 4], [implicit, 4], [implicit, 4], [implicit, 4], [2, 4]);
    const symbols = [FUNCTION, ABSOLUTE, UNDEFINED, INFO];
    const relocations = symbols.map((symbol, i) => ({
      offset: 4 + 4 * i,
      type: target.abs32,
      symbol,
      addend,
    }));
    expect(read(describeFile(target, data, relocations))).toEqual(
      words(target, [1, 4], [FUNCTION_ADDRESS + 5, 4], [0x1239, 4], [5, 4], [5, 4], [2, 4]),
    );
  });

  it('names the type it does not know', () => {
    const error = formatErrorOf(() =>
      read(describeFile(target, new Uint8Array(8), [{ offset: 0, type: 199, symbol: FUNCTION }])),
    );
    expect(error).toMatchObject({
      code: 'elf-unsupported',
      message: `elf .rela.debug_info+0x0: relocation type 199 of machine ${target.machine} is not known`,
    });
  });

  it('refuses places outside the section and symbols outside the table', () => {
    const good = { offset: 0, type: target.abs32, symbol: FUNCTION };
    const stride = (target.kind === 'rela' ? 3 : 2) * (target.bits / 8);
    const bad = [
      { ...good, offset: 5 },
      { ...good, offset: target.bits === 32 ? 0xffff_fffe : 0xffff_ffff_ffff_fffen },
      { ...good, offset: target.bits === 32 ? 0x8000_0000 : 0x1_0000_0000 },
      { ...good, symbol: 5 },
      { ...good, symbol: 0xff_ffff },
    ];
    for (const relocation of bad) {
      const error = formatErrorOf(() => read(describeFile(target, new Uint8Array(8), [good, relocation])));
      expect(error).toMatchObject({
        code: 'elf-malformed',
        location: { section: '.rela.debug_info', offset: stride },
      });
    }
  });
});

describe.each(TARGETS.filter(({ bits }) => bits === 64))('wide relocations of $name', (target) => {
  it('puts symbol plus addend into eight bytes', () => {
    const start = target.kind === 'rel' ? 0xffff_ffff_0000_0000n : 7n;
    const relocation = { offset: 1, type: target.abs64 ?? 0, symbol: FUNCTION, addend: -0x1_0000_0000n };
    expect(read(describeFile(target, words(target, [9, 1], [start, 8], [9, 1]), [relocation]))).toEqual(
      words(target, [9, 1], [0xffff_ffff_0000_0000n + BigInt(FUNCTION_ADDRESS), 8], [9, 1]),
    );
  });
});

describe('relocated sections', () => {
  const place = { offset: 0, type: 10, symbol: FUNCTION, addend: 0 };

  it('carry from the low half into the high one', () => {
    const relocation = { offset: 0, type: 1, symbol: FUNCTION, addend: 0xffff_ffff };
    expect(read(describeFile(X86, new Uint8Array(8), [relocation]))).toEqual(
      words(X86, [0x1_0000_0000n + BigInt(FUNCTION_ADDRESS) - 1n, 8]),
    );
  });

  it('are as they stand in a linked file, whatever relocations it kept', () => {
    const description = describeFile(X86, words(X86, [7, 8]), [{ ...place, type: 199 }]);
    for (const type of [2, 3]) expect(read({ ...description, type })).toEqual(words(X86, [7, 8]));
  });

  it('are empty when the file has none of that name', () => {
    expect(read(describeFile(X86, new Uint8Array(8), []), '.debug_str')).toHaveLength(0);
  });

  it('leave the bytes of the source alone', () => {
    const bytes = writeElf(describeFile(X86, new Uint8Array(8), [place]));
    const before = Uint8Array.from(bytes);
    new RelocatedSections(openElf(memorySource(bytes))).read('.debug_info');
    expect(bytes).toEqual(before);
  });

  it('apply distances as pairs, modulo the size of the field (riscv)', () => {
    const target = { ...X86, machine: EM_RISCV };
    const pair = (offset: number, add: number): Relocation[] => [
      { offset, type: add, symbol: FUNCTION, addend: 0x300 },
      { offset, type: add + 4, symbol: FUNCTION, addend: 1 },
      { offset, type: 51, symbol: 0 },
    ];
    const relocations = [...pair(0, 33), ...pair(1, 34), ...pair(3, 35), ...pair(7, 36)];
    const data = words(target, [1, 1], [2, 2], [3, 4], [4, 8]);
    expect(read(describeFile(target, data, relocations))).toEqual(
      words(target, [0x00, 1], [0x301, 2], [0x302, 4], [0x303, 8]),
    );
  });

  it('keep the length of ULEB128 numbers (riscv)', () => {
    const target = { ...X86, machine: EM_RISCV };
    const out = byteWriter();
    out.uleb(0, 3);
    out.u8(0x55);
    const relocations = [
      { offset: 0, type: 60, symbol: FUNCTION, addend: 0x181 },
      { offset: 0, type: 61, symbol: FUNCTION, addend: 1 },
    ];
    expect(read(describeFile(target, out.toBytes(), relocations))).toEqual(
      Uint8Array.of(0x80, 0x83, 0, 0x55),
    );
    const endless = Uint8Array.of(0x80, 0x80);
    expect(formatErrorOf(() => read(describeFile(target, endless, relocations)))).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.rela.debug_info', offset: 0 },
    });
    const long = new Uint8Array(12).fill(0x80);
    expect(formatErrorOf(() => read(describeFile(target, long, relocations))).code).toBe('elf-malformed');
  });

  it('refuse composed relocations (mips n64 has room for three types)', () => {
    const target = { ...X86, machine: EM_MIPS };
    const error = formatErrorOf(() =>
      read(describeFile(target, new Uint8Array(8), [{ ...place, type: 0x0012_0002 }])),
    );
    expect(error.code).toBe('elf-unsupported');
  });

  it('refuse machines without rules, but only when there is something to do', () => {
    const target = { ...X86, machine: 2 };
    const error = formatErrorOf(() => read(describeFile(target, new Uint8Array(8), [place])));
    expect(error).toMatchObject({
      code: 'elf-unsupported',
      message: expect.stringContaining('machine 2') as string,
    });
    expect(read(describeFile(target, new Uint8Array(8), []))).toHaveLength(8);
  });

  it.each<readonly [string, Partial<ElfSection>]>([
    ['entries of another size', { entrySize: 16 }],
    ['a broken last entry', { data: new Uint8Array(30) }],
    ['no symbol table', { link: 1 }],
    ['a symbol table that does not exist', { link: 77 }],
  ])('refuse relocations with %s', (_, table) => {
    const error = formatErrorOf(() => read(describeFile(X86, new Uint8Array(8), [place], { table })));
    expect(error).toMatchObject({ code: 'elf-malformed', location: { section: '.rela.debug_info' } });
  });

  it('refuse many relocation sections that share their bytes', () => {
    const description = describeFile(
      X86,
      new Uint8Array(8),
      Array.from({ length: 200 }, () => place),
    );
    const file = openElf(memorySource(writeElf(description)));
    const { sections } = file;
    const copies = Array.from({ length: 9 }, () => sections[3]);
    const error = formatErrorOf(() =>
      new RelocatedSections({ ...file, sections: [...sections, ...copies] }).read('.debug_info'),
    );
    expect(error).toMatchObject({ code: 'elf-malformed', location: { section: '.debug_info' } });
  });

  it('are joined when COMDAT groups make several of one name, and referred to as one', () => {
    const sections: ElfSection[] = [
      { name: '.debug_info', data: words(X86, [0, 4]) },
      { name: '.debug_info', data: words(X86, [0, 4], [0, 4]) },
      relocationSection([{ offset: 0, type: 10, symbol: 2, addend: 4 }], { kind: 'rela', info: 1, link: 4 }),
    ];
    const symbols = [
      { name: '', type: 'section' as const, section: 1 },
      { name: '', type: 'section' as const, section: 2 },
    ];
    expect(read({ type: ET_REL, sections, symbols })).toEqual(words(X86, [8, 4], [0, 4], [0, 4]));
    expect(read({ type: 2, sections, symbols })).toHaveLength(4);
  });

  it('find sections whose index does not fit 16 bits', () => {
    const sections: ElfSection[] = [
      { name: '.text', flags: SHF.ALLOC, data: new Uint8Array(4) },
      { name: '.debug_info', data: new Uint8Array(4) },
      relocationSection([place], { kind: 'rela', info: 2, link: 5 }),
      { name: '.symtab_shndx', type: SHT.SYMTAB_SHNDX, link: 5, data: words(X86, [0, 4], [1, 4]) },
    ];
    const symbols = [{ name: 'far', section: 0xffff, value: 2 }];
    expect(read({ type: ET_REL, sections, symbols })).toEqual(words(X86, [0x1_0002, 4]));
  });
});

describe('the layout of a relocatable file', () => {
  it('gives allocated sections addresses that do not overlap, and their symbols with them', () => {
    const file = openElf(
      memorySource(
        writeElf({
          type: ET_REL,
          sections: [
            { name: '.text', flags: SHF.ALLOC, data: new Uint8Array(5) },
            { name: '.comment', data: new Uint8Array(100) },
            { name: '.bss', type: SHT.NOBITS, flags: SHF.ALLOC, align: 64, raw: { size: 0x1_0000_0000 } },
            { name: '.data', flags: SHF.ALLOC, align: 8, data: new Uint8Array(8) },
          ],
          symbols: [
            { name: 'in_data', section: '.data', value: 4 },
            { name: 'in_comment', section: '.comment', value: 4 },
            { name: 'common', section: 0xfff2, value: 8 },
          ],
        }),
      ),
    );
    const addresses = file.sections.map(({ addressHigh, addressLow }) => addressHigh * 2 ** 32 + addressLow);
    expect(addresses.slice(0, 5)).toEqual([0, 0x1_0000, 0, 0x1_0040, 0x1_0001_0040]);
    const symbols = readSymbolTable(file);
    const values = [1, 2, 3].map((i) => [symbols?.valueHigh(i), symbols?.valueLow(i)]);
    expect(values).toEqual([
      [1, 0x1_0044],
      [0, 4],
      [0, 8],
    ]);
  });

  it('takes an absurd alignment for none', () => {
    const section = { name: '.data', flags: SHF.ALLOC, align: 1, data: new Uint8Array(1) };
    const bytes = writeElf({ type: ET_REL, sections: [section, section] });
    const view = new DataView(bytes.buffer);
    const table = Number(view.getBigUint64(40, true));
    for (const align of [0, 0xffff_ffff]) {
      view.setUint32(table + 2 * 64 + 48, align, true);
      expect(openElf(memorySource(bytes)).sections[2].addressLow).toBe(0x1_0001);
    }
  });
});
