import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { splitClearsigned } from '../trust/index.ts';
import { parseRelease } from './release.ts';

const HASH = 'ab'.repeat(32);

function release(lines: readonly string[]): string {
  return ['Suite: oldstable', 'Codename: bookworm', ...lines].join('\n');
}

test('a real InRelease', () => {
  // dists/bookworm-security/InRelease of security.debian.org, 18 Nov 2026.
  const bytes = readFileSync(new URL('../trust/fixtures/InRelease.bookworm-security', import.meta.url));
  const parsed = parseRelease(splitClearsigned(bytes, 'x').text, 'x');
  expect(parsed).toMatchObject({
    suite: 'oldstable-security',
    codename: 'bookworm-security',
    version: '12',
    date: new Date('2026-11-18T22:17:41Z'),
    validUntil: new Date('2026-11-25T22:17:41Z'),
    acquireByHash: true,
  });
  expect(parsed.files.get('main/binary-amd64/Packages.xz')?.sizeBytes).toBeGreaterThan(100_000);
});

test('what may be missing', () => {
  const parsed = parseRelease(
    `Date: Sat, 12 Sep 2026 07:55:41 UTC\nSHA256:\n ${HASH.toUpperCase()} 5 a/b`,
    'x',
  );
  expect(parsed).toMatchObject({
    suite: undefined,
    codename: undefined,
    version: undefined,
    validUntil: undefined,
    acquireByHash: false,
  });
  expect([...parsed.files]).toEqual([['a/b', { sha256: HASH, sizeBytes: 5 }]]);
});

test.each([
  ['no Date', [`SHA256:\n ${HASH} 5 a`], 'index-malformed'],
  ['a Date that is none', [`Date: yesterday`, `SHA256:\n ${HASH} 5 a`], 'index-malformed'],
  ['weak digests only', ['Date: Sat, 12 Sep 2026 07:55:41 UTC', 'MD5Sum:\n a 5 a'], 'index-malformed'],
  ['a short digest', ['Date: Sat, 12 Sep 2026 07:55:41 UTC', 'SHA256:\n abcd 5 a'], 'index-malformed'],
  [
    'a size that is none',
    ['Date: Sat, 12 Sep 2026 07:55:41 UTC', `SHA256:\n ${HASH} -5 a`],
    'index-malformed',
  ],
  [
    'a climbing path',
    ['Date: Sat, 12 Sep 2026 07:55:41 UTC', `SHA256:\n ${HASH} 5 a/../../b`],
    'index-unsafe-path',
  ],
  [
    'an absolute path',
    ['Date: Sat, 12 Sep 2026 07:55:41 UTC', `SHA256:\n ${HASH} 5 /a`],
    'index-unsafe-path',
  ],
])('%s → %s', (_name, lines, code) => {
  expect(() => parseRelease(release(lines), 'x')).toThrowError(expect.objectContaining({ code }));
});
