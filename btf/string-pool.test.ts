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
});
