import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStanza, readStanzas, requiredField, type Stanza } from './stanza.ts';

describe('one stanza', () => {
  test('fields by lower-case name, continuation lines without their blank', () => {
    const stanza = parseStanza('Package:  a \nSHA256:\n one\n\ttwo\n  three\nEmpty:\n', 'x');
    expect([...stanza]).toEqual([
      ['package', 'a'],
      ['sha256', '\none\ntwo\n three'],
      ['empty', ''],
    ]);
  });

  test('a value may hold colons, a comment is no field', () => {
    expect(parseStanza('# a: b\nHomepage: https://x/', 'x').get('homepage')).toBe('https://x/');
  });

  test('names of Object’s own members are names like others', () => {
    const stanza = parseStanza('__proto__: a\nconstructor: b', 'x');
    expect([stanza.get('__proto__'), stanza.get('constructor'), stanza.get('tostring')]).toEqual([
      'a',
      'b',
      undefined,
    ]);
  });

  test.each([
    ['a line without a colon', 'Package: a\nnonsense'],
    ['a line that starts with a colon', ': a'],
    ['a continuation of nothing', ' a\nPackage: a'],
    ['a field that comes twice', 'Package: a\nPACKAGE: b'],
  ])('%s → index-malformed', (_name, text) => {
    expect(() => parseStanza(text, 'x')).toThrowError(expect.objectContaining({ code: 'index-malformed' }));
  });

  test('a required field that is missing is named with its package', () => {
    const stanza = parseStanza('Package: a\nSize:', 'Packages');
    expect(requiredField(stanza, 'Package', 'Packages')).toBe('a');
    expect(() => requiredField(stanza, 'Size', 'Packages')).toThrow('Packages: a: no Size field');
  });
});

describe('a stream of stanzas', () => {
  test('a defective stanza takes nothing from its neighbours', async () => {
    const text = 'Package: a\nSize: 1\n\nPackage: b\n\n\nPackage: c\nSize: 3\n';
    const stanzas = await collect(text, text.length);
    expect(stanzas.map((stanza) => Object.fromEntries(stanza))).toEqual([
      { package: 'a', size: '1' },
      { package: 'b' },
      { package: 'c', size: '3' },
    ]);
  });

  test('only wanted ones are parsed', async () => {
    const text = 'nonsense that is no field\n\nPackage: linux-image-1\n';
    const stanzas = await collect(text, 7, (bytes) => bytes.includes('linux-image-'));
    expect(stanzas.map((stanza) => stanza.get('package'))).toEqual(['linux-image-1']);
  });

  test('the same stanzas whatever the chunks, with and without a last line break', async () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 });
    const stanza = fc.uniqueArray(name, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(stanza, { maxLength: 5 }),
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom('', '\n', '\n\n\n'),
        async (names, chunkBytes, end) => {
          const text =
            names.map((fields) => fields.map((field) => `${field}: ü`).join('\n')).join('\n\n') + end;
          const stanzas = await collect(text, chunkBytes);
          expect(stanzas.map((found) => [...found.keys()])).toEqual(names);
          expect(stanzas.every((found) => [...found.values()].every((value) => value === 'ü'))).toBe(true);
        },
      ),
    );
  });

  test('a stanza of megabytes in small pieces is not read over and over', async () => {
    const started = performance.now();
    const text = `a: ${'x'.repeat(15_000_000)}\n\nb: 1\n`;
    expect((await collect(text, 4096)).map((found) => [...found.keys()])).toEqual([['a'], ['b']]);
    // It took minutes.
    expect(performance.now() - started).toBeLessThan(5000);
  }, 300_000);

  test('a stanza without end → index-malformed', async () => {
    await expect(collect('a: '.padEnd(17 * 1024 * 1024, 'x'), 1024 * 1024)).rejects.toMatchObject({
      code: 'index-malformed',
    });
  });
});

async function collect(
  text: string,
  chunkBytes: number,
  isWanted: (bytes: Buffer) => boolean = () => true,
): Promise<Stanza[]> {
  const stanzas: Stanza[] = [];
  for await (const stanza of readStanzas(chunksOf(Buffer.from(text), chunkBytes), 'x', isWanted)) {
    stanzas.push(stanza);
  }
  return stanzas;
}

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
