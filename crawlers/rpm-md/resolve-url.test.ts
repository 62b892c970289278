import { describe, expect, test } from 'vitest';
import { isAllowedHost, resolveUrl } from './resolve-url.ts';

const BASE = 'https://cdn.example/2/core/x86_64/0a1b';
const resolve = (href: string, xmlBase?: string, base = BASE, allowedHosts: readonly string[] = []) =>
  resolveUrl(href, xmlBase, { base, allowedHosts }, 'x');

test.each([
  ['Packages/k/a-1~rc1-2.x86_64.rpm', `${BASE}/Packages/k/a-1~rc1-2.x86_64.rpm`],
  ['./a.rpm', `${BASE}/a.rpm`],
  // Amazon's packages: the base is a folder also without its slash.
  ['../../../../blobstore/0f/a.rpm', 'https://cdn.example/blobstore/0f/a.rpm'],
  ['/other/a.rpm', 'https://cdn.example/other/a.rpm'],
  ['https://cdn.example/elsewhere/a.rpm', 'https://cdn.example/elsewhere/a.rpm'],
  ['//cdn.example/elsewhere/a.rpm', 'https://cdn.example/elsewhere/a.rpm'],
  ['a+b%2B^1.rpm', `${BASE}/a+b%2B%5E1.rpm`],
])('%s', (href, url) => {
  expect(resolve(href)).toBe(url);
  expect(resolve(href, undefined, `${BASE}/`)).toBe(url);
});

test('xml:base stands for the base; relative to it, with or without slash', () => {
  expect(resolve('a.rpm', 'https://cdn.example/x')).toBe('https://cdn.example/x/a.rpm');
  expect(resolve('a.rpm', 'https://cdn.example/x/')).toBe('https://cdn.example/x/a.rpm');
  expect(resolve('a.rpm', '../y')).toBe('https://cdn.example/2/core/x86_64/y/a.rpm');
});

test('other hosts need leave, and never cost the encryption', () => {
  const href = 'https://blobs.example:8443/a.rpm';
  expect(resolve(href, undefined, BASE, ['blobs.example:8443'])).toBe(href);
  expect(resolve('a.rpm', 'https://blobs.example:8443/', BASE, ['*.example:8443'])).toBe(href);
  expect(resolve('https://cdn.example/a.rpm', undefined, 'http://cdn.example/x')).toBe(
    'https://cdn.example/a.rpm',
  );
  expect(() => resolve('http://cdn.example/a.rpm', undefined, BASE, ['cdn.example'])).toThrow(
    'less protected',
  );
});

describe('allowed hosts', () => {
  test.each([
    ['packages.us-east-1.amazonaws.com', true],
    ['packages.x.s3.amazonaws.com', false],
    ['packages..amazonaws.com', false],
    ['packages.us-east-1.amazonaws.com.evil.example', false],
    ['evil.packages.us-east-1.amazonaws.com', false],
    ['packagesxus-east-1.amazonaws.com', false],
    ['packages.us-east-1.amazonaws.com:8080', false],
  ])('%s', (host, isAllowed) => {
    expect(isAllowedHost(host, ['other.example', 'packages.*.amazonaws.com'])).toBe(isAllowed);
  });
});

test.each([
  ['another host', 'https://evil.example/a.rpm', undefined],
  ['another port', 'https://cdn.example:444/a.rpm', undefined],
  ['another host without scheme', '//evil.example/a.rpm', undefined],
  ['another base', 'a.rpm', 'https://evil.example/'],
  ['another base without scheme', 'a.rpm', '//evil.example'],
  ['less protection', 'http://cdn.example/a.rpm', undefined],
  ['a file', 'file:///etc/passwd', undefined],
  ['another scheme', 'ftp://cdn.example/a.rpm', undefined],
  ['a base of another scheme', 'a.rpm', 'ftp://cdn.example/'],
  ['credentials', 'https://cdn.example@evil.example/a.rpm', undefined],
  ['a query', 'a.rpm?b', undefined],
  ['a fragment', 'a.rpm#b', undefined],
  ['a backslash', '\\\\evil.example\\a.rpm', undefined],
  ['a blank', 'a b.rpm', undefined],
  ['a line break, which URLs drop', 'https:/\n/evil.example/a.rpm', undefined],
  ['a NUL', 'a\0.rpm', undefined],
  ['an encoded NUL', 'a%00.rpm', undefined],
  ['an encoded slash', '..%2f..%2Fa.rpm', undefined],
  ['an encoded dot', '%2e%2e/a.rpm', undefined],
  ['nothing', '', undefined],
  ['an empty base', 'a.rpm', ''],
  ['a folder', 'a/', undefined],
  ['a host that is none', 'https://a..b:x/a.rpm', undefined],
])('%s → index-unsafe-path', (_, href, xmlBase) => {
  expect(() => resolve(href, xmlBase)).toThrow(expect.objectContaining({ code: 'index-unsafe-path' }));
});
