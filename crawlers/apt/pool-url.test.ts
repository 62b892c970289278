import { expect, test } from 'vitest';
import { poolUrl } from './pool-url.ts';

test.each([
  ['pool/main/l/linux/linux-image-6.12.95+deb12-amd64-dbg_6.12.95-1~bpo12+1_amd64.deb'],
  ['pool/updates/main/l/linux/a_1:2.deb'],
])('%s', (filename) => {
  expect(poolUrl('http://host/debian', filename, 'x')).toBe(`http://host/debian/${filename}`);
  expect(new URL(poolUrl('http://host/debian', filename, 'x')).pathname).toBe(`/debian/${filename}`);
});

test('a leading ./ is dropped', () => {
  expect(poolUrl('http://host', './pool/a.deb', 'x')).toBe('http://host/pool/a.deb');
});

test.each([
  ['/etc/passwd'],
  ['../other/a.deb'],
  ['pool/../../a.deb'],
  ['pool/./a.deb'],
  ['pool//a.deb'],
  ['pool/'],
  [''],
  ['//evil.invalid/a.deb'],
  ['http://evil.invalid/a.deb'],
  ['pool/%2e%2e/a.deb'],
  ['pool\\..\\a.deb'],
  ['pool/a.deb?x'],
  ['pool/a.deb#x'],
  ['pool/a b.deb'],
  ['pool/a\n.deb'],
])('%j → index-unsafe-path', (filename) => {
  expect(() => poolUrl('http://host/debian', filename, 'x')).toThrowError(
    expect.objectContaining({ code: 'index-unsafe-path', exitCode: 5 }),
  );
});
