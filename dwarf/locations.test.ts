/** Registers that parameters arrive in (profile pahole-1.30 drops functions for them): expressions and location lists. */

import { describe, expect, it } from 'vitest';
import { byteWriter } from '../test/builders/byte-writer.ts';
import {
  ATE,
  type Attributes,
  die,
  type DwarfOptions,
  form,
  ref,
  unit,
} from '../test/builders/dwarf-writer.ts';
import { convertedLines, formatErrorOf } from '../test/support/conversion.ts';

const [REG, STACK_VALUE, ENTRY_VALUE, GNU_ENTRY_VALUE] = [0x50, 0x9f, 0xa3, 0xf3];
/** rdi, rsi, rdx, rcx, r8, r9. */
const X86_64 = [5, 4, 1, 2, 8, 9];

interface Setup extends DwarfOptions {
  readonly machine?: number;
  readonly section?: string;
  readonly lists?: Uint8Array;
  /** Type of a second parameter, which has no location. */
  readonly second?: string;
  /** Parameters in front, which have no locations. */
  readonly before?: number;
  readonly unitAttributes?: Attributes;
}

/** Whether `f` stays, whose parameter is at that location. */
function isKept(location: Attributes['location'], setup: Setup = {}): boolean {
  const { machine, section, lists, second, before = 0, unitAttributes, ...options } = setup;
  const word = options.bits === 32 ? 4 : 8;
  const parameters = [
    ...Array.from({ length: before }, (_, i) => die('formal_parameter', { name: `b${i}`, type: ref('int') })),
    die('formal_parameter', { name: 'p', type: ref('int'), location }),
    ...(second === undefined ? [] : [die('formal_parameter', { name: 'q', type: ref(second) })]),
  ];
  const dies = [
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
    die('structure_type', { name: 's', byte_size: word }, [], 'struct'),
    die('typedef', { name: 's_t', type: ref('struct') }, [], 'typedef'),
    die('pointer_type', { byte_size: word, type: ref('struct') }, [], 'pointer'),
    die('subprogram', { name: 'f' }, parameters),
  ];
  const elf = {
    ...(machine === undefined ? {} : { machine }),
    sections: [
      { name: '.text' },
      ...(section === undefined ? [] : [{ name: section, data: lists as Uint8Array }]),
    ],
    symbols: [{ name: 'f', type: 'func' as const, section: '.text' }],
  };
  const attributes = unitAttributes === undefined ? {} : { attributes: { name: 'x.c', ...unitAttributes } };
  const lines = convertedLines([unit(dies, attributes)], options, elf);
  return lines.some((line) => line.startsWith('FUNC f'));
}

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

describe('expressions', () => {
  it.each<[string, readonly number[], boolean]>([
    ['the expected register', [REG + 5], true],
    ['another register', [REG + 4], false],
    ['another register as a value', [REG + 4, STACK_VALUE], false],
    ['a place in memory', [0x91, 0x08], true],
    ['a register and more', [REG + 4, 0x93, 0x04], true],
    ['nothing', [], true],
    ['what the expected register held', [ENTRY_VALUE, 1, REG + 5, STACK_VALUE], true],
    ['what another register held', [ENTRY_VALUE, 1, REG + 4, STACK_VALUE], false],
    ['the same, as gcc wrote it before DWARF 5', [GNU_ENTRY_VALUE, 1, REG + 4], false],
    ['what no register held', [ENTRY_VALUE, 1, 0x30], false],
    ['what an expression gave', [ENTRY_VALUE, 2, 0x30, 0x31], true],
    ['what a register held, and more', [ENTRY_VALUE, 1, REG + 4, 0x31], true],
  ])('%s', (_, location, kept) => {
    expect(isKept(bytes(...location))).toBe(kept);
  });

  it.each([...X86_64.keys()])('x86-64, parameter %i', (before) => {
    expect(isKept(bytes(REG + X86_64[before]), { before })).toBe(true);
    expect(isKept(bytes(REG + 12), { before })).toBe(false);
  });

  it('the seventh parameter of x86-64 has no register', () => {
    expect(isKept(bytes(REG + 12), { before: 6 })).toBe(true);
  });

  it.each([
    ['s390', 22, { littleEndian: false }, 2, 5],
    ['arm64', 183, {}, 0, 8],
    ['arm', 40, { bits: 32 }, 0, 8],
  ] as const)('%s', (_, machine, options, first, registers) => {
    expect(isKept(bytes(REG + first), { machine, ...options })).toBe(true);
    expect(isKept(bytes(REG + 15), { machine, ...options })).toBe(false);
    expect(isKept(bytes(REG + 15), { machine, ...options, before: registers })).toBe(true);
  });

  it('other machines: nobody knows', () => {
    expect(isKept(bytes(REG + 15), { machine: 243 })).toBe(true);
  });

  it.each([
    ['a struct by value', 'struct', true],
    ['a struct by its typedef', 'typedef', true],
    ['a pointer', 'pointer', false],
  ])('beside %s', (_, second, kept) => {
    expect(isKept(bytes(REG + 4), { second })).toBe(kept);
  });

  it('an entry value that is cut short', () => {
    expect(formatErrorOf(() => isKept(bytes(ENTRY_VALUE, 9, REG)))).toMatchObject({
      code: 'dwarf-malformed',
      location: { section: '.debug_info' },
    });
  });
});

describe('location lists', () => {
  const LLE = (kind: number, operands: readonly number[], ...op: readonly number[]): number[] => [
    kind,
    ...operands,
    op.length,
    ...op,
  ];
  const word = [0, 0x10, 0, 0, 0, 0, 0, 0];
  const listed = (...entries: readonly (readonly number[])[]): boolean =>
    isKept(form('sec_offset', 0), { section: '.debug_loclists', lists: bytes(...entries.flat(), 0) });

  it.each<[string, readonly (readonly number[])[], boolean]>([
    ['empty', [], true],
    ['first the expected one', [LLE(4, [0, 4], REG + 5), LLE(4, [4, 8], REG + 3)], true],
    ['first another one', [LLE(4, [0, 4], REG + 3)], false],
    ['another one later', [LLE(4, [0, 4], 0x30), LLE(4, [4, 8], REG + 3)], true],
    [
      'another one, later what the expected one held',
      [LLE(4, [0, 4], REG + 3), LLE(4, [4, 8], ENTRY_VALUE, 1, REG + 5)],
      true,
    ],
    ['later what another one held', [LLE(4, [0, 4], 0x30), LLE(4, [4, 8], ENTRY_VALUE, 1, REG + 4)], false],
  ])('%s', (_, entries, kept) => {
    expect(listed(...entries)).toBe(kept);
  });

  it.each<[string, readonly number[]]>([
    ['base_addressx', [1, 0x81, 0]],
    ['base_address', [6, ...word]],
    ['GNU_view_pair', [9, 1, 2]],
  ])('%s is no entry', (_, before) => {
    expect(listed(before, LLE(4, [0, 4], REG + 3))).toBe(false);
    expect(listed(before, LLE(4, [0, 4], REG + 5))).toBe(true);
  });

  it.each<[string, number, readonly number[]]>([
    ['startx_endx', 2, [0, 1]],
    ['startx_length', 3, [0, 0x80, 1]],
    ['default_location', 5, []],
    ['start_end', 7, [...word, ...word]],
    ['start_length', 8, [...word, 4]],
  ])('%s', (_, kind, operands) => {
    expect(listed(LLE(kind, operands, REG + 3))).toBe(false);
    expect(listed(LLE(kind, operands, REG + 5))).toBe(true);
  });

  it.each([{}, { littleEndian: false, machine: 62 }] as const)('by index, %o', (options) => {
    const out = byteWriter(options.littleEndian ?? true);
    out.bytes(new Uint8Array(12));
    for (const at of [8, 12]) out.u32(at);
    for (const register of [REG + 5, REG + 3]) out.bytes(bytes(5, 1, register, 0));
    const setup = {
      ...options,
      section: '.debug_loclists',
      lists: out.toBytes(),
      unitAttributes: { loclists_base: form('sec_offset', 12) },
    };
    expect(isKept(form('loclistx', 0), setup)).toBe(true);
    expect(isKept(form('loclistx', 1), setup)).toBe(false);
    expect(formatErrorOf(() => isKept(form('loclistx', 0x7fff), setup))).toMatchObject({
      code: 'dwarf-malformed',
      location: { section: '.debug_loclists' },
    });
  });

  it('a file without lists is read on', () => {
    expect(isKept(form('sec_offset', 0x1000))).toBe(true);
    expect(isKept(form('loclistx', 7))).toBe(true);
  });

  it.each<[string, readonly number[], RegExp]>([
    ['an unknown kind', [0x77], /unknown kind of location list entry 0x77/u],
    ['an expression beyond the section', [5, 0x7f, REG], /beyond the section/u],
    ['no end', [...LLE(4, [0, 4], REG + 3)], /beyond the section/u],
    ['an address beyond the section', [6, 0, 0], /beyond the section/u],
    ['an endless number', [4, ...Array.from({ length: 20 }, () => 0x80)], /too long/u],
  ])('refuses %s', (_, lists, message) => {
    const setup = { section: '.debug_loclists', lists: bytes(...lists) };
    expect(formatErrorOf(() => isKept(form('sec_offset', 0), setup))).toMatchObject({
      code: 'dwarf-malformed',
      message: expect.stringMatching(message) as string,
      location: { section: '.debug_loclists', offset: expect.any(Number) as number },
    });
  });

  it('refuses an offset outside the section', () => {
    const setup = { section: '.debug_loclists', lists: bytes(0) };
    expect(formatErrorOf(() => isKept(form('sec_offset', 2), setup)).location).toMatchObject({ offset: 2 });
  });

  describe.each([{}, { littleEndian: false, machine: 62 }, { bits: 32, machine: 40 }] as const)(
    'before DWARF 5, %o',
    (options) => {
      const expected = 'bits' in options ? REG : REG + 5;
      const size = 'bits' in options ? 4 : 8;
      const old = (...entries: readonly (readonly [number, number, readonly number[]])[]): boolean => {
        const out = byteWriter('littleEndian' in options ? options.littleEndian : true);
        const address = (value: number): void => {
          if (value < 0) out.bytes(new Uint8Array(size).fill(0xff));
          else if (size === 4) out.u32(value);
          else out.u64(value);
        };
        for (const [begin, end, op] of entries) {
          address(begin);
          address(end);
          if (begin < 0) continue;
          out.u16(op.length);
          out.bytes(bytes(...op));
        }
        out.bytes(new Uint8Array(2 * size));
        return isKept(form('sec_offset', 0), {
          ...options,
          version: 4,
          section: '.debug_loc',
          lists: out.toBytes(),
        });
      };

      it('registers, a base address, an empty list', () => {
        expect(old()).toBe(true);
        expect(old([0, 4, [expected]])).toBe(true);
        expect(old([0, 4, [REG + 12]])).toBe(false);
        expect(old([-1, 0x1000, []], [0, 4, [REG + 12]])).toBe(false);
        expect(old([0, 4, [0x30]], [4, 8, [REG + 12]])).toBe(true);
      });
    },
  );

  it('before DWARF 4, as data4', () => {
    const lists = new Uint8Array(19 + 16);
    lists.set(bytes(4), 8);
    lists.set(bytes(1, 0, REG + 12), 16);
    expect(isKept(form('data4', 0), { version: 3, section: '.debug_loc', lists })).toBe(false);
  });

  it('refuses an old list without end', () => {
    const setup = { version: 4, section: '.debug_loc', lists: new Uint8Array(9) };
    expect(formatErrorOf(() => isKept(form('sec_offset', 0), setup))).toMatchObject({
      code: 'dwarf-malformed',
      location: { section: '.debug_loc', offset: 0 },
    });
  });

  it('refuses lists that overlap without end', () => {
    const entries = Array.from({ length: 30_000 }, () => LLE(4, [0, 4], 0x30)).flat();
    const lists = Uint8Array.from([...entries, 0]);
    const dies = [
      die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
      ...Array.from({ length: 40 }, (_, i) =>
        die('subprogram', { name: `f${i}` }, [
          die('formal_parameter', { name: 'p', type: ref('int'), location: form('sec_offset', 5 * i) }),
        ]),
      ),
    ];
    const elf = {
      sections: [{ name: '.text' }, { name: '.debug_loclists', data: lists }],
      symbols: [{ name: 'f0', type: 'func' as const, section: '.text' }],
    };
    expect(formatErrorOf(() => convertedLines([unit(dies)], {}, elf)).message).toMatch(/lists overlap/u);
  });
});
