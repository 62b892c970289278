import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { metalinkOf } from '../../test/mirrors/rpm-indexes.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { openRepository, type PackageList, readPackages, type RepositoryAnchor } from './index.ts';

const BASE = 'https://a.example/x/';
const REPOMD = `${BASE}repodata/repomd.xml`;
const PRIMARY = `${BASE}repodata/primary.xml.gz`;

const digest = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/** A primary.xml of one kernel package. */
const plainOf = (version: string) => `<metadata><package><name>kernel-debuginfo</name><arch>x86_64</arch>
  <version epoch="0" ver="${version}" rel="1"/><checksum type="sha256">${'ab'.repeat(32)}</checksum>
  <size package="1"/><location href="a-${version}.rpm"/></package></metadata>`;
const primaryOf = (version: string) => gzipSync(plainOf(version));

interface Changes {
  readonly sizeBytes?: number;
  readonly openSizeBytes?: number;
  readonly openDigest?: string;
  readonly href?: string;
}

const repomdOf = (version: string, changes: Changes = {}) => {
  const bytes = primaryOf(version);
  return `<repomd><revision>${version}</revision><data type="primary">
  <checksum type="sha256">${digest(bytes)}</checksum>
  <open-checksum type="sha256">${changes.openDigest ?? digest(plainOf(version))}</open-checksum>
  <location href="${changes.href ?? 'repodata/primary.xml.gz'}"/>
  <size>${changes.sizeBytes ?? bytes.length}</size>
  <open-size>${changes.openSizeBytes ?? plainOf(version).length}</open-size></data></repomd>`;
};

const setUp = async () => createFakeWeb(await tempDirForTest('packages'));

async function read(
  web: FakeWeb,
  anchor: RepositoryAnchor = { kind: 'base', url: BASE },
): Promise<PackageList> {
  const policy = { keyrings: [], repomdSignature: 'none', insecure: false } as const;
  const repository = await openRepository({ name: 'debug', anchor }, policy, web.context);
  if (repository === undefined) throw new Error('no repository');
  return readPackages(repository, web.context, (name) => name.startsWith('kernel'));
}

describe('one mirror', () => {
  test('gives the packages, the index that names them and the repository they are of', async () => {
    const web = await setUp();
    web.put(REPOMD, repomdOf('6.1'));
    web.put(PRIMARY, primaryOf('6.1'));
    expect(await read(web)).toMatchObject({
      indexUrl: PRIMARY,
      repository: { trust: 'tls-only', repomd: { revision: '6.1' } },
      packages: [{ version: '6.1', urls: [`${BASE}a-6.1.rpm`] }],
    });
  });

  test('a list that is kept is not fetched again, and makes room for the next', async () => {
    const web = await setUp();
    web.put(REPOMD, repomdOf('6.1'));
    web.put(PRIMARY, primaryOf('6.1'));
    await read(web);
    await read(web);
    expect(web.log.filter((url) => url === PRIMARY)).toHaveLength(1);
    web.put(REPOMD, repomdOf('6.2', { href: 'repodata/other.xml.gz' }));
    web.put(`${BASE}repodata/other.xml.gz`, primaryOf('6.2'));
    expect(await read(web)).toMatchObject({ packages: [{ version: '6.2' }] });
    expect(readdirSync(web.context.indexCacheDir)).toHaveLength(2);
  });

  test('that is changed between two requests is read again', async () => {
    const web = await setUp();
    web.put(REPOMD, (attempt) => repomdOf(attempt === 1 ? '6.1' : '6.2'));
    web.put(PRIMARY, primaryOf('6.2'));
    expect(await read(web)).toMatchObject({
      repository: { repomd: { revision: '6.2' } },
      packages: [{ version: '6.2' }],
    });
  });

  test('whose list has a new name meanwhile is read again', async () => {
    const web = await setUp();
    const href = 'repodata/other.xml.gz';
    web.put(REPOMD, (attempt) => (attempt === 1 ? repomdOf('6.1') : repomdOf('6.2', { href })));
    web.put(BASE + href, primaryOf('6.2'));
    expect(await read(web)).toMatchObject({ indexUrl: BASE + href, packages: [{ version: '6.2' }] });
  });

  test('that changes and changes → index-changed', async () => {
    const web = await setUp();
    web.put(REPOMD, (attempt) => repomdOf(`6.${attempt}`));
    for (const answer of [primaryOf('5.0'), 404] as const) {
      web.put(PRIMARY, answer);
      await expect(read(web)).rejects.toMatchObject({ code: 'index-changed', retryable: true, exitCode: 5 });
    }
  });

  test('whose list has an address of its own', async () => {
    const web = await setUp();
    const href = 'https://a.example/elsewhere/primary.xml.gz';
    web.put(REPOMD, repomdOf('6.1', { href }));
    await expect(read(web)).rejects.toMatchObject({ code: 'http-not-found' });
    web.put(href, primaryOf('6.1'));
    expect(await read(web)).toMatchObject({ indexUrl: href, packages: [{ urls: [`${BASE}a-6.1.rpm`] }] });
  });

  test('that is gone when it is read again → what was wrong at first', async () => {
    const web = await setUp();
    web.put(REPOMD, (attempt) => (attempt === 1 ? repomdOf('6.1') : 404));
    await expect(read(web)).rejects.toMatchObject({ code: 'http-not-found' });
  });

  test('whose list is another one, also a second time → index-digest', async () => {
    const web = await setUp();
    web.put(REPOMD, repomdOf('6.1'));
    web.put(PRIMARY, primaryOf('6.2'));
    await expect(read(web)).rejects.toMatchObject({ code: 'index-digest' });
    expect(web.log.filter((url) => url === PRIMARY)).toHaveLength(2);
    expect(readdirSync(web.context.indexCacheDir)).toHaveLength(1);
  });

  test('whose list is not there, also a second time → http-not-found', async () => {
    const web = await setUp();
    web.put(REPOMD, repomdOf('6.1'));
    await expect(read(web)).rejects.toMatchObject({ code: 'http-not-found' });
  });

  test.each([
    ['longer than said', { sizeBytes: 10 }, 'index-digest'],
    ['another one when unpacked', { openDigest: 'cd'.repeat(32) }, 'index-digest'],
    ['longer than said when unpacked', { openSizeBytes: 100 }, 'index-malformed'],
    ['on another host', { href: 'https://evil.example/primary.xml.gz' }, 'index-unsafe-path'],
  ] as const)('whose list is %s', async (_, changes, code) => {
    const web = await setUp();
    web.put(REPOMD, repomdOf('6.1', changes));
    web.put(PRIMARY, primaryOf('6.1'));
    await expect(read(web)).rejects.toMatchObject({ code });
    expect(web.log.join()).not.toContain('evil');
  });

  test('a list that unpacks without end is given up', async () => {
    const web = await setUp();
    const bomb = gzipSync(
      Buffer.concat([Buffer.from('<metadata><package>'), Buffer.alloc(64 * 1024 * 1024, 0x20)]),
    );
    const text = repomdOf('6.1')
      .replace(digest(primaryOf('6.1')), digest(bomb))
      .replace(/<size>\d+/, `<size>${bomb.length}`);
    web.put(REPOMD, text);
    web.put(PRIMARY, bomb);
    await expect(read(web)).rejects.toThrow(/unpacks to more than \d+ bytes/);
    web.put(REPOMD, text.replace(/<open-size>.*<\/open-size>/, ''));
    await expect(read(web)).rejects.toThrow('element of more than 16777216 bytes');
  });
});

test('a list that one mirror lacks and the next has damaged comes from the third', async () => {
  const web = await setUp();
  const list = 'https://list.example/mirror.list';
  const bases = ['https://a.list.example/', 'https://b.list.example/', 'https://c.list.example/'];
  const location = {
    name: 'debug',
    anchor: { kind: 'mirror-list', url: list },
    allowedHosts: ['*.list.example'],
  } as const;
  web.put(list, bases.join('\n'));
  for (const base of bases) web.put(`${base}repodata/repomd.xml`, repomdOf('6.1'));
  web.put(`${bases[1]}repodata/primary.xml.gz`, primaryOf('6.0'));
  web.put(`${bases[2]}repodata/primary.xml.gz`, primaryOf('6.1'));
  const policy = { keyrings: [], repomdSignature: 'none', insecure: false } as const;
  const repository = await openRepository(location, policy, web.context);
  if (repository === undefined) throw new Error('no repository');
  const { indexUrl, packages } = await readPackages(repository, web.context, () => true);
  expect(indexUrl).toBe(`${bases[2]}repodata/primary.xml.gz`);
  // The mirror that has the list goes first.
  expect(packages[0].urls).toEqual([bases[2], bases[0], bases[1]].map((base) => `${base}a-6.1.rpm`));
});

test('mirrors that cannot have what has an address of its own do not matter', async () => {
  const web = await setUp();
  const href = `${BASE}elsewhere/primary.xml.gz`;
  const metalink = 'https://list.example/metalink?repo=x';
  const repomd = Buffer.from(repomdOf('6.1', { href }));
  web.put(metalink, metalinkOf([BASE, 'https://other.example/'], [repomd]));
  web.put(REPOMD, repomd);
  const location = { name: 'debug', anchor: { kind: 'metalink', url: metalink } } as const;
  const policy = { keyrings: [], repomdSignature: 'none', insecure: false } as const;
  const repository = await openRepository(location, policy, web.context);
  if (repository === undefined) throw new Error('no repository');
  await expect(readPackages(repository, web.context, () => true)).rejects.toMatchObject({
    code: 'http-not-found',
  });
});
