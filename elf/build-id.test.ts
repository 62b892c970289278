import { describe, expect, it } from 'vitest';
import { byteWriter, concatBytes } from '../test/builders/byte-writer.ts';
import { buildIdNote, type ElfSection, type ElfTarget, SHT, writeElf } from '../test/builders/elf-writer.ts';
import { readBuildId } from './build-id.ts';
import { memorySource } from './byte-source.ts';
import { openElf } from './elf-file.ts';

const ID = Uint8Array.of(0xde, 0xad, 0x00, 0x0f, 0xa0);

function idOf(
  data: Uint8Array,
  section: Partial<ElfSection> = {},
  target: ElfTarget = {},
): string | undefined {
  const notes = { name: '.notes', type: SHT.NOTE, data, ...section };
  return readBuildId(openElf(memorySource(writeElf({ ...target, sections: [{ name: '.text' }, notes] }))));
}

function note(name: string, type: number, descriptor: Uint8Array): Uint8Array {
  const out = byteWriter();
  out.u32(name.length + 1);
  out.u32(descriptor.length);
  out.u32(type);
  out.cstring(name);
  out.align(4);
  out.bytes(descriptor);
  out.align(4);
  return out.toBytes();
}

describe('readBuildId', () => {
  it.each([
    { bits: 64, littleEndian: true },
    { bits: 64, littleEndian: false },
    { bits: 32, littleEndian: true },
    { bits: 32, littleEndian: false },
  ] as const)('$bits bit, little endian $littleEndian', (target) => {
    expect(idOf(buildIdNote(ID, target), {}, target)).toBe('dead000fa0');
  });

  it('finds it behind other notes, as in vmlinux', () => {
    const others = [note('Linux', 0x101, Uint8Array.of(1)), note('Xen', 3, ID), note('GNU', 5, ID)];
    expect(idOf(concatBytes(...others, buildIdNote(Uint8Array.of(0x12))))).toBe('12');
  });

  it.each([
    ['no note', new Uint8Array(0)],
    ['half a header', new Uint8Array(11)],
    ['another note only', note('GNU', 1, ID)],
    ['a name longer than the section', Uint8Array.from([255, 255, 255, 255, 4, 0, 0, 0, 3, 0, 0, 0])],
    ['an id longer than the section', buildIdNote(ID).slice(0, -6)],
    ['a GNU name that is cut', Uint8Array.from([4, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0x47])],
  ])('is undefined with %s', (_, data) => {
    expect(idOf(data)).toBeUndefined();
  });

  it('is undefined without a note section', () => {
    expect(idOf(buildIdNote(ID), { type: SHT.PROGBITS })).toBeUndefined();
  });

  it('does not read notes of absurd size', () => {
    expect(idOf(buildIdNote(ID), { raw: { size: 0x7fff_ffff } })).toBeUndefined();
  });
});
