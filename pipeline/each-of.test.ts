import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eachOf } from './each-of.ts';

it('does every item, never more at once than allowed', async () => {
  let now = 0;
  let most = 0;
  const done: number[] = [];
  await eachOf([1, 2, 3, 4, 5], 2, async (item) => {
    now += 1;
    most = Math.max(most, now);
    await sleep(1);
    now -= 1;
    done.push(item);
  });
  expect(done.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

it('begins nothing after a failure, and leaves nothing under way', async () => {
  const begun: number[] = [];
  let underWay = 0;
  const failing = eachOf([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    underWay += 1;
    await sleep(item === 1 ? 1 : 20);
    underWay -= 1;
    if (item === 1) throw new Error('one');
  });
  await expect(failing).rejects.toThrow('one');
  expect(begun).toEqual([1, 2]);
  expect(underWay).toBe(0);
});
