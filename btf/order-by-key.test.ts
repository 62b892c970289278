import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderByKey } from './order-by-key.ts';

const key = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.maxSafeNat(),
  fc.nat(1 << 20).map((unit) => unit * 0x1_0000_0000),
);

describe('orderByKey', () => {
  it('is the stable sort by key, of keys up to 2^53', () => {
    fc.assert(
      fc.property(fc.array(key), fc.nat(3), (values, unused) => {
        const keys = Float64Array.from([...values, ...Array.from({ length: unused }, () => 1)]);
        const expected = values.map((_, index) => index).sort((a, b) => values[a] - values[b]);
        expect([...orderByKey(keys, values.length)]).toEqual(expected);
      }),
    );
  });
});
