import { expect, test } from 'vitest';
import { BtfmillError } from '../errors/index.ts';
import { debugPackage } from '../test/support/debug-package.ts';
import { guardIndex, oneEachNewestFirst } from './listing.ts';
import { compareRpmVersions } from './rpm-md/index.ts';
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

test('an epoch tells builds of one kernel apart, not newer kernels from older ones', () => {
  const packages = [
    debugPackage('6.1', { packageVersion: '1:6.1-2' }),
    debugPackage('6.12', { packageVersion: '6.12-1' }),
    debugPackage('6.1', { packageVersion: '6.1-9' }),
    debugPackage('6.2', { packageVersion: '2:6.2-1' }),
  ];
  const found = oneEachNewestFirst(packages, compareRpmVersions);
  expect(found.map(({ packageVersion }) => packageVersion)).toEqual(['6.12-1', '2:6.2-1', '1:6.1-2']);
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
