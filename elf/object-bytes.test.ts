import { describe, expect, it } from 'vitest';
import {
  type ElfFile as ElfDescription,
  type ElfSymbol,
  SHT,
  writeElf,
} from '../test/builders/elf-writer.ts';
import { formatErrorOf } from '../test/support/conversion.ts';
import { memorySource } from './byte-source.ts';
import { openElf } from './elf-file.ts';
import { readObjectBytes } from './object-bytes.ts';

const TEXT = Buffer.from('....Linux version 6.1\0more');
const OBJECT: ElfSymbol = { name: 'banner', type: 'object', section: '.rodata' };

function read(description: ElfDescription, name = 'banner', maxBytes = 1000): string | undefined {
  const bytes = readObjectBytes(openElf(memorySource(writeElf(description))), name, maxBytes);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}

describe.each([
  { bits: 64, littleEndian: true, address: 0xffffffff81e00000n },
  { bits: 64, littleEndian: false, address: 0xcdc000n },
  { bits: 32, littleEndian: true, address: 0xc1000000n },
  { bits: 32, littleEndian: false, address: 0xc1000000n },
] as const)('readObjectBytes, $bits bit, little endian $littleEndian', ({ address, ...target }) => {
  const sections = [{ name: '.text' }, { name: '.rodata', data: TEXT, address }];
  const file = (symbol: ElfSymbol): ElfDescription => ({
    ...target,
    sections,
    symbols: [{ name: 'the_banner_x' }, symbol],
  });

  it('reads what lies at the symbol', () => {
    expect(read(file({ ...OBJECT, value: address + 4n, size: 18 }))).toBe('Linux version 6.1\0');
    expect(read(file({ ...OBJECT, value: address + 4n, size: 18 }), 'banner', 5)).toBe('Linux');
  });

  it('reads to the end of the section when the object has no size', () => {
    expect(read(file({ ...OBJECT, value: address + 4n }))).toBe('Linux version 6.1\0more');
  });

  it('finds only a symbol of that very name, in a section', () => {
    const symbol = { ...OBJECT, value: address, size: 4 };
    expect(read(file(symbol), 'bann')).toBeUndefined();
    expect(read(file(symbol), 'banner2')).toBeUndefined();
    expect(read(file({ ...symbol, section: 0 }))).toBeUndefined();
    expect(read(file({ ...symbol, section: 0xfff1 }))).toBeUndefined();
    expect(read({ ...target, sections })).toBeUndefined();
  });

  it('has nothing to read in a section without bytes', () => {
    const nobits = [{ name: '.rodata', type: SHT.NOBITS, raw: { size: 100 } }];
    expect(read({ ...target, sections: nobits, symbols: [{ ...OBJECT, size: 4 }] })).toBeUndefined();
  });

  it.each([
    ['before its section', -1n, 4],
    ['behind its section', BigInt(TEXT.length + 1), 0],
    ['partly behind it', 4n, TEXT.length],
    ['of an absurd size', 0n, 0x7fffffff],
  ])('refuses an object %s', (_what, offset, size) => {
    const error = formatErrorOf(() => read(file({ ...OBJECT, value: address + offset, size })));
    expect(error).toMatchObject({ code: 'elf-malformed' });
    expect(error.message).toContain('banner');
  });

  it('refuses a section that lies outside the file', () => {
    const outside = [{ name: '.rodata', data: TEXT, raw: { size: 100_000 } }];
    const symbols = [{ ...OBJECT, value: 90_000, size: 4 }];
    expect(formatErrorOf(() => read({ ...target, sections: outside, symbols }))).toMatchObject({
      code: 'elf-malformed',
    });
  });
});
