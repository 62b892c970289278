import { expect, test } from 'vitest';
import { allReleases, namedRelease } from './releases.ts';

test.each([
  ['1', '2018', undefined],
  ['2018', '2018', undefined],
  ['2018.03', '2018', undefined],
  ['2', '2', undefined],
  ['2023', '2023', 'latest'],
  ['2023.6.20241031', '2023', '2023.6.20241031'],
  ['2027', '2027', 'latest'],
])('%s is filed under %s', (name, segment, state) => {
  const release = namedRelease(name);
  expect(release.segment).toBe(segment);
  expect(release.generation === 'year' ? release.state : undefined).toBe(state);
});

test.each(['3', '2022', '2017.09', '2023.6', '2023.6.2024', '2023.6.20241031/x', 'latest', ''])(
  '%j → usage',
  (name) => {
    expect(() => namedRelease(name)).toThrowError(expect.objectContaining({ code: 'usage' }));
  },
);

test('all releases, newest first; the announced one need not be there', () => {
  expect(allReleases(true).map(({ segment, isExpected }) => `${segment} ${isExpected}`)).toEqual([
    '2027 false',
    '2023 true',
    '2 true',
    '2018 true',
  ]);
  expect(allReleases(false).map(({ segment }) => segment)).toEqual(['2027', '2023', '2']);
});
