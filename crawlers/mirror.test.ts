import { expect, test } from 'vitest';
import { parseMirror } from './mirror.ts';

test.each([
  ['http://mirror.example/debian/', 'http://mirror.example/debian'],
  ['HTTPS://Mirror.Example', 'https://mirror.example'],
  ['http://127.0.0.1:8080/a//', 'http://127.0.0.1:8080/a'],
])('%s → %s', (mirror, base) => {
  expect(parseMirror(mirror)).toBe(base);
});

test.each([
  'mirror.example/debian',
  'ftp://mirror.example/',
  'http://m.example/?a=1',
  'http://m.example/#a',
  'http://me:secret@m.example/debian',
  'http://me@m.example/debian',
  '',
])('%j → usage', (mirror) => {
  expect(() => parseMirror(mirror)).toThrowError(expect.objectContaining({ code: 'usage' }));
});

test('a password is not repeated', () => {
  expect(() => parseMirror('http://me:secret@m.example/')).toThrowError(
    expect.objectContaining({ message: 'the URL of the mirror m.example holds a user name or a password' }),
  );
});
