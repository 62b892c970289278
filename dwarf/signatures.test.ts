/** Which functions become a FUNC in profile pahole-1.32, and which of several stands for a name. */

import { describe, expect, it } from 'vitest';
import { ATE, type Attributes, type Die, die, ref, type Unit, unit } from '../test/builders/dwarf-writer.ts';
import type { ElfSymbol } from '../test/builders/elf-writer.ts';
import { convertedLines } from '../test/support/conversion.ts';

const [REG, BREG, PIECE, STACK_VALUE, ENTRY_VALUE] = [0x50, 0x70, 0x93, 0x9f, 0xa3];
const DW_AT_CALLING_CONVENTION = 0x36;
/** DWARF numbers of rdi, rsi, rdx. */
const [RDI, RSI, RDX] = [5, 4, 1];

type Symbols = Readonly<Record<string, number>>;

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);
const at = (register: number): Uint8Array => bytes(REG + register);

function types(n: number): Die[] {
  const member = (name: string, type: string, offset: number): Die =>
    die('member', { name, type: ref(`${type}${n}`), data_member_location: offset });
  const struct = (name: string, size: number, members: readonly Die[], more: Attributes = {}): Die =>
    die('structure_type', { name, byte_size: size, ...more }, members, `${name}${n}`);
  return [
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], `int${n}`),
    die('base_type', { name: 'char', byte_size: 1, encoding: ATE.signed }, [], `char${n}`),
    die('base_type', { name: '__int128', byte_size: 16, encoding: ATE.signed }, [], `wide${n}`),
    struct('packed', 5, [member('c', 'char', 0), member('i', 'int', 1)]),
    struct('odd', 5, [member('i', 'int', 0), member('c', 'char', 4)]),
    struct('holes', 8, [member('c', 'char', 0), member('i', 'int', 4)]),
    struct('chars', 3, [member('a', 'char', 0), member('b', 'char', 1), member('c', 'char', 2)]),
    struct('low', 4, [member('i', 'int', 0)], { alignment: 1 }),
    struct('outer', 6, [member('c', 'char', 0), member('in', 'packed', 1)]),
    die('typedef', { name: 'packed_t', type: ref(`packed${n}`) }, [], `alias${n}`),
    die('subroutine_type', {}, [die('formal_parameter', { type: ref(`int${n}`) })], `fi${n}`),
    die('subroutine_type', {}, [die('formal_parameter', { type: ref(`char${n}`) })], `fc${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`fi${n}`) }, [], `pfi${n}`),
    die('pointer_type', { byte_size: 8, type: ref(`fc${n}`) }, [], `pfc${n}`),
  ];
}

function parameter(name: string, location?: Uint8Array, type = 'int1', label?: string): Die {
  return die('formal_parameter', { name, type: ref(type), location }, [], label);
}

function func(parameters: readonly Die[], more: Attributes = {}, label?: string): Die {
  return die('subprogram', { name: 'f', ...more }, parameters, label);
}

const address = (value: number): Attributes => ({ low_pc: { form: 'addr', value } });

/** The FUNCs; names of symbols beside their addresses, and `zz`, the last one. */
function linesOf(units: readonly Unit[], symbols: Symbols = { f: 0x1000 }): string[] {
  const table = Object.entries({ ...symbols, zz: 0x9000 }).map(
    // A symbol may be there several times: the rest of a name behind # tells them apart.
    ([name, value]): ElfSymbol => ({ name: name.replace(/#.*/u, ''), type: 'func', section: '.text', value }),
  );
  const elf = { machine: 62, sections: [{ name: '.text' }], symbols: table };
  return convertedLines(units, {}, elf, 'pahole-1.32').filter((line) => line.startsWith('FUNC f'));
}

function isKept(dies: readonly Die[], symbols?: Symbols, producer?: string): boolean {
  const attributes = { attributes: { name: 'x.c', ...(producer === undefined ? {} : { producer }) } };
  return linesOf([unit([...types(1), ...dies], attributes)], symbols).length > 0;
}

describe('symbols', () => {
  it.each<[Symbols, boolean]>([
    [{ f: 1 }, true],
    [{ 'f.isra.0': 1 }, true],
    [{ 'f.cold': 1 }, false],
    [{ 'f.part.0': 1 }, false],
    [{ 'f.isra.0.cold': 1 }, false],
    [{ f: 1, 'f.cold': 2 }, true],
    [{ f: 1, 'f.isra.0': 2 }, false],
    [{ f: 1, 'f#2': 2 }, false],
    [{ f: 1, 'f#2': 1 }, true],
    [{ f: 0, 'f#2': 2 }, true],
    [{ f: 2, 'f#2': 0 }, false],
  ])('%o', (symbols, kept) => {
    expect(isKept([func([])], symbols)).toBe(kept);
  });

  it('pahole does not look at the addresses of the last name', () => {
    const dies = [...types(1), die('subprogram', { name: 'zz' })];
    const symbol = (value: number): ElfSymbol => ({ name: 'zz', type: 'func', section: '.text', value });
    const elf = { sections: [{ name: '.text' }], symbols: [symbol(1), symbol(2)] };
    expect(convertedLines([unit(dies)], {}, elf, 'pahole-1.32')).toContain('FUNC zz: static func() void');
  });
});

describe('which one stands for a name', () => {
  const of = (...places: readonly (number | undefined)[]): Unit[] =>
    places.map((place, i) =>
      unit([
        ...types(i + 1),
        func([parameter(`p${i}`, at(RDI), `int${i + 1}`)], place === undefined ? {} : address(place)),
      ]),
    );

  it.each<[string, readonly (number | undefined)[], string]>([
    ['the one at the symbol', [undefined, 0x2000, 0x1000], 'p2'],
    ['else the first with an address', [undefined, 0x2000, 0x3000], 'p1'],
    ['else the first', [undefined, undefined], 'p0'],
  ])('%s', (_, places, name) => {
    expect(linesOf(of(...places))).toEqual([`FUNC f: static func(${name} int) void`]);
  });

  it('rather one that has all of its parameters', () => {
    const dies = [
      func([parameter('gone')], address(0x1000)),
      func([parameter('whole', at(RDI))], address(0x1000)),
    ];
    expect(linesOf([unit([...types(1), ...dies])], { 'f.isra.0': 0x1000 })).toEqual([
      'FUNC f: static func(whole int) void',
    ]);
  });
});

describe('parameters that are gone', () => {
  it.each<[string, Symbols, boolean]>([
    ['of a function that is called as ever', { f: 0x1000 }, true],
    ['of a clone', { 'f.isra.0': 0x1000 }, false],
    ['of a clone', { 'f.constprop.0': 0x1000 }, false],
    ['of a clone elsewhere', { 'f.constprop.0': 0x2000 }, true],
  ])('%s %o', (_, symbols, kept) => {
    expect(isKept([func([parameter('a')], address(0x1000))], symbols)).toBe(kept);
    expect(isKept([func([parameter('a', at(RDI))], address(0x1000))], symbols)).toBe(true);
    // In no register at the beginning.
    expect(isKept([func([parameter('a', bytes(0x31, STACK_VALUE))], address(0x1000))], symbols)).toBe(kept);
  });

  it('in another order than the declaration', () => {
    const instance = (...origins: readonly string[]): Die =>
      die(
        'subprogram',
        { abstract_origin: ref('origin') },
        origins.map((origin, i) =>
          die('formal_parameter', { abstract_origin: ref(origin), location: at([RDI, RSI][i]) }),
        ),
      );
    const origin = func(
      [parameter('a', undefined, 'int1', 'a'), parameter('b', undefined, 'int1', 'b')],
      { inline: 1 },
      'origin',
    );
    expect(isKept([origin, instance('a', 'b')])).toBe(true);
    expect(isKept([origin, instance('b', 'a')])).toBe(false);
    expect(isKept([origin, instance('b')])).toBe(false);
  });
});

describe('registers', () => {
  it.each<[string, readonly Die[], boolean]>([
    ['as expected', [parameter('a', at(RDI)), parameter('b', at(RSI))], true],
    ['another', [parameter('a', at(RSI))], false],
    ['what it held on entry', [parameter('a', bytes(ENTRY_VALUE, 1, REG + RSI, STACK_VALUE))], false],
    ['its value', [parameter('a', bytes(BREG + RSI, 0, STACK_VALUE))], false],
    ['what it points to', [parameter('a', bytes(BREG + RSI, 0))], true],
    ['two words in two', [parameter('a', at(RDI), 'wide1'), parameter('b', at(RDX))], true],
    ['two words in one', [parameter('a', at(RDI), 'wide1'), parameter('b', at(RSI))], false],
    ['the first of two', [parameter('a', bytes(REG + RSI, PIECE, 8, REG + RDX, PIECE, 8), 'wide1')], false],
    ['beside a struct', [parameter('a', at(RSI)), parameter('b', at(RDI), 'chars1')], true],
  ])('%s', (_, parameters, kept) => {
    expect(isKept([func(parameters)])).toBe(kept);
  });

  it('clang may show any of those that belong to a parameter', () => {
    const dies = [func([parameter('a', at(RSI), 'wide1')])];
    expect(isKept(dies)).toBe(false);
    expect(isKept(dies, undefined, 'clang version 18')).toBe(true);
    expect(isKept([func([parameter('a', at(RSI))])], undefined, 'clang version 18')).toBe(false);
  });

  it('clang says which functions it calls in a way of its own', () => {
    const of = (convention: number): Die[] => [
      func([parameter('a')], { [DW_AT_CALLING_CONVENTION]: convention }),
    ];
    expect(isKept(of(3), undefined, 'clang version 18')).toBe(false);
    expect(isKept(of(1), undefined, 'clang version 18')).toBe(true);
    expect(isKept(of(3), undefined, 'GNU C11')).toBe(true);
  });
});

describe('a struct in memory', () => {
  it.each<[string, boolean]>([
    ['packed1', false],
    ['odd1', false],
    ['low1', false],
    ['outer1', false],
    ['holes1', true],
    ['chars1', true],
    ['alias1', true],
  ])('%s', (type, kept) => {
    const before = Array.from({ length: 6 }, (_, i) => parameter(`p${i}`));
    expect(isKept([func([...before, parameter('s', undefined, type)])])).toBe(kept);
    expect(isKept([func([...before.slice(1), parameter('s', undefined, type)])])).toBe(true);
  });
});

it('parameters of pointed-to functions make prototypes differ', () => {
  const of = (n: number, type: string): Unit => unit([...types(n), func([parameter('p', at(RDI), type)])]);
  expect(linesOf([of(1, 'pfi1'), of(2, 'pfi2')])).toHaveLength(1);
  expect(linesOf([of(1, 'pfi1'), of(2, 'pfc2')])).toEqual([]);
});

it('many functions of one name, each another', () => {
  const count = 4000;
  const dies = Array.from({ length: count }, (_, i) => func([parameter(`p${i}`, at(RDI))]));
  expect(linesOf([unit([...types(1), ...dies])])).toEqual(['FUNC f: static func(p0 int) void']);
});
