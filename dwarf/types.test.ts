/** What each type DIE becomes, and in which order: the rules of pahole 1.24, one by one. */

import { describe, expect, it } from 'vitest';
import { ATE, type Attributes, type Die, die, form, ref, unit } from '../test/builders/dwarf-writer.ts';
import { convertedLines, convertUnits, formatErrorOf } from '../test/support/conversion.ts';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');
const INT_LINE = 'INT int: int of 4 bytes, 32 bits, signed';

/** Lines of the types behind `int`, which every test has first. */
function linesOf(...dies: readonly Die[]): string[] {
  const [first, ...rest] = convertedLines([unit([INT, ...dies])]);
  expect(first).toBe(INT_LINE);
  return rest;
}

function member(name: string | undefined, attributes: Attributes = {}): Die {
  return die('member', { name, type: ref('int'), data_member_location: 0, ...attributes });
}

describe('order of types', () => {
  it('numbers a nested type before the type it is in', () => {
    const inner = die('structure_type', { name: 'inner', byte_size: 4 }, [member('x')], 'inner');
    const outer = die('structure_type', { name: 'outer', byte_size: 8 }, [
      member('a', { type: ref('inner') }),
      inner,
      die('pointer_type', { type: ref('inner'), byte_size: 8 }, [], 'pointer'),
      member('b', { type: ref('pointer') }),
    ]);
    expect(linesOf(outer)).toEqual([
      'STRUCT inner: struct of 4 bytes; x: at bit 0, int',
      'PTR: *struct inner',
      'STRUCT outer: struct of 8 bytes; a: at bit 0, struct inner; b: at bit 0, *struct inner',
    ]);
  });

  it('finds types in functions, blocks and inlined subroutines', () => {
    const struct = (name: string): Die => die('structure_type', { name, byte_size: 0 });
    const body = [
      struct('in_function'),
      die('lexical_block', {}, [
        struct('in_block'),
        die('inlined_subroutine', {}, [struct('in_inlined')]),
        die('subprogram', { name: 'nested' }, [struct('in_nested')]),
      ]),
    ];
    const names = ['in_function', 'in_block', 'in_inlined', 'in_nested', 'behind'];
    expect(linesOf(die('subprogram', { name: 'f' }, body), struct('behind'))).toEqual(
      names.map((name) => `STRUCT ${name}: struct of 0 bytes`),
    );
  });

  it('finds types below DIEs that BTF does not know', () => {
    const struct = die('structure_type', { name: 'deep', byte_size: 0 });
    for (const tag of ['namespace', 'label', 'imported_module', 0x4242, 'call_site'] as const) {
      expect(
        linesOf(die(tag, { name: form('data2', 7), 0x3fff: form('block1', Uint8Array.of(1)) }, [struct])),
      ).toEqual(['STRUCT deep: struct of 0 bytes']);
    }
  });

  it('gives equal types one id, the first', () => {
    const pointers = ['a', 'b', 'c'].map((label) => die('pointer_type', { type: ref('int') }, [], label));
    const typedefs = ['t', 't', 'u'].map((name, i) => die('typedef', { name, type: ref('abc'[i]) }));
    expect(linesOf(...typedefs, ...pointers)).toEqual(['TYPEDEF t: *int', 'TYPEDEF u: *int', 'PTR: *int']);
  });

  it('goes on from unit to unit', () => {
    const of = (label: string, ...names: string[]) =>
      unit([
        die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label),
        ...names.map((name) => die('typedef', { name, type: ref(label) })),
      ]);
    expect(convertedLines([of('a', 'x', 'y'), of('b', 'y', 'z')])).toEqual([
      INT_LINE,
      'TYPEDEF x: int',
      'TYPEDEF y: int',
      'TYPEDEF z: int',
    ]);
  });
});

describe('base types', () => {
  function base(name: string, byteSize: number | undefined, encoding: number): string[] {
    return linesOf(die('base_type', { name, byte_size: byteSize, encoding }));
  }

  it.each([
    ['signed', 'long', 8, ATE.signed, 'signed'],
    ['signed char', 'char', 1, ATE.signed_char, 'signed'],
    ['unsigned', 'unsigned', 4, ATE.unsigned, 'unsigned'],
    ['unsigned char', 'u8', 1, ATE.unsigned_char, 'unsigned'],
    ['boolean', '_Bool', 1, ATE.boolean, 'unsigned bool'],
    ['address', 'addr', 8, ATE.address, 'unsigned'],
    ['UTF', 'char16_t', 2, ATE.UTF, 'unsigned'],
    ['128 bits', '__int128', 16, ATE.signed, 'signed'],
  ] as const)('%s', (_, name, bytes, encoding, sign) => {
    expect(base(name, bytes, encoding)).toEqual([
      `INT ${name}: int of ${bytes} bytes, ${bytes * 8} bits, ${sign}`,
    ]);
  });

  it.each([
    [0, ATE.unsigned, 'unsigned'],
    [undefined, ATE.signed, 'signed'],
    [3, ATE.unsigned, 'unsigned'],
    [12, ATE.unsigned, 'unsigned'],
    [32, ATE.signed, 'signed'],
    [0x8000_0000, ATE.unsigned, 'unsigned'],
  ])('of %s bytes has a stand-in', (bytes, encoding, sign) => {
    expect(base('odd', bytes, encoding)).toEqual([
      `INT __SANITIZED_FAKE_INT__: int of 4 bytes, 32 bits, ${sign}`,
    ]);
  });

  it.each([2, 4, 8, 12, 16])('float of %i bytes', (bytes) => {
    expect(base('real', bytes, ATE.float)).toEqual([`FLOAT real: float of ${bytes} bytes`]);
  });

  it.each([
    ['float', 3, ATE.float],
    ['complex', 8, ATE.complex_float],
  ])('%s of %s bytes has no BTF', (_, bytes, encoding) => {
    expect(formatErrorOf(() => base('odd', bytes, encoding))).toMatchObject({
      code: 'btf-unencodable',
      location: { section: '.debug_info' },
    });
  });

  it('floats are integers in profile pahole-1.24, complex ones too', () => {
    const dies = [
      die('base_type', { name: 'double', byte_size: 8, encoding: ATE.float }),
      die('base_type', { name: 'complex float', byte_size: 8, encoding: ATE.complex_float }),
      die('base_type', { name: 'odd', byte_size: 12, encoding: ATE.float }),
    ];
    expect(convertedLines([unit(dies)], {}, {}, 'pahole-1.24')).toEqual([
      'INT double: int of 8 bytes, 64 bits, unsigned',
      'INT complex float: int of 8 bytes, 64 bits, unsigned',
      'INT __SANITIZED_FAKE_INT__: int of 4 bytes, 32 bits, unsigned',
    ]);
  });

  it('keeps its encoding when it has the stand-in name anyway', () => {
    const odd = (encoding: number): Die => die('base_type', { name: `o${encoding}`, byte_size: 3, encoding });
    expect(linesOf(odd(ATE.unsigned), odd(ATE.signed), odd(ATE.unsigned_char))).toEqual([
      'INT __SANITIZED_FAKE_INT__: int of 4 bytes, 32 bits, unsigned',
      'INT __SANITIZED_FAKE_INT__: int of 4 bytes, 32 bits, signed',
    ]);
  });
});

describe('references', () => {
  it.each([
    ['pointer_type', 'PTR: *int', 'PTR: *void'],
    ['const_type', 'CONST: const int', 'CONST: const void'],
    ['volatile_type', 'VOLATILE: volatile int', 'VOLATILE: volatile void'],
    ['restrict_type', 'RESTRICT: restrict int', 'RESTRICT: restrict void'],
  ] as const)('%s, with a type and without', (tag, withType, without) => {
    expect(linesOf(die(tag, { type: ref('int') }), die(tag))).toEqual([withType, without]);
  });

  it('typedef, with a type and without', () => {
    expect(linesOf(die('typedef', { name: 't', type: ref('int') }), die('typedef', { name: 'v' }))).toEqual([
      'TYPEDEF t: int',
      'TYPEDEF v: void',
    ]);
  });

  it('unspecified_type is void and takes no id', () => {
    const nothing = die('unspecified_type', { name: 'decltype(nullptr)' }, [], 'nothing');
    expect(linesOf(nothing, die('pointer_type', { type: ref('nothing') }))).toEqual(['PTR: *void']);
  });

  it.each(['ref1', 'ref2', 'ref4', 'ref8', 'ref_udata', 'ref_addr'] as const)(
    '%s, forth and back',
    (name) => {
      const lines = linesOf(
        die('const_type', { type: form(name, ref('later')) }),
        die('volatile_type', { type: form(name, ref('int')) }, [], 'later'),
      );
      expect(lines).toEqual(['CONST: const volatile int', 'VOLATILE: volatile int']);
    },
  );
});

describe('structs and unions', () => {
  it('has members in DIE order with their byte offsets', () => {
    const members = [
      member('a'),
      member('', { data_member_location: 8 }),
      member('c', { data_member_location: 8 }),
    ];
    expect(linesOf(die('structure_type', { name: 's', byte_size: 12 }, members))).toEqual([
      'STRUCT s: struct of 12 bytes; a: at bit 0, int; (anonymous): at bit 64, int; c: at bit 64, int',
    ]);
  });

  it.each([
    ['data1', form('data1', 8)],
    ['data2', form('data2', 8)],
    ['data4', form('data4', 8)],
    ['data8', form('data8', 8)],
    ['udata', form('udata', 8)],
    ['sdata', form('sdata', 8)],
    ['implicit_const', form('implicit_const', 8)],
    ['indirect', form('indirect', 8)],
    ['DW_OP_plus_uconst in a block1', form('block1', Uint8Array.of(0x23, 8))],
    ['DW_OP_plus_uconst in an exprloc', form('exprloc', Uint8Array.of(0x23, 0x88, 0))],
    ['DW_OP_constu in a block', form('block', Uint8Array.of(0x10, 8))],
    ['block2', form('block2', Uint8Array.of(0x23, 8))],
    ['block4', form('block4', Uint8Array.of(0x23, 8))],
  ] as const)('offset as %s', (_, location) => {
    for (const name of [form('strp', 'm'), form('string', 'm')]) {
      const one = die('member', { name, type: ref('int'), data_member_location: location });
      expect(linesOf(die('structure_type', { name: 's', byte_size: 12 }, [one]))).toEqual([
        'STRUCT s: struct of 12 bytes; m: at bit 64, int',
      ]);
    }
  });

  it('has an offset beyond 2^24 bits where no bitfield is', () => {
    const far = member('far', { data_member_location: 0x300_0000 });
    expect(linesOf(die('structure_type', { name: 's', byte_size: 0x300_0004 }, [far]))).toEqual([
      'STRUCT s: struct of 50331652 bytes; far: at bit 402653184, int',
    ]);
  });

  it('a union has its members at 0, a class is a struct, no byte_size is 0', () => {
    const bare = (name: string): Die => die('member', { name, type: ref('int') });
    expect(
      linesOf(
        die('union_type', { name: 'u', byte_size: 4 }, [bare('a'), bare('b')]),
        die('class_type', { name: 'c', byte_size: 4 }, [bare('a')]),
        die('structure_type', { name: 'z' }),
      ),
    ).toEqual([
      'UNION u: union of 4 bytes; a: at bit 0, int; b: at bit 0, int',
      'STRUCT c: struct of 4 bytes; a: at bit 0, int',
      'STRUCT z: struct of 0 bytes',
    ]);
  });

  it('anonymous ones are equal by content', () => {
    const anonymous = (label: string, name = 'x'): Die =>
      die('structure_type', { byte_size: 4 }, [member(name)], label);
    expect(linesOf(anonymous('a'), anonymous('b'), anonymous('c', 'y'))).toEqual([
      'STRUCT: struct of 4 bytes; x: at bit 0, int',
      'STRUCT: struct of 4 bytes; y: at bit 0, int',
    ]);
  });

  it('may refer to themselves', () => {
    const next = die('pointer_type', { type: ref('list') }, [], 'next');
    const list = die(
      'structure_type',
      { name: 'list', byte_size: 8 },
      [member('next', { type: ref('next') })],
      'list',
    );
    expect(linesOf(next, list)).toEqual([
      'PTR: *struct list',
      'STRUCT list: struct of 8 bytes; next: at bit 0, *struct list',
    ]);
  });

  it('a nameless struct takes the name of its specification', () => {
    const declared = die('structure_type', { name: 'later', declaration: true }, [], 'declared');
    const defined = die('structure_type', { specification: ref('declared'), byte_size: 4 }, [member('x')]);
    expect(linesOf(declared, defined)).toEqual(['STRUCT later: struct of 4 bytes; x: at bit 0, int']);
  });

  it('what is no member takes no part', () => {
    const others = [
      die('inheritance', { type: ref('int'), data_member_location: 0 }),
      die('subprogram', { name: 'method' }, [die('formal_parameter', { name: 'this', type: ref('int') })]),
      die('enumerator', { name: 'E', const_value: 1 }),
    ];
    expect(linesOf(die('structure_type', { name: 's', byte_size: 4 }, [member('x'), ...others]))).toEqual([
      'STRUCT s: struct of 4 bytes; x: at bit 0, int',
    ]);
  });
});

describe('forward declarations', () => {
  const declared = (tag: 'structure_type' | 'union_type' | 'class_type', name: string): Die =>
    die(tag, { name, declaration: true }, [], name);

  it('become FWD', () => {
    expect(
      linesOf(declared('structure_type', 's'), declared('union_type', 'u'), declared('class_type', 'c')),
    ).toEqual(['FWD s: struct s (forward)', 'FWD u: union u (forward)', 'FWD c: struct c (forward)']);
  });

  it('mean the definition, whichever comes first', () => {
    const full = die('structure_type', { name: 's', byte_size: 4 }, [member('x')]);
    const pointer = die('pointer_type', { type: ref('s') });
    const line = 'STRUCT s: struct of 4 bytes; x: at bit 0, int';
    expect(linesOf(declared('structure_type', 's'), pointer, full)).toEqual(['PTR: *struct s', line]);
    expect(linesOf(full, declared('structure_type', 's'), pointer)).toEqual([line, 'PTR: *struct s']);
  });

  it('of the other kind mean nothing', () => {
    const full = die('union_type', { name: 's', byte_size: 4 });
    expect(linesOf(declared('structure_type', 's'), full)).toEqual([
      'FWD s: struct s (forward)',
      'UNION s: union of 4 bytes',
    ]);
  });

  it('keep their string where they stood', () => {
    const full = die('structure_type', { name: 'second', byte_size: 4 });
    const first = die('structure_type', { name: 'first', byte_size: 4 });
    const btf = convertUnits([unit([declared('structure_type', 'second'), first, full])]);
    // libbpf interns names while it adds types, before it finds out which of them go.
    expect(btf.name(1)).toBe('first');
    expect(btf.name(2)).toBe('second');
    expect(btf.nameOffset(2)).toBe(1);
  });
});

describe('bitfields', () => {
  function struct(members: readonly Die[], byteSize = 8): Die[] {
    return [die('structure_type', { name: 's', byte_size: byteSize }, members)];
  }
  const bits = (name: string, attributes: Attributes): Die =>
    die('member', { name, type: ref('int'), ...attributes });
  const LINE =
    'STRUCT s: struct of 8 bytes; a: at bit 0 width 3, int; b: at bit 3 width 5, int; c: at bit 32, int';

  it('with DW_AT_data_bit_offset', () => {
    const members = [
      bits('a', { bit_size: 3, data_bit_offset: 0 }),
      bits('b', { bit_size: 5, data_bit_offset: 3 }),
      member('c', { data_member_location: 4 }),
    ];
    expect(linesOf(...struct(members))).toEqual([LINE]);
  });

  it.each([
    [true, 32 - 3, 32 - 8],
    [false, 0, 3],
  ])('with DW_AT_bit_offset from the top, little endian %s', (littleEndian, a, b) => {
    const old = (name: string, bitSize: number, bitOffset: number, byteSize: number | undefined): Die =>
      bits(name, { byte_size: byteSize, bit_size: bitSize, bit_offset: bitOffset, data_member_location: 0 });
    // With the storage's size on the member, and without: then it is that of the type.
    for (const size of [4, undefined]) {
      const members = [old('a', 3, a, size), old('b', 5, b, size), member('c', { data_member_location: 4 })];
      const lines = convertedLines([unit([INT, ...struct(members)])], { littleEndian, version: 4 });
      expect(lines).toEqual([INT_LINE, LINE]);
    }
  });

  it('takes the storage from behind typedefs and qualifiers, and from enums', () => {
    const members = [
      bits('a', { type: ref('alias'), bit_size: 3, bit_offset: 5, data_member_location: 1 }),
      bits('b', { type: ref('e'), bit_size: 2, bit_offset: 14, data_member_location: 2 }),
    ];
    const types = [
      die('base_type', { name: 'u8', byte_size: 1, encoding: ATE.unsigned }, [], 'u8'),
      die('volatile_type', { type: ref('u8') }, [], 'volatile'),
      die('typedef', { name: 'alias', type: ref('volatile') }, [], 'alias'),
      die('enumeration_type', { name: 'e', byte_size: 2 }, [], 'e'),
    ];
    expect(linesOf(...types, ...struct(members)).at(-1)).toBe(
      'STRUCT s: struct of 8 bytes; a: at bit 8 width 3, typedef alias; b: at bit 16 width 2, enum e',
    );
  });

  it('that spills out of its storage unit has a negative bit offset', () => {
    const packed = (bitOffset: Attributes['bit_offset']): Die[] =>
      struct([
        bits('a', { byte_size: 1, bit_size: 3, bit_offset: 5, data_member_location: 0 }),
        bits('b', { byte_size: 4, bit_size: 31, bit_offset: bitOffset, data_member_location: 0 }),
      ]);
    for (const bitOffset of [form('sdata', -2), form('data8', 0xffff_ffff_ffff_fffen)]) {
      expect(linesOf(...packed(bitOffset))).toEqual([
        'STRUCT s: struct of 8 bytes; a: at bit 0 width 3, int; b: at bit 3 width 31, int',
      ]);
    }
  });

  it('of the whole type stays a bitfield', () => {
    const btf = convertUnits([unit([INT, ...struct([bits('a', { bit_size: 32, data_bit_offset: 0 })])])]);
    expect(btf.kindFlag(2)).toBe(true);
    expect(btf.memberBitSize(2, 0)).toBe(32);
    const plain = convertUnits([unit([INT, ...struct([member('a')])])]);
    expect(plain.kindFlag(2)).toBe(false);
  });

  it('in a union', () => {
    const union = die('union_type', { name: 'u', byte_size: 4 }, [bits('a', { bit_size: 7 }), bits('b', {})]);
    // Neither kind of bit offset: on big endian that is the top, bit 0.
    expect(convertedLines([unit([INT, union])], { littleEndian: false })[1]).toBe(
      'UNION u: union of 4 bytes; a: at bit 0 width 7, int; b: at bit 0, int',
    );
  });
});

describe('enums', () => {
  function lineOf(
    attributes: Attributes,
    values: readonly (readonly [string, Attributes['const_value']])[],
  ): string {
    const children = values.map(([name, const_value]) => die('enumerator', { name, const_value }));
    return linesOf(die('enumeration_type', { name: 'e', ...attributes }, children)).at(-1) as string;
  }

  it('unsigned unless a value is negative', () => {
    expect(
      lineOf({ byte_size: 4 }, [
        ['A', 0],
        ['B', 0xffff_ffff],
      ]),
    ).toBe('ENUM e: unsigned enum of 4 bytes; A = 0; B = 4294967295');
    expect(
      lineOf({ byte_size: 4 }, [
        ['A', -1],
        ['B', 1],
      ]),
    ).toBe('ENUM e: signed enum of 4 bytes; A = -1; B = 1');
    expect(
      lineOf({ byte_size: 4 }, [
        ['A', form('sdata', -0x8000_0000)],
        ['B', 0x7fff_ffff],
      ]),
    ).toBe('ENUM e: signed enum of 4 bytes; A = -2147483648; B = 2147483647');
  });

  it.each([
    ['data1', form('data1', 0xff), 255],
    ['data2', form('data2', 0xffff), 65535],
    ['data4', form('data4', 0x8000_0000), 2147483648],
    ['data8', form('data8', 7), 7],
    ['udata', form('udata', 300), 300],
    ['sdata', form('sdata', 300), 300],
    ['implicit_const', form('implicit_const', 0x7fff_ffff), 0x7fff_ffff],
    ['implicit_const beyond 31 bits', form('implicit_const', 0xffff_ffff), 0xffff_ffff],
    ['indirect', form('indirect', 5), 5],
  ] as const)('value as %s', (_, value, expected) => {
    expect(lineOf({ byte_size: 4 }, [['A', value]])).toBe(
      `ENUM e: unsigned enum of 4 bytes; A = ${expected}`,
    );
  });

  it('negative implicit_const', () => {
    expect(lineOf({ byte_size: 4 }, [['A', form('implicit_const', -5)]])).toBe(
      'ENUM e: signed enum of 4 bytes; A = -5',
    );
  });

  it.each([1, 2])('packed into %i bytes', (bytes) => {
    expect(lineOf({ byte_size: bytes }, [['A', 1]])).toBe(`ENUM e: unsigned enum of ${bytes} bytes; A = 1`);
  });

  it('without byte_size has that of an int', () => {
    expect(lineOf({}, [['A', 1]])).toBe('ENUM e: unsigned enum of 4 bytes; A = 1');
  });

  const WIDE = [
    ['A', form('data8', 0x1_0000_0000n)],
    ['B', form('sdata', -1)],
    ['C', form('implicit_const', 0x1234_5678_9abcn)],
  ] as const;

  it('of 8 bytes: ENUM64 with the sign of the underlying type', () => {
    const base = (name: string, encoding: number): Die =>
      die('base_type', { name, byte_size: 8, encoding }, [], name);
    const of = (type: Attributes['type']): string => {
      const children = WIDE.map(([name, const_value]) => die('enumerator', { name, const_value }));
      return linesOf(
        base('long', ATE.signed),
        base('ulong', ATE.unsigned),
        die('typedef', { name: 'alias', type: ref('long') }, [], 'alias'),
        die('enumeration_type', { name: 'e', byte_size: 8, type }, children),
      ).at(-1) as string;
    };
    const values = 'A = 4294967296; B = -1; C = 20015998343868';
    const unsigned = values.replace('-1', '18446744073709551615');
    expect(of(ref('long'))).toBe(`ENUM64 e: signed enum64 of 8 bytes; ${values}`);
    expect(of(ref('ulong'))).toBe(`ENUM64 e: unsigned enum64 of 8 bytes; ${unsigned}`);
    // The type's own encoding only: pahole does not look behind a typedef.
    expect(of(ref('alias'))).toBe(`ENUM64 e: unsigned enum64 of 8 bytes; ${unsigned}`);
    expect(of(undefined)).toBe(`ENUM64 e: unsigned enum64 of 8 bytes; ${unsigned}`);
  });

  it('only declared: no values, the size of an int, never a FWD', () => {
    const declared = die('enumeration_type', { name: 'e', declaration: true }, [], 'e');
    expect(linesOf(declared, die('pointer_type', { type: ref('e') }))).toEqual([
      'ENUM e: unsigned enum of 4 bytes',
      'PTR: *enum e',
    ]);
  });

  it('declared and full are one, whatever size the declaration claims', () => {
    const declared = die('enumeration_type', { name: 'e', byte_size: 8, declaration: true }, [], 'e');
    const full = die('enumeration_type', { name: 'e', byte_size: 1 }, [
      die('enumerator', { name: 'A', const_value: 0 }),
    ]);
    const lines = ['PTR: *enum e', 'ENUM e: unsigned enum of 1 bytes; A = 0'];
    expect(linesOf(declared, die('pointer_type', { type: ref('e') }), full)).toEqual(lines);
  });

  it('anonymous ones are equal by content', () => {
    const anonymous = (value: number): Die =>
      die('enumeration_type', { byte_size: 4 }, [die('enumerator', { name: 'A', const_value: value })]);
    expect(linesOf(anonymous(1), anonymous(1), anonymous(2))).toHaveLength(2);
  });
});

describe('arrays', () => {
  const dimension = (attributes: Attributes): Die => die('subrange_type', attributes);

  function lengthOf(...dimensions: readonly Die[]): string {
    return linesOf(die('array_type', { type: ref('int') }, dimensions)).at(-1) as string;
  }

  it.each([
    ['upper bound', [dimension({ upper_bound: 9 })], 10],
    ['count', [dimension({ count: 10 })], 10],
    ['upper bound before count', [dimension({ upper_bound: 9, count: 3 })], 10],
    ['count form', [dimension({ count: form('implicit_const', 7) })], 7],
    ['flexible', [dimension({})], 0],
    ['[0], which gcc writes as -1', [dimension({ upper_bound: form('sdata', -1) })], 0],
    ['[0] as 32 bits', [dimension({ upper_bound: form('data4', 0xffff_ffff) })], 0],
    ['[0] as 64 bits', [dimension({ upper_bound: form('data8', 0xffff_ffff_ffff_ffffn) })], 0],
    ['[0] as count', [dimension({ count: 0 })], 0],
    ['length of a variable', [dimension({ upper_bound: form('ref4', ref('int')) })], 0],
    ['length of an expression', [dimension({ upper_bound: form('exprloc', Uint8Array.of(0x30)) })], 0],
    ['length of a variable as count', [dimension({ count: form('ref4', ref('int')) })], 0],
    ['two dimensions', [dimension({ upper_bound: 1 }), dimension({ upper_bound: 2 })], 6],
    ['three', [dimension({ count: 2 }), dimension({ upper_bound: 2 }), dimension({ count: 4 })], 24],
    ['flexible of three', [dimension({}), dimension({ upper_bound: 2 })], 0],
    ['more than 32 bits', [dimension({ count: 0x1_0001 }), dimension({ count: 0x1_0001 })], 0x2_0001],
    ['2^32', [dimension({ count: 0x1_0000 }), dimension({ count: 0x1_0000 })], 0],
    ['beyond 31 bits', [dimension({ count: 0x8000_0001 })], 0x8000_0001],
    ['no subrange: an empty product, as in pahole', [], 1],
  ])('%s', (_, dimensions, length) => {
    expect(lengthOf(...dimensions)).toBe(`ARRAY: [${length}]int`);
  });

  it('index type is the first int', () => {
    const array = die('array_type', { type: ref('char') }, [dimension({ count: 3 })]);
    const char = die('base_type', { name: 'char', byte_size: 1, encoding: ATE.signed_char }, [], 'char');
    const btf = convertUnits([unit([char, array, INT])]);
    expect(btf.name(btf.arrayIndexType(2))).toBe('int');
    expect(btf.arrayIndexType(2)).toBe(3);
    expect(btf.typeCount).toBe(4);
  });

  it('without an int in the unit gets one of its own behind the types', () => {
    const parts = (label: string): Die[] => [
      die('base_type', { name: 'char', byte_size: 1, encoding: ATE.signed_char }, [], label),
      die('array_type', { type: ref(label) }, [dimension({ count: 3 })]),
    ];
    const last = die('typedef', { name: 'last' });
    const withInt = unit([die('typedef', { name: 'next' }), INT]);
    const lines = convertedLines([unit([...parts('a'), last]), withInt, unit(parts('b'))]);
    expect(lines).toEqual([
      'INT char: int of 1 bytes, 8 bits, signed',
      'ARRAY: [3]char',
      'TYPEDEF last: void',
      INT_LINE,
      'TYPEDEF next: void',
    ]);
  });

  it('takes the int of an earlier unit', () => {
    const char = die('base_type', { name: 'char', byte_size: 1, encoding: ATE.unsigned_char }, [], 'char');
    const array = die('array_type', { type: ref('char') }, [dimension({ count: 3 })]);
    expect(convertedLines([unit([INT]), unit([char, array])])).toEqual([
      INT_LINE,
      'INT char: int of 1 bytes, 8 bits, unsigned',
      'ARRAY: [3]char',
    ]);
  });
});

describe('function types', () => {
  const parameter = (attributes: Attributes): Die => die('formal_parameter', attributes);

  it('have parameters with the names they have, a result or none', () => {
    expect(
      linesOf(
        die('subroutine_type', { prototyped: true }),
        die('subroutine_type', { type: ref('int') }, [parameter({ type: ref('int') })]),
        die('subroutine_type', {}, [parameter({ name: 'n', type: ref('int') }), parameter({})]),
      ),
    ).toEqual(['FUNC_PROTO: func() void', 'FUNC_PROTO: func(int) int', 'FUNC_PROTO: func(n int, ...) void']);
  });

  it('end in a nameless void parameter when they take any', () => {
    const any = die('unspecified_parameters');
    expect(
      linesOf(
        die('subroutine_type', {}, [any]),
        die('subroutine_type', {}, [parameter({ type: ref('int') }), any]),
      ),
    ).toEqual(['FUNC_PROTO: func(...) void', 'FUNC_PROTO: func(int, ...) void']);
  });

  it('hold types in their parameter list', () => {
    const pointer = die('pointer_type', { type: ref('int') }, [], 'p');
    expect(linesOf(die('subroutine_type', {}, [pointer, parameter({ type: ref('p') })]))).toEqual([
      'PTR: *int',
      'FUNC_PROTO: func(*int) void',
    ]);
  });
});

describe('names', () => {
  const FORMS = [form('string', 'n'), form('strp', 'n'), form('line_strp', 'n'), form('strx', 'n')] as const;
  const INDEXED = ['strx1', 'strx2', 'strx3', 'strx4'] as const;

  it('are one whatever their form', () => {
    const all = [...FORMS, ...INDEXED.map((name) => form(name, 'n'))];
    for (const options of [
      {},
      { format: 64 },
      { littleEndian: false },
      { littleEndian: false, format: 64 },
    ] as const) {
      const types = all.map((name) => die('typedef', { name, type: ref('int') }));
      const structs = all.map((name) =>
        die('structure_type', { name, byte_size: 4 }, [
          die('member', { name, type: ref('int'), data_member_location: 0 }),
        ]),
      );
      expect(convertedLines([unit([INT, ...types, ...structs])], options)).toEqual([
        INT_LINE,
        'TYPEDEF n: int',
        'STRUCT n: struct of 4 bytes; n: at bit 0, int',
      ]);
    }
  });

  it('strx without DW_AT_str_offsets_base means the first table', () => {
    const name = form('strx1', 'n');
    const plain = unit([die('typedef', { name })], {
      attributes: { name: 'x.c', str_offsets_base: form('sec_offset', 8) },
    });
    expect(convertedLines([plain])).toEqual(['TYPEDEF n: void']);
  });

  it('may be empty, which is none', () => {
    const empties = [form('string', ''), form('line_strp', ''), form('strp', ''), form('strx', '')];
    for (const name of empties) {
      const lines = linesOf(
        die('structure_type', { name, byte_size: 0 }, [], 'a'),
        die('structure_type', { name, byte_size: 4 }),
        die('pointer_type', { type: ref('a') }),
      );
      expect(lines).toEqual([
        'STRUCT: struct of 0 bytes',
        'STRUCT: struct of 4 bytes',
        'PTR: *struct of 0 bytes {  }',
      ]);
    }
  });

  it('are bytes, not text', () => {
    const name = new Uint8Array([0xff, 0xfe, 0x80, 0]);
    const btf = convertUnits([unit([die('typedef', { name: form('string', name) })])]);
    const at = btf.nameOffset(1);
    expect([...btf.strings.subarray(at, at + 4)]).toEqual([...name]);
  });
});
