import { describe, expect, test } from 'vitest';
import type { ReleaseFile } from '../apt/index.ts';
import { allReleases, namedRelease, type ReleaseLookup, releaseSegment } from './releases.ts';

function file(codename: string, version?: string): ReleaseFile {
  return {
    suite: undefined,
    codename,
    version,
    date: new Date(0),
    validUntil: undefined,
    acquireByHash: true,
    files: new Map(),
  };
}

/** A world two years on: forky is out, nobody has told btfmill. */
const FUTURE: Readonly<Record<string, ReleaseFile>> = {
  testing: file('duke'),
  stable: file('forky', '14.2'),
  oldstable: file('trixie', '13.12'),
  oldoldstable: file('bookworm', '12.18'),
};
const lookUp: ReleaseLookup = (suite) => Promise.resolve(FUTURE[suite]);
const lookUpNothing: ReleaseLookup = () => Promise.resolve(undefined);

describe('without a request', () => {
  test('what the aliases lead to and what is known, each once', async () => {
    const codenames = (await allReleases(lookUp)).map(({ codename }) => codename);
    expect(codenames).toEqual([
      'experimental',
      'sid',
      'duke',
      'forky',
      'trixie',
      'bookworm',
      'bullseye',
      'buster',
      'stretch',
      'jessie',
    ]);
  });

  test('a mirror without aliases', async () => {
    const codenames = (await allReleases(lookUpNothing)).map(({ codename }) => codename);
    expect(codenames).toContain('trixie');
    expect(codenames).not.toContain('forky');
  });
});

describe('by name', () => {
  test.each([
    ['12', 'bookworm'],
    ['bookworm', 'bookworm'],
    ['10', 'buster'],
    ['sid', 'sid'],
    ['unstable', 'sid'],
    ['experimental', 'experimental'],
    ['rc-buggy', 'experimental'],
    ['stable', 'forky'],
    ['testing', 'duke'],
    ['14', 'forky'],
    ['duke', 'duke'],
  ])('%s → %s', async (name, codename) => {
    expect(await namedRelease(name, lookUp)).toMatchObject({ codename, isExplicit: true });
  });

  test('what is archived and what rolls', async () => {
    expect(await namedRelease('buster', lookUp)).toMatchObject({ isArchived: true, isRolling: false });
    expect(await namedRelease('trixie', lookUp)).toMatchObject({ isArchived: false, isRolling: false });
    expect(await namedRelease('sid', lookUp)).toMatchObject({ isArchived: false, isRolling: true });
  });

  test.each(['99', '12.5', 'Bookworm', '../x', ''])('%j → usage', async (name) => {
    await expect(namedRelease(name, lookUp)).rejects.toMatchObject({ code: 'usage' });
  });

  test('an alias that the mirror lacks → http-not-found', async () => {
    await expect(namedRelease('stable', lookUpNothing)).rejects.toMatchObject({ code: 'http-not-found' });
  });
});

describe('where its kernels are filed', () => {
  test.each([
    ['bookworm', file('bookworm', '12.15'), '12'],
    ['bookworm', file('bookworm'), '12'],
    ['bookworm', undefined, '12'],
    ['forky', file('forky', '14.0'), '14'],
    ['forky', file('forky'), 'forky'],
    ['sid', file('sid'), 'sid'],
    ['experimental', file('rc-buggy'), 'experimental'],
  ])('%s → %s', async (name, release, segment) => {
    expect(releaseSegment(await namedRelease(name, lookUp), release)).toBe(segment);
  });
});
