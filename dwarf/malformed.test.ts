/** Faults in abbreviations, DIEs and references: each ends in a FormatError that says where. */

import { describe, expect, it } from 'vitest';
import { byteWriter } from '../test/builders/byte-writer.ts';
import {
  type Attributes,
  type Die,
  die,
  type DwarfOptions,
  FORM,
  form,
  ref,
  type UnitOptions,
  unit,
  writeDwarf,
} from '../test/builders/dwarf-writer.ts';
import { FormatError } from '../elf/format-error.ts';
import { convertUnits, type ElfParts, formatErrorOf } from '../test/support/conversion.ts';
import { MAX_DIE_DEPTH } from './unit-reader.ts';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: 5 }, [], 'int');

/** A second unit: what is malformed in the first one must not be read from it. */
const NEXT = unit([die('structure_type', { name: 'next', byte_size: 0 }, [], 'next')]);

interface Fault {
  readonly code?: 'dwarf-malformed' | 'dwarf-unsupported' | 'dwarf-supplement' | 'btf-unencodable';
  readonly section?: string;
  readonly message: RegExp;
  /** Label of the DIE that is at fault: the offset is at it or inside its attributes. */
  readonly at?: string;
}

/** Functions count only where the symbol table has some. */
const WITH_FUNCTION: ElfParts = {
  sections: [{ name: '.text' }],
  symbols: [{ name: 'f', type: 'func', section: '.text' }],
};

function expectFault(
  dies: readonly Die[],
  fault: Fault,
  unitOptions: UnitOptions = {},
  options: DwarfOptions = {},
): void {
  const units = [unit([INT, ...dies], unitOptions), NEXT];
  const error = formatErrorOf(() => convertUnits(units, options, WITH_FUNCTION));
  expect(error).toMatchObject({
    code: fault.code ?? 'dwarf-malformed',
    message: expect.stringMatching(fault.message) as string,
    location: { section: fault.section ?? '.debug_info', offset: expect.any(Number) as number },
  });
  expect(error.location.offset).toBeGreaterThanOrEqual(0);
  if (fault.at === undefined) return;
  const start = writeDwarf(options, units).labels.get(fault.at) ?? Number.NaN;
  expect(error.location.offset).toBeGreaterThanOrEqual(start);
  expect(error.location.offset).toBeLessThan(start + 40);
}

function struct(attributes: Attributes, members: readonly Die[] = []): Die {
  return die('structure_type', { name: 's', byte_size: 8, ...attributes }, members, 'bad');
}

describe('abbreviations', () => {
  function table(write: (out: ReturnType<typeof byteWriter>) => void): UnitOptions {
    const out = byteWriter();
    // Code 1 is the root: a unit with a name and a language, with children.
    out.bytes(Uint8Array.of(1, 0x11, 1, 0x03, FORM.string, 0x13, FORM.data1, 0, 0));
    write(out);
    return { raw: { abbrevTable: out.toBytes() } };
  }

  it('table outside the section', () => {
    for (const abbrevOffset of [0x1000, 0xffff_ffff])
      expectFault(
        [],
        { section: '.debug_abbrev', message: /outside the section/u },
        { raw: { abbrevOffset } },
      );
    expectFault(
      [],
      { section: '.debug_abbrev', message: /outside the section/u },
      { format: 64, raw: { abbrevOffset: 0xffff_ffff_0000_0000n } },
    );
  });

  it('code that is not declared', () => {
    const undeclared = die('typedef', { name: 't' }, [], 'bad', { abbreviation: 99 });
    expectFault([undeclared], { message: /code 99 is not declared/u, at: 'bad' });
    const huge = die('typedef', { name: 't' }, [], 'bad', { abbreviation: 0x7fff_ffff });
    expectFault([huge], { message: /code 2147483647 is not declared/u, at: 'bad' });
  });

  it('code that is too long', () => {
    const options = table((out) => out.bytes(Uint8Array.of(2, 0x24, 0, 0, 0, 0)));
    const endless = die(0x24, {}, [], 'bad', { abbreviation: Number.MAX_SAFE_INTEGER });
    expectFault([endless], { message: /abbreviation code/u }, options);
  });

  it('code declared twice', () => {
    const options = table((out) => {
      out.bytes(Uint8Array.of(2, 0x24, 0, 0, 0));
      out.bytes(Uint8Array.of(2, 0x16, 0, 0, 0));
      out.u8(0);
    });
    expectFault([], { section: '.debug_abbrev', message: /code 2 is declared twice/u }, options);
  });

  it('code beyond any sensible table', () => {
    const options = table((out) => {
      out.uleb(0x7fff_ffff);
      out.bytes(Uint8Array.of(0x24, 0, 0, 0, 0));
    });
    expectFault([], { section: '.debug_abbrev', message: /exceeds/u }, options);
  });

  it.each([0x00, 0x02, 0x2d, 0x7f, 0x1f7f])('unknown form 0x%s', (unknown) => {
    const options = table((out) => {
      out.bytes(Uint8Array.of(2, 0x24, 0, 0x03));
      out.uleb(unknown);
      out.bytes(Uint8Array.of(0, 0, 0));
    });
    expectFault(
      [],
      { code: 'dwarf-unsupported', section: '.debug_abbrev', message: /unknown form/u },
      options,
    );
  });

  it('LEB128 that is too long', () => {
    const options = table((out) => out.bytes(new Uint8Array(11).fill(0xff)));
    expectFault([], { section: '.debug_abbrev', message: /LEB128 number is too long/u }, options);
    const constant = table((out) => {
      out.bytes(Uint8Array.of(2, 0x28, 0, 0x1c, FORM.implicit_const));
      out.bytes(new Uint8Array(12).fill(0xff));
    });
    expectFault([], { section: '.debug_abbrev', message: /LEB128 number is too long/u }, constant);
  });

  it('table that runs beyond the section', () => {
    const whole = Uint8Array.of(1, 0x11, 1, 0x03, FORM.string, 0x13, FORM.data1, 0, 0, 0);
    for (let length = 1; length < whole.length; length++) {
      const units = [unit([], { raw: { abbrevTable: whole.subarray(0, length) } })];
      expect(formatErrorOf(() => convertUnits(units))).toMatchObject({
        code: 'dwarf-malformed',
        location: { section: '.debug_abbrev', offset: length },
      });
    }
  });
});

describe('attributes', () => {
  it('that run beyond the unit', () => {
    const dies = [
      die('base_type', { name: 'int', byte_size: form('data4', 4), encoding: 5 }, [], 'int'),
      die('typedef', { name: form('strp', 'alias'), type: ref('int') }),
      die(
        'structure_type',
        { name: 's', byte_size: form('udata', 4), sibling: form('ref_udata', ref('end')) },
        [
          die('member', {
            name: 'm',
            type: ref('int'),
            data_member_location: form('block1', Uint8Array.of(0x23, 0)),
          }),
          die('member', {
            name: 'n',
            type: ref('int'),
            data_member_location: form('exprloc', Uint8Array.of(0x23, 0)),
          }),
          die('member', { name: 'o', type: ref('int'), bit_size: form('indirect', 3) }),
        ],
      ),
      die('volatile_type', {}, [], 'end'),
    ];
    const { sections, labels } = writeDwarf({}, [unit(dies)]);
    const info = sections['.debug_info'];
    // Between DIEs a unit may end without its closing null entries (old assemblers); within a DIE it may not.
    const ends: number[] = [];
    for (let length = labels.get('int') ?? 0; length <= info.length; length++) {
      const cut = info.slice(0, length);
      new DataView(cut.buffer).setUint32(0, length - 4, true);
      const elf = {
        sections: Object.entries({ ...sections, '.debug_info': cut }).map(([name, data]) => ({ name, data })),
      };
      try {
        convertUnits([], {}, elf);
        ends.push(length);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        expect((error as FormatError).location).toMatchObject({
          section: '.debug_info',
          offset: expect.any(Number) as number,
        });
      }
    }
    const whole = [0, 1].map((missing) => info.length - missing);
    expect(ends).toEqual(expect.arrayContaining(whole));
    // Four starts of DIEs at which nothing is missing that was referred to, and both closing null entries.
    expect(ends.length).toBeLessThan(12);
  });

  it.each([
    [
      'LEB128 size',
      { byte_size: form(FORM.udata, new Uint8Array(12).fill(0xff)) },
      /LEB128|beyond the unit/u,
    ],
    [
      'LEB128 value',
      { byte_size: form(FORM.sdata, new Uint8Array(12).fill(0x80)) },
      /LEB128|beyond the unit/u,
    ],
    [
      'block size',
      { location: form(FORM.exprloc, new Uint8Array(12).fill(0xff)) },
      /LEB128|beyond the unit/u,
    ],
    ['block4', { location: form(FORM.block4, new Uint8Array(4).fill(0xff)) }, /beyond the unit/u],
    ['block2', { location: form(FORM.block2, new Uint8Array(2).fill(0xff)) }, /beyond the unit/u],
    ['unknown indirect form', { byte_size: form(FORM.indirect, Uint8Array.of(0x7e)) }, /unknown form 0x7e/u],
    [
      'indirect form that is indirect',
      { byte_size: form(FORM.indirect, Uint8Array.of(0x16, 0x16, 0x0b)) },
      /indirect form 0x16/u,
    ],
    [
      'indirect implicit_const',
      { byte_size: form(FORM.indirect, Uint8Array.of(0x21)) },
      /indirect form 0x21/u,
    ],
  ] as const)('%s that cannot be', (_, attributes, message) => {
    const code = /unknown form/u.test(message.source) ? 'dwarf-unsupported' : 'dwarf-malformed';
    expectFault([struct(attributes)], { code, message, at: 'bad' });
  });

  it.each([
    ['text where a size belongs', struct({ byte_size: form('string', 'eight') }), /form 0x8 where a number/u],
    [
      'a block where a size belongs',
      struct({ byte_size: form('block1', Uint8Array.of(8)) }),
      /form 0xa where/u,
    ],
    [
      '16 bytes where a size belongs',
      struct({ byte_size: form('data16', new Uint8Array(16)) }),
      /form 0x1e where/u,
    ],
  ] as const)('%s', (_, bad, message) => {
    expectFault([bad], { message, at: 'bad' });
  });

  it.each([
    ['a number where a name belongs', struct({ name: form('data1', 8) }), /form 0xb where a name/u],
    [
      'a number where a reference belongs',
      die('typedef', { name: 't', type: form('data4', 8) }, [], 'bad'),
      /form 0x6 where a reference/u,
    ],
  ] as const)('%s', (_, bad, message) => {
    expectFault([bad], { code: 'dwarf-unsupported', message, at: 'bad' });
  });

  it.each([
    ['a name in a supplementary file', struct({ name: form('strp_sup', 8) })],
    ['a name in a dwz file', struct({ name: form('GNU_strp_alt', 8) })],
    ['a type in a dwz file', die('typedef', { name: 't', type: form('GNU_ref_alt', 8) }, [], 'bad')],
    ['a type in a supplementary file', die('typedef', { name: 't', type: form('ref_sup4', 8) }, [], 'bad')],
  ] as const)('%s that is not there', (_, bad) => {
    expectFault([bad], { code: 'dwarf-supplement', message: /refers to the supplementary file/u, at: 'bad' });
  });

  it('a type by a signature that no type unit has', () => {
    const bad = die('typedef', { name: 't', type: form('ref_sig8', 0x8000_0001_0000_0002n) }, [], 'bad');
    expectFault([bad], { message: /no type unit has the signature 0x8000000100000002/u, at: 'bad' });
  });
});

describe('names', () => {
  it.each([0x1000, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff])(
    'string offset 0x%i outside .debug_str',
    (offset) => {
      const member = (attributes: Attributes): Die => die('member', { type: ref('int'), ...attributes });
      for (const dies of [
        [struct({ name: form('strp', offset) })],
        [struct({}, [member({ name: form('strp', offset), data_member_location: 0 })])],
        [struct({}, [member({ name: form('strp', offset), bit_size: 3, data_bit_offset: 0 })])],
      ]) {
        const error = formatErrorOf(() => convertUnits([unit([INT, ...dies]), NEXT]));
        expect(error).toMatchObject({ code: 'dwarf-malformed' });
        expect(error.location.section).toMatch(/^\.debug_(?:info|str)$/u);
      }
    },
  );

  it('offset outside .debug_line_str', () => {
    expectFault([struct({ name: form('line_strp', 0x1000) })], {
      section: '.debug_line_str',
      message: /out of range/u,
    });
  });

  it('string without end in .debug_str', () => {
    const { sections } = writeDwarf({}, [unit([die('typedef', { name: form('strp', 'endless') })])]);
    const str = sections['.debug_str'].subarray(0, -1);
    const elf = {
      sections: Object.entries({ ...sections, '.debug_str': str }).map(([name, data]) => ({ name, data })),
    };
    expect(formatErrorOf(() => convertUnits([], {}, elf))).toMatchObject({
      code: 'dwarf-malformed',
      location: { section: '.debug_str', offset: 0 },
    });
  });

  it('index outside .debug_str_offsets', () => {
    for (const name of [form('strx1', 200), form('strx', 0x7fff_ffff), form('strx4', 0xffff_ffff)]) {
      expectFault([struct({ name })], { message: /outside .debug_str_offsets/u, at: 'bad' });
    }
  });

  it('index whose string is outside .debug_str', () => {
    const { sections } = writeDwarf({}, [unit([die('typedef', { name: form('strx1', 'a') })])]);
    const offsets = Uint8Array.from(sections['.debug_str_offsets']).fill(0xff, 8);
    const elf = {
      sections: Object.entries({ ...sections, '.debug_str_offsets': offsets }).map(([name, data]) => ({
        name,
        data,
      })),
    };
    expect(formatErrorOf(() => convertUnits([], {}, elf))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(/outside .debug_str/u) as string,
    });
  });
});

describe('references', () => {
  const pointer = (type: Attributes['type']): Die => die('pointer_type', { byte_size: 8, type }, [], 'bad');
  const others = [
    die('variable', { name: 'v', type: ref('int') }, [], 'variable'),
    die('union_type', { name: 'u', byte_size: 8 }, [
      die('member', { name: 'm', type: ref('int') }, [], 'member'),
    ]),
  ];
  const NOWHERE: readonly (readonly [string, Attributes['type']])[] = [
    ['outside the section', form('ref4', 0x7fff_0000)],
    ['outside the section, unsigned', form('ref4', 0xffff_fff0)],
    ['beyond 32 bits', form('ref8', 0x1_0000_0000n)],
    ['beyond 32 bits to where an int is', form('ref8', 0x1_0000_0000n + 22n)],
    ['beyond 64 bits', form('ref_udata', Number.MAX_SAFE_INTEGER)],
    ['to the unit header', form('ref4', 2)],
    ['to the root', form('ref4', 12)],
    ['into the middle of a DIE', form('ref4', 24)],
    ['into the middle of a DIE of the next unit', form('ref_addr', 120)],
    ['to the header of a unit', form('ref_addr', 4)],
    ['outside the section by ref_addr', form('ref_addr', 0x00ff_ffff)],
    ['to a DIE that is no type', ref('variable')],
    ['to a member', ref('member')],
  ];

  it.each(NOWHERE)('%s', (_, type) => {
    for (const bad of [
      pointer(type),
      die('typedef', { name: 't', type }, [], 'bad'),
      die('array_type', { type }, [die('subrange_type', { upper_bound: 3 })], 'bad'),
      die('subroutine_type', { type }, [], 'bad'),
      die('subroutine_type', {}, [die('formal_parameter', { type })], 'bad'),
      struct({ name: 't' }, [die('member', { name: 'm', type, data_member_location: 0 })]),
      struct({ name: undefined }, [die('member', { name: 'm', type })]),
    ]) {
      expectFault([...others, bad], { message: /refer/u, at: 'bad' });
    }
  });

  it.each(NOWHERE)('of a function: %s', (_, type) => {
    const text = { name: 'f', external: true };
    for (const bad of [
      die('subprogram', { ...text, type }, [], 'f'),
      die('subprogram', text, [die('formal_parameter', { name: 'p', type })], 'f'),
    ]) {
      expectFault([...others, bad], { message: /refer/u });
    }
  });

  it('in a circle without a named struct', () => {
    const circle = /circle/u;
    const to = (label: string): Attributes => ({ type: ref(label) });
    expectFault([die('pointer_type', to('bad'), [], 'bad')], { message: circle, at: 'bad' });
    expectFault([die('const_type', to('b'), [], 'a'), die('typedef', { name: 't', ...to('a') }, [], 'b')], {
      message: circle,
    });
    const anonymous = die(
      'structure_type',
      { byte_size: 8 },
      [die('member', { name: 'm', ...to('p') })],
      'a',
    );
    expectFault([anonymous, die('pointer_type', to('a'), [], 'p')], { message: circle });
    const callback = die('subroutine_type', {}, [die('formal_parameter', to('p'))], 'a');
    expectFault([callback, die('pointer_type', to('a'), [], 'p')], { message: circle });
    const result = die('subroutine_type', to('p'), [], 'a');
    expectFault([result, die('pointer_type', to('a'), [], 'p')], { message: circle });
    const array = die('array_type', to('a'), [die('subrange_type', { upper_bound: 1 })], 'a');
    expectFault([array], { message: circle });
  });

  it('in a very long chain is no circle', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) =>
      die('pointer_type', { type: ref(i === 0 ? 'int' : `p${i - 1}`) }, [], `p${i}`),
    ).reverse();
    expect(convertUnits([unit([...chain, INT])]).typeCount).toBe(20_002);
  });
});

describe('nesting', () => {
  type Nesting = 'lexical_block' | 'structure_type' | 'subprogram';

  /** DIEs that each claim the next one as child; the closing null entries are missing. */
  function nested(depth: number, tag: Nesting): Die[] {
    const attributes = tag === 'structure_type' ? { name: 's', byte_size: 4 } : {};
    const open = die(tag, attributes, [], undefined, { hasChildren: true, unterminated: true });
    return [...Array.from({ length: depth }, () => open), die('typedef', { name: 'deep' })];
  }

  it.each<Nesting>(['lexical_block', 'structure_type', 'subprogram'])('of %s up to the limit', (tag) => {
    // The root is one level.
    const btf = convertUnits([unit(nested(MAX_DIE_DEPTH - 1, tag))]);
    expect(btf.name(1)).toBe('deep');
    expectFault(nested(MAX_DIE_DEPTH, tag), { message: /nested deeper than 4096/u });
  });
});

describe('what BTF cannot hold', () => {
  const unencodable = 'btf-unencodable';

  it.each([
    ['more than 255 bits', { bit_size: form('data2', 256), data_bit_offset: 0 }],
    ['beyond bit 2^24', { bit_size: 1, data_bit_offset: 0x100_0000 }],
    ['absurdly far', { bit_size: 1, data_bit_offset: form('data8', 0xffff_ffff_ffff_ffffn) }],
    ['before the struct', { bit_size: 3, bit_offset: 127, byte_size: 4, data_member_location: 0 }],
  ] as const)('bitfield %s', (_, attributes) => {
    const member = die('member', { name: 'm', type: ref('int'), ...attributes }, [], 'bad');
    expectFault([struct({ name: 'x' }, [member])], {
      code: unencodable,
      message: /bitfield of .* does not fit/u,
    });
  });

  it.each(['data4', 'data8', 'udata', 'implicit_const'] as const)('member beyond 512 MiB, %s', (name) => {
    for (const far of [0x2000_0000, 0x3fff_ffff, 0x7fff_ffff]) {
      const location = { data_member_location: form(name, far) };
      const member = die('member', { name: form('strp', 'm'), type: ref('int'), ...location }, [], 'bad');
      expectFault([struct({ name: 'x' }, [member])], {
        code: unencodable,
        message: /does not fit/u,
        at: 'bad',
      });
    }
  });

  it('old bitfield of a type without size', () => {
    const member = die('member', { name: 'm', type: ref('v'), bit_size: 3, bit_offset: 1 });
    const void_ = die('volatile_type', {}, [], 'v');
    expectFault([void_, struct({}, [member])], { message: /no size/u });
    const circle = die('volatile_type', { type: ref('v') }, [], 'v');
    expectFault([circle, struct({}, [member])], { message: /no size|circle/u });
  });

  it('member with a location that has to be computed', () => {
    const location = form('exprloc', Uint8Array.of(0x12, 0x23, 4));
    const member = die('member', { name: 'm', type: ref('int'), data_member_location: location });
    expectFault([struct({}, [member])], { code: 'dwarf-unsupported', message: /DW_OP 0x12/u });
  });

  it.each([0x1_0000_0000, -0x8000_0001, 0x7fff_ffff_ffff_ffffn])('enumerator %s in 32 bits', (value) => {
    const enumerator = die('enumerator', { name: 'E', const_value: value }, [], 'bad');
    const all = [die('enumeration_type', { name: 'e', byte_size: 4 }, [enumerator])];
    expectFault(all, { code: unencodable, message: /does not fit 32 bits/u, at: 'bad' });
  });

  it('forward declaration without a name', () => {
    for (const tag of ['structure_type', 'union_type', 'class_type'] as const) {
      const bad = die(tag, { declaration: true }, [], 'bad');
      expectFault([bad], { code: unencodable, message: /without a name/u, at: 'bad' });
    }
  });

  it.each([
    'reference_type',
    'rvalue_reference_type',
    'ptr_to_member_type',
    'string_type',
    'atomic_type',
  ] as const)('%s', (tag) => {
    const bad = die(tag, { type: ref('int') }, [], 'bad');
    expectFault([bad], { code: unencodable, message: /has no BTF/u, at: 'bad' });
  });

  it('more members than 16 bits count', () => {
    const members = Array.from({ length: 0x1_0000 }, (_, i) =>
      die('member', { name: 'm', type: ref('int'), data_member_location: form('data4', 4 * i) }),
    );
    const error = formatErrorOf(() => convertUnits([unit([INT, struct({}, members)])]));
    expect(error).toMatchObject({
      code: unencodable,
      message: expect.stringMatching(/65536 entries/u) as string,
    });
  });
});
