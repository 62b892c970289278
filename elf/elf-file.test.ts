import { describe, expect, it } from 'vitest';
import { type ElfFile as ElfDescription, SHF, SHT, writeElf } from '../test/builders/elf-writer.ts';
import { formatErrorOf } from '../test/support/conversion.ts';
import { memorySource } from './byte-source.ts';
import { findSection, openElf, readSection } from './elf-file.ts';
import type { FormatError } from './format-error.ts';

const TARGETS = [
  { bits: 64, littleEndian: true, machine: 62 },
  { bits: 64, littleEndian: false, machine: 22 },
  { bits: 32, littleEndian: true, machine: 3 },
  { bits: 32, littleEndian: false, machine: 20 },
] as const;

const DATA = Uint8Array.of(1, 2, 3, 4, 5);

function open(description: ElfDescription): ReturnType<typeof openElf> {
  return openElf(memorySource(writeElf(description)));
}

function errorOf(description: ElfDescription): FormatError {
  return formatErrorOf(() => open(description));
}

/** The file's bytes with some of them replaced. */
function patched(description: ElfDescription, offset: number, bytes: readonly number[]): Uint8Array {
  const file = writeElf(description);
  file.set(bytes, offset);
  return file;
}

describe.each(TARGETS)('openElf, $bits bit, little endian $littleEndian', (target) => {
  it('reads header and sections', () => {
    const high = target.bits === 64 ? 0xffffffff_81000000n : 0xc0100000;
    const file = open({
      ...target,
      type: 3,
      sections: [
        { name: '.text', flags: SHF.ALLOC | SHF.EXECINSTR, address: high, data: DATA },
        { name: '.info', type: SHT.RELA, link: '.text', info: 7, entrySize: 24, data: new Uint8Array(24) },
        { name: '.bss', type: SHT.NOBITS, address: 0x2000 },
      ],
    });
    expect(file).toMatchObject({
      is64: target.bits === 64,
      littleEndian: target.littleEndian,
      type: 3,
      machine: target.machine,
    });
    expect(file.sections.map(({ name }) => name)).toEqual(['', '.text', '.info', '.bss', '.shstrtab']);
    expect(file.sections[1]).toMatchObject({
      index: 1,
      type: SHT.PROGBITS,
      flags: 6,
      addressLow: target.bits === 64 ? 0x81000000 : 0xc0100000,
      addressHigh: target.bits === 64 ? 0xffffffff : 0,
      sizeBytes: 5,
    });
    expect(file.sections[2]).toMatchObject({ link: 1, info: 7, entrySize: 24, sizeBytes: 24 });
    expect([...readSection(file, file.sections[1])]).toEqual([...DATA]);
    expect(findSection(file, '.nothing')).toBeUndefined();
  });

  it('takes the section count and name table of section 0 from 0xff00 sections on', () => {
    const many = Array.from({ length: 0xff00 }, () => ({ name: '.x' }));
    const file = open({
      ...target,
      sections: [...many, { name: '.last', data: DATA }],
      extendedNumbering: true,
    });
    expect(file.sections).toHaveLength(0xff00 + 3);
    expect([...readSection(file, file.sections[0xff01])]).toEqual([...DATA]);
    expect(file.sections[0xff01].name).toBe('.last');
  });

  const headerSize = target.bits === 64 ? 64 : 52;
  const countAt = target.bits === 64 ? 60 : 48;

  it.each<readonly [string, ElfDescription, number]>([
    ['table behind the end', { raw: { sectionHeaderOffset: 0x7fff0000 } }, 0x7fff0000],
    ['table that ends behind the end', { raw: { sectionCount: 0xfeff } }, headerSize],
    ['tiny header size', { raw: { sectionHeaderSize: 8 } }, countAt - 2],
    ['header size 0', { raw: { sectionHeaderSize: 0 } }, countAt - 2],
    ['name table that is no section', { raw: { nameTableIndex: 77 } }, countAt + 2],
  ])('refuses a section %s', (_, description, minimumOffset) => {
    const error = errorOf({ ...target, sections: [{ name: '.text', data: DATA }], ...description });
    expect(error).toMatchObject({ code: 'elf-malformed', location: { format: 'elf' } });
    expect(error.location.offset).toBeGreaterThanOrEqual(minimumOffset);
  });

  it('refuses names outside the name table', () => {
    const error = errorOf({ ...target, sections: [{ name: '.text', raw: { nameOffset: 1000 } }] });
    expect(error).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.shstrtab', offset: 1000 },
    });
  });

  it('refuses a name without end', () => {
    const file = writeElf({ ...target, sections: [{ name: '.text' }] });
    const names = openElf(memorySource(file)).sections[2];
    file.fill(0x61, names.offset, names.offset + names.sizeBytes);
    const error = formatErrorOf(() => openElf(memorySource(file)));
    expect(error).toMatchObject({ code: 'elf-malformed', location: { section: '.shstrtab' } });
  });

  it('refuses contents outside the file when they are asked for, not before', () => {
    const file = open({
      ...target,
      sections: [
        { name: '.far', data: DATA, raw: { offset: 0x1000000 } },
        { name: '.long', data: DATA, raw: { size: 0x1000000 } },
        { name: '.bss', type: SHT.NOBITS },
      ],
    });
    for (const section of file.sections.slice(1, 4)) {
      const error = formatErrorOf(() => readSection(file, section));
      expect(error).toMatchObject({
        code: 'elf-malformed',
        location: { format: 'elf', section: section.name, offset: section.offset },
      });
    }
  });

  it('has no sections without a table', () => {
    expect(open({ ...target, raw: { sectionHeaderOffset: 0, sectionCount: 0 } }).sections).toEqual([]);
  });

  it('refuses every file that is cut short, and reads the whole one', () => {
    const whole = writeElf({ ...target, sections: [{ name: '.text', data: DATA }] });
    for (let length = 0; length < whole.length; length++) {
      const error = formatErrorOf(() => openElf(memorySource(whole.subarray(0, length))));
      expect(error).toMatchObject({
        code: 'elf-malformed',
        location: { offset: expect.any(Number) as number },
      });
    }
    expect(openElf(memorySource(whole)).sections).toHaveLength(3);
  });
});

describe('openElf', () => {
  it.each([
    ['other magic', 0, [0x7f, 0x45, 0x4c, 0x47], 0],
    ['class 0', 4, [0], 4],
    ['class 3', 4, [3], 4],
    ['byte order 0', 5, [0], 5],
    ['byte order 3', 5, [3], 5],
  ] as const)('refuses %s', (_, offset, bytes, at) => {
    const error = formatErrorOf(() => openElf(memorySource(patched({}, offset, bytes))));
    expect(error).toMatchObject({ code: 'elf-malformed', location: { format: 'elf', offset: at } });
  });

  it('refuses offsets and sizes beyond 2^53, and says where they stand', () => {
    const table = errorOf({ raw: { sectionHeaderOffset: 0x8000_0000_0000_0000n } });
    expect(table).toMatchObject({ code: 'elf-malformed', location: { offset: 40 } });
    for (const [raw, field] of [
      [{ offset: 0xffff_ffff_ffff_ffffn }, 24],
      [{ size: 0x7fff_ffff_ffff_ffffn }, 32],
    ] as const) {
      const file = writeElf({ sections: [{ name: '.text', raw }] });
      const tableOffset = Number(new DataView(file.buffer).getBigUint64(40, true));
      const error = formatErrorOf(() => openElf(memorySource(file)));
      expect(error).toMatchObject({ code: 'elf-malformed', location: { offset: tableOffset + 64 + field } });
    }
  });

  it('refuses an absurd number of sections before it makes room for them', () => {
    const file = writeElf({ sections: [{ name: '.text' }], extendedNumbering: true });
    const view = new DataView(file.buffer);
    const table = Number(view.getBigUint64(40, true));
    view.setBigUint64(table + 32, 0x1_0000_0000n, true);
    expect(formatErrorOf(() => openElf(memorySource(file)))).toMatchObject({
      code: 'elf-malformed',
      location: { offset: table },
    });
  });

  it('refuses a name table of absurd size', () => {
    const file = writeElf({ sections: [{ name: '.text' }] });
    const view = new DataView(file.buffer);
    const table = Number(view.getBigUint64(40, true));
    view.setBigUint64(table + 2 * 64 + 32, 0x1000_0000n, true);
    const error = formatErrorOf(() => openElf(memorySource(file)));
    expect(error).toMatchObject({
      code: 'elf-malformed',
      location: { offset: expect.any(Number) as number },
    });
  });

  it('reads names of 4096 bytes and refuses longer ones', () => {
    const longest = 'x'.repeat(4096);
    expect(open({ sections: [{ name: longest }] }).sections[1].name).toBe(longest);
    expect(errorOf({ sections: [{ name: `${longest}x` }] })).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.shstrtab', offset: expect.any(Number) as number },
    });
  });

  it('takes one name for any number of sections, and refuses names that are ends of each other without end', () => {
    const name = 'x'.repeat(4000);
    const end = `${name}\0`.length;
    const same = Array.from({ length: 2000 }, () => ({ name, raw: { nameOffset: 1 } }));
    expect(open({ sections: same }).sections[2000].name).toBe(name);
    const few = Array.from({ length: 6 }, (_, i) => ({ name, raw: { nameOffset: i + 1 } }));
    expect(open({ sections: few }).sections[6].name).toBe(name.slice(5));
    const many = Array.from({ length: 20 }, (_, i) => ({ name, raw: { nameOffset: i + 1 } }));
    const error = errorOf({ sections: many });
    expect(error).toMatchObject({ code: 'elf-malformed', location: { section: '.shstrtab' } });
    expect(error.location.offset).toBeLessThan(end);
  });
});
