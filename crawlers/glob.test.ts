import { expect, test } from 'vitest';
import { isPattern, matchesGlob } from './glob.ts';

test.each([
  ['*-cloud-amd64', '6.1.0-50-cloud-amd64', true],
  ['*-cloud-amd64', '6.1.0-50-cloud-amd64-x', false],
  ['6.1.0-5?-amd64', '6.1.0-50-amd64', true],
  ['6.1.0-5?-amd64', '6.1.0-5-amd64', false],
  ['6.1.0-5[03]-amd64', '6.1.0-53-amd64', true],
  ['6.1.0-5[0-3]-amd64', '6.1.0-54-amd64', false],
  ['6.1.0-5[!0-3]-amd64', '6.1.0-54-amd64', true],
  ['6.12.95+deb12-amd64', '6.12.95+deb12-amd64', true],
  ['6.1.0', '6x1y0', false],
  ['a[', 'a[', true],
  ['a[]b]', 'a]', true],
  [String.raw`a[\]b`, String.raw`a\b`, true],
  ['**********************b', 'a'.repeat(200), false],
])('%s on %s: %s', (glob, name, expected) => {
  expect(matchesGlob(glob, name)).toBe(expected);
});

test('a class that makes no sense → usage', () => {
  expect(() => matchesGlob('[z-a]', 'b')).toThrowError(expect.objectContaining({ code: 'usage' }));
});

test.each([
  ['6.1.0-50-amd64', false],
  ['6.12.107+deb13-amd64', false],
  ['6.1.*', true],
  ['6.1.0-5?-amd64', true],
  ['6.[1-9].0', true],
])('%s is a pattern: %s', (glob, expected) => {
  expect(isPattern(glob)).toBe(expected);
});
