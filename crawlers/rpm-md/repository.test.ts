import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import type { HttpRequestOptions } from '../http/client.ts';
import {
  openRepository,
  type RepositoryAnchor,
  type RepositoryLocation,
  type RepositoryPolicy,
} from './index.ts';

const PLAIN: RepositoryPolicy = { keyrings: [], repomdSignature: 'none', insecure: false };
const METALINK = 'https://mirrors.example/metalink?repo=debug&arch=x86_64';
const LIST = 'https://cdn.example/core/mirror.list';

const repomd = (revision: number) => `<repomd><revision>${revision}</revision><data type="primary">
  <checksum type="sha256">${'ab'.repeat(32)}</checksum><location href="repodata/primary.xml.gz"/>
  <timestamp>${1_700_000_000 + revision}</timestamp></data></repomd>`;
const hash = (text: string, algorithm = 'sha256') => createHash(algorithm).update(text).digest('hex');
const version = (text: string, algorithm = 'sha256') =>
  `<verification><hash type="${algorithm}">${hash(text, algorithm)}</hash></verification>`;

/** The newest version, older ones, and mirrors, the best first. */
function metalink(newest: string, alternates: readonly string[], mirrors: readonly string[]): string {
  const older = alternates.map((text) => `<mm0:alternate>${version(text)}</mm0:alternate>`).join('');
  const urls = mirrors.map(
    (base, index) => `<url protocol="https" preference="${100 - index}">${base}repodata/repomd.xml</url>`,
  );
  return `<metalink xmlns:mm0="m"><files><file name="repomd.xml">${version(newest)}
    <mm0:alternates>${older}</mm0:alternates><resources>${urls.join('')}</resources></file></files></metalink>`;
}

const setUp = async () => createFakeWeb(await tempDirForTest('repository'));
const at = (
  kind: RepositoryAnchor['kind'],
  url: string,
  allowedHosts: readonly string[] = [],
): RepositoryLocation => ({
  name: 'debug',
  anchor: { kind, url },
  allowedHosts,
});
const open = (web: FakeWeb, location: RepositoryLocation, policy: Partial<RepositoryPolicy> = {}) =>
  openRepository(location, { ...PLAIN, ...policy }, web.context);

describe('by its base', () => {
  test('over HTTPS → tls-only, over HTTP → unanchored, without asking → insecure', async () => {
    const web = await setUp();
    web.put('https://a.example/x/repodata/repomd.xml', repomd(1));
    web.put('http://a.example/x/repodata/repomd.xml', repomd(2));
    expect(await open(web, at('base', 'https://a.example/x'))).toMatchObject({
      trust: 'tls-only',
      bases: ['https://a.example/x/'],
      repomdUrl: 'https://a.example/x/repodata/repomd.xml',
      repomdSha256: hash(repomd(1)),
      repomd: { revision: '1', date: new Date(1_700_000_001_000), primary: { compression: '.gz' } },
    });
    expect(await open(web, at('base', 'http://a.example/x/'))).toMatchObject({ trust: 'unanchored' });
    expect(await open(web, at('base', 'https://a.example/x/'), { insecure: true })).toMatchObject({
      trust: 'insecure',
    });
  });

  test('not there → undefined', async () => {
    expect(await open(await setUp(), at('base', 'https://a.example/x'))).toBeUndefined();
  });

  test('unreachable, refused and damaged ones say so', async () => {
    const web = await setUp();
    web.kill('dead.example');
    web.put('https://a.example/x/repodata/repomd.xml', 403);
    web.put('https://a.example/y/repodata/repomd.xml', '<html></html>');
    web.put('https://a.example/z/repodata/repomd.xml', ' '.repeat(4 * 1024 * 1024 + 1));
    await expect(open(web, at('base', 'https://dead.example/'))).rejects.toMatchObject({
      code: 'http-unreachable',
    });
    await expect(open(web, at('base', 'https://a.example/x'))).rejects.toMatchObject({
      code: 'http-refused',
    });
    await expect(open(web, at('base', 'https://a.example/y'))).rejects.toMatchObject({
      code: 'index-malformed',
    });
    await expect(open(web, at('base', 'https://a.example/z'))).rejects.toMatchObject({
      code: 'index-malformed',
    });
  });

  test('an unchanged repomd.xml costs headers only', async () => {
    const web = await setUp();
    web.put('https://a.example/x/repodata/repomd.xml', repomd(1));
    await open(web, at('base', 'https://a.example/x'));
    expect(web.validators.get('https://a.example/x/repodata/repomd.xml')?.etag).toBeDefined();
    expect(await open(web, at('base', 'https://a.example/x'))).toMatchObject({ repomd: { revision: '1' } });
  });
});

describe('by a metalink', () => {
  test('the newest from the best mirror; the others can serve packages', async () => {
    const web = await setUp();
    web.put(
      METALINK,
      metalink(repomd(2), [repomd(1)], ['https://a.example/', 'http://b.example/', 'https://c.example/']),
    );
    web.put('https://a.example/repodata/repomd.xml', repomd(2));
    expect(await open(web, at('metalink', METALINK))).toMatchObject({
      trust: 'tls-only',
      bases: ['https://a.example/', 'http://b.example/', 'https://c.example/'],
      repomd: { revision: '2' },
    });
    expect(web.log).toEqual([METALINK, 'https://a.example/repodata/repomd.xml']);
    expect(web.said).toEqual([]);
  });

  test('an HTTP mirror is as good, an HTTP metalink is not', async () => {
    const web = await setUp();
    const text = metalink(repomd(1), [], ['http://b.example/']);
    web.put(METALINK, text);
    web.put('http://mirrors.example/metalink', text);
    web.put('http://b.example/repodata/repomd.xml', repomd(1));
    expect(await open(web, at('metalink', METALINK))).toMatchObject({ trust: 'tls-only' });
    expect(await open(web, at('metalink', 'http://mirrors.example/metalink'))).toMatchObject({
      trust: 'unanchored',
    });
    expect(await open(web, at('metalink', METALINK), { insecure: true })).toMatchObject({
      trust: 'insecure',
    });
  });

  test('dead, empty, refusing, foreign and outdated mirrors are passed over for one with the newest', async () => {
    const web = await setUp();
    const mirrors = ['dead', 'empty', 'refusing', 'foreign', 'old', 'new', 'other'].map(
      (name) => `https://${name}.example/`,
    );
    web.put(METALINK, metalink(repomd(2), [repomd(1)], mirrors));
    web.kill('dead.example');
    web.put('https://refusing.example/repodata/repomd.xml', 403);
    web.put('https://foreign.example/repodata/repomd.xml', repomd(3));
    web.put('https://old.example/repodata/repomd.xml', repomd(1));
    web.put('https://new.example/repodata/repomd.xml', repomd(2));
    expect(await open(web, at('metalink', METALINK))).toMatchObject({
      bases: ['https://new.example/', 'https://other.example/'],
      repomd: { revision: '2' },
    });
    expect(web.said).toEqual([]);
  });

  test('an older version that is listed is taken when no mirror has the newest, and that is said', async () => {
    const web = await setUp();
    const mirrors = ['https://oldest.example/', 'https://old.example/', 'https://empty.example/'];
    web.put(METALINK, metalink(repomd(3), [repomd(2), repomd(1)], mirrors));
    web.put('https://oldest.example/repodata/repomd.xml', repomd(1));
    web.put('https://old.example/repodata/repomd.xml', repomd(2));
    expect(await open(web, at('metalink', METALINK))).toMatchObject({
      trust: 'tls-only',
      bases: ['https://old.example/'],
      repomd: { revision: '2' },
    });
    expect(web.said).toEqual([
      'debug: https://old.example/repodata/repomd.xml is older than the newest that its metalink lists',
    ]);
  });

  test('an unlisted version on every mirror → index-digest, and nothing of it is kept', async () => {
    const web = await setUp();
    web.put(METALINK, metalink(repomd(2), [repomd(1)], ['https://a.example/', 'https://b.example/']));
    web.put('https://a.example/repodata/repomd.xml', repomd(9));
    web.kill('b.example');
    await expect(open(web, at('metalink', METALINK))).rejects.toMatchObject({
      code: 'index-digest',
      message: expect.stringContaining('none of 2 mirrors can be used'),
    });
    expect([...web.validators.keys()]).toEqual([METALINK]);
  });

  test('a metalink that lags behind its mirrors is asked once more', async () => {
    const web = await setUp();
    web.put(METALINK, (attempt) => metalink(repomd(attempt), [], ['https://a.example/']));
    web.put('https://a.example/repodata/repomd.xml', repomd(2));
    expect(await open(web, at('metalink', METALINK))).toMatchObject({ repomd: { revision: '2' } });
  });

  test('every hash that is given has to match', async () => {
    const web = await setUp();
    const text = metalink(repomd(1), [], ['https://a.example/']);
    const both = (sha512: string) => text.replace('</hash>', `</hash><hash type="sha512">${sha512}</hash>`);
    web.put('https://a.example/repodata/repomd.xml', repomd(1));
    web.put(METALINK, both(hash(repomd(1), 'sha512')));
    expect(await open(web, at('metalink', METALINK))).toBeDefined();
    web.put(METALINK, both(hash(repomd(2), 'sha512')));
    await expect(open(web, at('metalink', METALINK))).rejects.toMatchObject({ code: 'index-digest' });
  });

  test('unknown to its redirector → undefined; on no mirror → undefined; unreachable → says so', async () => {
    const web = await setUp();
    expect(await open(web, at('metalink', METALINK))).toBeUndefined();
    web.put(METALINK, '<metalink><!-- error: invalid repo or arch --></metalink>');
    expect(await open(web, at('metalink', METALINK))).toBeUndefined();
    web.put(METALINK, metalink(repomd(1), [], ['https://a.example/', 'https://b.example/']));
    expect(await open(web, at('metalink', METALINK))).toBeUndefined();
    web.kill('b.example');
    await expect(open(web, at('metalink', METALINK))).rejects.toMatchObject({
      code: 'http-unreachable',
      retryable: true,
    });
    web.put(METALINK, '# no XML');
    await expect(open(web, at('metalink', METALINK))).rejects.toMatchObject({ code: 'index-malformed' });
  });

  test('no more than eight mirrors are asked', async () => {
    const web = await setUp();
    const mirrors = Array.from({ length: 20 }, (_, index) => `https://m${index}.example/`);
    web.put(METALINK, metalink(repomd(1), [], mirrors));
    for (const base of mirrors.slice(8)) web.put(`${base}repodata/repomd.xml`, repomd(1));
    expect(await open(web, at('metalink', METALINK))).toBeUndefined();
    expect(web.log).toHaveLength(9);
    web.put(`${mirrors[0]}repodata/repomd.xml`, repomd(1));
    expect((await open(web, at('metalink', METALINK)))?.bases).toEqual(mirrors.slice(0, 8));
  });
});

describe('by a mirror list', () => {
  test('a dead first mirror, then one with, then one without a slash', async () => {
    const web = await setUp();
    web.put(LIST, 'https://dead.example/a/\r\n\r\nhttps://b.example/b\nhttps://c.example/c/\n');
    web.kill('dead.example');
    web.put('https://b.example/b/repodata/repomd.xml', repomd(1));
    expect(await open(web, at('mirror-list', LIST, ['*.example']))).toMatchObject({
      trust: 'tls-only',
      bases: ['https://b.example/b/', 'https://c.example/c/'],
    });
  });

  test('there is less patience with a mirror while there are others', async () => {
    const web = await setUp();
    web.put(LIST, 'https://cdn.example/a\nhttps://cdn.example/b');
    const patience: unknown[] = [];
    const { http } = web.context;
    const watched = {
      ...http,
      request(url: string, options: HttpRequestOptions) {
        patience.push([url.slice('https://cdn.example/'.length), options.maxAttempts]);
        return http.request(url, options);
      },
    };
    await openRepository(at('mirror-list', LIST), PLAIN, { ...web.context, http: watched });
    expect(patience).toEqual([
      ['core/mirror.list', undefined],
      ['a/repodata/repomd.xml', 2],
      ['b/repodata/repomd.xml', undefined],
    ]);
  });

  test('a mirror that answers with a page is passed over', async () => {
    const web = await setUp();
    web.put(LIST, 'https://cdn.example/a\nhttps://cdn.example/b');
    web.put('https://cdn.example/a/repodata/repomd.xml', '<html><body>Welcome</body></html>');
    await expect(open(web, at('mirror-list', LIST))).rejects.toMatchObject({ code: 'index-malformed' });
    web.put('https://cdn.example/b/repodata/repomd.xml', repomd(1));
    expect(await open(web, at('mirror-list', LIST))).toMatchObject({ bases: ['https://cdn.example/b/'] });
  });

  test.each([
    [LIST, 'https://cdn.example/x', 'tls-only'],
    [LIST, 'http://cdn.example/x', 'unanchored'],
    [LIST.replace('https', 'http'), 'https://cdn.example/x', 'unanchored'],
  ])('%s names %s → %s', async (list, base, trust) => {
    const web = await setUp();
    web.put(list, base);
    web.put(`${base}/repodata/repomd.xml`, repomd(1));
    expect(await open(web, at('mirror-list', list))).toMatchObject({ trust });
  });

  test('hosts that nobody allowed are left out, and that is said', async () => {
    const web = await setUp();
    web.put(LIST, 'https://evil.example/x\nhttps://cdn.example/x');
    web.put('https://evil.example/x/repodata/repomd.xml', repomd(6));
    web.put('https://cdn.example/x/repodata/repomd.xml', repomd(1));
    expect(await open(web, at('mirror-list', LIST))).toMatchObject({ repomd: { revision: '1' } });
    expect(web.said).toEqual(['debug: mirrors on other hosts are left out, e.g. https://evil.example/x/']);
    expect(web.log.join()).not.toContain('evil');
    web.put(LIST, 'https://evil.example/x');
    await expect(open(web, at('mirror-list', LIST))).rejects.toMatchObject({ code: 'index-unsafe-path' });
  });

  test('no list → undefined; no mirror has it → undefined', async () => {
    const web = await setUp();
    expect(await open(web, at('mirror-list', LIST))).toBeUndefined();
    web.put(LIST, 'https://cdn.example/x');
    expect(await open(web, at('mirror-list', LIST))).toBeUndefined();
  });
});
