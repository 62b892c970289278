/** Damaged documents end in a value or in an error of the index, never in anything else. */

import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BtfmillError } from '../../errors/index.ts';
import { parseMetalink } from './metalink.ts';
import { parseMirrorList } from './mirror-list.ts';
import { readPrimaryXml } from './primary-xml.ts';
import { parseRepomd } from './repomd.ts';

const SHA256 = 'ab'.repeat(32);
const METALINK = `<?xml version="1.0" encoding="utf-8"?><metalink xmlns:mm0="m"><files><file name="repomd.xml">
<mm0:timestamp>1700000000</mm0:timestamp><size>4567</size><verification><hash type="sha256">${SHA256}</hash></verification>
<mm0:alternates><mm0:alternate><verification><hash type="sha256">${SHA256}</hash></verification></mm0:alternate></mm0:alternates>
<resources><url protocol="https" preference="100">https://a.example/repodata/repomd.xml</url></resources></file></files></metalink>`;
const PRIMARY = `<?xml version='1.0' encoding="UTF-8"?><metadata packages="2"><!-- <package> --><package type="rpm">
<name>kernel</name><arch>x86_64</arch><version epoch="0" ver="1" rel='2'/><checksum type="sha256">${SHA256}</checksum>
<description><![CDATA[</package>]]> &lt;&#x41;</description><time build="1"/><size package="3"/><location xml:base="../x" href="a.rpm"/>
<format><rpm:sourcerpm>b.src.rpm</rpm:sourcerpm></format></package><package><name>bash</name></package></metadata>`;

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}`, import.meta.url));

async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 97) yield bytes.subarray(start, start + 97);
}

const READERS: readonly [string, Buffer, (bytes: Buffer) => unknown][] = [
  ['repomd.xml', fixture('repomd.amzn2.xml'), (bytes) => parseRepomd(bytes, 'x')],
  ['a metalink', Buffer.from(METALINK), (bytes) => parseMetalink(bytes, 'x')],
  [
    'a mirror list',
    fixture('mirror-list.amzn1.txt'),
    (bytes) => parseMirrorList(bytes.toString(), 'http://repo.example/x', ['packages.*.amazonaws.com']),
  ],
  [
    'primary.xml',
    Buffer.from(PRIMARY),
    (bytes) => {
      const origin = { where: 'x', bases: ['https://a.example/'], allowedHosts: [] };
      return readPrimaryXml(pieces(bytes), origin, () => true);
    },
  ],
];

/** Pieces that mean something to these formats, and a few bytes that mean nothing. */
const TOKENS = [
  '<',
  '>',
  '</',
  '/>',
  '"',
  "'",
  '&',
  '&#0;',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<!DOCTYPE',
  '<?',
  '\0',
  '\xff',
  ':',
  '-1',
  '\n',
];

const damage = fc.array(
  fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    fc.constantFrom('cut', 'drop', ...TOKENS),
  ),
  { minLength: 1, maxLength: 4 },
);

function apply(bytes: Buffer, changes: readonly (readonly [number, string])[]): Buffer {
  let changed = bytes;
  for (const [place, what] of changes) {
    const at = Math.floor(place * changed.length);
    if (what === 'cut') changed = changed.subarray(0, at);
    else {
      const inserted = what === 'drop' ? [] : [Buffer.from(what, 'latin1')];
      changed = Buffer.concat([
        changed.subarray(0, at),
        ...inserted,
        changed.subarray(at + (what === 'drop' ? 5 : 1)),
      ]);
    }
  }
  return changed;
}

test.each(READERS)('%s', async (_, sound, read) => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      try {
        await read(apply(sound, changes));
      } catch (error) {
        expect(error).toBeInstanceOf(BtfmillError);
        expect(['index-malformed', 'index-unsafe-path']).toContain((error as BtfmillError).code);
        refused += 1;
      }
    }),
    { numRuns: 1500 },
  );
  expect(refused).toBeGreaterThan(100);
});
