import { describe, expect, test } from 'vitest';
import { parseMetalink } from './metalink.ts';

const NEW = 'ab'.repeat(32);
const OLD = 'cd'.repeat(32);

/** As MirrorManager writes it. */
const METALINK = `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="Fri, 20 Nov 2026 10:00:00 GMT" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
   <mm0:timestamp>1700000000</mm0:timestamp>
   <size>4567</size>
   <verification>
    <hash type="md5">0123</hash>
    <hash type="sha1">4567</hash>
    <hash type="sha256">${NEW}</hash>
    <hash type="sha512">${'ef'.repeat(64)}</hash>
   </verification>
   <mm0:alternates>
    <mm0:alternate>
     <mm0:timestamp>1690000000</mm0:timestamp>
     <size>4444</size>
     <verification>
      <hash type="sha256">${OLD}</hash>
     </verification>
    </mm0:alternate>
   </mm0:alternates>
   <resources maxconnections="1">
    <url protocol="rsync" type="rsync" location="DE" preference="100">rsync://a.example/debug/repodata/repomd.xml</url>
    <url protocol="http" type="http" location="DE" preference="98">http://b.example/debug/repodata/repomd.xml</url>
    <url protocol="https" type="https" location="DE" preference="100">https://a.example/debug/repodata/repomd.xml</url>
    <url protocol="https" type="https" location="US" preference="98">https://c.example/x/debug/repodata/repomd.xml</url>
   </resources>
  </file>
 </files>
</metalink>
`;

const parse = (text: string) => parseMetalink(Buffer.from(text), 'x');
const change = (from: string | RegExp, to: string) => () => parse(METALINK.replace(from, to));

describe('what it says', () => {
  test('the versions, newest first, and the mirrors on the web, best first', () => {
    expect(parse(METALINK)).toEqual({
      versions: [{ digests: [`sha256:${NEW}`, `sha512:${'ef'.repeat(64)}`] }, { digests: [`sha256:${OLD}`] }],
      bases: ['https://a.example/debug/', 'http://b.example/debug/', 'https://c.example/x/debug/'],
    });
  });

  test('hashes in capitals or with a dash, no preference, no alternates, one mirror twice', () => {
    const text = METALINK.replace(/<mm0:alternates>[\s\S]*<\/mm0:alternates>/, '')
      .replace(NEW, NEW.toUpperCase())
      .replace('"sha256"', '"SHA-256"')
      .replace(/ preference="100">https/, '>https')
      .replace('https://c.example/x/', 'http://b.example/');
    expect(parse(text)).toMatchObject({
      versions: [{ digests: [`sha256:${NEW}`, expect.anything()] }],
      bases: ['http://b.example/debug/', 'https://a.example/debug/'],
    });
  });

  test('an older version that only weak hashes describe is none', () => {
    const weak = METALINK.replace(`<hash type="sha256">${OLD}`, '<hash type="md5">0123');
    expect(parse(weak)?.versions).toHaveLength(1);
  });

  test('the answer for a repository that nobody has', () => {
    expect(
      parse(
        '<metalink version="3.0" xmlns="http://www.metalinker.org/"><!-- invalid repo or arch --></metalink>',
      ),
    ).toBeUndefined();
  });
});

describe('malformed', () => {
  test.each([
    ['no XML', () => parse('# repo = x error: invalid repo'), 'no sound XML'],
    ['another document', () => parse('<repomd/>'), 'is <repomd>, not a metalink'],
    ['Metalink 4', () => parse('<metalink><file name="repomd.xml"/></metalink>'), 'has no <files>'],
    ['another file', change('"repomd.xml"', '"repomd.xml.asc"'), 'does not list repomd.xml'],
    [
      'no hash worth the name',
      change(/<hash type="sha(256|512)">.*\n.*<hash type="sha512">.*/, ''),
      'without a SHA-256',
    ],
    ['no verification', change(/<verification>[\s\S]*?<\/verification>/, ''), 'without a SHA-256'],
    ['an alternate without hash', change(OLD, ''), 'has the sha256 ""'],
    ['a hash that is too short', change('abab', 'ab'), 'has the sha256'],
    ['a hash without type', change(' type="sha256"', ''), 'has no type'],
    ['no resources', change(/<resources[\s\S]*<\/resources>/, ''), 'has no <resources>'],
    ['no mirror on the web', change(/<url protocol="http[\s\S]*<\/url>/, ''), 'lists no mirror on the web'],
    [
      'a mirror of something else',
      change('https://a.example/debug/repodata/repomd.xml', 'https://a.example/'),
      'has the mirror',
    ],
    ['a mirror that is no URL', change('https://a.example/', 'https://[a/'), 'has the mirror'],
    ['a mirror without a host', change('https://a.example/debug/', 'http:///'), 'has the mirror'],
    ['a mirror with credentials', change('https://a.example/', 'https://u:p@a.example/'), 'has the mirror'],
    ['a mirror behind a question', change('https://a.example/', 'https://a.example/?'), 'has the mirror'],
    ['a preference that is none', change('"98"', '"best"'), 'has the preference "best"'],
    ['a preference beyond 100', change('"98"', '"101"'), 'has the preference "101"'],
  ])('%s', (_, parsing, message) => {
    expect(parsing).toThrow(expect.objectContaining({ code: 'index-malformed' }));
    expect(parsing).toThrow(message);
  });
});
