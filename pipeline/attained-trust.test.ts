import { expect, test } from 'vitest';
import { attainedTrust } from './attained-trust.ts';

test.each([
  ['signed-index', 'nothing', 'signed-index'],
  ['signed-index', 'whole', 'signed-index'],
  ['tls-only', 'nothing', 'tls-only'],
  ['tls-only', 'header', 'tls-only'],
  ['tls-only', 'whole', 'signed-package'],
  ['unanchored', 'whole', 'signed-package'],
  ['unanchored', 'header', undefined],
  ['unanchored', 'nothing', undefined],
  ['insecure', 'whole', 'insecure'],
] as const)('index %s, signature over %s → %s', (index, cover, trust) => {
  expect(attainedTrust(index, cover)).toBe(trust);
});
