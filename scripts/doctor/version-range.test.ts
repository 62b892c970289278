import { describe, expect, it } from 'vitest';
import { satisfiesRange } from './version-range.ts';

describe('satisfiesRange', () => {
  const range = '>=20.19 <21 || >=22.22';

  it.each([
    ['20.18.9', false],
    ['20.19.0', true],
    ['20.20.2', true],
    ['21.0.0', false],
    ['22.9.0', false],
    ['22.22.0', true],
    ['24.0.0', true],
  ])('%s: %s', (version, fits) => {
    expect(satisfiesRange(version, range)).toBe(fits);
  });

  it('rejects a range it does not understand instead of guessing', () => {
    expect(() => satisfiesRange('20.0.0', '^20')).toThrow(RangeError);
  });
});
