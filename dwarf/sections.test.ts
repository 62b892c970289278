import { describe, expect, it } from 'vitest';
import {
  type Die,
  die,
  type DwarfOptions,
  form,
  ref,
  type Unit,
  unit,
  writeDwarf,
} from '../test/builders/dwarf-writer.ts';
import { convertedLines, convertUnits, formatErrorOf } from '../test/support/conversion.ts';
import { readUnitHeaders, type UnitHeader } from './sections.ts';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: 5 }, [], 'int');
const INT_LINE = 'INT int: int of 4 bytes, 32 bits, signed';

const NO_STRINGS = { str: new Uint8Array(0) };

function headersOf(units: readonly Unit[], options: DwarfOptions = {}): UnitHeader[] {
  const { sections } = writeDwarf(options, units);
  return readUnitHeaders({
    ...NO_STRINGS,
    info: sections['.debug_info'],
    littleEndian: options.littleEndian ?? true,
  });
}

describe('unit headers', () => {
  const MODES = [2, 3, 4, 5].flatMap((version) =>
    ([32, 64] as const).flatMap((format) =>
      ([32, 64] as const).flatMap((bits) =>
        [true, false].map((littleEndian) => ({ version, format, bits, littleEndian })),
      ),
    ),
  );

  it.each(MODES)(
    'version $version, $format-bit DWARF, $bits-bit addresses, little endian $littleEndian',
    (mode) => {
      const [first, second] = headersOf([unit([INT]), unit([INT])], mode);
      expect(first).toMatchObject({
        offset: 0,
        version: mode.version,
        addressBytes: mode.bits / 8,
        offsetBytes: mode.format / 8,
        abbrevOffset: 0,
        rootOffset: (mode.format === 64 ? 12 : 4) + 2 + mode.format / 8 + 1 + (mode.version >= 5 ? 1 : 0),
        end: second.offset,
      });
      expect(second.abbrevOffset).toBeGreaterThan(0);
      expect(convertedLines([unit([INT])], mode)).toEqual([INT_LINE]);
    },
  );

  it('mixes versions and formats in one file', () => {
    const parts = (name: string): Die[] => [
      die('base_type', { name: 'int', byte_size: 4, encoding: 5 }, [], name),
      die('structure_type', { name, byte_size: 4 }, [
        die('member', { name: 'm', type: ref(name), data_member_location: 0 }),
      ]),
    ];
    const units = [
      unit(parts('two'), { version: 2 }),
      unit(parts('four'), { version: 4, format: 64 }),
      unit(parts('five'), { version: 5 }),
    ];
    expect(convertedLines(units)).toEqual([
      INT_LINE,
      ...['two', 'four', 'five'].map((name) => `STRUCT ${name}: struct of 4 bytes; m: at bit 0, int`),
    ]);
  });

  it.each([
    ['length beyond the section', { unitLength: 0x1000 }, 'dwarf-malformed', /ends beyond the section/u],
    ['length one byte too long', { unitLength: 1e6 }, 'dwarf-malformed', /ends beyond the section/u],
    ['length 0', { unitLength: 0 }, 'dwarf-malformed', /shorter than its header/u],
    ['length inside the header', { unitLength: 5 }, 'dwarf-malformed', /shorter than its header/u],
    ['reserved length', { unitLength: 0xffff_fff0 }, 'dwarf-malformed', /reserved unit length 0xfffffff0/u],
    ['reserved length', { unitLength: 0xffff_fffe }, 'dwarf-malformed', /reserved unit length/u],
    ['version 0', { version: 0 }, 'dwarf-unsupported', /version 0/u],
    ['version 1', { version: 1 }, 'dwarf-unsupported', /version 1/u],
    ['version 6', { version: 6 }, 'dwarf-unsupported', /version 6/u],
    ['unit type 0', { unitType: 0 }, 'dwarf-unsupported', /unit type 0x0/u],
    ['unit type 0x80', { unitType: 0x80 }, 'dwarf-unsupported', /unit type 0x80/u],
    ['address size 2', { addressSize: 2 }, 'dwarf-unsupported', /address size 2/u],
    ['address size 0', { addressSize: 0 }, 'dwarf-unsupported', /address size 0/u],
  ] as const)('refuses %s', (_, raw, code, message) => {
    const sound = unit([INT]);
    const error = formatErrorOf(() => headersOf([sound, unit([INT], { raw })]));
    const [, bad] = headersOf([sound, sound]);
    expect(error).toMatchObject({
      code,
      location: { format: 'dwarf', section: '.debug_info', offset: bad.offset },
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses a 64-bit length that no file has', () => {
    for (const unitLength of [0xffff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0x1_0000_0000n]) {
      const error = formatErrorOf(() => headersOf([unit([INT], { format: 64, raw: { unitLength } })]));
      expect(error).toMatchObject({
        code: 'dwarf-malformed',
        location: { section: '.debug_info', offset: 0 },
      });
    }
  });

  it('refuses a section that ends inside a header', () => {
    for (const options of [{ version: 5 }, { version: 4 }, { version: 5, format: 64 } as const]) {
      const info = writeDwarf(options, [unit([INT])]).sections['.debug_info'];
      const [{ rootOffset }] = readUnitHeaders({ ...NO_STRINGS, info, littleEndian: true });
      for (let length = 1; length < rootOffset; length++) {
        const read = (): unknown =>
          readUnitHeaders({ ...NO_STRINGS, info: info.subarray(0, length), littleEndian: true });
        expect(formatErrorOf(read)).toMatchObject({
          code: 'dwarf-malformed',
          location: { section: '.debug_info', offset: 0 },
        });
      }
    }
  });
});

describe('units that are no plain compile units', () => {
  const hidden = die('structure_type', { name: 'hidden', byte_size: 1 });

  it('leaves out skeleton units, whose DWARF is in another file', () => {
    expect(convertedLines([unit([hidden], { tag: 'skeleton_unit' }), unit([INT])])).toEqual([INT_LINE]);
  });

  it('leaves out an empty unit', () => {
    const empty = unit([], { raw: { unitLength: 8 } });
    const { sections } = writeDwarf({}, [empty]);
    const headers = readUnitHeaders({
      ...NO_STRINGS,
      info: sections['.debug_info'].subarray(0, 12),
      littleEndian: true,
    });
    expect(headers).toHaveLength(1);
    expect(headers[0].rootOffset).toBe(headers[0].end);
  });

  it.each([
    ['a file of partial units alone', { tag: 'partial_unit' }, 'dwarf-unsupported', /only partial units/u],
    ['a root that is no unit', { tag: 'structure_type' }, 'dwarf-unsupported', /root has tag 0x13/u],
  ] as const)('refuses %s', (_, options, code, message) => {
    const error = formatErrorOf(() => convertUnits([unit([INT], options)]));
    expect(error).toMatchObject({
      code,
      location: { section: '.debug_info', offset: 0 },
      message: expect.stringMatching(message) as string,
    });
  });

  it('refuses a damaged .zdebug_info rather than saying that there is no DWARF', () => {
    const elf = { sections: [{ name: '.zdebug_info', data: Uint8Array.of(0x5a, 0x4c, 0x49, 0x42) }] };
    expect(formatErrorOf(() => convertUnits([], {}, elf))).toMatchObject({
      code: 'elf-malformed',
      location: { section: '.zdebug_info' },
    });
  });

  it('says dwarf-none for a file without DWARF', () => {
    expect(formatErrorOf(() => convertUnits([]))).toMatchObject({ code: 'dwarf-none' });
  });

  it.each([0x04, 0x1a, 0x21, 0x2b])('refuses C++ (DW_LANG 0x%s)', (language) => {
    const units = [unit([INT]), unit([INT], { attributes: { name: 'x.cc', language } })];
    const [, { offset }] = headersOf(units);
    expect(formatErrorOf(() => convertUnits(units))).toMatchObject({
      code: 'btf-unencodable',
      location: { section: '.debug_info', offset },
    });
  });

  it('leaves out Rust, as the kernel has pahole do', () => {
    const rust = { attributes: { name: 'lib.rs', language: 0x1c } };
    // Not even its DIEs are read: these would be refused.
    const unreadable = [hidden, die('reference_type', { type: ref('self') }, [], 'self')];
    expect(convertedLines([unit(unreadable, rust), unit([INT])])).toEqual([INT_LINE]);
  });

  it('takes assembler and a unit that does not tell its language', () => {
    const struct = (name: string) => die('structure_type', { name, byte_size: 0 });
    const units = [
      unit([struct('a')], { attributes: { name: 'entry.S', language: form('data2', 0x8001) } }),
      unit([struct('b')], { attributes: { name: 'x.c' } }),
      unit([struct('c')], { attributes: { language: form('implicit_const', 0x1d) } }),
    ];
    expect(convertedLines(units)).toEqual(['a', 'b', 'c'].map((name) => `STRUCT ${name}: struct of 0 bytes`));
  });
});
