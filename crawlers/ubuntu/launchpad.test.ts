/** Launchpad's part of a listing, against a web service that answers like it, or does not. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type LaunchpadReply,
  type LaunchpadServer,
  publicationEntry,
  publishedFile as file,
  publishedName,
  startLaunchpad,
} from '../../test/support/launchpad-service.ts';
import { crawlContextForTest, EVERYTHING } from '../../test/support/crawl-context.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { parseArch } from '../arch.ts';
import { type Listing, openListing } from '../listing.ts';
import type { CrawlRequest, HttpValidator } from '../types.ts';
import { listHistory } from './launchpad.ts';
import { parsePublicationPage } from './launchpad-answers.ts';

/** An entry of the real service: linux-image-4.4.0-98-generic-dbgsym of xenial. */
const REAL = readFileSync(new URL('./fixtures/publication.json', import.meta.url), 'utf8');

let launchpad: LaunchpadServer;
let cacheDir: string;
let validators: Map<string, HttpValidator>;

beforeEach(async () => {
  launchpad = await startLaunchpad();
  // Each record is called after its kernel.
  launchpad.files = (id) => ({ body: [file(publishedName(id))] });
  validators = new Map();
  cacheDir = join(await tempDirForTest('launchpad'), 'cache');
});
afterEach(() => launchpad.close());

function entry(kernel: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return publicationEntry(launchpad.api, kernel, more);
}

async function ask(
  request: Partial<CrawlRequest> = {},
  known: readonly string[] = [],
): Promise<Listing & { goesOn: boolean; said: string[] }> {
  const said: string[] = [];
  const listing = openListing(
    { ...EVERYTHING, history: true, ...request },
    crawlContextForTest({ cacheDir, validators, said }),
  );
  const fileOrigins = ['https://launchpad.net', 'https://launchpadlibrarian.net'];
  const question = {
    place: { api: launchpad.api, fileOrigins },
    codename: 'xenial',
    segment: '16.04',
    arch: parseArch('x86_64'),
    known: new Set(known),
  };
  return { ...listing, goesOn: await listHistory(question, listing), said };
}

function kernels({ packages }: Listing): string[] {
  return packages.map(({ kernel }) => kernel);
}

function codes({ failures }: Listing): string[] {
  return failures.map(({ error }) => error.code);
}

describe('what is found', () => {
  test('a kernel as the debug archive would list it, marked as resting on HTTPS alone', async () => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-98-generic')] } });
    const found = await ask();
    expect(found.failures).toEqual([]);
    expect(found.packages).toEqual([
      {
        distro: 'ubuntu',
        release: '16.04',
        arch: 'x86_64',
        kernel: '4.4.0-98-generic',
        packageName: 'linux-image-4.4.0-98-generic-dbgsym',
        packageVersion: '4.4.0-98.1',
        format: 'deb',
        url: 'https://launchpad.net/ubuntu/+archive/primary/+files/linux-image-4.4.0-98-generic-dbgsym_4.4.0-98.1_amd64.ddeb',
        sizeBytes: 1000,
        digest: `sha256:${'cd'.repeat(32)}`,
        indexUrl: launchpad.asked[0].href,
        suite: 'launchpad',
        trust: 'tls-only',
      },
    ]);
    expect(found.indexes).toEqual([
      {
        suite: 'launchpad',
        release: '16.04',
        arch: 'x86_64',
        url: launchpad.asked[0].href,
        trust: 'tls-only',
        kernels: 1,
      },
    ]);
    expect(found.goesOn).toBe(true);
    expect(Object.fromEntries(launchpad.asked[0].searchParams)).toEqual({
      'ws.op': 'getPublishedBinaries',
      binary_name: 'linux-image-',
      exact_match: 'false',
      distro_arch_series: `${launchpad.api}/ubuntu/xenial/amd64`,
      'ws.size': '300',
    });
    expect(launchpad.asked[1].pathname).toBe('/devel/ubuntu/+archive/primary/+binarypub/4.4.0-98-generic');
    expect(launchpad.asked[1].search).toBe('?ws.op=binaryFileUrls&include_meta=true');
  });

  test('insecurely, it is marked so', async () => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-98-generic')] } });
    const found = await ask({ insecure: true });
    expect([found.packages[0].trust, found.indexes[0].trust]).toEqual(['insecure', 'insecure']);
  });

  test('pages are followed to the last', async () => {
    const query = (memo: number) => `${launchpad.api}/ubuntu/+archive/primary?memo=${memo}`;
    launchpad.pages = (asking) => {
      const memo = Number(asking.get('memo') ?? 0);
      const entries = [entry(`4.4.0-${memo + 1}-generic`)];
      return { body: memo === 2 ? { entries } : { entries, next_collection_link: query(memo + 1) } };
    };
    const found = await ask();
    expect(kernels(found)).toEqual(['4.4.0-1-generic', '4.4.0-2-generic', '4.4.0-3-generic']);
    expect(found.indexes).toHaveLength(1);
  });

  test('only kernels that were asked for and are not listed yet cost a question each', async () => {
    const entries = [
      entry('4.4.0-1-generic'),
      entry('4.4.0-1-lowlatency'),
      entry('4.4.0-2-generic'),
      entry('4.4.0-2-generic', { pocket: 'Updates' }),
      entry('4.4.0-3-generic', { binary_package_name: 'linux-image-4.4.0-3-generic' }),
    ];
    launchpad.pages = () => ({ body: { entries } });
    expect(kernels(await ask({ kernels: ['*-generic'] }, ['4.4.0-1-generic']))).toEqual(['4.4.0-2-generic']);
    expect(launchpad.asked).toHaveLength(2);
  });

  test('kernels that are named in full are asked for by name', async () => {
    launchpad.pages = (query) => {
      const name = query.get('binary_name');
      return {
        body: { entries: name === 'linux-image-4.4.0-98-generic-dbgsym' ? [entry('4.4.0-98-generic')] : [] },
      };
    };
    expect(kernels(await ask({ kernels: ['4.4.0-98-generic'] }))).toEqual(['4.4.0-98-generic']);
    const named = launchpad.asked.filter(({ search }) => search.includes('getPublishedBinaries'));
    expect(
      named.map(({ searchParams }) => [searchParams.get('binary_name'), searchParams.get('exact_match')]),
    ).toEqual([
      ['linux-image-unsigned-4.4.0-98-generic-dbgsym', 'true'],
      ['linux-image-4.4.0-98-generic-dbgsym', 'true'],
    ]);
  });

  test('what was published once is asked for once', async () => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-1-generic'), entry('4.4.0-2-generic')] } });
    const first = await ask();
    launchpad.asked.length = 0;
    const second = await ask();
    expect(second.packages).toEqual(first.packages);
    expect(launchpad.asked.filter(({ pathname }) => pathname.includes('+binarypub'))).toEqual([]);
  });
});

describe('which publications count', () => {
  test.each([
    ['in use', { status: 'Published', date_superseded: null, date_removed: null }, true],
    ['replaced', { status: 'Superseded' }, true],
    ['of a release out of support', { status: 'Obsolete', date_superseded: null }, true],
    ['taken out once it had been replaced', { status: 'Deleted' }, true],
    ['withdrawn', { status: 'Deleted', date_superseded: null }, false],
    ['not out yet', { status: 'Pending' }, false],
    ['never beyond proposed', { pocket: 'Proposed' }, false],
    ['from an archive that is not public', { build_link: 'tag:launchpad.net:2008:redacted' }, false],
    ['a shim', { source_package_name: 'linux-signed-hwe' }, false],
    ['of a source that is not told', { source_package_name: null }, true],
    ['a metapackage', { binary_package_name: 'linux-image-generic-dbgsym' }, false],
    ['another package', { binary_package_name: 'linux-modules-4.4.0-98-generic-dbgsym' }, false],
  ])('%s: %j → %s', async (_name, more, counts) => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-98-generic', more)] } });
    const found = await ask();
    expect(found.failures).toEqual([]);
    expect(kernels(found)).toEqual(counts ? ['4.4.0-98-generic'] : []);
  });

  test('an answer without the file is not kept', async () => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-98-generic')] } });
    const { files } = launchpad;
    for (const body of [[], [file('something-else.ddeb')]]) {
      launchpad.files = () => ({ body });
      expect(kernels(await ask())).toEqual([]);
    }
    launchpad.files = files;
    expect(kernels(await ask())).toEqual(['4.4.0-98-generic']);
  });

  test('of several, the unsigned package, then the newest', async () => {
    const kernel = '4.15.0-1-generic';
    const unsigned = { binary_package_name: `linux-image-unsigned-${kernel}-dbgsym` };
    const versions = [
      { ...unsigned, binary_package_version: '4.15.0-1.1' },
      { ...unsigned, binary_package_version: '4.15.0-1.2' },
      { binary_package_version: '4.15.0-1.3' },
      { ...unsigned, binary_package_version: '1:4.15.0-1.1~16.04.1' },
    ];
    launchpad.pages = () => ({ body: { entries: versions.map((more) => entry(kernel, more)) } });
    launchpad.files = () => ({
      body: [
        file('linux-image-unsigned-4.15.0-1-generic-dbgsym_4.15.0-1.1_amd64.ddeb'),
        // The epoch is not in the name, and the tilde may be escaped.
        file('linux-image-unsigned-4.15.0-1-generic-dbgsym_4.15.0-1.1%7E16.04.1_amd64.ddeb', { size: 7 }),
      ],
    });
    expect((await ask()).packages).toMatchObject([
      { packageVersion: '1:4.15.0-1.1~16.04.1', sizeBytes: 7, packageName: unsigned.binary_package_name },
    ]);
  });
});

describe('what goes wrong', () => {
  const next = (link: unknown): LaunchpadReply => ({ body: { entries: [], next_collection_link: link } });
  test.each<[string, () => LaunchpadReply, string]>([
    ['no JSON', () => ({ body: '<html>' }), 'index-malformed'],
    ['cut JSON', () => ({ body: '{"entries": [' }), 'index-malformed'],
    ['a list', () => ({ body: [] }), 'index-malformed'],
    ['null', () => ({ body: 'null' }), 'index-malformed'],
    ['no entries', () => ({ body: {} }), 'index-malformed'],
    ['an entry that is none', () => ({ body: { entries: ['x'] } }), 'index-malformed'],
    [
      'a field of another type',
      () => ({ body: { entries: [entry('4.4.0-1-a', { status: 1 })] } }),
      'index-malformed',
    ],
    [
      'a field that is missing',
      () => ({ body: { entries: [entry('4.4.0-1-a', { pocket: undefined })] } }),
      'index-malformed',
    ],
    [
      'a version that is none',
      () => ({ body: { entries: [entry('4.4.0-1-a', { binary_package_version: '1/../2' })] } }),
      'index-malformed',
    ],
    [
      'a kernel of another release',
      () => ({
        body: {
          entries: [entry('4.4.0-1-a', { distro_arch_series_link: `${launchpad.api}/ubuntu/bionic/amd64` })],
        },
      }),
      'index-malformed',
    ],
    [
      'a next page elsewhere',
      () => next('https://evil.invalid/devel/ubuntu/+archive/primary?x'),
      'index-unsafe-path',
    ],
    [
      'a query that looks like a path, and the same again',
      () => next(`${launchpad.api}/ubuntu/+archive/primary?/../../x`),
      'index-malformed',
    ],
    [
      'a next page of another kind',
      () => next(`${launchpad.api}/~someone/+archive/ubuntu/ppa?x`),
      'index-unsafe-path',
    ],
    ['a next page that is none', () => next(7), 'index-malformed'],
    ['a circle', () => next(`${launchpad.api}/ubuntu/+archive/primary?again`), 'index-malformed'],
    [
      'a bad question',
      () => ({ statusCode: 400, body: 'distro_arch_series: No such object' }),
      'http-status',
    ],
  ])('%s → a failure of this release alone', async (_name, reply, code) => {
    launchpad.pages = reply;
    const found = await ask();
    expect(found.packages).toEqual([]);
    expect(found.failures).toMatchObject([{ suite: 'launchpad', release: '16.04', error: { code } }]);
    expect(found.goesOn).toBe(true);
  });

  test('an architecture that the release never had is nothing', async () => {
    launchpad.pages = () => ({ statusCode: 404, body: '' });
    expect(await ask()).toMatchObject({ packages: [], failures: [], goesOn: true });
  });

  test.each([
    [403, 'http-refused', false],
    [429, 'http-refused', false],
    [503, 'http-status', true],
  ])('%i → %s; other releases are asked for: %s', async (statusCode, code, goesOn) => {
    launchpad.pages = () => ({ statusCode, body: '' });
    const found = await ask();
    expect(codes(found)).toEqual([code]);
    expect(found.goesOn).toBe(goesOn);
  });

  const name = publishedName('4.4.0-1-generic');
  test.each<[string, () => unknown, string]>([
    ['no JSON', () => 'x', 'index-malformed'],
    ['no list', () => ({}), 'index-malformed'],
    ['addresses alone', () => [`https://launchpad.net/+files/${name}`], 'index-malformed'],
    [
      'another file',
      () => [file('linux-image-4.4.0-1-generic-dbgsym_4.4.0-1.9_amd64.ddeb')],
      'index-malformed',
    ],
    ['another architecture', () => [file(name.replace('amd64', 'arm64'))], 'index-malformed'],
    ['a digest that is none', () => [file(name, { sha256: 'cd' })], 'index-malformed'],
    ['no digest', () => [file(name, { sha256: null })], 'index-malformed'],
    ['a size that is none', () => [file(name, { size: '1000' })], 'index-malformed'],
    ['a size below one', () => [file(name, { size: 0 })], 'index-malformed'],
    ['no address', () => [file(name, { url: 'x' })], 'index-malformed'],
    ['another host', () => [file(name, { url: `https://evil.invalid/${name}` })], 'index-unsafe-path'],
    ['no TLS', () => [file(name, { url: `http://launchpad.net/+files/${name}` })], 'index-unsafe-path'],
    ['a user', () => [file(name, { url: `https://a:b@launchpad.net/${name}` })], 'index-unsafe-path'],
  ])('files of one kernel: %s → that kernel alone', async (_name, body, code) => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-1-generic'), entry('4.4.0-2-generic')] } });
    const sound = launchpad.files;
    launchpad.files = (id) => (id === '4.4.0-1-generic' ? { body: body() } : sound(id));
    const found = await ask();
    expect(codes(found)).toEqual([code]);
    expect(kernels(found)).toEqual(['4.4.0-2-generic']);
  });

  test.each([
    ['nothing', { body: [] }],
    ['404', { statusCode: 404, body: '' }],
  ])('files of one kernel: %s → said, and no failure', async (_name, reply) => {
    launchpad.pages = () => ({ body: { entries: [entry('4.4.0-1-generic')] } });
    launchpad.files = () => reply;
    const found = await ask();
    expect(found.failures).toEqual([]);
    expect(found.packages).toEqual([]);
    expect(found.said.join('\n')).toContain('linux-image-4.4.0-1-generic-dbgsym');
  });

  test('a record that is elsewhere is not asked', async () => {
    launchpad.pages = () => ({
      body: { entries: [entry('4.4.0-1-generic', { self_link: 'https://evil.invalid/+binarypub/1' })] },
    });
    expect(codes(await ask())).toEqual(['index-unsafe-path']);
  });

  test('one that answers no more is not asked for the rest', async () => {
    const entries = Array.from({ length: 20 }, (_, index) => entry(`4.4.0-${index + 1}-generic`));
    launchpad.pages = () => ({ body: { entries } });
    launchpad.files = () => ({ statusCode: 403, body: '' });
    const found = await ask();
    expect(codes(found)).toEqual(['http-refused']);
    expect(launchpad.asked).toHaveLength(2);
    expect(found.goesOn).toBe(false);
  });
});

test('an entry as the service has it', () => {
  const { entries } = parsePublicationPage(Buffer.from(`{"entries":[${REAL}]}`), 'x');
  expect(entries).toEqual([
    {
      selfLink: 'https://api.launchpad.net/devel/ubuntu/+archive/primary/+binarypub/100061265',
      packageName: 'linux-image-4.4.0-98-generic-dbgsym',
      packageVersion: '4.4.0-98.121',
      status: 'Deleted',
      pocket: 'Security',
      sourceName: 'linux',
      archSeriesLink: 'https://api.launchpad.net/devel/ubuntu/xenial/amd64',
      buildLink: 'https://api.launchpad.net/devel/~canonical-kernel-team/+archive/ubuntu/ppa/+build/13563657',
      isSuperseded: true,
    },
  ]);
});
