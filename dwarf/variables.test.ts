/** Per-CPU variables in profile pahole-1.24 (those of later ones: choose-variables.test.ts): which DIEs, whose name and size, and the DATASEC at the end. */

import { describe, expect, it } from 'vitest';
import {
  address,
  ATE,
  type Attributes,
  type Die,
  die,
  type DwarfOptions,
  form,
  ref,
  unit,
} from '../test/builders/dwarf-writer.ts';
import type { ElfSymbol } from '../test/builders/elf-writer.ts';
import { convertedLines, convertUnits, formatErrorOf, typeLines } from '../test/support/conversion.ts';

const PROFILE = 'pahole-1.24';

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');

interface Setup {
  /** Address of .data..percpu. */
  readonly base?: number | bigint;
  readonly options?: DwarfOptions;
  readonly symbols?: readonly ElfSymbol[];
}

function variable(
  name: string | undefined,
  at: number | bigint | undefined,
  attributes: Attributes = {},
): Die {
  const location = at === undefined ? undefined : address(at);
  return die('variable', { name, type: ref('int'), external: true, location, ...attributes });
}

function symbolAt(
  name: string,
  value: number | bigint,
  size = 4,
  changes: Partial<ElfSymbol> = {},
): ElfSymbol {
  return { name, type: 'object', section: '.data..percpu', value, size, ...changes };
}

/** VAR and DATASEC lines; by default the section is at 0x8000 and holds `a` at 0x8000 and `b` at 0x8010. */
function variablesOf(dies: readonly Die[], setup: Setup = {}): string[] {
  const { base = 0x8000, options = {}, symbols = [symbolAt('a', 0x8000), symbolAt('b', 0x8010, 8)] } = setup;
  const elf = {
    sections: [{ name: '.data..percpu', address: base, data: new Uint8Array(0x100) }],
    symbols,
  };
  const lines = convertedLines([unit([INT, ...dies])], options, elf, PROFILE);
  return lines.filter((line) => /^(?:VAR|DATASEC)/u.test(line));
}

const A_ONLY = ['VAR a: global int', 'DATASEC .data..percpu: section of 4 bytes; a: at byte 0, 4 bytes'];

describe('per-CPU variables', () => {
  it('have name and size of the symbol at their address', () => {
    expect(
      variablesOf([variable('dwarf_name', 0x8010), variable('a', 0x8000, { external: undefined })]),
    ).toEqual([
      'VAR b: global int',
      'VAR a: static int',
      'DATASEC .data..percpu: section of 24 bytes; a: at byte 0, 4 bytes; b: at byte 16, 8 bytes',
    ]);
  });

  it.each([
    ['before the section', 0x7fff],
    ['behind the section', 0x8100],
    ['in the section, where no symbol is', 0x8008],
    ['without an address', undefined],
  ] as const)('not %s', (_, at) => {
    expect(variablesOf([variable('x', at)])).toEqual([]);
  });

  it.each([
    ['of other types', symbolAt('a', 0x8000, 4, { type: 'func' })],
    ['without a size', symbolAt('a', 0x8000, 0)],
    ['of other sections', symbolAt('a', 0x8000, 4, { section: 0xfff1 })],
  ] as const)('not at symbols %s', (_, one) => {
    expect(variablesOf([variable('a', 0x8000)], { symbols: [one] })).toEqual([]);
  });

  it('not without a symbol table, nor without the section', () => {
    const dies = [unit([INT, variable('a', 0x8000)])];
    const section = { name: '.data..percpu', address: 0x8000, data: new Uint8Array(16) };
    expect(convertedLines(dies, {}, { sections: [section] }, PROFILE)).toHaveLength(1);
    const elsewhere = {
      sections: [{ ...section, name: '.data' }],
      symbols: [symbolAt('a', 0x8000, 4, { section: 1 })],
    };
    expect(convertedLines(dies, {}, elsewhere, PROFILE)).toHaveLength(1);
  });

  it('are found in functions and blocks, under their symbol', () => {
    const inside = die('subprogram', { name: 'f' }, [die('lexical_block', {}, [variable('local', 0x8000)])]);
    const symbols = [symbolAt('local.0', 0x8000)];
    expect(variablesOf([inside], { symbols })[0]).toBe('VAR local.0: global int');
  });

  it('are no declarations without an address, and take the type of their specification', () => {
    const declared = die(
      'variable',
      { name: 'a', type: ref('int'), external: true, declaration: true },
      [],
      'a',
    );
    const defined = die('variable', { specification: ref('a'), location: address(0x8000) });
    expect(variablesOf([declared, defined])).toEqual(A_ONLY);
  });

  it('need a type', () => {
    const error = formatErrorOf(() => variablesOf([variable('a', 0x8000, { type: undefined })]));
    expect(error).toMatchObject({ code: 'btf-unencodable', location: { section: '.debug_info' } });
  });

  it.each([
    ['outside the unit', form('ref4', 0x7fff_0000), /outside its unit/u],
    ['to a null entry', form('ref_addr', ref('nothing')), /null entry/u],
  ] as const)('refuse a specification %s', (_, specification, message) => {
    const nothing = die('label', {}, [], 'nothing', { abbreviation: 0 });
    const block = die('lexical_block', {}, [nothing], undefined, { unterminated: true });
    const dies = [block, variable('a', 0x8000, { specification })];
    expect(formatErrorOf(() => variablesOf(dies))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(message) as string,
    });
  });

  describe('at address 0, as on x86-64', () => {
    const setup: Setup = { base: 0, symbols: [symbolAt('fixed', 0), symbolAt('other', 8)] };

    it('count only under the symbol’s own name', () => {
      const lines = variablesOf(
        [variable('somewhere', 0), variable(undefined, 0), variable('fixed', 0)],
        setup,
      );
      expect(lines).toEqual([
        'VAR fixed: global int',
        'DATASEC .data..percpu: section of 4 bytes; fixed: at byte 0, 4 bytes',
      ]);
    });

    it('not when the name comes from a specification', () => {
      const declared = die(
        'variable',
        { name: 'fixed', type: ref('int'), declaration: true },
        [],
        'declared',
      );
      const defined = die('variable', { specification: ref('declared'), location: address(0) });
      expect(variablesOf([declared, defined], setup)).toEqual([]);
    });

    it('elsewhere in the section any name does', () => {
      expect(variablesOf([variable('any', 8)], setup)[0]).toBe('VAR other: global int');
    });
  });

  it('may share an address: the one that bsearch meets', () => {
    const symbols = ['p', 'q', 'r'].map((name) => symbolAt(name, 0x8000));
    expect(variablesOf([variable('p', 0x8000)], { symbols })[0]).toBe('VAR q: global int');
  });

  it('at the top of the address space', () => {
    const base = 0xffff_ffff_8200_0000n;
    const setup: Setup = { base, symbols: [symbolAt('a', base)] };
    expect(variablesOf([variable('a', base), variable('x', 0x8200_0000n)], setup)).toEqual(A_ONLY);
  });

  it('across a 32-bit boundary', () => {
    const base = 0xffff_fff0;
    const setup: Setup = { base, symbols: [symbolAt('a', 0x1_0000_0010)] };
    expect(variablesOf([variable('a', 0x1_0000_0010)], setup)).toEqual([
      'VAR a: global int',
      'DATASEC .data..percpu: section of 36 bytes; a: at byte 32, 4 bytes',
    ]);
  });

  it.each<DwarfOptions>([
    { version: 4 },
    { version: 2 },
    { bits: 32 },
    { littleEndian: false },
    { littleEndian: false, bits: 32 },
  ])('with %o', (options) => {
    expect(variablesOf([variable('a', 0x8000)], { options })).toEqual(A_ONLY);
  });

  it.each(['block', 'block1', 'block2', 'block4', 'exprloc'] as const)('located by a %s', (name) => {
    expect(variablesOf([variable('a', undefined, { location: form(name, address(0x8000)) })])).toEqual(
      A_ONLY,
    );
  });

  it.each<DwarfOptions>([{}, { littleEndian: false }, { bits: 32 }, { format: 64 }])(
    'with an index into .debug_addr, %o',
    (options) => {
      // The first index is made by an attribute that nobody reads; the variable's expression names it.
      const attributes = { name: 'x.c', low_pc: form('addrx', 0x8000) };
      const dies = [INT, variable('a', undefined, { location: form('exprloc', Uint8Array.of(0xa1, 0)) })];
      const elf = {
        sections: [{ name: '.data..percpu', address: 0x8000, data: new Uint8Array(16) }],
        symbols: [symbolAt('a', 0x8000)],
      };
      const lines = convertedLines([unit(dies, { attributes })], options, elf, PROFILE);
      expect(lines.slice(1)).toEqual(A_ONLY);
    },
  );

  it('refuse an index outside .debug_addr', () => {
    const dies = [variable('a', undefined, { location: form('exprloc', Uint8Array.of(0xa1, 0x7f)) })];
    expect(formatErrorOf(() => variablesOf(dies))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(/outside .debug_addr/u) as string,
    });
  });

  it('stand behind the functions of their unit; the DATASEC is last', () => {
    const of = (label: string, name: string, at: number): ReturnType<typeof unit> =>
      unit([
        die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], label),
        variable(name, at, { type: ref(label) }),
        die('subprogram', { name: `f_${name}` }),
        die('typedef', { name: `t_${name}`, type: ref(label) }),
      ]);
    const elf = {
      sections: [{ name: '.data..percpu', address: 0x8000, data: new Uint8Array(0x100) }],
      symbols: [
        symbolAt('a', 0x8000),
        symbolAt('b', 0x8010),
        symbolAt('f_a', 0, 1, { type: 'func' }),
        symbolAt('f_b', 0, 1, { type: 'func' }),
      ],
    };
    const btf = convertUnits([of('one', 'b', 0x8010), of('two', 'a', 0x8000)], {}, elf, PROFILE);
    expect(Array.from({ length: btf.typeCount - 1 }, (_, i) => btf.name(i + 1))).toEqual([
      'int',
      't_b',
      '',
      'f_b',
      'b',
      't_a',
      'f_a',
      'a',
      '.data..percpu',
    ]);
  });

  it('are never merged: one VAR per defining DIE', () => {
    const elf = {
      sections: [{ name: '.data..percpu', address: 0x8000, data: new Uint8Array(0x100) }],
      symbols: [symbolAt('a', 0x8000)],
    };
    const btf = convertUnits([unit([INT, variable('a', 0x8000), variable('a', 0x8000)])], {}, elf, PROFILE);
    expect(typeLines(btf).slice(1, 3)).toEqual(['VAR a: global int', 'VAR a: global int']);
  });
});
