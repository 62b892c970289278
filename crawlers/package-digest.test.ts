import { expect, test } from 'vitest';
import { packageDigest, parsePackageDigest } from './package-digest.ts';

test('algorithm and hex, the hex in lower case', () => {
  const digest = packageDigest('sha1', 'AB'.repeat(20));
  expect(digest).toBe(`sha1:${'ab'.repeat(20)}`);
  expect(parsePackageDigest(digest)).toEqual({ algorithm: 'sha1', hex: 'ab'.repeat(20) });
});

test.each([
  'md5:d41d8cd98f00b204e9800998ecf8427e',
  `sha256:${'a'.repeat(63)}`,
  `sha1:${'a'.repeat(64)}`,
  `sha256:${'A'.repeat(64)}`,
  'a'.repeat(64),
  '',
])('%s is no digest', (text) => {
  expect(parsePackageDigest(text)).toBeUndefined();
});

test('a digest of the wrong length is refused', () => {
  expect(() => packageDigest('sha512', 'ab')).toThrow(RangeError);
});
