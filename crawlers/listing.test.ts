import { expect, test } from 'vitest';
import { BtfmillError } from '../errors/index.ts';
import { debugPackage } from '../test/support/debug-package.ts';
import { guardIndex, oneEachNewestFirst } from './listing.ts';
import type { IndexFailure } from './types.ts';

const byNumber = (a: string, b: string): number => Number(a) - Number(b);

test('the newest build of a kernel stands for it, and newer ones come first', () => {
  const packages = [
    debugPackage('5.1', { packageVersion: '2', suite: 'old' }),
    debugPackage('5.2', { packageVersion: '9' }),
    debugPackage('5.1', { packageVersion: '3', suite: 'new' }),
    debugPackage('5.1', { packageVersion: '3', suite: 'same again' }),
  ];
  const found = oneEachNewestFirst(packages, byNumber);
  expect(found.map(({ kernel, suite }) => `${kernel} ${suite}`)).toEqual(['5.2 bookworm', '5.1 new']);
});

test('a fault of the index is noted, any other is thrown', async () => {
  const failures: IndexFailure[] = [];
  const what = { suite: 's', release: '1' };
  const digest = new BtfmillError('index-digest', 'differs');
  expect(await guardIndex(what, failures, () => Promise.reject(digest))).toBeUndefined();
  expect(failures).toEqual([{ ...what, error: digest }]);
  const tool = new BtfmillError('tool-missing', 'gpgv');
  await expect(guardIndex(what, failures, () => Promise.reject(tool))).rejects.toBe(tool);
  expect(await guardIndex(what, failures, () => Promise.resolve(7))).toBe(7);
});
