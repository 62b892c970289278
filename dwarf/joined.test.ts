/** Units that refer to each other: link-time optimisation, partial units, type units, supplementary files. */

import { describe, expect, it } from 'vitest';
import { decodeBtf } from '../btf/index.ts';
import { type ElfFile, memorySource, openElf } from '../elf/index.ts';
import { byteWriter } from '../test/builders/byte-writer.ts';
import {
  address,
  ATE,
  type Attributes,
  type Die,
  die,
  type DwarfOptions,
  form,
  LANG,
  ref,
  type Unit,
  unit,
  type UnitOptions,
  writeDwarf,
  writeDwarfElf,
} from '../test/builders/dwarf-writer.ts';
import { buildIdNote, type ElfSection, SHT } from '../test/builders/elf-writer.ts';
import {
  convertedLines,
  convertUnits,
  type ElfParts,
  formatErrorOf,
  typeLines,
} from '../test/support/conversion.ts';
import { convertDwarf } from './convert.ts';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');
const INT_LINE = 'INT int: int of 4 bytes, 32 bits, signed';
const SIGNATURE = 0x8877_6655_4433_2211n;

const far = (label: string): Attributes['type'] => form('ref_addr', ref(label));
const typedef = (name: string, type: Attributes['type'], label = name): Die =>
  die('typedef', { name, type }, [], label);
const imported = (label: string): Die => die('imported_unit', { import: form('ref_addr', ref(label)) });
const partial = (children: readonly Die[], label: string): Unit =>
  unit(children, { tag: 'partial_unit', label, attributes: {} });
const struct = (name: string | undefined, type: Attributes['type'], label = 'struct'): Die =>
  die(
    'structure_type',
    { name, byte_size: 4 },
    [die('member', { name: 'm', type, data_member_location: 0 })],
    label,
  );

describe('references into another unit', () => {
  it.each([2, 3, 4, 5])('lead to its types (DWARF %i)', (version) => {
    const units = [unit([typedef('t', far('int'))]), unit([INT])];
    expect(convertedLines(units, { version })).toEqual(['TYPEDEF t: int', INT_LINE]);
  });

  it('lead backwards, and around with a named struct', () => {
    const pointer = die('pointer_type', { byte_size: 8, type: far('struct') }, [], 'pointer');
    const units = [unit([struct('list', far('pointer'))]), unit([pointer, typedef('t', far('struct'))])];
    expect(convertedLines(units)).toEqual([
      'STRUCT list: struct of 4 bytes; m: at bit 0, *struct list',
      'PTR: *struct list',
      'TYPEDEF t: struct list',
    ]);
  });

  it('are refused in a circle without one', () => {
    const units = [
      unit([die('pointer_type', { type: far('b') }, [], 'a')]),
      unit([die('const_type', { type: far('a') }, [], 'b')]),
    ];
    expect(formatErrorOf(() => convertUnits(units))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(/circle/u) as string,
    });
  });

  it('find sizes of bitfield types, signs of enumerations and names of declarations', () => {
    const base: Die[] = [
      INT,
      typedef('word', ref('int')),
      die('base_type', { name: 'long', byte_size: 8, encoding: ATE.signed }, [], 'long'),
      die('structure_type', { name: 'named', declaration: true }, [], 'named'),
    ];
    const bits = die('member', {
      name: 'b',
      type: far('word'),
      bit_size: 3,
      bit_offset: 24,
      data_member_location: 0,
    });
    const users: Die[] = [
      die('structure_type', { name: 'flags', byte_size: 4 }, [bits]),
      die('enumeration_type', { name: 'big', byte_size: 8, type: far('long') }, [
        die('enumerator', { name: 'MINUS', const_value: form('sdata', -1) }),
      ]),
      die('structure_type', { specification: far('named'), byte_size: 4 }),
    ];
    const lines = convertedLines([unit(users), unit(base)], { version: 4 });
    expect(lines[0]).toBe('STRUCT flags: struct of 4 bytes; b: at bit 5 width 3, typedef word');
    expect(lines[1]).toBe('ENUM64 big: signed enum64 of 8 bytes; MINUS = -1');
    expect(lines[2]).toBe('STRUCT named: struct of 4 bytes');
  });

  it('find them in many units by turns, each with its own abbreviations', () => {
    // Old bitfields take their storage size from the type, in another unit for each.
    const count = 20;
    const bases = Array.from({ length: count }, (_, i) =>
      unit([
        die('base_type', { name: `b${i}`, byte_size: 4, encoding: ATE.unsigned, sibling: i }, [], `b${i}`),
      ]),
    );
    const members = Array.from({ length: 2 * count }, (_, i) =>
      die('member', { name: `m${i}`, type: far(`b${i % count}`), bit_size: 4, bit_offset: 28 }),
    );
    const lines = convertedLines(
      [unit([die('structure_type', { name: 's', byte_size: 4 }, members)]), ...bases],
      {
        version: 3,
      },
    );
    expect(lines).toHaveLength(count + 1);
    expect(lines[0].match(/at bit 0 width 4/gu)).toHaveLength(2 * count);
  });

  it('find what functions were inlined from', () => {
    const text: ElfSection = { name: '.text', flags: 6, data: new Uint8Array(4) };
    const abstract = die(
      'subprogram',
      { name: 'f', external: true, type: ref('int') },
      [die('formal_parameter', { name: 'p', type: ref('int') }, [], 'p')],
      'f',
    );
    const concrete = die('subprogram', { abstract_origin: far('f') }, [
      die('formal_parameter', { abstract_origin: far('p') }),
    ]);
    const lines = convertedLines(
      [unit([concrete]), unit([INT, abstract])],
      {},
      {
        sections: [text],
        symbols: [{ name: 'f', type: 'func', section: '.text' }],
      },
    );
    expect(lines).toContain('FUNC f: static func(p int) int');
  });

  it('find types of per-CPU variables (pahole 1.24)', () => {
    const section: ElfSection = { name: '.data..percpu', flags: 3, address: 0x1000, data: new Uint8Array(8) };
    const units = [
      unit([die('variable', { abstract_origin: far('v'), location: address(0x1004) })]),
      unit([
        INT,
        die('variable', { name: 'v', type: ref('int'), external: true, declaration: true }, [], 'v'),
      ]),
    ];
    const elf = writeDwarfElf({}, units, {
      sections: [section],
      symbols: [{ name: 'v', type: 'object', section: '.data..percpu', value: 0x1004, size: 4 }],
    });
    const lines = typeLines(decodeBtf(convertDwarf(openElf(memorySource(elf)), 'pahole-1.24').bytes));
    expect(lines).toContain('VAR v: global int');
  });

  it('keep definitions of one name apart', () => {
    const units = [
      unit([struct('s', far('int')), typedef('one', ref('struct'))]),
      unit([INT, struct('s', far('char'), 'other'), typedef('two', ref('other'))]),
      unit([die('base_type', { name: 'char', byte_size: 1, encoding: ATE.unsigned_char }, [], 'char')]),
    ];
    const lines = convertedLines(units);
    expect(lines.filter((line) => line.startsWith('STRUCT s'))).toHaveLength(2);
  });
});

describe('the LTO note', () => {
  const note = (value: number): ElfSection => {
    const out = byteWriter();
    out.u32(6);
    out.u32(4);
    out.u32(0x101);
    out.cstring('Linux');
    out.align(4);
    out.u32(value);
    return { name: '.notes', type: SHT.NOTE, data: out.toBytes() };
  };
  const program = (value: number | undefined): ElfParts => ({
    sections: [
      { name: '.text', flags: 6, data: new Uint8Array(4) },
      ...(value === undefined ? [] : [note(value)]),
    ],
    symbols: [{ name: 'f', type: 'func', section: '.text' }],
  });
  const units = [
    unit([die('subprogram', { name: 'f', external: true })]),
    unit([INT, typedef('t', ref('int'))]),
  ];
  const kinds = (value: number | undefined): string[] => {
    const elf = writeDwarfElf({}, units, program(value));
    const { bytes } = convertDwarf(openElf(memorySource(elf)), 'pahole-1.24');
    return typeLines(decodeBtf(bytes)).map((line) => line.split(/[ :]/u)[0]);
  };

  it('puts the types of all units before all functions', () => {
    expect(kinds(undefined)).toEqual(['FUNC_PROTO', 'FUNC', 'INT', 'TYPEDEF']);
    expect(kinds(0)).toEqual(['FUNC_PROTO', 'FUNC', 'INT', 'TYPEDEF']);
    expect(kinds(1)).toEqual(['INT', 'TYPEDEF', 'FUNC_PROTO', 'FUNC']);
  });
});

describe('partial units', () => {
  it('count when they are imported', () => {
    const units = [
      partial([INT], 'used'),
      partial([typedef('unused', far('int'))], 'unused'),
      unit([imported('used'), typedef('t', far('int'))]),
    ];
    expect(convertedLines(units)).toEqual([INT_LINE, 'TYPEDEF t: int']);
  });

  it('count when they are imported behind something else, or only referred to', () => {
    const units = [
      partial([INT], 'a'),
      partial([typedef('late', far('int'))], 'b'),
      unit([typedef('t', far('int')), imported('b')]),
    ];
    expect(convertedLines(units)).toEqual(['TYPEDEF t: int', INT_LINE, 'TYPEDEF late: int']);
  });

  it('come once, before who imports them first, circles or not', () => {
    const units = [
      partial([imported('b'), imported('a'), typedef('in_a', far('int'))], 'a'),
      partial([imported('a'), imported('c'), imported('c'), typedef('in_b', far('int'))], 'b'),
      partial([INT], 'c'),
      unit([imported('a'), imported('a'), typedef('t', far('in_b'))]),
      unit([imported('b'), typedef('u', far('int'))]),
    ];
    expect(convertedLines(units)).toEqual([
      INT_LINE,
      'TYPEDEF in_b: int',
      'TYPEDEF in_a: int',
      'TYPEDEF t: typedef in_b',
      'TYPEDEF u: int',
    ]);
  });

  it('of units that are left out are left out', () => {
    const units = [
      partial([typedef('rusty', far('int'))], 'rust'),
      unit([imported('rust')], { attributes: { name: 'lib.rs', language: LANG.Rust } }),
      unit([INT]),
    ];
    expect(convertedLines(units)).toEqual([INT_LINE]);
  });

  it('that nothing is in the right place of are refused', () => {
    const units = [unit([die('imported_unit', { import: form('ref_addr', 0x00ff_ffff) }), INT])];
    expect(formatErrorOf(() => convertUnits(units))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(/outside the section/u) as string,
    });
  });
});

describe.each([4, 5])('type units (DWARF %i)', (version) => {
  const typeUnit = (children: readonly Die[], label: string, options: UnitOptions = {}): Unit =>
    unit(children, {
      ...options,
      version,
      typeUnit: { signature: SIGNATURE, type: ref(label) },
      attributes: { language: 0x1d, ...options.attributes },
    });
  const bySignature = form('ref_sig8', SIGNATURE);
  const S = struct('s', ref('int'));
  const S_LINE = 'STRUCT s: struct of 4 bytes; m: at bit 0, int';

  it('are found by signature', () => {
    const units = [typeUnit([INT, S], 'struct'), unit([typedef('t', bySignature)], { version })];
    expect(convertedLines(units)).toEqual([INT_LINE, S_LINE, 'TYPEDEF t: struct s']);
  });

  it('are what a declaration with their signature stands for, named or not', () => {
    const anonymous = struct(undefined, ref('int'));
    const stub = die('structure_type', { declaration: true, signature: bySignature }, [], 'stub');
    const units = [
      typeUnit([INT, anonymous], 'struct'),
      unit([stub, typedef('t', ref('stub')), die('pointer_type', { byte_size: 8, type: ref('stub') })], {
        version,
      }),
    ];
    expect(convertedLines(units)).toEqual([
      INT_LINE,
      'STRUCT: struct of 4 bytes; m: at bit 0, int',
      'TYPEDEF t: struct of 4 bytes { m: at bit 0, int }',
      'PTR: *struct of 4 bytes { m: at bit 0, int }',
    ]);
  });

  it('may be enumerations', () => {
    const real = die(
      'enumeration_type',
      { name: 'e', byte_size: 4 },
      [die('enumerator', { name: 'A', const_value: 1 })],
      'e',
    );
    const stub = die('enumeration_type', { declaration: true, signature: bySignature }, [], 'stub');
    const units = [typeUnit([real], 'e'), unit([stub, typedef('t', ref('stub'))], { version })];
    const lines = convertedLines(units);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toBe('TYPEDEF t: enum e');
  });

  it('of one signature are one: the first counts', () => {
    const units = [
      typeUnit([INT, S], 'struct'),
      typeUnit([struct('other', ref('other'), 'other')], 'other'),
      unit([typedef('t', bySignature)], { version }),
    ];
    expect(convertedLines(units)).toEqual([INT_LINE, S_LINE, 'TYPEDEF t: struct s']);
  });

  it('that stand for each other in a circle are refused', () => {
    const stub = die('structure_type', { declaration: true, signature: bySignature }, [], 'stub');
    const units = [typeUnit([stub], 'stub'), unit([typedef('t', bySignature)], { version })];
    expect(formatErrorOf(() => convertUnits(units)).code).toBe('dwarf-malformed');
  });

  it('written in C++ are refused', () => {
    const units = [typeUnit([INT], 'int', { attributes: { language: 0x04 } })];
    expect(formatErrorOf(() => convertUnits(units)).code).toBe('btf-unencodable');
  });

  it('say where their faults are', () => {
    const bad = die('pointer_type', { type: form('ref4', 0x7fff) }, [], 'bad');
    const units = [unit([INT], { version }), typeUnit([bad], 'bad')];
    const { location } = formatErrorOf(() => convertUnits(units));
    const start = writeDwarf({}, units).labels.get('bad') ?? Number.NaN;
    expect(location.section).toBe(version === 4 ? '.debug_types' : '.debug_info');
    expect(location.offset).toBeGreaterThanOrEqual(start);
    expect(location.offset).toBeLessThan(start + 8);
  });

  it('whose type lies outside are refused', () => {
    const outside = typeUnit([INT], 'elsewhere');
    const units = [outside, unit([typedef('t', undefined, 'elsewhere')], { version: 3 })];
    expect(formatErrorOf(() => convertUnits(units))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(/lies outside/u) as string,
    });
  });
});

describe('supplementary files', () => {
  const ID = Uint8Array.of(0xab, 0xcd);

  interface SupplementOptions {
    readonly dwarf?: DwarfOptions;
    readonly id?: Uint8Array;
    readonly units?: readonly Unit[];
    /** As DWARF 5 says it, instead of a build id. */
    readonly sup?: boolean;
  }

  const PARTS = [partial([INT, typedef('shared', ref('int'))], 'part')];

  function supLink(isSupplement: boolean, path: string, id: Uint8Array): ElfSection {
    const out = byteWriter();
    out.u16(5);
    out.u8(isSupplement ? 1 : 0);
    out.cstring(path);
    out.uleb(id.length);
    out.bytes(id);
    return { name: '.debug_sup', data: out.toBytes() };
  }

  function gnuLink(path: string, id: Uint8Array): ElfSection {
    const out = byteWriter();
    out.cstring(path);
    out.bytes(id);
    return { name: '.gnu_debugaltlink', data: out.toBytes() };
  }

  function supplement({ dwarf = {}, id = ID, units = PARTS, sup = false }: SupplementOptions = {}): ElfFile {
    const own = sup
      ? supLink(true, '', id)
      : { name: '.note.gnu.build-id', type: SHT.NOTE, data: buildIdNote(id, dwarf) };
    return openElf(memorySource(writeDwarfElf(dwarf, units, { sections: [own] })));
  }

  /** Where a label is in the supplementary file. */
  const place = (label: string): number => writeDwarf({}, PARTS).labels.get(label) ?? Number.NaN;

  function convert(dies: readonly Die[], link: ElfSection, other: ElfFile | undefined): string[] {
    const elf = writeDwarfElf({}, [unit(dies)], { sections: [link] });
    return typeLines(decodeBtf(convertDwarf(openElf(memorySource(elf)), 'pahole-1.24', other).bytes));
  }

  const LINK = gnuLink('../.dwz/common', ID);
  const alt = (name: 'GNU_ref_alt' | 'ref_sup4' | 'ref_sup8', label: string): Attributes['type'] =>
    form(name, place(label));

  it.each(['GNU_ref_alt', 'ref_sup4', 'ref_sup8'] as const)('hold types by %s', (name) => {
    const dies = [die('imported_unit', { import: alt(name, 'part') }), typedef('t', alt(name, 'shared'))];
    expect(convert(dies, LINK, supplement())).toEqual([
      INT_LINE,
      'TYPEDEF shared: int',
      'TYPEDEF t: typedef shared',
    ]);
    expect(convert(dies, supLink(false, 'common', ID), supplement({ sup: true }))).toHaveLength(3);
  });

  it.each(['GNU_strp_alt', 'strp_sup'] as const)('hold names by %s', (name) => {
    const units = [
      partial([die('base_type', { name: form('strp', 'int'), byte_size: 4, encoding: ATE.signed })], 'p'),
    ];
    const dies = [die('typedef', { name: form(name, 0), type: undefined })];
    expect(convert(dies, LINK, supplement({ units }))).toEqual(['TYPEDEF int: void']);
    const outside = [die('typedef', { name: form(name, 4) })];
    expect(formatErrorOf(() => convert(outside, LINK, supplement({ units }))).code).toBe('dwarf-malformed');
  });

  it('have their own strings, whatever the file has', () => {
    const units = [
      partial(
        [die('base_type', { name: form('strp', 'int'), byte_size: 4, encoding: ATE.signed }, [], 'i')],
        'p',
      ),
    ];
    const at = writeDwarf({}, units).labels.get('i') ?? 0;
    const dies = [
      die('typedef', { name: form('strp', 'first'), type: form('GNU_ref_alt', at) }),
      die('typedef', { name: form('strp', 'second'), type: form('GNU_ref_alt', at) }),
    ];
    expect(convert(dies, LINK, supplement({ units }))).toEqual([
      'TYPEDEF first: int',
      'TYPEDEF second: int',
      INT_LINE,
    ]);
  });

  it('are named when they are missing', () => {
    const error = formatErrorOf(() => convert([typedef('t', alt('GNU_ref_alt', 'shared'))], LINK, undefined));
    expect(error).toMatchObject({
      code: 'dwarf-supplement',
      message: expect.stringContaining(
        'refers to the supplementary file "../.dwz/common" with id abcd',
      ) as string,
    });
  });

  it('are not asked for when nothing refers to them', () => {
    expect(convert([INT], LINK, undefined)).toEqual([INT_LINE]);
  });

  it.each<readonly [string, ElfFile]>([
    ['another id', supplement({ id: Uint8Array.of(1) })],
    [
      'an id as DWARF 5 has it where it should be a build id',
      supplement({ id: Uint8Array.of(2), sup: true }),
    ],
    ['another byte order', supplement({ dwarf: { littleEndian: false, bits: 32 } })],
  ])('are refused with %s', (_, other) => {
    const dies = [typedef('t', alt('GNU_ref_alt', 'shared'))];
    expect(formatErrorOf(() => convert(dies, LINK, other))).toMatchObject({
      code: 'dwarf-supplement',
      location: { section: '.gnu_debugaltlink' },
    });
  });

  it('say where their faults are', () => {
    const units = [partial([die('pointer_type', { type: form('ref4', 0x7fff) }, [], 'bad')], 'part')];
    const at = writeDwarf({}, units).labels.get('bad') ?? Number.NaN;
    const error = formatErrorOf(() =>
      convert([typedef('t', form('GNU_ref_alt', at))], LINK, supplement({ units })),
    );
    expect(error.location.section).toBe('.debug_info of the supplementary file');
    expect(error.location.offset).toBeGreaterThanOrEqual(at);
    expect(error.location.offset).toBeLessThan(at + 8);
  });

  it.each<readonly [string, ElfSection]>([
    ['no end of the path', { name: '.gnu_debugaltlink', data: Uint8Array.of(0x61) }],
    ['a huge section', { name: '.gnu_debugaltlink', data: new Uint8Array((1 << 16) + 1) }],
    ['an empty .debug_sup', { name: '.debug_sup', data: new Uint8Array(0) }],
    ['another version', { name: '.debug_sup', data: Uint8Array.of(6, 0, 0, 0x61, 0, 0) }],
    ['no checksum', { name: '.debug_sup', data: Uint8Array.of(5, 0, 0, 0x61, 0) }],
    ['a checksum that is cut short', { name: '.debug_sup', data: Uint8Array.of(5, 0, 0, 0x61, 0, 2, 1) }],
    [
      'an endless length',
      { name: '.debug_sup', data: Uint8Array.of(5, 0, 0, 0x61, 0, 0x80, 0x80, 0x80, 0x80, 0x80) },
    ],
  ])('are refused for a link with %s', (_, link) => {
    const dies = [typedef('t', alt('GNU_ref_alt', 'shared'))];
    expect(formatErrorOf(() => convert(dies, link, supplement()))).toMatchObject({
      code: 'dwarf-malformed',
      location: { section: link.name },
    });
  });
});
