import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BtfBuilder, decodeBtf, indexBase, splitBtf } from '../btf/index.ts';
import { ATE, die, ref, type Unit, unit, writeDwarfElf } from '../test/builders/dwarf-writer.ts';
import { convertBytes, typeLines } from '../test/support/conversion.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { convertKernel } from './convert.ts';
import type { ConvertedKernel } from './types.ts';

/** `int`, and a struct of that name around it. */
function unitWith(...structs: readonly string[]): Unit {
  const member = die('member', { name: 'x', type: ref('int'), data_member_location: 0 });
  return unit([
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
    ...structs.map((name) => die('structure_type', { name, byte_size: 4 }, [member])),
  ]);
}

const MODULE = writeDwarfElf({}, [unitWith('shared', 'own')]);
const KERNEL = writeDwarfElf({}, [unitWith('shared', 'other')]);

function kernelBtf(littleEndian = true): Uint8Array {
  const b = new BtfBuilder({ littleEndian });
  const int = b.addInt('int', 4, 1);
  b.addStruct('shared', 4, [{ name: 'x', type: int, bitOffset: 0 }]);
  return b.build();
}

function splitBtfBytes(): Uint8Array {
  const base = decodeBtf(kernelBtf());
  const b = new BtfBuilder();
  b.addInt('long', 8, 1);
  return splitBtf(decodeBtf(b.build()), indexBase(base)).bytes;
}

async function convert(base: Uint8Array, module = MODULE): Promise<ConvertedKernel> {
  const folder = await tempDirForTest('base');
  const [path, basePath] = [join(folder, 'm.ko'), join(folder, 'base')];
  await Promise.all([writeFile(path, module), writeFile(basePath, base)]);
  const signal = AbortSignal.timeout(60_000);
  return convertKernel(path, { source: 'dwarf', profile: 'pahole-1.24', threads: 1, base: basePath, signal });
}

describe('a conversion with a base', () => {
  it.each([
    ['file', kernelBtf(), 2],
    [
      'section',
      writeDwarfElf({}, [unitWith('not this')], { sections: [{ name: '.BTF', data: kernelBtf() }] }),
      2,
    ],
    ['dwarf', KERNEL, 3],
  ])('reads %s and tells what it found', async (source, bytes, typeCount) => {
    const { fromDwarf, base, stats } = await convert(bytes);
    expect(base).toMatchObject({ source, typeCount, sharedCount: 2 });
    expect(stats).toMatchObject({ typesByKind: { STRUCT: 1 }, typeCount: 1, stringBytes: 'own\0'.length });
    expect(stats?.milliseconds.split).toBeGreaterThan(0);
    const whole = decodeBtf(source === 'dwarf' ? convertBytes(KERNEL, 'pahole-1.24') : kernelBtf());
    const btf = decodeBtf(fromDwarf ?? new Uint8Array(0), whole);
    expect(typeLines(btf)).toEqual(['STRUCT own: struct of 4 bytes; x: at bit 0, int']);
  });

  it.each([
    ['no BTF', new TextEncoder().encode('vmlinux'), 'elf-malformed', 'neither BTF nor an ELF file'],
    ['nothing', new Uint8Array(0), 'elf-malformed', 'neither BTF nor an ELF file'],
    ['a split BTF', splitBtfBytes(), 'usage', 'split BTF itself'],
    ['BTF of the other byte order', kernelBtf(false), 'usage', 'byte order'],
    ['ELF without types', writeDwarfElf({}, [], {}), 'dwarf-none', 'neither a .BTF section nor DWARF'],
    ['damaged BTF', kernelBtf().slice(0, 40), 'btf-malformed', 'type section ends at'],
    ['damaged ELF', KERNEL.slice(0, 10), 'elf-malformed', 'not an ELF file'],
  ])('refuses %s as base', async (_what, bytes, code, message) => {
    const failure = convert(bytes);
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toThrow(/^base \S*base: /u);
  });

  it('refuses a module without DWARF', async () => {
    await expect(convert(kernelBtf(), writeDwarfElf({}, [], {}))).rejects.toMatchObject({
      code: 'dwarf-none',
    });
  });
});
