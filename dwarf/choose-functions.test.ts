/** Which functions become FUNC, with which prototype and tags, in profile pahole-1.30. */

import { describe, expect, it } from 'vitest';
import { byteWriter } from '../test/builders/byte-writer.ts';
import { ATE, type Die, die, ref, type Unit, unit } from '../test/builders/dwarf-writer.ts';
import type { ElfSymbol } from '../test/builders/elf-writer.ts';
import { convertedLines, convertUnits } from '../test/support/conversion.ts';

function func(name: string, parameters: readonly Die[] = [], result?: string): Die {
  return die('subprogram', { name, ...(result === undefined ? {} : { type: ref(result) }) }, parameters);
}

function parameter(name: string | undefined, type: string): Die {
  return die('formal_parameter', { name, type: ref(type) });
}

/** One unit's types; labels end in its number. */
function types(n: number, composite: Die): Die[] {
  return [
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], `int${n}`),
    die('base_type', { name: 'long', byte_size: 8, encoding: ATE.signed }, [], `long${n}`),
    composite,
  ];
}

const elfOf = (...names: readonly string[]) => ({
  sections: [{ name: '.text' }],
  symbols: names.map((name): ElfSymbol => ({ name, type: 'func', section: '.text' })),
});

function functionsOf(units: readonly Unit[], ...symbols: readonly string[]): string[] {
  return convertedLines(units, {}, elfOf(...symbols)).filter((line) => line.startsWith('FUNC '));
}

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');

describe('symbols', () => {
  it.each([
    ['f', true],
    ['f.isra.0', true],
    ['f.constprop.0.cold', true],
    ['f.cold', true],
    ['ff', false],
    ['F', false],
    ['.f', false],
  ])('%s', (symbol, found) => {
    expect(functionsOf([unit([func('f')])], symbol)).toEqual(found ? ['FUNC f: static func() void'] : []);
  });

  it('none at all: no functions', () => {
    expect(convertedLines([unit([die('subprogram', { name: 'f', external: true })])])).toEqual([]);
  });
});

it('functions stand behind all units, by name; their names are used there, those of their parameters before', () => {
  const of = (n: number, name: string): Unit =>
    unit([
      die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], `i${n}`),
      func(name, [parameter(`p_${name}`, `i${n}`)]),
      func(`no_symbol_${n}`, [parameter('unused', `i${n}`)]),
      die('typedef', { name: `t${n}`, type: ref(`i${n}`) }),
    ]);
  const btf = convertUnits([of(1, 'b'), of(2, 'B'), of(3, 'a_')], {}, elfOf('b', 'B', 'a_'));
  const names = Array.from({ length: btf.typeCount - 1 }, (_, i) => btf.name(i + 1));
  expect(names).toEqual(['int', 't1', 't2', 't3', '', 'B', '', 'a_', '', 'b']);
  expect(stringTable(btf)).toEqual(['', 'int', 't1', 'p_b', 't2', 'p_B', 't3', 'p_a_', 'B', 'a_', 'b']);
});

it('names of the parameters of functions that are dropped stay in the string table', () => {
  const dies = [INT, func('f', [parameter('one', 'int')]), func('f', [])];
  const btf = convertUnits([unit(dies)], {}, elfOf('f'));
  expect(btf.typeCount).toBe(2);
  expect(stringTable(btf)).toEqual(['', 'int', 'one']);
});

it('names are cut to 127 bytes, the whole one stays in the string table', () => {
  const name = 'x'.repeat(130);
  const btf = convertUnits([unit([INT, func('f', [parameter(name, 'int')])])], {}, elfOf('f'));
  expect(stringTable(btf)).toEqual(['', 'int', name, 'x'.repeat(127), 'f']);
});

function stringTable(btf: ReturnType<typeof convertUnits>): string[] {
  return Buffer.from(btf.strings).toString('latin1').split('\0').slice(0, -1);
}

describe('several of one name', () => {
  const empty = die('structure_type', { name: 's', byte_size: 4 }, [], 's');
  const full = (n: number): Die => die('structure_type', { name: 's', byte_size: 4 }, [], `s${n}`);
  const declared = (n: number): Die => die('structure_type', { name: 's', declaration: true }, [], `s${n}`);
  const pointers = (n: number): Die[] => [
    die('pointer_type', { byte_size: 8, type: ref(`s${n}`) }, [], `p${n}`),
    die('const_type', { type: ref(`s${n}`) }, [], `cs${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`cs${n}`) }, [], `pc${n}`),
    die('volatile_type', { type: ref(`s${n}`) }, [], `vs${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`vs${n}`) }, [], `pv${n}`),
    die('typedef', { name: 't', type: ref(n === 1 ? 'int1' : 'long2') }, [], `t${n}`),
    die('typedef', { name: 'u', type: ref(`int${n}`) }, [], `u${n}`),
    die('array_type', { type: ref(`int${n}`) }, [die('subrange_type', { count: n })], `a${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`a${n}`) }, [], `pa${n}`),
    die('subroutine_type', {}, [parameter(undefined, `int${n}`)], `fi${n}`),
    die('subroutine_type', {}, [parameter(undefined, `long${n}`)], `fl${n}`),
    die('subroutine_type', { type: ref(`long${n}`) }, [parameter(undefined, `int${n}`)], `rl${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`fi${n}`) }, [], `pfi${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`fl${n}`) }, [], `pfl${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`rl${n}`) }, [], `prl${n}`),
    die('union_type', { name: 's', byte_size: 4 }, [], `un${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`un${n}`) }, [], `pun${n}`),
  ];

  it.each<[string, string, string, boolean]>([
    ['the same', 'int', 'int', true],
    ['other integers', 'int', 'long', false],
    ['a pointer and an integer', 'p', 'int', false],
    ['a struct and its declaration', 'p', 'p', true],
    ['const or not', 'p', 'pc', true],
    ['volatile or not', 'p', 'pv', false],
    ['typedefs of one name, whatever they are', 't', 't', true],
    ['typedefs of other names', 't', 'u', false],
    ['arrays of other lengths', 'pa', 'pa', false],
    ['a struct and a union of one name', 'p', 'pun', false],
    ['pointed-to functions with other parameters: overlooked', 'pfi', 'pfl', true],
    ['pointed-to functions with another result', 'pfi', 'prl', false],
  ])('%s', (_, one, other, isKept) => {
    const first = unit([...types(1, full(1)), ...pointers(1), func('f', [parameter('a', `${one}1`)])]);
    const second = unit([...types(2, declared(2)), ...pointers(2), func('f', [parameter('b', `${other}2`)])]);
    expect(functionsOf([first, second], 'f')).toHaveLength(isKept ? 1 : 0);
  });

  it.each<[string, Die, Die, string | undefined]>([
    ['other results', func('f', [], 'int1'), func('f', [], 'long1'), undefined],
    ['no result', func('f', [], 'int1'), func('f'), undefined],
    ['another number of parameters', func('f', [parameter('a', 'int1')]), func('f'), undefined],
    [
      'other names of parameters: the first',
      func('f', [parameter('a', 'int1')]),
      func('f', [parameter('b', 'int1')]),
      'a int',
    ],
  ])('%s', (_, one, other, expected) => {
    const lines = functionsOf([unit([...types(1, empty), one, other])], 'f');
    expect(lines).toEqual(expected === undefined ? [] : [`FUNC f: static func(${expected}) void`]);
  });
});

describe('kfuncs', () => {
  const BASE = 0x4000;

  /** `.BTF_ids` with one set of functions and their flags, and one function outside of it. */
  function kfuncLines(littleEndian: boolean, setFlags: number, symbols: readonly string[]): string[] {
    const out = byteWriter(littleEndian);
    out.u32(2);
    out.u32(setFlags);
    for (const flags of [0, 1 << 12, 0]) {
      out.u32(0);
      out.u32(flags);
    }
    const object = (name: string, value: number, size: number): ElfSymbol => ({
      name,
      type: 'object',
      section: '.BTF_ids',
      value: BASE + value,
      size,
    });
    const elf = {
      sections: [{ name: '.text' }, { name: '.BTF_ids', address: BASE, data: out.toBytes() }],
      symbols: [
        ...symbols.map((name): ElfSymbol => ({ name, type: 'func', section: '.text' })),
        object('__BTF_ID__set8__some_set', 0, 24),
        object('__BTF_ID__func__k_plain__12', 8, 4),
        object('__BTF_ID__func__k_fast__13', 16, 4),
        object('__BTF_ID__func__k_outside__14', 24, 4),
        object('__BTF_ID__func__odd', 8, 4),
      ],
    };
    const dies = ['k_plain', 'k_fast', 'k_outside', 'odd'].map((name) => func(name));
    return convertedLines([unit(dies)], { littleEndian }, elf).filter((line) => line.startsWith('DECL_TAG'));
  }

  const NAMES = ['k_plain', 'k_fast', 'k_outside', 'odd'];
  const TAGS = [/bpf_kfunc.*k_fast/u, /bpf_fastcall.*k_fast/u, /bpf_kfunc.*k_plain/u];

  it.each([true, false])('are tagged, little endian: %s', (littleEndian) => {
    expect(kfuncLines(littleEndian, 1, NAMES)).toEqual(TAGS.map((tag) => expect.stringMatching(tag)));
  });

  it('are not, in a set that is not theirs', () => {
    expect(kfuncLines(true, 0, NAMES)).toEqual([]);
  });

  it('are not, where the search for the symbol takes the wrong turn', () => {
    expect(kfuncLines(true, 1, ['k_plain.cold', ...NAMES])).toHaveLength(2);
    expect(kfuncLines(true, 1, ['k_plain', 'k_plain.cold', ...NAMES])).toHaveLength(3);
    expect(kfuncLines(true, 1, ['k_fast.cold', 'k_fast.isra.0', ...NAMES])).toHaveLength(1);
  });
});
