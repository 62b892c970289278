import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compressedData, SHF, writeElf } from '../../test/builders/elf-writer.ts';
import { formatErrorOf } from '../../test/support/conversion.ts';
import { needsTool } from '../../test/support/tools.ts';
import { type ElfFile, memorySource, openElf, readSection, type ZstdDecompressor } from '../../elf/index.ts';
import { zstd, zstdProgram } from './zstd.ts';

const PLAIN = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 7);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.skipIf(needsTool('zstd')).each<readonly [string, ZstdDecompressor]>([
  ['the program', zstdProgram],
  ['whichever there is', zstd],
])('sections compressed with zstd, by %s', (_, decompressor) => {
  const stream = Uint8Array.from(execFileSync('zstd', ['-q', '-c'], { input: PLAIN }));

  function open(packed: Uint8Array, size = PLAIN.length): ElfFile {
    const data = compressedData(PLAIN, {}, { type: 2, stream: packed, size });
    const bytes = writeElf({ sections: [{ name: '.debug_info', flags: SHF.COMPRESSED, data }] });
    return openElf(memorySource(bytes), { zstd: decompressor });
  }

  it('are read', () => {
    const file = open(stream);
    expect(Buffer.compare(readSection(file, file.sections[1]), PLAIN)).toBe(0);
  });

  it.each([
    ['cut short', stream.subarray(0, stream.length >> 1), PLAIN.length],
    ['empty', new Uint8Array(0), 100],
    ['no zstd', PLAIN.subarray(0, 1000), PLAIN.length],
    ['longer than they claim', stream, PLAIN.length - 1],
    ['much longer than they claim', stream, 10],
    ['shorter than they claim', stream, PLAIN.length + 1],
  ])('are refused when %s', (_name, packed, size) => {
    const file = open(packed, size);
    expect(formatErrorOf(() => readSection(file, file.sections[1]))).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.debug_info' },
    });
  });
});

it('says which program is missing', () => {
  vi.stubEnv('PATH', '/nonexistent');
  expect(() => zstdProgram(PLAIN, 1, '.debug_info')).toThrow(/zstd is not installed/u);
});
