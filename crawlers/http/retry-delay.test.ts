import { expect, test } from 'vitest';
import { isTooLongToWait, retryAfterMs, retryDelayMs } from './retry-delay.ts';

test('the pause doubles, within jitter and a ceiling', () => {
  for (let attempt = 1; attempt <= 12; attempt += 1) {
    const ceiling = Math.min(500 * 2 ** (attempt - 1), 30_000);
    const delay = retryDelayMs(attempt, 500);
    expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
    expect(delay).toBeLessThanOrEqual(ceiling);
  }
});

test.each([
  [undefined, 0],
  ['7', 7000],
  [' 7 ', 7000],
  ['Fri, 20 Nov 2026 10:00:30 GMT', 30_000],
  ['Fri, 20 Nov 2026 09:00:00 GMT', 0],
  ['soon', 0],
  ['-5', 0],
])('Retry-After: %s → %i ms', (value, expected) => {
  expect(retryAfterMs(value, Date.parse('2026-11-20T10:00:00Z'))).toBe(expected);
});

test('two minutes are waited for, more are not', () => {
  expect(isTooLongToWait(120_000)).toBe(false);
  expect(isTooLongToWait(120_001)).toBe(true);
});
