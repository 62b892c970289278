import { describe, expect, test } from 'vitest';
import { splitClearsigned } from './clearsigned.ts';

const SIGNATURE = ['-----BEGIN PGP SIGNATURE-----', '', 'AAAA', '=BBBB', '-----END PGP SIGNATURE-----'];

function document(parts: {
  before?: readonly string[];
  headers?: readonly string[];
  text?: readonly string[];
  signature?: readonly string[];
  after?: readonly string[];
}): Buffer {
  const {
    before = [],
    headers = ['Hash: SHA256'],
    text = ['Suite: a', 'b'],
    signature = SIGNATURE,
    after = [''],
  } = parts;
  const lines = [
    ...before,
    '-----BEGIN PGP SIGNED MESSAGE-----',
    ...headers,
    '',
    ...text,
    ...signature,
    ...after,
  ];
  return Buffer.from(lines.join('\n'));
}

describe('one signed document', () => {
  test('gives its text without the last line break, and its signature', () => {
    const parts = splitClearsigned(document({}), 'x');
    expect(parts).toEqual({ text: 'Suite: a\nb', signature: `${SIGNATURE.join('\n')}\n` });
  });

  test('dashes are unescaped, trailing blanks are not signed', () => {
    const text = ['- -----BEGIN PGP SIGNATURE-----', '- - a', 'b \t', '', 'c\r'];
    expect(splitClearsigned(document({ text }), 'x').text).toBe('-----BEGIN PGP SIGNATURE-----\n- a\nb\n\nc');
  });

  test('a line of blanks takes no longer than another of its length', () => {
    const blanks = ' '.repeat(100_000);
    const start = performance.now();
    const { text } = splitClearsigned(document({ text: [`a${blanks}b${blanks}`] }), 'x');
    expect(text).toBe(`a${blanks}b`);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test('every byte value survives', () => {
    const text = ['ü € 𝄞'];
    expect(Buffer.from(splitClearsigned(document({ text }), 'x').text, 'latin1').toString('utf8')).toBe(
      text[0],
    );
  });
});

test.each([
  ['plain text', Buffer.from('Suite: a\n')],
  ['nothing', Buffer.alloc(0)],
  ['text before it', document({ before: ['Suite: evil'] })],
  ['a blank line before it', document({ before: [''] })],
  ['text after it', document({ after: ['Suite: evil', ''] })],
  ['a second document after it', document({ after: document({}).toString().split('\n') })],
  ['an unknown armour header', document({ headers: ['Hash: SHA256', 'NotDashEscaped: yes'] })],
  ['text hidden in the headers', document({ headers: ['Suite: evil'] })],
  ['no signature', document({ signature: [] })],
  ['half a signature', document({ signature: SIGNATURE.slice(0, 3) })],
  ['an unescaped dash', document({ text: ['-----BEGIN PGP SIGNED MESSAGE-----'] })],
])('%s → index-signature', (_name, bytes) => {
  expect(() => splitClearsigned(bytes, 'x')).toThrowError(
    expect.objectContaining({ code: 'index-signature', exitCode: 5 }),
  );
});
