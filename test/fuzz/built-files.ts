/** Small files from the builders: what DWARF and BTF can say, in versions and forms that no compiler here writes. */

import { BTF_LINKAGE, BtfBuilder } from '../../btf/index.ts';
import {
  address,
  ATE,
  type Die,
  die,
  type DwarfOptions,
  form,
  ref,
  SIBLING,
  type Unit,
  unit,
  writeDwarfElf,
} from '../builders/dwarf-writer.ts';
import type { FormName } from '../builders/dwarf-names.ts';
import type { CorpusFile } from './corpus.ts';

interface Variant extends DwarfOptions {
  readonly name: string;
  /** How names are written. */
  readonly text: FormName;
}

const VARIANTS: readonly Variant[] = [
  { name: 'DWARF 5, strp', version: 5, text: 'strp' },
  { name: 'DWARF 5, strx1', version: 5, text: 'strx1' },
  {
    name: 'DWARF 5, strx, 64-bit format, big-endian',
    version: 5,
    text: 'strx',
    format: 64,
    littleEndian: false,
  },
  { name: 'DWARF 5, line_strp, 32 bits', version: 5, text: 'line_strp', bits: 32 },
  { name: 'DWARF 4, string', version: 4, text: 'string' },
  { name: 'DWARF 4, strp, big-endian, 32 bits', version: 4, text: 'strp', bits: 32, littleEndian: false },
  { name: 'DWARF 3, strp, 64-bit format', version: 3, text: 'strp', format: 64 },
  { name: 'DWARF 2, string', version: 2, text: 'string' },
];

export function builtFiles(): CorpusFile[] {
  const elf = VARIANTS.map((variant) => ({
    name: `built: ${variant.name}`,
    bytes: writeDwarfElf(variant, [...richUnits(variant), ...specialUnits(variant)], elfParts()),
  }));
  const plain = VARIANTS.map((variant) => ({
    name: `built: ${variant.name}, plain units`,
    bytes: writeDwarfElf(variant, richUnits(variant), elfParts()),
  }));
  return [
    ...elf,
    ...plain,
    { name: 'built: BTF, all kinds', bytes: everyKindOfBtf(true) },
    { name: 'built: BTF, all kinds, big-endian', bytes: everyKindOfBtf(false) },
  ];
}

function elfParts(): Parameters<typeof writeDwarfElf>[2] {
  return {
    sections: [
      { name: '.text', flags: 6, address: 0x1000, data: new Uint8Array(64) },
      { name: '.data..percpu', flags: 3, address: 0x2000, data: new Uint8Array(64) },
    ],
    symbols: [
      { name: 'start_kernel', type: 'func', section: '.text', value: 0x1000, size: 16 },
      { name: 'helper.isra.0', type: 'func', section: '.text', value: 0x1010, size: 16 },
      { name: 'variadic', type: 'func', section: '.text', value: 0x1020, size: 16 },
      { name: 'counter', type: 'object', section: '.data..percpu', value: 0x2000, size: 4 },
      { name: 'static_one.0', type: 'object', section: '.data..percpu', value: 0x2018, size: 4 },
      { name: 'cpu_task', type: 'object', section: '.data..percpu', value: 0x2008, size: 8 },
    ],
  };
}

function richUnits(variant: Variant): Unit[] {
  return [
    unit(richDies(variant, 'a'), { label: 'unit-a' }),
    unit(richDies(variant, 'b'), { label: 'unit-b' }),
    unit([die('base_type', { name: form(variant.text, 'u8'), byte_size: 1, encoding: ATE.unsigned_char })], {
      attributes: { name: 'lib.rs', language: 0x1c },
    }),
  ];
}

/** Type units, partial units and what refers into other units: where the versions have them. */
function specialUnits(variant: Variant): Unit[] {
  const text = (value: string) => form(variant.text, value);
  const version = variant.version ?? 5;
  const partial =
    version < 3
      ? []
      : [
          unit(
            [die('base_type', { name: text('shared'), byte_size: 4, encoding: ATE.signed }, [], 'shared')],
            {
              tag: 'partial_unit',
              attributes: {},
              label: 'partial',
            },
          ),
          unit([
            die('imported_unit', { import: form('ref_addr', ref('partial')) }),
            die('typedef', { name: text('shared_t'), type: form('ref_addr', ref('shared')) }),
          ]),
        ];
  const types =
    version < 4
      ? []
      : [
          unit(
            [
              die('base_type', { name: text('int'), byte_size: 4, encoding: ATE.signed }, [], 'sig-int'),
              die(
                'structure_type',
                { name: text('signed_struct'), byte_size: 4 },
                [die('member', { name: text('x'), type: ref('sig-int'), data_member_location: 0 })],
                'sig-struct',
              ),
            ],
            {
              typeUnit: { signature: 0x1122334455667788n, type: ref('sig-struct') },
              attributes: { language: 0x1d },
            },
          ),
          unit([
            die(
              'structure_type',
              { declaration: true, signature: form('ref_sig8', 0x1122334455667788n) },
              [],
              'proxy',
            ),
            die('variable', { name: text('of_type_unit'), type: ref('proxy'), location: address(0x2010) }),
          ]),
        ];
  return [...partial, ...types];
}

function richDies({ version = 5, text: textForm }: Variant, prefix: string): Die[] {
  const text = (value: string) => form(textForm, value);
  const to = (label: string) => ref(`${prefix}-${label}`);
  const label = (name: string): string => `${prefix}-${name}`;
  const bitfield =
    version >= 4
      ? { data_bit_offset: 3, bit_size: 5 }
      : { byte_size: 4, bit_offset: 24, bit_size: 5, data_member_location: 0 };
  // In one unit only: two variables at one place are no valid BTF.
  const variables = [
    die('variable', { name: text('counter'), type: to('int'), external: true, location: address(0x2000) }),
    die('variable', { name: text('cpu_task'), type: to('list*'), declaration: true }, [], label('declared')),
    die('variable', { specification: to('declared'), location: address(0x2008) }),
  ];
  return [
    die('base_type', { name: text('int'), byte_size: 4, encoding: ATE.signed }, [], label('int')),
    die('base_type', { name: text('char'), byte_size: 1, encoding: ATE.signed_char }, [], label('char')),
    die(
      'base_type',
      { name: text('long unsigned int'), byte_size: 8, encoding: ATE.unsigned },
      [],
      label('ulong'),
    ),
    die('base_type', { name: text('_Bool'), byte_size: 1, encoding: ATE.boolean }),
    die('base_type', { name: text('double'), byte_size: 8, encoding: ATE.float }, [], label('double')),
    die('unspecified_type', { name: text('decltype(nullptr)') }),
    die('pointer_type', { byte_size: 8, type: to('list') }, [], label('list*')),
    die('pointer_type', { byte_size: 8 }, [], label('void*')),
    die(
      'structure_type',
      { name: text('list'), byte_size: 24, sibling: SIBLING },
      [
        die('member', { name: text('next'), type: to('list*'), data_member_location: 0 }),
        die('member', { name: text('flags'), type: to('int'), ...bitfield }),
        die('member', { type: to('anonymous'), data_member_location: 8 }),
        die('member', {
          name: text('by_expression'),
          type: to('int'),
          data_member_location: Uint8Array.of(0x23, 0x10),
        }),
        die('LLVM_annotation', { name: text('btf_decl_tag'), const_value: text('a_tag') }),
      ],
      label('list'),
    ),
    die(
      'union_type',
      { byte_size: 8 },
      [
        die('member', { name: text('number'), type: to('ulong') }),
        die('member', { name: text('pointer'), type: to('proto*') }),
      ],
      label('anonymous'),
    ),
    die(
      'structure_type',
      { name: text(prefix === 'a' ? 'list' : 'opaque'), declaration: true },
      [],
      label('opaque'),
    ),
    die('pointer_type', { byte_size: 8, type: to('opaque') }, [], label('opaque*')),
    die(
      'enumeration_type',
      { name: text('state'), byte_size: 4, type: to('int') },
      [
        die('enumerator', { name: text('IDLE'), const_value: 0 }),
        die('enumerator', { name: text('BUSY'), const_value: form('sdata', -1) }),
      ],
      label('state'),
    ),
    die('enumeration_type', { name: text('wide'), byte_size: 8, type: to('ulong') }, [
      die('enumerator', { name: text('HUGE'), const_value: form('data8', 0x1_0000_0001n) }),
    ]),
    die('enumeration_type', { name: text('later'), byte_size: 4, declaration: true }),
    die(
      'array_type',
      { type: to('char'), sibling: SIBLING },
      [
        die('subrange_type', { type: to('ulong'), upper_bound: 15 }),
        die('subrange_type', { type: to('ulong'), count: 3 }),
        die('subrange_type', {}),
      ],
      label('array'),
    ),
    die('typedef', { name: text('list_t'), type: to('list') }, [], label('list_t')),
    die('const_type', { type: to('list_t') }, [], label('const')),
    die('volatile_type', { type: to('const') }, [], label('volatile')),
    die('restrict_type', { type: to('void*') }),
    die('pointer_type', { byte_size: 8, type: to('volatile') }, [
      die('LLVM_annotation', { name: text('btf_type_tag'), const_value: text('user') }),
    ]),
    die(
      'subroutine_type',
      { prototyped: true, type: to('int') },
      [die('formal_parameter', { type: to('list*') }), die('unspecified_parameters')],
      label('proto'),
    ),
    die('pointer_type', { byte_size: 8, type: to('proto') }, [], label('proto*')),
    die(
      'subprogram',
      {
        name: text('start_kernel'),
        external: true,
        prototyped: true,
        type: to('int'),
        low_pc: form('addr', 0x1000),
      },
      [
        die('formal_parameter', { name: text('argument'), type: to('const'), location: Uint8Array.of(0x55) }),
        die('lexical_block', {}, [
          die('structure_type', { name: text('inside'), byte_size: 4 }, [
            die('member', { name: text('m'), type: to('int'), data_member_location: 0 }),
          ]),
          ...(prefix === 'a'
            ? [die('variable', { name: text('static_one'), type: to('int'), location: address(0x2018) })]
            : []),
        ]),
      ],
      label('start_kernel'),
    ),
    die(
      'subprogram',
      { name: text('helper'), inline: 1, type: to('array') },
      [die('formal_parameter', { name: text('p'), type: to('list*') })],
      label('helper'),
    ),
    die('subprogram', { abstract_origin: to('helper'), low_pc: form('addr', 0x1010) }, [
      die('formal_parameter', { abstract_origin: to('helper') }),
    ]),
    die('subprogram', { specification: to('start_kernel') }),
    die('subprogram', { name: text('variadic'), external: true, low_pc: form('addr', 0x1020) }, [
      die('formal_parameter', { name: text('format'), type: to('list*') }),
      die('unspecified_parameters'),
    ]),
    ...(prefix === 'a' ? variables : []),
  ];
}

function everyKindOfBtf(littleEndian: boolean): Uint8Array {
  const builder = new BtfBuilder({ littleEndian });
  const int = builder.addInt('int', 4, 1);
  const char = builder.addInt('char', 1, 1);
  const double = builder.addFloat('double', 8);
  const list = builder.nextId;
  builder.addStruct('list', 32, [
    { name: 'next', type: list + 1, bitOffset: 0 },
    { name: 'a', type: int, bitOffset: 64, bitSize: 3 },
    { name: 'b', type: int, bitOffset: 67, bitSize: 29 },
    { name: '', type: list + 2, bitOffset: 96 },
    { name: 'name', type: list + 3, bitOffset: 128 },
  ]);
  builder.addPtr(list);
  builder.addUnion('', 8, [
    { name: 'number', type: double, bitOffset: 0 },
    { name: 'opaque', type: list + 5, bitOffset: 0 },
  ]);
  builder.addArray(char, int, 16);
  const forward = builder.addFwd('opaque', 'struct');
  builder.addPtr(forward);
  builder.addEnum(
    'state',
    4,
    [
      { name: 'IDLE', value: 0 },
      { name: 'BUSY', value: -1 },
    ],
    true,
  );
  builder.addEnum64('wide', 8, [{ name: 'HUGE', value: 1n << 40n }]);
  const typedef = builder.addTypedef('list_t', list);
  const constant = builder.addConst(typedef);
  builder.addVolatile(constant);
  builder.addRestrict(list + 1);
  const tag = builder.addTypeTag('user', constant);
  builder.addPtr(tag);
  const proto = builder.addFuncProto(int, [
    { name: 'list', type: list + 1 },
    { name: '', type: 0 },
  ]);
  const func = builder.addFunc('start', proto, BTF_LINKAGE.GLOBAL);
  const variable = builder.addVar('counter', int, BTF_LINKAGE.STATIC);
  builder.addDatasec('.data..percpu', 8, [{ variable, offset: 0, size: 4 }]);
  builder.addDeclTag('kfunc', func);
  builder.addDeclTag('member', list, 1);
  return builder.build();
}
