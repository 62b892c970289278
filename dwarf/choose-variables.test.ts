/** Per-CPU variables in profile pahole-1.30: by their DWARF alone. */

import { describe, expect, it } from 'vitest';
import {
  address,
  ATE,
  type Attributes,
  type Die,
  die,
  form,
  ref,
  unit,
} from '../test/builders/dwarf-writer.ts';
import type { ElfSection } from '../test/builders/elf-writer.ts';
import { convertedLines } from '../test/support/conversion.ts';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');

function variable(name: string | undefined, at: number, attributes: Attributes = {}): Die {
  return die('variable', { name, type: ref('int'), external: true, location: address(at), ...attributes });
}

interface Setup {
  readonly base?: number;
  readonly before?: readonly ElfSection[];
  readonly symbols?: readonly string[];
}

function variablesOf(
  dies: readonly Die[],
  { base = 0x8000, before = [], symbols = [] }: Setup = {},
): string[] {
  const elf = {
    sections: [...before, { name: '.data..percpu', address: base, data: new Uint8Array(0x100) }],
    symbols: symbols.map((name) => ({
      name,
      type: 'object' as const,
      section: '.data..percpu',
      value: base,
      size: 4,
    })),
  };
  return convertedLines([unit([INT, ...dies])], {}, elf).filter((line) => line.startsWith('VAR'));
}

describe('variables', () => {
  it('need no symbol, and have their own name', () => {
    expect(variablesOf([variable('a', 0x8010), variable('b', 0x80ff, { external: undefined })])).toEqual([
      'VAR a: global int',
      'VAR b: static int',
    ]);
  });

  it.each<[string, Die]>([
    ['in a function', die('subprogram', { name: 'f' }, [variable('a', 0x8010)])],
    ['made by the compiler', variable('a', 0x8010, { artificial: true })],
    ['a declaration', variable('a', 0x8010, { declaration: true })],
    ['without a name', variable(undefined, 0x8010)],
    ['without a type', variable('a', 0x8010, { type: undefined })],
    ['outside the section', variable('a', 0x8100)],
    ['with a name that is none', variable('a b', 0x8010)],
    ['with a name that is too long', variable('a'.repeat(129), 0x8010)],
    ['of a macro', variable('__UNIQUE_ID_x1', 0x8010)],
    ['for a symbol version', variable('__gendwarfksyms_ptr_x', 0x8010)],
    ['at the start, which discarded ones say, too', variable('a', 0x8000)],
  ])('not %s', (_, one) => {
    expect(variablesOf([one, variable('other', 0x8020)])).toEqual(['VAR other: global int']);
  });

  it('at the start, when the symbol table has it', () => {
    expect(variablesOf([variable('a', 0x8000), variable('b', 0x8000)], { symbols: ['a'] })).toEqual([
      'VAR a: global int',
    ]);
    expect(variablesOf([variable('a', 0)], { base: 0, symbols: ['a'] })).toEqual(['VAR a: global int']);
  });

  it('with name, type and linkage of their declaration', () => {
    const declared = die(
      'variable',
      { name: 'a', type: ref('int'), external: true, declaration: true },
      [],
      'd',
    );
    const defined = die('variable', { specification: ref('d'), location: address(0x8010) });
    expect(variablesOf([declared, defined])).toEqual(['VAR a: global int']);
  });

  it('not where an earlier section has the address', () => {
    const before = [{ name: '.other', address: 0x8000, data: new Uint8Array(0x20) }];
    expect(variablesOf([variable('a', 0x801f), variable('b', 0x8020)], { before })).toEqual([
      'VAR b: global int',
    ]);
  });

  it('have the size of their type', () => {
    const dies = [
      INT,
      die('typedef', { name: 't', type: ref('int') }, [], 't'),
      die('const_type', { type: ref('t') }, [], 'c'),
      die(
        'array_type',
        { type: ref('c') },
        [die('subrange_type', { count: 3 }), die('subrange_type', { upper_bound: 1 })],
        'array',
      ),
      die('array_type', { type: ref('int') }, [die('subrange_type', {})], 'flexible'),
      die('structure_type', { name: 's', byte_size: 1 }, [], 'empty'),
      die(
        'enumeration_type',
        { name: 'e', byte_size: 2 },
        [die('enumerator', { name: 'E', const_value: 1 })],
        'enum',
      ),
      die('subroutine_type', {}, [], 'proto'),
      die('pointer_type', { type: ref('proto') }, [], 'pointer'),
      ...['c', 'array', 'flexible', 'empty', 'enum', 'pointer'].map((type, i) =>
        variable(type, 0x8010 + 0x20 * i, { type: ref(type) }),
      ),
    ];
    const elf = { sections: [{ name: '.data..percpu', address: 0x8000, data: new Uint8Array(0x100) }] };
    const lines = convertedLines([unit(dies)], {}, elf);
    expect(lines.at(-1)).toBe(
      'DATASEC .data..percpu: section of 184 bytes; c: at byte 16, 4 bytes; array: at byte 48, 24 bytes; ' +
        'enum: at byte 144, 2 bytes; pointer: at byte 176, 8 bytes',
    );
  });
});

describe('annotations', () => {
  const tag = (value: string, name = 'btf_decl_tag'): Die =>
    die('LLVM_annotation', { name: form('strp', name), const_value: form('strp', value) });

  const dies = [
    INT,
    die('structure_type', { name: 's', byte_size: 8 }, [
      die('member', { name: 'a', type: ref('int'), data_member_location: 0 }),
      die('member', { name: 'b', type: ref('int'), data_member_location: 4 }, [
        tag('member'),
        tag('second'),
        tag('odd', 'other'),
      ]),
      tag('whole'),
    ]),
    die('typedef', { name: 't', type: ref('int') }, [tag('alias')]),
    die('pointer_type', { type: ref('int') }, [
      tag('near', 'btf_type_tag'),
      tag('nearer', 'btf_type_tag'),
      tag('no'),
    ]),
    die('pointer_type', {}, [tag('user', 'btf_type_tag')], 'void'),
    die('subprogram', { name: 'f' }, [
      die('formal_parameter', { name: 'p', type: ref('int') }),
      die('formal_parameter', { name: 'q', type: ref('void') }, [tag('argument')]),
      tag('function'),
    ]),
    die('variable', { name: 'v', type: ref('int'), location: address(0x8010) }, [tag('variable')]),
    die('variable', { name: 'w', type: ref('int'), location: address(0x9010) }, [tag('elsewhere')]),
  ];
  const elf = {
    sections: [{ name: '.text' }, { name: '.data..percpu', address: 0x8000, data: new Uint8Array(0x100) }],
    symbols: [
      { name: 'f', type: 'func' as const, section: '.text' },
      { name: 'v', type: 'object' as const, section: '.data..percpu', value: 0x8010, size: 4 },
    ],
  };
  const TAGGED = [
    'TYPE_TAG near: tag near int',
    'TYPE_TAG nearer: tag nearer tag near int',
    'PTR: *tag nearer tag near int',
    'TYPE_TAG user: tag user void',
    'PTR: *tag user void',
  ];
  const kinds = (lines: readonly string[]): string[] =>
    lines.filter((line) => /^(?:TYPE_TAG|DECL_TAG|PTR)/u.test(line)).map((line) => line.replace(/:.*/u, ''));

  it.each(['pahole-1.24', 'pahole-1.30'] as const)('%s', (profile) => {
    const lines = convertedLines([unit(dies)], {}, elf, profile);
    const tags = kinds(lines);
    expect(tags.slice(0, 5)).toEqual(TAGGED.map((line) => line.replace(/:.*/u, '')));
    const decl = ['member', 'second', 'whole', 'alias'].map((value) => `DECL_TAG ${value}`);
    const ofFunction = ['DECL_TAG argument', 'DECL_TAG function'];
    const rest =
      profile === 'pahole-1.24' ? [...ofFunction, 'DECL_TAG variable'] : ['DECL_TAG variable', ...ofFunction];
    expect(tags.slice(5)).toEqual([...decl, ...rest]);
  });

  it('equal ones of several units are one; later units are compared with the first', () => {
    const again = (n: number): Die[] => [
      die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], `i${n}`),
      die('structure_type', { name: 's', byte_size: 4 }, [
        die('member', { name: 'a', type: ref(`i${n}`), data_member_location: 0 }, [tag('member')]),
        tag(n === 3 ? 'third' : 'whole'),
      ]),
      die('pointer_type', { type: ref(`i${n}`) }, [tag('user', 'btf_type_tag')]),
    ];
    const units = [1, 2, 3].map((n) => unit(again(n)));
    expect(kinds(convertedLines(units))).toEqual([
      'TYPE_TAG user',
      'PTR',
      'DECL_TAG member',
      'DECL_TAG whole',
      'DECL_TAG third',
    ]);
  });
});
