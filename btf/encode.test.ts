import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BTF_KIND, BTF_KIND_NAMES } from './constants.ts';
import { decodeBtf } from './decode.ts';
import { BtfBuilder } from './encode.ts';
import type { Btf } from './view.ts';

/** One type as the builder takes it; `add` adds it, `read` gets the same value back out of a decoded BTF. */
type Spec =
  | { kind: 'INT'; name: string; size: number; encoding: number; bits: number; bitOffset: number }
  | { kind: 'FLOAT'; name: string; size: number }
  | { kind: 'PTR' | 'VOLATILE' | 'CONST' | 'RESTRICT'; type: number }
  | { kind: 'TYPEDEF'; name: string; type: number }
  | { kind: 'ARRAY'; element: number; index: number; length: number }
  | { kind: 'STRUCT' | 'UNION'; name: string; size: number; members: MemberSpec[] }
  | { kind: 'FWD'; name: string; isUnion: boolean }
  | { kind: 'ENUM' | 'ENUM64'; name: string; size: number; isSigned: boolean; values: EnumSpec[] }
  | { kind: 'FUNC_PROTO'; type: number; parameters: { name: string; type: number }[] }
  | { kind: 'FUNC' | 'VAR'; name: string; type: number; linkage: number }
  | {
      kind: 'DATASEC';
      name: string;
      size: number;
      entries: { variable: number; offset: number; size: number }[];
    }
  | { kind: 'DECL_TAG'; name: string; type: number; component: number; isAttribute: boolean }
  | { kind: 'TYPE_TAG'; name: string; type: number; isAttribute: boolean };

interface MemberSpec {
  name: string;
  type: number;
  bitOffset: number;
  bitSize: number;
}
interface EnumSpec {
  name: string;
  value: bigint;
}

const MAX_TYPES = 20;
const name = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'task_struct', 'größe', '名'),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\0', '')),
);
/** Taken modulo the number of types when the BTF is built. */
const type = fc.nat({ max: MAX_TYPES - 1 });
const u32 = fc.nat({ max: 0xffff_ffff });
const size = fc.constantFrom(0, 1, 2, 4, 8, 16, 4096, 0xffff_ffff);

function members(bitfields: boolean): fc.Arbitrary<MemberSpec[]> {
  const bitOffset = fc.nat({ max: bitfields ? 0xff_ffff : 0xffff_ffff });
  const bitSize = bitfields ? fc.nat({ max: 255 }) : fc.constant(0);
  return fc.array(fc.record({ name, type, bitOffset, bitSize }), { maxLength: 4 });
}

function values(min: bigint, max: bigint): fc.Arbitrary<EnumSpec[]> {
  return fc.array(fc.record({ name, value: fc.bigInt({ min, max }) }), { maxLength: 4 });
}

function enumeration(kind: 'ENUM' | 'ENUM64', bits: bigint): fc.Arbitrary<Spec> {
  return fc.boolean().chain((isSigned) => {
    const min = isSigned ? -(1n << (bits - 1n)) : 0n;
    const max = isSigned ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n;
    return fc.record({
      kind: fc.constant(kind),
      name,
      size,
      isSigned: fc.constant(isSigned),
      values: values(min, max),
    });
  });
}

const spec: fc.Arbitrary<Spec> = fc.oneof(
  fc.record({
    kind: fc.constant('INT' as const),
    name,
    size,
    encoding: fc.nat({ max: 15 }),
    bits: fc.nat({ max: 255 }),
    bitOffset: fc.nat({ max: 255 }),
  }),
  fc.record({ kind: fc.constant('FLOAT' as const), name, size }),
  fc.record({
    kind: fc.constantFrom('PTR' as const, 'VOLATILE' as const, 'CONST' as const, 'RESTRICT' as const),
    type,
  }),
  fc.record({ kind: fc.constant('TYPEDEF' as const), name, type }),
  fc.record({ kind: fc.constant('ARRAY' as const), element: type, index: type, length: u32 }),
  fc.boolean().chain((bitfields) =>
    fc.record({
      kind: fc.constantFrom('STRUCT' as const, 'UNION' as const),
      name,
      size,
      members: members(bitfields),
    }),
  ),
  fc.record({ kind: fc.constant('FWD' as const), name, isUnion: fc.boolean() }),
  enumeration('ENUM', 32n),
  enumeration('ENUM64', 64n),
  fc.record({
    kind: fc.constant('FUNC_PROTO' as const),
    type,
    parameters: fc.array(fc.record({ name, type }), { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constantFrom('FUNC' as const, 'VAR' as const),
    name,
    type,
    linkage: fc.nat({ max: 2 }),
  }),
  fc.record({
    kind: fc.constant('DATASEC' as const),
    name,
    size,
    entries: fc.array(fc.record({ variable: type, offset: u32, size: u32 }), { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('DECL_TAG' as const),
    name,
    type,
    component: fc.integer({ min: -1, max: 1000 }),
    isAttribute: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('TYPE_TAG' as const), name, type, isAttribute: fc.boolean() }),
);

/** Types whose ids are all in range. */
const program: fc.Arbitrary<Spec[]> = fc.array(spec, { maxLength: MAX_TYPES }).map((specs) => {
  const inRange = (id: number): number => id % (specs.length + 1);
  return specs.map((one) => withIds(one, inRange));
});

function withIds(one: Spec, map: (id: number) => number): Spec {
  switch (one.kind) {
    case 'ARRAY':
      return { ...one, element: map(one.element), index: map(one.index) };
    case 'STRUCT':
    case 'UNION':
      return { ...one, members: one.members.map((m) => ({ ...m, type: map(m.type) })) };
    case 'FUNC_PROTO': {
      const parameters = one.parameters.map((p) => ({ ...p, type: map(p.type) }));
      return { ...one, type: map(one.type), parameters };
    }
    case 'DATASEC':
      return { ...one, entries: one.entries.map((e) => ({ ...e, variable: map(e.variable) })) };
    default:
      return 'type' in one ? { ...one, type: map(one.type) } : one;
  }
}

function add(builder: BtfBuilder, one: Spec): number {
  switch (one.kind) {
    case 'INT':
      return builder.addInt(one.name, one.size, one.encoding, one.bits, one.bitOffset);
    case 'FLOAT':
      return builder.addFloat(one.name, one.size);
    case 'PTR':
      return builder.addPtr(one.type);
    case 'VOLATILE':
      return builder.addVolatile(one.type);
    case 'CONST':
      return builder.addConst(one.type);
    case 'RESTRICT':
      return builder.addRestrict(one.type);
    case 'TYPEDEF':
      return builder.addTypedef(one.name, one.type);
    case 'ARRAY':
      return builder.addArray(one.element, one.index, one.length);
    case 'STRUCT':
      return builder.addStruct(one.name, one.size, one.members);
    case 'UNION':
      return builder.addUnion(one.name, one.size, one.members);
    case 'FWD':
      return builder.addFwd(one.name, one.isUnion ? 'union' : 'struct');
    case 'ENUM':
      return builder.addEnum(one.name, one.size, one.values, one.isSigned);
    case 'ENUM64':
      return builder.addEnum64(one.name, one.size, one.values, one.isSigned);
    case 'FUNC_PROTO':
      return builder.addFuncProto(one.type, one.parameters);
    case 'FUNC':
      return builder.addFunc(one.name, one.type, one.linkage);
    case 'VAR':
      return builder.addVar(one.name, one.type, one.linkage);
    case 'DATASEC':
      return builder.addDatasec(one.name, one.size, one.entries);
    case 'DECL_TAG':
      return builder.addDeclTag(one.name, one.type, one.component, one.isAttribute);
    default:
      return builder.addTypeTag(one.name, one.type, one.isAttribute);
  }
}

function read(btf: Btf, id: number): Spec {
  const kind = BTF_KIND_NAMES[btf.kind(id)];
  const entries = <T>(entry: (index: number) => T): T[] =>
    Array.from({ length: btf.vlen(id) }, (_, i) => entry(i));
  const named = { name: btf.name(id) };
  const typed = { type: btf.sizeOrType(id) };
  const sized = { ...named, size: btf.sizeOrType(id) };
  switch (kind) {
    case 'INT': {
      const [encoding, bits, bitOffset] = [btf.intEncoding(id), btf.intBits(id), btf.intBitOffset(id)];
      return { kind, ...sized, encoding, bits, bitOffset };
    }
    case 'FLOAT':
      return { kind, ...sized };
    case 'PTR':
    case 'VOLATILE':
    case 'CONST':
    case 'RESTRICT':
      return { kind, ...typed };
    case 'TYPEDEF':
      return { kind, ...named, ...typed };
    case 'ARRAY': {
      const [element, index] = [btf.arrayElementType(id), btf.arrayIndexType(id)];
      return { kind, element, index, length: btf.arrayLength(id) };
    }
    case 'STRUCT':
    case 'UNION':
      return {
        kind,
        ...sized,
        members: entries((i) => ({
          name: btf.entryName(id, i),
          type: btf.entryType(id, i),
          bitOffset: btf.memberBitOffset(id, i),
          bitSize: btf.memberBitSize(id, i),
        })),
      };
    case 'FWD':
      return { kind, ...named, isUnion: btf.kindFlag(id) };
    case 'ENUM':
    case 'ENUM64': {
      const values = entries((i) => ({ name: btf.entryName(id, i), value: btf.enumValue(id, i) }));
      return { kind, ...sized, isSigned: btf.kindFlag(id), values };
    }
    case 'FUNC_PROTO': {
      const parameters = entries((i) => ({ name: btf.entryName(id, i), type: btf.entryType(id, i) }));
      return { kind, ...typed, parameters };
    }
    case 'FUNC':
    case 'VAR':
      return { kind, ...named, ...typed, linkage: btf.linkage(id) };
    case 'DATASEC':
      return {
        kind,
        ...sized,
        entries: entries((i) => ({
          variable: btf.sectionVariable(id, i),
          offset: btf.sectionOffset(id, i),
          size: btf.sectionSize(id, i),
        })),
      };
    case 'DECL_TAG':
      return { kind, ...named, ...typed, component: btf.componentIndex(id), isAttribute: btf.kindFlag(id) };
    case 'TYPE_TAG':
      return { kind, ...named, ...typed, isAttribute: btf.kindFlag(id) };
    default:
      throw new Error(`type ${id} is void`);
  }
}

function build(specs: readonly Spec[], options: ConstructorParameters<typeof BtfBuilder>[0]): Uint8Array {
  const builder = new BtfBuilder(options);
  for (const one of specs) add(builder, one);
  return builder.build();
}

function readAll(btf: Btf): Spec[] {
  return Array.from({ length: btf.typeCount - btf.firstId }, (_, i) => read(btf, btf.firstId + i));
}

describe('BtfBuilder and decodeBtf', () => {
  test('what is built is what is decoded, in both byte orders and with both headers', () => {
    const options = fc.record({
      littleEndian: fc.boolean(),
      headerBytes: fc.constantFrom(24 as const, 32 as const),
    });
    fc.assert(
      fc.property(program, options, (specs, o) => {
        const btf = decodeBtf(build(specs, o));
        expect(btf.littleEndian).toBe(o.littleEndian);
        expect(btf.headerBytes).toBe(o.headerBytes);
        expect(readAll(btf)).toEqual(specs);
      }),
      { numRuns: 500 },
    );
  });

  test('a split BTF shows its base and its own types', () => {
    fc.assert(
      fc.property(program, program, fc.boolean(), (first, second, littleEndian) => {
        const base = decodeBtf(build(first, { littleEndian }));
        const own = second.map((one) => withIds(one, (id) => (id === 0 ? first.length : id + first.length)));
        const split = decodeBtf(build(own, { littleEndian, base }), base);
        expect(split.firstId).toBe(first.length + 1);
        expect(Array.from({ length: first.length }, (_, i) => read(split, i + 1))).toEqual(first);
        expect(readAll(split)).toEqual(own);
      }),
    );
  });

  test('every kind is built by some program', () => {
    const seen = new Set(
      fc.sample(program, { numRuns: 200, seed: 7 }).flatMap((specs) => specs.map((s) => s.kind)),
    );
    expect([...seen].sort()).toEqual(BTF_KIND_NAMES.filter((kind) => kind !== 'VOID').sort());
    expect(BTF_KIND_NAMES[BTF_KIND.ENUM64]).toBe('ENUM64');
  });

  test('equal names are stored once', () => {
    const builder = new BtfBuilder();
    builder.addInt('same', 4);
    builder.addTypedef('same', 1);
    const btf = decodeBtf(builder.build());
    expect(btf.nameOffset(1)).toBe(btf.nameOffset(2));
    expect(btf.strings).toHaveLength('\0same\0'.length);
  });

  test.each([
    [
      'a bitfield of 256 bits',
      (b: BtfBuilder) => b.addStruct('s', 4, [{ name: 'm', type: 1, bitOffset: 0, bitSize: 256 }]),
    ],
    [
      'a bitfield beyond bit 2^24',
      (b: BtfBuilder) => b.addStruct('s', 4, [{ name: 'm', type: 1, bitOffset: 0x100_0000, bitSize: 1 }]),
    ],
    ['a name with NUL', (b: BtfBuilder) => b.addTypedef('a\0b', 0)],
    ['a 33-bit ENUM value', (b: BtfBuilder) => b.addEnum('e', 4, [{ name: 'v', value: 2 ** 32 }])],
    ['an INT of 300 bits', (b: BtfBuilder) => b.addInt('i', 64, 0, 300)],
    ['a negative size', (b: BtfBuilder) => b.addStruct('s', -1, [])],
  ])('refuses %s', (_, act) => {
    expect(() => act(new BtfBuilder())).toThrow(expect.objectContaining({ code: 'btf-unencodable' }));
  });
});
