import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPackageScanner } from './package-scanner.ts';

const isKernel = (name: string) => name.startsWith('kernel');
const PADDING = `<!--${'x'.repeat(300)}-->`;
const wrap = (packages: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>${PADDING}<metadata>${packages}</metadata>`;

/** What a scanner makes of a text that comes in pieces of so many bytes. */
function scan(text: string, pieceBytes = Number.MAX_SAFE_INTEGER): string[] {
  const scanner = createPackageScanner(isKernel, 'x');
  const bytes = Buffer.from(text);
  const found: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    found.push(...scanner.feed(bytes.subarray(start, start + pieceBytes)));
  }
  found.push(...scanner.end());
  return found.map((element) => Buffer.from(element).toString());
}

const KERNEL = '<package type="rpm"><name>kernel</name><arch>x86_64</arch></package>';
const BASH = '<package type="rpm"><name>bash</name></package>';

describe('finds the wanted packages', () => {
  test.each([
    ['alone', KERNEL],
    ['with the name last', '<package><arch/><format><name>bash</name></format><name>kernel</name></package>'],
    ['with blanks around the name', '<package\n type="rpm"\n>\n<name >\n kernel\n</name\n></package\n>'],
    ['under a prefix', '<m:package><m:name>kernel</m:name></m:package>'],
    [
      'with names of another prefix before',
      '<package><rpm:name>bash</rpm:name><name>kernel</name></package>',
    ],
    [
      'with markup in quotes',
      `<package a='</package>' b="<name>bash</name>'"><name a=">">kernel</name></package>`,
    ],
    [
      'with a comment that looks like a package',
      `<package><!-- <name>bash</name></package> --><name>kernel</name></package>`,
    ],
    [
      'with character data that looks like its end',
      '<package><name>kernel</name><description><![CDATA[</package><package>]]></description></package>',
    ],
    [
      'with an instruction that looks like its end',
      '<package><name>kernel</name><?php </package> ?></package>',
    ],
    [
      'with packages inside',
      '<package><name>kernel</name><format><package><name>bash</name></package></format></package>',
    ],
    ['with an empty element', '<package><url/><name>kernel</name><packager/></package>'],
    ['with a name that the XML parser has to decode', '<package><name>&#107;ernel</name></package>'],
    [
      'with letters of several bytes',
      '<package><summary>Kernel für α</summary><name>kernel</name></package>',
    ],
  ])('%s', (_, element) => {
    const text = wrap(element);
    for (const pieceBytes of [1, 2, 3, 7, 64, text.length]) expect(scan(text, pieceBytes)).toEqual([element]);
  });

  test('between others', () => {
    expect(scan(wrap(BASH + KERNEL + BASH + KERNEL))).toEqual([KERNEL, KERNEL]);
  });

  test('in a document shorter than any declaration, and with a byte order mark', () => {
    expect(scan(`<metadata>${KERNEL}</metadata>`)).toEqual([KERNEL]);
    expect(scan(`\ufeff<metadata>${KERNEL}</metadata>`, 5)).toEqual([KERNEL]);
    expect(scan('<metadata packages="0"/>')).toEqual([]);
  });

  test.each([
    ['another name', BASH],
    ['in a comment', `<!-- ${KERNEL} -->`],
    ['in character data', `<![CDATA[${KERNEL}]]>`],
    ['in an instruction', `<?x ${KERNEL} ?>`],
    ['deeper than a package', `<group>${KERNEL}</group>`],
    ['in an element that only begins so', KERNEL.replaceAll('package', 'packages')],
    ['named in a child', '<package><name>bash</name><format><name>kernel</name></format></package>'],
    ['named second', '<package><name>bash</name><name>kernel</name></package>'],
    ['with an empty name', '<package><name/><arch>kernel</arch></package>'],
    ['named in an attribute', '<package><name kernel="kernel">bash</name></package>'],
  ])('not: %s', (_, element) => {
    for (const pieceBytes of [1, 64, 10_000]) expect(scan(wrap(element), pieceBytes)).toEqual([]);
  });

  test('whatever the pieces', () => {
    const text = wrap([KERNEL, BASH, `<!-- ${KERNEL} -->`, KERNEL, '<x a="\'>"/>', BASH].join('\n'));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const scanner = createPackageScanner(isKernel, 'x');
        const bytes = Buffer.from(text);
        let count = 0;
        for (let start = 0, index = 0; start < bytes.length; index += 1) {
          const size = sizes[index % sizes.length];
          count += scanner.feed(bytes.subarray(start, start + size)).length;
          start += size;
        }
        expect(count + scanner.end().length).toBe(2);
      }),
    );
  });

  test('what it gave stays as it was when it reads on', () => {
    const scanner = createPackageScanner(isKernel, 'x');
    const [first] = scanner.feed(Buffer.from(`<metadata>${PADDING}${KERNEL}`));
    scanner.feed(Buffer.from(BASH.repeat(1000)));
    expect(Buffer.from(first).toString()).toBe(KERNEL);
  });
});

describe('malformed', () => {
  test.each([
    ['nothing', '', 'ends before'],
    ['a page that is none', '404 Not Found', 'ends before'],
    ['another document', `<repomd>${KERNEL}</repomd>`, 'begins with "<repomd>'],
    ['a document type', wrap('').replace('<metadata>', '<!DOCTYPE metadata><metadata>'), 'document type'],
    ['a document type inside', wrap('<!ENTITY a "b">'), 'document type'],
    ['an encoding that is not UTF-8', wrap('').replace('UTF-8', 'ISO-8859-1'), 'is in "ISO-8859-1"'],
    ['a second root', `${wrap('')}<metadata/>`, 'second root'],
    ['an end too many', `${wrap('')}</metadata>`, 'end tag too many'],
    ['the root is open', '<metadata><package><name>a</name></package>', 'ends before'],
    ['a package is open', '<metadata><package><name>a</name>', 'ends before'],
    ['a tag is open', `${wrap('')}<a`, 'ends before'],
    ['a tag has only begun', `${wrap('')}<`, 'ends before'],
    ['quotes are open', '<metadata a="></metadata>', 'ends before'],
    ['a comment is open', `${wrap('')}<!-- `, 'ends before'],
    ['character data is open', wrap('<![CDATA[ '), 'ends before'],
    ['a tag inside a tag', wrap('<a <b>'), 'tag inside a tag'],
    ['a package without name', wrap('<package><arch/></package>'), 'without a <name>'],
    ['an empty package', wrap('<package/>'), 'without a <name>'],
    ['too deep', wrap('<a>'.repeat(40)), 'nested deeper than 32'],
  ])('%s', (_, text, message) => {
    for (const pieceBytes of [1, 64, 10_000]) {
      expect(() => scan(text, pieceBytes)).toThrow(expect.objectContaining({ code: 'index-malformed' }));
      expect(() => scan(text, pieceBytes)).toThrow(message);
    }
  });

  test.each([
    ['comment', '<!--', '-->'],
    ['tag', '<a b="', '"/>'],
    ['package', '<package><name>a</name>', '</package>'],
  ])(
    'a %s of megabytes in small pieces is not read over and over',
    (_, start, end) => {
      const scanner = createPackageScanner(isKernel, 'x');
      const piece = Buffer.alloc(4096, 'x');
      const started = performance.now();
      scanner.feed(Buffer.from(`<metadata>${PADDING}${start}`));
      for (let bytes = 0; bytes < 15_000_000; bytes += piece.length) scanner.feed(piece);
      const found = scanner.feed(Buffer.from(`${end}${KERNEL}</metadata>`));
      expect(found.length + scanner.end().length).toBe(1);
      // It took minutes.
      expect(performance.now() - started).toBeLessThan(5000);
    },
    300_000,
  );

  test('an element without end is not kept for ever', () => {
    const scanner = createPackageScanner(isKernel, 'x');
    scanner.feed(Buffer.from(`<metadata>${PADDING}<package>`));
    const piece = Buffer.alloc(1024 * 1024, 0x20);
    expect(() => {
      for (let count = 0; count < 100; count += 1) scanner.feed(piece);
    }).toThrow('element of more than 16777216 bytes');
  });
});

test('100,000 packages are read without being held', () => {
  const other = `<package type="rpm"><name>bash</name><description>${'&lt;x'.repeat(180)}</description></package>\n`;
  const scanner = createPackageScanner(isKernel, 'x');
  const chunk = Buffer.from(other.repeat(100));
  scanner.feed(Buffer.from(`<metadata>${PADDING}`));
  const before = process.memoryUsage.rss();
  let peak = before;
  let found = 0;
  for (let count = 0; count < 1000; count += 1) {
    found += scanner.feed(chunk).length;
    if (count % 100 === 0) found += scanner.feed(Buffer.from(KERNEL)).length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  scanner.feed(Buffer.from('</metadata>'));
  scanner.end();
  expect(found).toBe(10);
  expect(chunk.length * 1000).toBeGreaterThan(90_000_000);
  expect(peak - before).toBeLessThan(80 * 1024 * 1024);
});
