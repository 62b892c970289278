import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createPackageLocks } from './package-locks.ts';

it('lets the kernels of one package in one after the other, in their order, and others beside them', async () => {
  const locks = createPackageLocks(['a', 'a', 'a', 'b']);
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} in`);
    await sleep(20);
    seen.push(`${name} out`);
    return name;
  };
  const results = await Promise.all([
    locks.hold('a', work('a1')),
    locks.hold('a', work('a2')),
    locks.hold('b', work('b1')),
    locks.hold('a', work('a3')),
  ]);
  expect(results).toEqual(['a1', 'a2', 'b1', 'a3']);
  expect(seen.filter((word) => word.startsWith('a'))).toEqual([
    'a1 in',
    'a1 out',
    'a2 in',
    'a2 out',
    'a3 in',
    'a3 out',
  ]);
  expect(seen.indexOf('b1 in')).toBeLessThan(seen.indexOf('a1 out'));
});

it('goes on after a failure, and knows who is still to come', async () => {
  const locks = createPackageLocks(['a', 'a', 'b']);
  const first = locks.hold('a', async () => {
    expect([locks.isAwaited('a'), locks.isAwaited('b'), locks.isAwaited('c')]).toEqual([true, true, false]);
    throw new Error('no');
  });
  const second = locks.hold('a', async () => locks.isAwaited('a'));
  await expect(first).rejects.toThrow('no');
  expect(await second).toBe(false);
});
