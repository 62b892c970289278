/** Which functions become FUNC and with which prototype in profile pahole-1.24 (those of later ones: choose-functions.test.ts). */

import { describe, expect, it } from 'vitest';
import {
  ATE,
  type Attributes,
  type Die,
  die,
  form,
  ref,
  type Unit,
  unit,
} from '../test/builders/dwarf-writer.ts';
import type { ElfSymbol } from '../test/builders/elf-writer.ts';
import { convertedLines, convertUnits, typeLines } from '../test/support/conversion.ts';

const PROFILE = 'pahole-1.24';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');
const LONG = die('base_type', { name: 'long', byte_size: 8, encoding: ATE.signed }, [], 'long');

function symbol(name: string, changes: Partial<ElfSymbol> = {}): ElfSymbol {
  return { name, type: 'func', section: '.text', value: 0x1000, size: 4, ...changes };
}

function func(attributes: Attributes, children: readonly Die[] = [], label?: string): Die {
  return die('subprogram', attributes, children, label);
}

function parameter(name: string | undefined, type = 'int', label?: string): Die {
  return die('formal_parameter', { name, type: ref(type) }, [], label);
}

/** The FUNC lines of one unit; all names of `symbols` are functions of the ELF file. */
function functionsOf(dies: readonly Die[], symbols: readonly string[]): string[] {
  return functionsOfUnits([unit([INT, LONG, ...dies])], symbols);
}

function functionsOfUnits(units: readonly Unit[], symbols: readonly string[]): string[] {
  const elf = { sections: [{ name: '.text' }], symbols: symbols.map((name) => symbol(name)) };
  return convertedLines(units, {}, elf, PROFILE).filter((line) => line.startsWith('FUNC '));
}

describe('which functions', () => {
  it('those that the symbol table knows, in DIE order, always static', () => {
    const dies = ['b', 'a', 'unknown'].map((name) => func({ name, external: true }));
    expect(functionsOf(dies, ['a', 'b', 'c'])).toEqual([
      'FUNC b: static func() void',
      'FUNC a: static func() void',
    ]);
  });

  it('of any binding, but only STT_FUNC', () => {
    const elf = {
      sections: [{ name: '.text' }],
      symbols: [
        symbol('local', { binding: 'local' }),
        symbol('weak', { binding: 'weak' }),
        symbol('object', { type: 'object' }),
        symbol('untyped', { type: 'notype' }),
        symbol('ifunc', { type: 10 }),
      ],
    };
    const names = ['local', 'weak', 'object', 'untyped', 'ifunc'];
    const lines = convertedLines([unit(names.map((name) => func({ name })))], {}, elf, PROFILE);
    expect(lines.filter((line) => line.startsWith('FUNC '))).toEqual([
      'FUNC local: static func() void',
      'FUNC weak: static func() void',
    ]);
  });

  it('the exact name: not f.isra.0 for f', () => {
    expect(functionsOf([func({ name: 'f' }), func({ name: 'g' })], ['f.isra.0', 'g', 'g.cold'])).toEqual([
      'FUNC g: static func() void',
    ]);
  });

  it('no declarations, no nameless ones', () => {
    const dies = [func({ name: 'f', declaration: true }), func({}), func({ name: '' })];
    expect(functionsOf(dies, ['f', 'g'])).toEqual([]);
  });

  it('abstract instances and nested ones too', () => {
    const nested = die('lexical_block', {}, [func({ name: 'nested' })]);
    expect(
      functionsOf([func({ name: 'inlined', inline: 1 }), func({}, [nested])], ['inlined', 'nested']),
    ).toEqual(['FUNC inlined: static func() void', 'FUNC nested: static func() void']);
  });

  it('not when a parameter has no name', () => {
    const dies = [
      func({ name: 'f' }, [parameter('a'), parameter(undefined)]),
      func({ name: 'f' }, [parameter('second')]),
    ];
    expect(functionsOf(dies, ['f'])).toEqual(['FUNC f: static func(second int) void']);
  });

  it('in a stripped file the external ones, as often as they differ', () => {
    const dies = [
      func({ name: 'f', external: true }),
      func({ name: 'hidden' }),
      func({ name: 'f', external: true }, [parameter('a')]),
      func({ name: 'f', external: true }),
    ];
    const lines = convertedLines([unit([INT, ...dies])], {}, {}, PROFILE);
    expect(lines.filter((line) => line.startsWith('FUNC '))).toEqual([
      'FUNC f: static func() void',
      'FUNC f: static func(a int) void',
    ]);
  });
});

describe('which prototype', () => {
  it('the first of the name, across units', () => {
    const of = (label: string, name: string): Unit =>
      unit([
        die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label),
        func({ name: 'f' }, [parameter(name, label)]),
      ]);
    expect(functionsOfUnits([of('a', 'first'), of('b', 'second')], ['f'])).toEqual([
      'FUNC f: static func(first int) void',
    ]);
  });

  it('parameters, result and the dots', () => {
    const any = die('unspecified_parameters');
    expect(
      functionsOf(
        [func({ name: 'f', type: ref('long') }, [parameter('a'), parameter('b', 'long'), any])],
        ['f'],
      ),
    ).toEqual(['FUNC f: static func(a int, b long, ...) long']);
  });

  it('takes only its own parameters, in order', () => {
    const dies = [
      func({ name: 'outer' }, [
        parameter('a'),
        func({ name: 'inner' }, [parameter('x', 'long')]),
        die('lexical_block', {}, [parameter('hidden')]),
        die('inlined_subroutine', { abstract_origin: ref('int') }, [parameter('hidden')]),
        die('variable', { name: 'v', type: ref('int') }),
        die('structure_type', { name: 's', byte_size: 4 }, [
          die('member', { name: 'm', type: ref('int'), data_member_location: 0 }),
        ]),
        parameter('b'),
      ]),
    ];
    expect(functionsOf(dies, ['outer', 'inner'])).toEqual([
      'FUNC inner: static func(x long) void',
      'FUNC outer: static func(a int, b int) void',
    ]);
  });

  it('inherits name, parameters and result through abstract_origin', () => {
    const dies = [
      // The instance may come first.
      func({ abstract_origin: ref('origin') }, [
        die('formal_parameter', { abstract_origin: ref('a') }),
        die('formal_parameter', { abstract_origin: ref('b') }),
      ]),
      func({ type: ref('long') }, [], 'unnamed'),
      func(
        { declaration: true, name: 'f', type: ref('long') },
        [parameter('a', 'int', 'a'), parameter('b', 'long', 'b')],
        'origin',
      ),
    ];
    expect(functionsOf(dies, ['f'])).toEqual(['FUNC f: static func(a int, b long) long']);
  });

  it('prefers what it says itself', () => {
    const dies = [
      func({ abstract_origin: ref('origin'), name: 'own', type: ref('int') }, [
        die('formal_parameter', { abstract_origin: ref('a'), name: 'mine', type: ref('long') }),
      ]),
      func({ name: 'f', type: ref('long'), declaration: true }, [parameter('a', 'int', 'a')], 'origin'),
    ];
    expect(functionsOf(dies, ['f', 'own'])).toEqual(['FUNC own: static func(mine long) int']);
  });

  it('takes the name, but not the result, through specification', () => {
    const dies = [
      func({ name: 'f', declaration: true, type: ref('long') }, [], 'declared'),
      func({ specification: ref('declared') }, [parameter('a')]),
    ];
    expect(functionsOf(dies, ['f'])).toEqual(['FUNC f: static func(a int) void']);
  });

  it('an origin that is no function or no parameter gives nothing', () => {
    const dies = [
      func({ name: 'f' }, [die('formal_parameter', { abstract_origin: ref('int') })]),
      func({ abstract_origin: ref('int') }),
      func({ specification: ref('int') }),
      func({ name: 'g', abstract_origin: form('ref4', 13) }),
    ];
    expect(functionsOf(dies, ['f', 'g'])).toEqual(['FUNC g: static func() void']);
  });
});

describe('order', () => {
  it('prototype, then function, behind all types of the unit', () => {
    const elf = { sections: [{ name: '.text' }], symbols: [symbol('f'), symbol('g'), symbol('h')] };
    const of = (label: string, ...names: string[]): Unit =>
      unit([
        die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label),
        ...names.map((name) => func({ name }, [parameter('a', label)])),
        die('typedef', { name: `t_${label}`, type: ref(label) }),
      ]);
    expect(convertedLines([of('one', 'f', 'g'), of('two', 'h')], {}, elf, PROFILE)).toEqual([
      'INT int: int of 4 bytes, 32 bits, signed',
      'TYPEDEF t_one: int',
      'FUNC_PROTO: func(a int) void',
      'FUNC f: static func(a int) void',
      'FUNC g: static func(a int) void',
      'TYPEDEF t_two: int',
      'FUNC h: static func(a int) void',
    ]);
  });

  it('a prototype that a type has already is not repeated', () => {
    const elf = { sections: [{ name: '.text' }], symbols: [symbol('f')] };
    const type = die('subroutine_type', {}, [parameter('a')]);
    expect(
      typeLines(convertUnits([unit([INT, type, func({ name: 'f' }, [parameter('a')])])], {}, elf, PROFILE)),
    ).toEqual([
      'INT int: int of 4 bytes, 32 bits, signed',
      'FUNC_PROTO: func(a int) void',
      'FUNC f: static func(a int) void',
    ]);
  });
});
