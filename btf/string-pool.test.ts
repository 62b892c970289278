import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatErrorOf } from '../test/support/conversion.ts';
import { StringPool } from './string-pool.ts';

describe('StringPool', () => {
  it('refuses texts that together are more than its limit, however few bytes they are ends of', () => {
    const bytes = new Uint8Array(1000).fill(0x61);
    // 1000, 999 … 991 bytes.
    const pool = new StringPool(10 * 1000 - 45);
    for (let start = 0; start < 10; start++) expect(pool.addTerminated(bytes, start)).toBe(start + 1);
    // Texts that are known cost nothing.
    for (let i = 0; i < 100; i++) expect(pool.add(bytes, 7, 1000)).toBe(8);
    expect(pool.add(bytes, 0, 0)).toBe(0);
    const error = formatErrorOf(() => pool.addText('b'));
    expect(error).toMatchObject({ code: 'btf-unencodable', location: { format: 'btf' } });
  });

  it('sorts as strcmp does, whatever texts have in common', () => {
    const byte = fc.constantFrom(0x01, 0x2e, 0x61, 0x62, 0x80, 0xff);
    const text = fc.tuple(fc.nat(8), fc.array(byte, { maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(text), (shapes) => {
        const texts = shapes.map(([common, own]) =>
          Uint8Array.from([...Array.from({ length: common }, () => 0x61), ...own]),
        );
        const pool = new StringPool();
        const ids = Int32Array.from(texts, (bytes) => pool.add(bytes, 0, bytes.length));
        const expected = texts.map((_, index) => index);
        expected.sort((a, b) => Buffer.compare(texts[a], texts[b]));
        expect([...pool.sort(ids)]).toEqual(expected);
      }),
    );
  });
});
