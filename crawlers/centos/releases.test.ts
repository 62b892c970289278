import { describe, expect, test } from 'vitest';
import { allTrees, namedTrees } from './releases.ts';

describe('releases by name', () => {
  test.each([
    ['7', ['7'], '7', 'flat'],
    ['8', ['8', '8-stream'], '8', 'flat'],
    ['8-linux', ['8'], '8', 'flat'],
    ['8-stream', ['8-stream'], '8', 'flat'],
    ['9', ['9-stream'], '9', 'stream'],
    ['9-stream', ['9-stream'], '9', 'stream'],
    ['10', ['10-stream'], '10', 'stream'],
    ['12', ['12-stream'], '12', 'stream'],
  ])('%s → %j, filed under %s', (name, trees, segment, layout) => {
    const found = namedTrees(name);
    expect(found.map((tree) => tree.name)).toEqual(trees);
    expect(new Set(found.map((tree) => `${tree.segment} ${tree.layout}`))).toEqual(
      new Set([`${segment} ${layout}`]),
    );
  });

  test.each(['6', '7-stream', '9-linux', '7.9', '08', '14', 'stream', '', '100', '9-stream/..'])(
    '%j → usage',
    (name) => {
      expect(() => namedTrees(name)).toThrowError(expect.objectContaining({ code: 'usage' }));
    },
  );
});

describe('all releases', () => {
  test('are the known ones, newest first, when no later Stream answers', async () => {
    const asked: number[] = [];
    const trees = await allTrees(async (major) => {
      asked.push(major);
      return false;
    });
    expect(trees.map(({ name }) => name)).toEqual(['10-stream', '9-stream', '8-stream', '8', '7']);
    expect(asked).toEqual([11]);
  });

  test('and the later Streams that do', async () => {
    const trees = await allTrees(async (major) => major <= 12);
    expect(trees.map(({ name }) => name).slice(0, 3)).toEqual(['12-stream', '11-stream', '10-stream']);
  });

  test('a mirror that says yes to everything is not asked for ever', async () => {
    const trees = await allTrees(async () => true);
    expect(trees.map(({ segment }) => segment)).toEqual(['13', '12', '11', '10', '9', '8', '8', '7']);
  });
});
