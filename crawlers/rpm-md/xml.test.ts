import { describe, expect, test } from 'vitest';
import { childrenOf, findChild, parseXml, requireAttribute, requireChild } from './xml.ts';

const parse = (text: string) => parseXml(Buffer.from(text), 'x');

describe('values', () => {
  test('stay strings, with references decoded once and white space at the ends cut', () => {
    const root = parse('<a v="1.0" w=\'&lt;&quot;&#43;&#x2B;"\'> 010 <b/>&amp;lt;<![CDATA[&amp;<c>]]> </a>');
    expect(root.attributes).toEqual(
      new Map([
        ['v', '1.0'],
        ['w', '<"++"'],
      ]),
    );
    expect(root.text).toBe('010 &lt;&amp;<c>');
    expect(root.children).toEqual([{ name: 'b', attributes: new Map(), children: [], text: '' }]);
  });

  test('comments and processing instructions are no content', () => {
    const root = parse('<?xml version="1.0"?><!-- <z/> --><a><?php <q/> ?>1<!-- 2 <b/> -->3</a>');
    expect(root).toEqual({ name: 'a', attributes: new Map(), children: [], text: '13' });
  });

  test('a byte order mark is none either', () => {
    expect(parse('\ufeff<a/>').name).toBe('a');
  });

  test('65,000 references are no attack', () => {
    expect(parse(`<a>${'&amp;'.repeat(65_000)}</a>`).text).toBe('&'.repeat(65_000));
  });
});

describe('prefixes', () => {
  const root = parse('<m:a xmlns:m="u"><m:b>1</m:b><b>2</b><x:b>3</x:b></m:a>');

  test('a child has its parent’s', () => {
    expect(childrenOf(root, 'b').map(({ text }) => text)).toEqual(['1']);
  });

  test('a missing child, a second one and a missing attribute → index-malformed', () => {
    expect(findChild(root, 'c', 'x')).toBeUndefined();
    expect(() => requireChild(root, 'c', 'x')).toThrow('x: has no <c> in <m:a>');
    expect(() => findChild(parse('<a><b/><b/></a>'), 'b', 'x')).toThrow('x: has 2 <b> in one <a>');
    expect(() => requireAttribute(root, 'v', 'x')).toThrow('x: has no v in <m:a>');
  });
});

test.each([
  ['nothing', ''],
  ['no element', '<!-- -->'],
  ['two roots', '<a/><b/>'],
  ['text behind the root', '<a/>x'],
  ['text before the root', 'x<a/>'],
  ['an element without end', '<a><b></a>'],
  ['an end without element', '<a></b></a>'],
  ['an end that is not there', '<a><b>'],
  ['an attribute without value', '<a b/>'],
  ['an attribute without quotes', '<a b=1/>'],
  ['an attribute twice', '<a b="1" b="2"/>'],
  ['a document type', '<!DOCTYPE a><a/>'],
  ['entities of its own', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
  ['a file as an entity', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
  ['an undefined entity', '<a>&nbsp;</a>'],
  ['an undefined entity in an attribute', '<a b="&nbsp;"/>'],
  ['an ampersand alone', '<a>a & b</a>'],
  ['a reference to no character', '<a>&#0;</a>'],
  ['a reference to half a character', '<a>&#xD800;</a>'],
  ['a reference beyond Unicode', '<a>&#x110000;</a>'],
  ['a comment without end', '<a><!-- </a>'],
  ['character data without end', '<a><![CDATA[ </a>'],
  ['an encoding that is not UTF-8', '<?xml version="1.0" encoding="UTF-16"?><a/>'],
  ['a name that means something to JavaScript', '<a><__proto__>1</__proto__></a>'],
  ['too much nesting', '<a>'.repeat(1000) + '</a>'.repeat(1000)],
])('%s → index-malformed', (_, text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'index-malformed' }));
});

test('bytes that are no UTF-8 → index-malformed', () => {
  for (const bytes of [Buffer.from([0x3c, 0xe4, 0x2f, 0x3e]), Buffer.from('\ufeff<a/>', 'utf16le')]) {
    expect(() => parseXml(bytes, 'x')).toThrow('x: is not in UTF-8');
  }
});
