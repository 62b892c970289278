import { describe, expect, test } from 'vitest';
import { FEDORA_KEYRINGS } from '../trust/index.ts';
import {
  allReleases,
  BUILT_IN,
  FIRST_BY_DEFAULT,
  FIRST_RELEASE,
  namedRelease,
  parseReleaseList,
} from './releases.ts';

/** An image as the list has hundreds of. */
function image(version: string): object {
  return { version, arch: 'x86_64', variant: 'Server', subvariant: 'Server', link: 'https://x/', size: '1' };
}

function parse(document: unknown): ReturnType<typeof parseReleaseList> {
  return parseReleaseList(Buffer.from(JSON.stringify(document)), 'https://x/releases.json');
}

describe('releases.json', () => {
  test('gives the releases that are out and those that will be', () => {
    const list = parse([image('44'), image('45'), image('44'), image('46 Beta'), image('46 Beta')]);
    expect(list).toEqual({ current: [44, 45], branched: [46] });
  });

  test('a release whose Beta is still listed is out', () => {
    expect(parse([image('45'), image('45 Beta')])).toEqual({ current: [45], branched: [] });
  });

  test('versions of other forms are passed over', () => {
    expect(parse([image('45'), image('Rawhide'), image('45_Beta'), image('')]).current).toEqual([45]);
  });

  test.each([
    ['no JSON', '<html>'],
    ['an object', JSON.stringify({ releases: [] })],
    ['nothing', '[]'],
    ['only a Beta', JSON.stringify([image('46 Beta')])],
    ['an image without a version', JSON.stringify([image('45'), { arch: 'x86_64' }])],
    ['a number for a version', JSON.stringify([{ version: 45 }])],
    ['a text for an image', JSON.stringify(['45'])],
    ['null for an image', JSON.stringify([null])],
    ['a release far ahead', JSON.stringify([image('45'), image('999')])],
    ['a release of long ago', JSON.stringify([image('7')])],
    ['bytes that are no text', Buffer.from([0x5b, 0xff, 0x5d])],
  ])('%s → index-malformed', (_what, document) => {
    expect(() => parseReleaseList(Buffer.from(document), 'https://x/releases.json')).toThrowError(
      expect.objectContaining({
        code: 'index-malformed',
        message: expect.stringContaining('https://x/releases.json'),
      }),
    );
  });
});

describe('without a request', () => {
  test('rawhide and every release from the first by default, newest first', () => {
    const names = allReleases(BUILT_IN).map(({ name }) => name);
    const newest = Math.max(...BUILT_IN.current);
    expect(names.slice(0, 2)).toEqual(['rawhide', String(newest)]);
    expect(names.at(-1)).toBe(String(FIRST_BY_DEFAULT));
    expect(names).toHaveLength(newest - FIRST_BY_DEFAULT + 2);
  });

  test('years on: what has left the list is archived, what is between is not lost', () => {
    const releases = allReleases({ current: [49, 50], branched: [51] });
    const stages = Object.fromEntries(releases.map(({ name, stage, isKnown }) => [name, [stage, isKnown]]));
    expect(stages).toMatchObject({
      51: ['branched', true],
      50: ['current', true],
      49: ['current', true],
      48: ['archived', true],
      45: ['archived', true],
      20: ['archived', true],
    });
  });

  test('a release that is built in and not listed as out need not exist', () => {
    const releases = allReleases({ current: [43], branched: [44] });
    expect(releases.find(({ name }) => name === '45')).toMatchObject({ stage: 'branched', isKnown: false });
    expect(releases.find(({ name }) => name === '44')).toMatchObject({ stage: 'branched', isKnown: true });
  });
});

describe('by name', () => {
  test.each([
    ['rawhide', 'rawhide', true],
    ['8', 'archived', true],
    ['31', 'archived', true],
    [String(Math.max(...BUILT_IN.current)), 'current', true],
    ['60', 'branched', false],
  ])('%s is %s', (name, stage, isKnown) => {
    expect(namedRelease(name)).toMatchObject({ name, stage, isKnown, isExplicit: true });
  });

  test.each(['7', '0', '043', '2023', '20.04', 'sid', 'Rawhide', '', '../43', '-1'])('%j → usage', (name) => {
    expect(() => namedRelease(name)).toThrowError(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('rawhide') }),
    );
  });

  test('there is a key for every release that is built in', () => {
    for (let number = FIRST_RELEASE; number <= Math.max(...BUILT_IN.current); number += 1) {
      expect(FEDORA_KEYRINGS.has(number), String(number)).toBe(true);
    }
  });
});
