import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseMirrorList } from './mirror-list.ts';

const URL_HERE = 'https://cdn.example/2/core/mirror.list';
const fixture = (name: string) =>
  readFileSync(new URL(`./fixtures/mirror-list.${name}.txt`, import.meta.url), 'utf8');

test('the lists of Amazon Linux 1, 2 and 2023: with and without a slash at the end', () => {
  const one = parseMirrorList(fixture('amzn1'), 'http://repo.us-east-1.amazonaws.com/2018.03/mirror.list', [
    'packages.*.amazonaws.com',
  ]);
  expect(one.bases).toHaveLength(11);
  expect(one.foreign).toEqual([]);
  expect(one.bases[0]).toBe('http://packages.us-west-2.amazonaws.com/2018.03/updates/c539f2128d87/x86_64/');
  const two =
    'https://cdn.amazonlinux.com/2/core/2.0/x86_64/221a4af09d96ac4e34202cc7bdfa252410419542548cc685dc86ed1c17ca4204/';
  const list = 'https://cdn.amazonlinux.com/2/core/latest/x86_64/mirror.list';
  expect(parseMirrorList(fixture('amzn2'), list, [])).toEqual({ bases: [two], foreign: [] });
  expect(parseMirrorList(fixture('amzn2023'), list, []).bases).toEqual([
    'https://cdn.amazonlinux.com/al2023/core/guids/46ff4933b89b948580f3b223b826fee3c1830b85885db3f7f90502c0ac99698c/x86_64/',
  ]);
});

test('line ends of every kind, blank lines, blanks, comments; twice the same is one', () => {
  const text = '\r\n# old\r\n  https://cdn.example/a/ \r\rhttps://cdn.example/b\n\nhttps://cdn.example/a\n';
  expect(parseMirrorList(text, URL_HERE, []).bases).toEqual([
    'https://cdn.example/a/',
    'https://cdn.example/b/',
  ]);
});

test('yum’s name of the architecture is filled in where it is known', () => {
  const text = 'https://cdn.example/x/$basearch\n';
  expect(parseMirrorList(text, URL_HERE, [], 'x86_64').bases).toEqual(['https://cdn.example/x/x86_64/']);
});

test('other hosts are told apart, and are an error when there is nothing else', () => {
  const text = 'https://evil.example/a\nhttps://cdn.example/b';
  expect(parseMirrorList(text, URL_HERE, [])).toEqual({
    bases: ['https://cdn.example/b/'],
    foreign: ['https://evil.example/a/'],
  });
  expect(() => parseMirrorList('https://evil.example/a', URL_HERE, ['good.example'])).toThrow(
    expect.objectContaining({ code: 'index-unsafe-path' }),
  );
});

test.each([
  ['nothing', '\n# nothing\n', 'lists no mirror'],
  ['a page', '<html>', 'has the line "<html>"'],
  ['another scheme', 'ftp://cdn.example/a', 'which is no base URL'],
  ['a path', '/2/core', 'which is no base URL'],
  ['a query', 'https://cdn.example/a?b', 'which is no base URL'],
  ['credentials', 'https://user@cdn.example/a', 'which is no base URL'],
  ['no URL', 'https://[cdn/a', 'which is no base URL'],
  ['too many', 'https://cdn.example/a\n'.repeat(201), 'lists 201 mirrors'],
])('%s → index-malformed', (_, text, message) => {
  const parsing = () => parseMirrorList(text, URL_HERE, []);
  expect(parsing).toThrow(expect.objectContaining({ code: 'index-malformed' }));
  expect(parsing).toThrow(message);
});
