import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../test/builders/byte-writer.ts';
import {
  compressedData,
  type ElfSection,
  gnuCompressedData,
  relocationSection,
  SHF,
  SHT,
  writeElf,
} from '../test/builders/elf-writer.ts';
import { formatErrorOf } from '../test/support/conversion.ts';
import { memorySource } from './byte-source.ts';
import { compressionOf, type ZstdDecompressor } from './compression.ts';
import { contentBytes, type ElfFile, openElf, readSection } from './elf-file.ts';
import { findDebugSections, RelocatedSections } from './relocate.ts';
import { readSymbolTable } from './symbol-table.ts';

const TARGETS = [
  { bits: 64, littleEndian: true, machine: 183, abs32: 258 },
  { bits: 64, littleEndian: false, machine: 22, abs32: 4 },
  { bits: 32, littleEndian: true, machine: 40, abs32: 2 },
  { bits: 32, littleEndian: false, machine: 20, abs32: 1 },
] as const;

const PLAIN = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 5);

/** Stands for the codec: what it gets without its first byte. */
const fakeZstd: ZstdDecompressor = (packed) => packed.subarray(1);

function open(section: Partial<ElfSection>, zstd?: ZstdDecompressor): ElfFile {
  const bytes = writeElf({ sections: [{ name: '.debug_info', flags: SHF.COMPRESSED, ...section }] });
  return openElf(memorySource(bytes), { zstd });
}

function read(section: Partial<ElfSection>, zstd?: ZstdDecompressor): Uint8Array {
  const file = open(section, zstd);
  return readSection(file, file.sections[1]);
}

describe.each(TARGETS)('compressed sections, $bits bit, little endian $littleEndian', (target) => {
  it('are decompressed, by flag and by name', () => {
    const bytes = writeElf({
      ...target,
      sections: [
        { name: '.debug_info', flags: SHF.COMPRESSED, data: compressedData(PLAIN, target) },
        { name: '.zdebug_str', data: gnuCompressedData(PLAIN) },
        { name: '.debug_abbrev', data: PLAIN },
      ],
    });
    const file = openElf(memorySource(bytes));
    for (const section of file.sections.slice(1, 4)) {
      expect(readSection(file, section)).toEqual(PLAIN);
      expect(contentBytes(file, section)).toBe(PLAIN.length);
    }
    expect(findDebugSections(file, '.debug_str').map(({ name }) => name)).toEqual(['.zdebug_str']);
    expect(new RelocatedSections(file).read('.debug_str')).toEqual(PLAIN);
  });

  it('are relocated after that', () => {
    const at = { offset: 4996, type: target.abs32, symbol: 1, addend: 0 };
    const table = relocationSection([at], { ...target, kind: 'rela', info: 1, link: 3 });
    const file = openElf(
      memorySource(
        writeElf({
          ...target,
          type: 1,
          sections: [
            { name: '.debug_info', flags: SHF.COMPRESSED, data: compressedData(PLAIN, target) },
            table,
          ],
          symbols: [{ name: 'x', section: 0xfff1, value: 0x01020304 }],
        }),
      ),
    );
    const word = [1, 2, 3, 4];
    expect(new RelocatedSections(file).read('.debug_info')).toEqual(
      concatBytes(PLAIN.subarray(0, 4996), Uint8Array.from(target.littleEndian ? word.reverse() : word)),
    );
  });

  it('may be symbols and strings', () => {
    const plain = writeElf({ ...target, symbols: [{ name: 'main', type: 'func', value: 7 }] });
    const { sections } = openElf(memorySource(plain));
    const packed = sections.slice(1, 3).map(({ name, type, link, entrySize, offset, sizeBytes }) => ({
      name,
      type,
      link,
      entrySize,
      flags: SHF.COMPRESSED,
      data: compressedData(plain.subarray(offset, offset + sizeBytes), target),
    }));
    const table = readSymbolTable(openElf(memorySource(writeElf({ ...target, sections: packed }))));
    expect(table?.count).toBe(2);
    expect(table?.valueLow(1)).toBe(7);
    expect(String.fromCharCode(...(table?.strings ?? []))).toBe('\0main\0');
  });

  it('may be empty', () => {
    const data = compressedData(new Uint8Array(0), target);
    const file = openElf(
      memorySource(writeElf({ ...target, sections: [{ name: '.x', flags: SHF.COMPRESSED, data }] })),
    );
    expect(readSection(file, file.sections[1])).toHaveLength(0);
  });

  it('are refused when the header is cut short', () => {
    const size = target.bits === 64 ? 24 : 12;
    for (const length of [0, 4, size - 1]) {
      const data = compressedData(PLAIN, target).subarray(0, length);
      const file = openElf(
        memorySource(writeElf({ ...target, sections: [{ name: '.x', flags: SHF.COMPRESSED, data }] })),
      );
      expect(formatErrorOf(() => compressionOf(file, file.sections[1]))).toMatchObject({
        code: 'elf-malformed',
        location: { section: '.x', offset: 0 },
      });
    }
  });
});

describe('compressed sections', () => {
  const stream = deflateSync(PLAIN);
  const damaged = Uint8Array.from(stream);
  damaged[damaged.length >> 1] ^= 0x10;

  it.each<readonly [string, Uint8Array]>([
    ['one byte of the stream missing', compressedData(PLAIN, {}, { stream: stream.subarray(0, -1) })],
    [
      'half of the stream missing',
      compressedData(PLAIN, {}, { stream: stream.subarray(0, stream.length >> 1) }),
    ],
    ['no stream', compressedData(PLAIN, {}, { stream: new Uint8Array(0) })],
    ['a flipped bit', compressedData(PLAIN, {}, { stream: damaged })],
    ['something else than zlib', compressedData(PLAIN, {}, { stream: PLAIN })],
    ['a size that is one too small', compressedData(PLAIN, {}, { size: PLAIN.length - 1 })],
    ['a size that is one too large', compressedData(PLAIN, {}, { size: PLAIN.length + 1 })],
    ['size 0', compressedData(PLAIN, {}, { size: 0 })],
    ['an impossible size', compressedData(PLAIN, {}, { size: 0x7fff_ffff })],
    ['an absurd size', compressedData(PLAIN, {}, { size: 0xffff_ffff_ffff_ffffn })],
  ])('are refused with %s', (_, data) => {
    expect(formatErrorOf(() => read({ data }))).toMatchObject({
      code: 'elf-malformed',
      location: { format: 'elf', section: '.debug_info' },
    });
  });

  it('stop at the size they claim: a bomb is not unpacked', () => {
    const bomb = deflateSync(new Uint8Array(64 << 20));
    const before = process.memoryUsage().rss;
    expect(
      formatErrorOf(() => read({ data: compressedData(PLAIN, {}, { stream: bomb, size: 1000 }) })).code,
    ).toBe('elf-malformed');
    expect(process.memoryUsage().rss - before).toBeLessThan(32 << 20);
  });

  it.each<readonly [string, Uint8Array]>([
    ['other magic', gnuCompressedData(PLAIN, { magic: 0x5a4c4943 })],
    ['a cut header', gnuCompressedData(PLAIN).subarray(0, 11)],
    ['a wrong size', gnuCompressedData(PLAIN, { size: 4999 })],
    ['a little-endian size', gnuCompressedData(PLAIN, { size: 0x8813_0000_0000_0000n })],
    ['a cut stream', gnuCompressedData(PLAIN).subarray(0, -3)],
  ])('of the old kind are refused with %s', (_, data) => {
    expect(formatErrorOf(() => read({ name: '.zdebug_info', flags: 0, data }))).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.zdebug_info' },
    });
  });

  it.each([0, 3, 0x6000_0000])('of unknown type %i are named', (type) => {
    expect(formatErrorOf(() => read({ data: compressedData(PLAIN, {}, { type }) }))).toMatchObject({
      code: 'elf-unsupported',
      message: `elf .debug_info+0x0: unknown compression type ${type}`,
    });
  });

  it('are not loaded, and not without bytes', () => {
    const data = compressedData(PLAIN);
    expect(formatErrorOf(() => read({ data, flags: SHF.COMPRESSED | SHF.ALLOC })).code).toBe('elf-malformed');
    expect(formatErrorOf(() => read({ data, type: SHT.NOBITS })).code).toBe('elf-malformed');
  });

  describe('with zstd', () => {
    const data = compressedData(PLAIN, {}, { type: 2, stream: concatBytes(Uint8Array.of(9), PLAIN) });

    it('go through the decompressor that openElf got', () => {
      expect(read({ data }, fakeZstd)).toEqual(PLAIN);
    });

    it('are named when there is none', () => {
      const file = { ...open({ data }), zstd: undefined };
      expect(formatErrorOf(() => readSection(file, file.sections[1]))).toMatchObject({
        code: 'elf-unsupported',
        location: { section: '.debug_info' },
      });
    });

    it('are refused when another size comes out: some decompressors take truncated input', () => {
      const error = formatErrorOf(() => read({ data }, (packed) => packed.subarray(2)));
      expect(error).toMatchObject({
        code: 'elf-malformed',
        location: { section: '.debug_info', offset: 24 },
      });
    });
  });
});
