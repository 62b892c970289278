import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseRepomd } from './repomd.ts';

const SHA256 = 'ab'.repeat(32);
const PRIMARY = `<data type="primary">
  <checksum type="sha256">${SHA256}</checksum>
  <open-checksum type="sha512">${'cd'.repeat(64)}</open-checksum>
  <location href="repodata/x-primary.xml.gz"/>
  <timestamp>1700000000</timestamp>
  <size>123</size>
  <open-size>4567</open-size>
</data>`;

const document = (data: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
<revision>17</revision>${data}</repomd>`;
const parse = (data: string) => parseRepomd(Buffer.from(document(data)), 'x');
const change = (from: string | RegExp, to: string) => () => parse(PRIMARY.replace(from, to));

describe('what it says', () => {
  test('of primary.xml', () => {
    expect(parse(PRIMARY)).toEqual({
      revision: '17',
      date: new Date('2023-11-14T22:13:20Z'),
      primary: {
        form: 'xml',
        compression: '.gz',
        href: 'repodata/x-primary.xml.gz',
        base: undefined,
        digest: `sha256:${SHA256}`,
        sizeBytes: 123,
        openDigest: `sha512:${'cd'.repeat(64)}`,
        openSizeBytes: 4567,
      },
    });
  });

  test('Amazon Linux 1 and 2 have a database only', () => {
    const read = (name: string) =>
      parseRepomd(readFileSync(new URL(`./fixtures/${name}`, import.meta.url)), name);
    expect(read('repomd.amzn1.xml')).toEqual({
      revision: '1568754421',
      date: new Date(1_568_754_421_000),
      primary: {
        form: 'sqlite',
        compression: '.bz2',
        href: 'repodata/primary.sqlite.bz2',
        base: undefined,
        digest: 'sha256:8931ecdd9407bf434f4051229d5cff68bcdcda48d7a5f7706daac385b20f95ac',
        sizeBytes: 2_290_399,
        openDigest: 'sha256:9d9316bd4547223b17fc6c8ff26f30c62e2e1eba5860062418e0b2d008fe8c7b',
        openSizeBytes: 11_587_584,
      },
    });
    expect(read('repomd.amzn2.xml').primary).toMatchObject({
      form: 'sqlite',
      compression: '.gz',
      href: 'repodata/primary.sqlite.gz',
      sizeBytes: 34_874_486,
    });
  });

  test('sizes, the open checksum and times may be missing', () => {
    const bare = PRIMARY.replaceAll(/<(open-checksum|size|open-size|timestamp).*\n/g, '').replace(
      '</data>',
      '</data>',
    );
    expect(parse(bare)).toMatchObject({
      date: undefined,
      primary: { sizeBytes: undefined, openDigest: undefined, openSizeBytes: undefined },
    });
    expect(parseRepomd(Buffer.from(`<repomd>${PRIMARY}</repomd>`), 'x').revision).toBeUndefined();
  });

  test('an old type of checksum, single quotes, prefixes, another base, fractions of a second', () => {
    const text = `<r:repomd xmlns:r='u'><r:data type='primary'>
      <r:location xml:base='https://other.example/x' href='primary.xml'/>
      <r:checksum type='sha'>${'AB'.repeat(20)}</r:checksum><r:timestamp>1318510560.62</r:timestamp>
    </r:data></r:repomd>`;
    expect(parseRepomd(Buffer.from(text), 'x')).toMatchObject({
      date: new Date(1_318_510_560_620),
      primary: {
        base: 'https://other.example/x',
        compression: '',
        digest: `sha1:${'ab'.repeat(20)}`,
      },
    });
  });

  test.each([['.xz'], ['.zst'], ['.bz2'], ['']])('primary.xml%s', (compression) => {
    expect(change('.gz', compression)().primary.compression).toBe(compression);
  });
});

describe('choice', () => {
  const other = (type: string, href: string) =>
    PRIMARY.replace('"primary"', `"${type}"`).replace(/href="[^"]*"/, `href="${href}"`);

  test('the XML goes before the database, whatever their order', () => {
    expect(parse(other('primary_db', 'p.sqlite.xz') + PRIMARY).primary.form).toBe('xml');
  });

  test('zchunk is never read', () => {
    expect(parse(other('primary_zck', 'p.xml.zck') + PRIMARY).primary.compression).toBe('.gz');
    expect(() => parse(other('primary_zck', 'p.xml.zck'))).toThrow('lists no primary or primary_db');
  });

  test('a compression that nobody knows leaves the database', () => {
    const { primary } = parse(other('primary', 'p.xml.lz4') + other('primary_db', 'p.sqlite.xz'));
    expect(primary).toMatchObject({ form: 'sqlite', compression: '.xz' });
  });

  test('what is wrong with entries of other types is not looked at', () => {
    expect(parse(`${PRIMARY}<data type="other"/><data/>`).primary.form).toBe('xml');
  });
});

describe('malformed', () => {
  test.each([
    ['no XML', () => parseRepomd(Buffer.from('404 Not Found'), 'x'), 'no sound XML'],
    ['another document', () => parseRepomd(Buffer.from('<metalink/>'), 'x'), 'is <metalink>, not a repomd'],
    ['no list of packages', () => parse(''), 'lists no primary or primary_db'],
    ['two', () => parse(PRIMARY + PRIMARY), 'lists primary 2 times'],
    ['no location', change(/<location.*/, ''), 'has no <location>'],
    ['no href', change(/href="[^"]*"/, ''), 'has no href'],
    ['no checksum', change(/<checksum.*/, ''), 'has no <checksum>'],
    ['two checksums', change(/<checksum.*/, '$&$&'), 'has 2 <checksum>'],
    ['a checksum without type', change(' type="sha256"', ''), 'has no type in <checksum>'],
    ['a checksum of type md5', change('"sha256"', '"md5"'), 'has the "md5" checksum'],
    ['a checksum that is too short', change('abab', 'ab'), 'has the "sha256" checksum'],
    ['a checksum that is no hex', change('abab', 'abxy'), 'has the "sha256" checksum'],
    ['an open checksum of type md5', change('"sha512"', '"md5"'), 'has the "md5" checksum'],
    ['a size that is none', change('>123<', '>-1<'), 'has the <size> "-1"'],
    ['a size beyond all numbers', change('>123<', `>${'9'.repeat(20)}<`), 'has the <size>'],
    ['an open size that is none', change('>4567<', '>4 kB<'), 'has the <open-size>'],
    ['a time that is none', change('1700000000', 'today'), 'has the <timestamp> "today"'],
    ['two revisions', () => parse(`<revision>18</revision>${PRIMARY}`), 'has 2 <revision>'],
  ])('%s', (_, parsing, message) => {
    expect(parsing).toThrow(expect.objectContaining({ code: 'index-malformed' }));
    expect(parsing).toThrow(message);
  });
});
