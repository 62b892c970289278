import { expect, it } from 'vitest';
import { isInShard } from './shard.ts';

const keys = Array.from({ length: 3000 }, (_, i) => ({
  distro: 'debian',
  release: String(10 + (i % 4)),
  arch: i % 2 === 0 ? 'x86_64' : 'arm64',
  kernel: `6.1.0-${i}-amd64`,
}));

it.each([1, 2, 7])('each kernel falls to one of %i, and each gets about the same', (count) => {
  const shards = Array.from({ length: count }, (_, i) => ({ index: i + 1, count }));
  const owners = keys.map((key) => shards.filter((shard) => isInShard(key, shard)));
  expect(owners.every((found) => found.length === 1)).toBe(true);
  for (const shard of shards) {
    const share = owners.filter(([owner]) => owner === shard).length / keys.length;
    expect(share).toBeGreaterThan(0.7 / count);
    expect(share).toBeLessThan(1.3 / count);
  }
});

it('is the same on every machine, with every version', () => {
  const first = keys
    .slice(0, 12)
    .map((key) => [1, 2, 3].find((index) => isInShard(key, { index, count: 3 })));
  expect(first).toMatchInlineSnapshot(`
    [
      1,
      3,
      1,
      2,
      3,
      1,
      3,
      3,
      1,
      2,
      1,
      3,
    ]
  `);
});
