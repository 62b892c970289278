import { describe, expect, it } from 'vitest';
import { IntList } from '../btf/int-list.ts';
import { TAG_ROW, TAG_ROW_INTS, TagList } from './tags.ts';

/** Counts how often it is read. */
class CountedList extends IntList {
  reads = 0;

  override at(index: number): number {
    this.reads++;
    return super.at(index);
  }
}

/** Tags of a unit: a target, a value and no component each. */
function tagsOn(targets: readonly number[], firstValue = 1): CountedList {
  const tags = new CountedList();
  targets.forEach((target, i) => {
    for (const value of [target, firstValue + i, -1]) tags.push(value);
  });
  return tags;
}

function valuesOf(list: TagList, target: number): number[] {
  const { rows } = list.toArrays();
  const values: number[] = [];
  for (let row = 0; row < rows.length; row += TAG_ROW_INTS)
    if (rows[row + TAG_ROW.TARGET] === target) values.push(rows[row + TAG_ROW.VALUE]);
  return values;
}

describe('TagList.take', () => {
  it('takes the tags of each, passes over those of what is left out, and begins anew with a unit', () => {
    const list = new TagList();
    const first = tagsOn([0, 1, 1, 3, 3, 4]);
    expect(list.take(first, 1, 100, 10, 0)).toBe(2);
    expect(list.take(first, 2, 200, 11, 0)).toBe(0);
    expect(list.take(first, 4, 300, 12, 0)).toBe(1);
    expect(list.take(tagsOn([0], 50), 0, 400, 13, 1)).toBe(1);
    expect([10, 11, 12, 13].map((target) => valuesOf(list, target))).toEqual([[2, 3], [], [6], [50]]);
    expect([...list.toArrays().keys]).toEqual([100, 101, 300, 400]);
  });

  it('reads the tags of a unit once, however many functions they are on', () => {
    const total = 2000;
    const tags = tagsOn(Array.from({ length: total }, (_, i) => i));
    const list = new TagList();
    for (let i = 0; i < total; i++) expect(list.take(tags, i, i, i, 0)).toBe(1);
    expect(tags.reads).toBeLessThan(10 * total);
  });
});
