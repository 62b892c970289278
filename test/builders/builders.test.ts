/** The builders against the tools that read what they write: a wrong builder would make every test after it worthless. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import {
  address,
  ATE,
  type DwarfOptions,
  die,
  form,
  ref,
  SIBLING,
  type Unit,
  unit,
  writeDwarf,
  writeDwarfElf,
} from './dwarf-writer.ts';
import { buildIdNote, compressedData, SHF, SHT, writeElf } from './elf-writer.ts';

const TARGETS = [
  { bits: 64, littleEndian: true },
  { bits: 64, littleEndian: false },
  { bits: 32, littleEndian: true },
  { bits: 32, littleEndian: false },
] as const;

describe.skipIf(needsTool('readelf'))('ELF writer, read by readelf', () => {
  it.each(TARGETS)('$bits bit, little endian $littleEndian', async (target) => {
    const text = new TextEncoder().encode('hello '.repeat(50));
    const bytes = writeElf({
      ...target,
      sections: [
        { name: '.text', flags: SHF.ALLOC | SHF.EXECINSTR, address: 0x1000, data: new Uint8Array(64) },
        {
          name: '.note.gnu.build-id',
          type: SHT.NOTE,
          data: buildIdNote(Uint8Array.of(1, 2, 0xab), target),
          align: 4,
        },
        { name: '.zipped', flags: SHF.COMPRESSED, data: compressedData(text, target) },
      ],
      symbols: [{ name: 'start_kernel', type: 'func', value: 0x1010, size: 32, section: '.text' }],
    });
    const output = await readelf(bytes, ['-hSsnW', '-z', '-p', '.zipped']);
    expect(output).not.toMatch(/warning|error/iu);
    expect(output).toMatch(new RegExp(`Class:\\s+ELF${target.bits}`, 'u'));
    expect(output).toMatch(new RegExp(`Data:.*${target.littleEndian ? 'little' : 'big'} endian`, 'u'));
    expect(output).toMatch(/0*1010\s+32 FUNC\s+GLOBAL DEFAULT\s+1 start_kernel/u);
    expect(output).toContain('Build ID: 0102ab');
    expect(output).toContain('hello hello');
  });

  it('extended section numbering', async () => {
    const output = await readelf(
      writeElf({ sections: [{ name: '.data', data: Uint8Array.of(1) }], extendedNumbering: true }),
      ['-hSW'],
    );
    expect(output).not.toMatch(/warning|error/iu);
    expect(output).toMatch(/Number of section headers:\s+0 \(3\)/u);
    expect(output).toContain('.data');
  });
});

const MODES: readonly DwarfOptions[] = TARGETS.flatMap((target) =>
  [4, 5].flatMap((version) => ([32, 64] as const).map((format) => ({ ...target, version, format }))),
);

describe.skipIf(needsTool('objdump', 'readelf'))('DWARF writer, read by readelf', () => {
  it.each(MODES)(
    'DWARF $version, $format bit format, $bits bit ELF, little endian $littleEndian',
    async (mode) => {
      const output = await readelf(writeDwarfElf(mode, sampleUnits(mode.version ?? 5)), [
        '--debug-dump=info',
        '-W',
      ]);
      expect(output).not.toMatch(/warning|error/iu);
      expect(output).toMatch(/DW_AT_name\s+: (\(.*\): )?task_struct/u);
      expect(output).toMatch(/DW_AT_location\s+: .*\(DW_OP_addr: c0de\)/u);
      expect(output).toMatch(/DW_AT_const_value\s+: \(sdata\) -7/u);
      expect(output.match(/DW_TAG_member/gu)).toHaveLength(2);
    },
  );

  it('states the offset of every label', () => {
    const { sections, labels } = writeDwarf({}, [unit([die('base_type', { name: 'int' }, [], 'int')])]);
    const info = sections['.debug_info'];
    const at = labels.get('int') ?? 0;
    expect(labels.get('unit:0')).toBe(0);
    expect(new TextDecoder().decode(info.subarray(at + 1, at + 4))).toBe('int');
  });
});

describe.skipIf(needsTool('llvm-dwarfdump'))('DWARF writer, verified by llvm-dwarfdump', () => {
  it.each(MODES.filter((mode) => mode.littleEndian))(
    'DWARF $version, $format bit format, $bits bit ELF',
    async (mode) => {
      const file = join(await tempDirForTest('dwarf-writer'), 'sample.elf');
      await writeFile(file, writeDwarfElf(mode, sampleUnits(mode.version ?? 5)));
      const { stdout } = await execa('llvm-dwarfdump', ['--verify', file]);
      expect(stdout).toContain('No errors.');
    },
  );
});

function sampleUnits(version: number): Unit[] {
  const text = version >= 5 ? form('line_strp', 'sample.c') : form('strp', 'sample.c');
  return [
    unit(
      [
        die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
        die('structure_type', { name: form('strp', 'task_struct'), byte_size: 2000, sibling: SIBLING }, [
          die('member', { name: 'pid', type: ref('int'), data_member_location: 0 }),
          die('member', { name: 'flags', type: ref('int'), data_bit_offset: 33, bit_size: 5 }),
        ]),
        die('enumeration_type', { name: 'level', byte_size: 4, type: ref('int') }, [
          die('enumerator', { name: 'low', const_value: -7 }),
          ...(version >= 5
            ? [die('enumerator', { name: 'high', const_value: form('implicit_const', 9) })]
            : []),
        ]),
        die('variable', { name: 'current', type: ref('int'), external: true, location: address(0xc0de) }),
      ],
      { attributes: { name: text, language: 0x0c, producer: 'dwarf-writer' } },
    ),
    unit([
      die('pointer_type', { byte_size: 8, type: form('ref_addr', ref('int')) }),
      die('typedef', {
        name: version >= 5 ? form('strx1', 'pid_t') : 'pid_t',
        type: form('ref_udata', ref('own')),
      }),
      die(
        'base_type',
        { name: version >= 5 ? form('strx', 'short') : 'short', byte_size: 2, encoding: 5 },
        [],
        'own',
      ),
    ]),
  ];
}

async function readelf(bytes: Uint8Array, flags: readonly string[]): Promise<string> {
  const file = join(await tempDirForTest('elf-writer'), 'sample.elf');
  await writeFile(file, bytes);
  const { all } = await execa('readelf', [...flags, file], { all: true, env: { LC_ALL: 'C' } });
  return all;
}
