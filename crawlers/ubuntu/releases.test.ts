import { describe, expect, test } from 'vitest';
import type { ReleaseFile } from '../apt/index.ts';
import { parseMetaRelease } from './meta-release.ts';
import { allReleases, namedRelease, type ReleaseKnowledge, releaseSegment } from './releases.ts';

/** As the real file has them, with two releases that nobody has told btfmill about. */
const META_RELEASE = `Dist: dapper
Name: Dapper Drake
Version: 6.06 LTS
Date: Thu, 01 Jun 2006 9:00:00 UTC
Supported: 0
Description: This is the Dapper Drake release
Release-File: http://old-releases.ubuntu.com/ubuntu/dists/dapper/Release

Dist: trusty
Name: Trusty Tahr
Version: 14.04.6 LTS
Supported: 0

Dist: noble
Name: Noble Numbat
Version: 24.04.3 LTS
Date: Thu, 25 Apr 2024 00:24:04 UTC
Supported: 1
Description: This is the 24.04.3 LTS release

Dist: tame
Name: Tame Tapir
Version: 27.04
Supported: 1

Dist: unique
Name: Unique Urchin
Version: 27.10
Supported: 1
`;

const entries = parseMetaRelease(META_RELEASE, 'meta-release');

function file(version?: string): ReleaseFile {
  return {
    suite: undefined,
    codename: undefined,
    version,
    date: new Date(0),
    validUntil: undefined,
    acquireByHash: true,
    files: new Map(),
  };
}

function knowledge(more: Partial<ReleaseKnowledge> = {}): ReleaseKnowledge {
  return { published: () => Promise.resolve(entries), lookUp: () => Promise.resolve(undefined), ...more };
}

describe('meta-release', () => {
  test('codename, VERSION_ID and support of each', () => {
    expect(entries).toEqual([
      { codename: 'dapper', version: '6.06', isSupported: false },
      { codename: 'trusty', version: '14.04', isSupported: false },
      { codename: 'noble', version: '24.04', isSupported: true },
      { codename: 'tame', version: '27.04', isSupported: true },
      { codename: 'unique', version: '27.10', isSupported: true },
    ]);
  });

  test.each([
    ['nothing', ''],
    ['a page of HTML', '<html>\n<p>sign in</p>'],
    ['no version', 'Dist: noble\nName: x'],
    ['a version that climbs', 'Dist: noble\nVersion: ../24.04'],
    ['a codename that climbs', 'Dist: ../noble\nVersion: 24.04'],
    ['digits beyond a version', 'Dist: noble\nVersion: 24.041'],
  ])('%s → index-malformed', (_name, text) => {
    expect(() => parseMetaRelease(text, 'x')).toThrowError(
      expect.objectContaining({ code: 'index-malformed' }),
    );
  });
});

describe('without a request', () => {
  test('what is published and what is known, newest first, from 14.04 on', async () => {
    const releases = await allReleases(knowledge());
    const versions = releases.map(({ version }) => version);
    expect(versions.slice(0, 4)).toEqual(['27.10', '27.04', '26.10', '26.04']);
    expect(versions.at(-1)).toBe('14.04');
    expect(new Set(versions).size).toBe(versions.length);
  });

  test('the absence of a release that gets updates is a failure, that of an old one is not', async () => {
    const releases = await allReleases(knowledge());
    const required = releases.filter(({ isRequired }) => isRequired).map(({ codename }) => codename);
    expect(required).toEqual(['unique', 'tame', 'noble']);
  });

  test('a list that cannot be had loses nothing that is known', async () => {
    const codenames = (await allReleases({ published: () => Promise.resolve(undefined) })).map(
      ({ codename }) => codename,
    );
    expect(codenames).toEqual(expect.arrayContaining(['trusty', 'focal', 'noble', 'resolute', 'stonking']));
  });
});

describe('by name', () => {
  test.each([
    ['20.04', 'focal', '20.04'],
    ['focal', 'focal', '20.04'],
    ['14.04', 'trusty', '14.04'],
    ['27.04', 'tame', '27.04'],
    ['unique', 'unique', '27.10'],
  ])('%s → %s', async (name, codename, version) => {
    expect(await namedRelease(name, knowledge())).toMatchObject({ codename, version, isRequired: true });
  });

  test('a known one is found without asking anybody', async () => {
    const ask = () => Promise.reject(new Error('asked'));
    expect(await namedRelease('22.04', { published: ask, lookUp: ask })).toMatchObject({ codename: 'jammy' });
  });

  test('one in the making is known to the debug archive alone', async () => {
    const asked: string[] = [];
    const lookUp = (codename: string) => {
      asked.push(codename);
      return Promise.resolve(file('28.04'));
    };
    const found = await namedRelease('vast', knowledge({ lookUp }));
    expect(found).toEqual({ codename: 'vast', isRequired: true });
    expect(asked).toEqual(['vast']);
  });

  test.each(['99', '20.10.1', '28.04', 'vast', 'Focal', '../x', '', 'focal-updates'])(
    '%j → usage, naming those there are',
    async (name) => {
      await expect(namedRelease(name, knowledge())).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining('20.04 (focal)'),
      });
    },
  );

  test('when the list cannot be had, nobody says that there is no such release', async () => {
    const published = () => Promise.resolve(undefined);
    expect(await namedRelease('27.04', knowledge({ published }))).toBeUndefined();
    expect(await namedRelease('tame', knowledge({ published }))).toBeUndefined();
  });
});

describe('where its kernels are filed', () => {
  const release = (codename: string, version?: string) => ({
    codename,
    isRequired: false,
    ...(version === undefined ? {} : { version }),
  });
  test.each([
    [release('focal', '20.04'), file('20.04'), '20.04'],
    [release('focal', '20.04'), file('20.04.6'), '20.04'],
    [release('focal', '20.04'), file(), '20.04'],
    [release('focal', '20.04'), file('focal'), '20.04'],
    [release('focal', '20.04'), undefined, '20.04'],
    // The published list is not signed, the Release is.
    [release('tame', '27.04'), file('27.10'), '27.10'],
    [release('vast'), file('28.04'), '28.04'],
  ])('%j, %j', (one, releaseFile, segment) => {
    expect(releaseSegment(one, releaseFile)).toBe(segment);
  });

  test.each([
    [release('focal', '20.04'), file('22.04')],
    [release('vast'), file()],
    [release('vast'), undefined],
  ])('%j, %j → index-malformed', (one, releaseFile) => {
    expect(() => releaseSegment(one, releaseFile)).toThrowError(
      expect.objectContaining({ code: 'index-malformed' }),
    );
  });
});
