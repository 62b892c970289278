import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FormatError } from '../elf/format-error.ts';
import { needsTool } from '../test/support/tools.ts';
import { indexBase } from './base-index.ts';
import { compareDeep } from './compare-deep.ts';
import { compareShallow } from './compare-shallow.ts';
import { BTF_KIND_NAMES } from './constants.ts';
import { decodeBtf } from './decode.ts';
import { describeLines, typeExpression } from './describe.ts';
import { BtfBuilder, type BtfBuilderOptions } from './encode.ts';
import { splitBtf } from './split.ts';
import { countKinds } from './summary.ts';
import { findTolerances } from './tolerances.ts';
import { validateBtf } from './validate.ts';

/** One type of every kind. */
function sample(options: BtfBuilderOptions = {}): Uint8Array {
  const b = new BtfBuilder(options);
  const int = b.addInt('int', 4, 1);
  const char = b.addInt('char', 1, 1);
  const pointer = b.addPtr(b.nextId + 1);
  b.addStruct('node', 24, [
    { name: 'next', type: pointer, bitOffset: 0 },
    { name: 'flag', type: int, bitOffset: 64, bitSize: 3 },
    { name: 'rest', type: int, bitOffset: 67, bitSize: 29 },
    { name: 'name', type: b.nextId + 1, bitOffset: 96 },
  ]);
  b.addArray(char, int, 8);
  b.addUnion('u', 4, [{ name: 'a', type: int, bitOffset: 0 }]);
  b.addEnum(
    'colour',
    4,
    [
      { name: 'RED', value: -1 },
      { name: 'BLUE', value: 2 },
    ],
    true,
  );
  b.addEnum64('big', 8, [{ name: 'HUGE', value: 0xffff_ffff_ffff_fff0n }]);
  b.addFwd('elsewhere', 'struct');
  b.addTypedef('node_t', 4);
  b.addVolatile(b.addConst(int));
  b.addRestrict(pointer);
  const proto = b.addFuncProto(int, [
    { name: 'n', type: pointer },
    { name: '', type: 0 },
  ]);
  const func = b.addFunc('walk', proto);
  const variable = b.addVar('count', int, 1);
  b.addDatasec('.data..percpu', 16, [{ variable, offset: 8, size: 4 }]);
  b.addFloat('double', 8);
  b.addDeclTag('bpf_kfunc', func);
  b.addPtr(b.addTypeTag('user', char));
  return b.build();
}

/** The sample with some bytes replaced. */
function patched(at: number, bytes: readonly number[], options?: BtfBuilderOptions): Uint8Array {
  const blob = sample(options);
  blob.set(bytes, at);
  return blob;
}

function faultOf(bytes: Uint8Array): string {
  try {
    decodeBtf(bytes);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(FormatError);
    expect((thrown as FormatError).code).toBe('btf-malformed');
    return (thrown as FormatError).message;
  }
  return 'none';
}

describe('decodeBtf', () => {
  test.each([
    ['nothing at all', new Uint8Array(0), 'ends after 0 of 24 bytes'],
    ['a cut header', sample().subarray(0, 23), 'ends after 23 of 24 bytes'],
    ['another magic', patched(0, [0x9f, 0xec]), 'magic is 0xec9f'],
    ['version 2', patched(2, [2]), 'btf header+0x2: unknown version 2'],
    ['flags', patched(3, [1]), 'btf header+0x3: unknown flags 0x1'],
    ['a header length of 20', patched(4, [20]), 'header length 20 is impossible'],
    ['a header longer than the file', patched(4, [0, 0, 1]), 'header length 65536 is impossible'],
    ['a longer header with unknown content', patched(4, [28]), 'header field of an unknown newer format'],
    ['types beyond the end', patched(14, [1]), 'type section ends at'],
    ['types at an odd offset', patched(8, [2]), 'not aligned'],
    ['strings beyond the end', patched(22, [1]), 'string section ends at'],
    ['strings over the types', patched(16, [0, 0, 0, 0]), 'sections overlap'],
    ['offsets that wrap around 32 bits', patched(8, [0xfc, 0xff, 0xff, 0xff]), 'type section ends at'],
    ['a type section of odd length', patched(12, [3, 0, 0, 0]), 'no multiple of 4'],
    ['kind 0', patched(24 + 7, [0]), 'btf types+0x0: type 1 has unknown kind 0'],
    ['kind 20', patched(24 + 7, [20]), 'type 1 has unknown kind 20'],
    ['a name beyond the strings', patched(24, [0, 0, 1, 0]), 'type 1 names string 65536'],
    [
      'a pointer to a type that is not there',
      patched(24 + 40, [99]),
      'type 3 refers to type 99, the last is 21',
    ],
    [
      'a list that runs over the end',
      patched(24 + 32 + 12 + 4, [0xff, 0xff]),
      'type 4 with 65535 entries runs over',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(faultOf(bytes)).toContain(message);
  });

  test('refuses strings that do not start empty or are not terminated', () => {
    const blob = sample();
    const start = 24 + new DataView(blob.buffer).getUint32(16, true);
    expect(faultOf(patched(start, [65]))).toContain('does not start with the empty string');
    expect(faultOf(patched(blob.length - 1, [65]))).toContain('last string is not terminated');
    expect(faultOf(patched(16, [0, 0, 0, 0, 0, 0, 0, 0]))).toContain('section is empty');
  });

  test('refuses a record that is cut short', () => {
    const b = new BtfBuilder();
    b.addPtr(0);
    const blob = b.build();
    new DataView(blob.buffer).setUint32(12, 8, true);
    expect(faultOf(blob)).toContain('type 1 is cut short');
  });

  test('refuses a base of the other byte order', () => {
    const base = decodeBtf(sample({ littleEndian: false }));
    expect(() => decodeBtf(sample(), base)).toThrow('byte order differs');
  });

  test('reads bytes that lie at an odd address', () => {
    const shifted = new Uint8Array(sample().length + 1);
    shifted.set(sample(), 1);
    expect(countKinds(decodeBtf(shifted.subarray(1)))).toEqual(countKinds(decodeBtf(sample())));
  });

  test('both byte orders hold the same types', () => {
    const both = compareDeep(decodeBtf(sample()), decodeBtf(sample({ littleEndian: false })));
    expect(both).toMatchObject({ equalTypes: true, equalFunctions: true, equalVariables: true });
  });

  test('any damage ends in a value or a FormatError, in everything that reads BTF', () => {
    const whole = decodeBtf(sample());
    // Small values keep most ids in range, so that the damage gets past the decoder.
    const byte = fc.oneof(fc.nat({ max: 24 }), fc.nat({ max: 255 }));
    const cut = fc.oneof(
      { weight: 9, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.nat({ max: sample().length }) },
    );
    const mutation = fc.record({ at: fc.nat({ max: sample().length - 1 }), byte });
    const mutations = fc.array(mutation, { minLength: 1, maxLength: 6 });
    let decoded = 0;
    fc.assert(
      fc.property(mutations, cut, fc.boolean(), (changes, end, littleEndian) => {
        const blob = sample({ littleEndian });
        for (const { at, byte } of changes) blob[at] = byte;
        try {
          const btf = decodeBtf(end === null ? blob : blob.subarray(0, end));
          decoded++;
          for (const kind of Object.keys(countKinds(btf))) expect(BTF_KIND_NAMES).toContain(kind);
          validateBtf(btf);
          const { tolerances } = findTolerances(whole, btf);
          compareDeep(whole, btf, tolerances);
          compareShallow(btf, whole, { tolerances });
          const all = { floatAsInt: true, ignoreTags: true, resolveForwards: true, flattenArrays: true };
          compareDeep(btf, whole, { ...all, ignoreCharSign: true, ignoreEnumKind: true });
          decodeBtf(splitBtf(btf, indexBase(btf)).bytes, btf);
          decodeBtf(splitBtf(btf, indexBase(whole)).bytes, whole);
          decodeBtf(splitBtf(whole, indexBase(btf)).bytes, btf);
          for (let id = 0; id < btf.typeCount; id++) {
            typeExpression(btf, id);
            describeLines(btf, id);
          }
        } catch (thrown) {
          if (!(thrown instanceof FormatError)) throw thrown;
        }
      }),
      { numRuns: 3000 },
    );
    expect(decoded).toBeGreaterThan(300);
  });
});

interface DumpedType {
  id: number;
  kind: string;
  name: string;
  size?: number;
  type_id?: number;
  vlen?: number;
}

describe.skipIf(needsTool('bpftool'))('decodeBtf beside bpftool', () => {
  test.each([24, 32] as const)('reads the same types, header of %i bytes', (headerBytes) => {
    // bpftool of Debian 12 does not know the longer header's layout fields, but accepts them when they are zero.
    const blob = sample({ headerBytes });
    if (headerBytes === 32) blob.fill(0, 24, 32);
    const folder = mkdtempSync(join(tmpdir(), 'btf-'));
    try {
      writeFileSync(join(folder, 'x.btf'), blob);
      const output = execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', join(folder, 'x.btf')], {
        encoding: 'utf8',
      });
      const dumped = (JSON.parse(output) as { types: DumpedType[] }).types;
      const btf = decodeBtf(blob);
      expect(dumped).toHaveLength(btf.typeCount - 1);
      for (const { id, kind, name, size, type_id: type, vlen } of dumped) {
        expect(kind).toBe(BTF_KIND_NAMES[btf.kind(id)]);
        if (name !== '(anon)') expect(name).toBe(btf.name(id));
        if (size !== undefined) expect(size).toBe(btf.sizeOrType(id));
        if (type !== undefined && kind !== 'ARRAY') expect(type).toBe(btf.sizeOrType(id));
        if (vlen !== undefined) expect(vlen).toBe(btf.vlen(id));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
