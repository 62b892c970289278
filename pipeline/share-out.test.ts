import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planeOf, shareOut, type Wanted } from './share-out.ts';

type Item = Wanted & { readonly name: string };

/** `debian/12 3x10`: three kernels of ten bytes in a plane. */
function kernels(...specs: readonly string[]): Item[] {
  return specs.flatMap((spec) => {
    const [, distro, release, count, size] = /^(\w+)\/(\w+) (\d+)x(\d+)$/u.exec(spec) ?? [];
    return Array.from({ length: Number(count) }, (_, index) => {
      const kernel = `${distro}${release}-${index + 1}`;
      return { name: kernel, pkg: { distro, release, arch: 'x86_64', kernel, sizeBytes: Number(size) } };
    });
  });
}

const names = (items: readonly Item[]): string[] => items.map(({ name }) => name);
const NEVER: ReadonlyMap<string, string> = new Map();

describe('shareOut', () => {
  it('changes nothing without a budget', () => {
    const items = kernels('ubuntu/22 2x10', 'amzn/2 1x10');
    expect(shareOut(items, undefined)).toEqual({ taken: items, left: [], tooLarge: [] });
  });

  it('lets distributions take turns, and planes within them', () => {
    const items = kernels('ubuntu/22 3x10', 'ubuntu/24 2x10', 'amzn/2 2x10');
    const { taken, left } = shareOut(items, { lastTried: NEVER });
    expect(names(taken)).toEqual([
      'ubuntu22-1',
      'amzn2-1',
      'ubuntu24-1',
      'amzn2-2',
      'ubuntu22-2',
      'ubuntu24-2',
      'ubuntu22-3',
    ]);
    expect(left).toEqual([]);
  });

  it('takes so many kernels, from all of them', () => {
    const items = kernels('ubuntu/22 1000x10', 'amzn/2 2x10', 'debian/12 5x10');
    const { taken, left } = shareOut(items, { kernels: 6, lastTried: NEVER });
    expect(names(taken)).toEqual([
      'ubuntu22-1',
      'amzn2-1',
      'debian12-1',
      'ubuntu22-2',
      'amzn2-2',
      'debian12-2',
    ]);
    expect(left).toHaveLength(1001);
  });

  it('takes so many bytes; who asks for too much is first the next night', () => {
    const items = kernels('ubuntu/22 3x30', 'amzn/2 1x70', 'debian/12 3x10');
    const budget = { bytes: 100, lastTried: NEVER };
    expect(names(shareOut(items, budget).taken)).toEqual(['ubuntu22-1', 'amzn2-1']);
    const lastTried = new Map([
      ['ubuntu/22/x86_64', '2026-11-21T02:00:00.000Z'],
      ['amzn/2/x86_64', '2026-11-21T02:10:00.000Z'],
    ]);
    expect(names(shareOut(items, { ...budget, lastTried }).taken).slice(0, 2)).toEqual([
      'debian12-1',
      'ubuntu22-1',
    ]);
  });

  it('names what a whole night may not fetch', () => {
    const items = kernels('ubuntu/22 1x200', 'ubuntu/24 1x50');
    const { taken, left, tooLarge } = shareOut(items, { bytes: 100, lastTried: NEVER });
    expect([names(taken), names(left), names(tooLarge)]).toEqual([['ubuntu24-1'], [], ['ubuntu22-1']]);
  });

  it('serves every plane in turn, night after night, however much the others have', () => {
    const lastTried = new Map<string, string>();
    let items = kernels('ubuntu/22 50x10', 'ubuntu/24 50x10', 'fedora/44 50x10', 'amzn/2 50x10');
    for (let night = 1; night <= 4; night += 1) {
      const { taken } = shareOut(items, { kernels: 1, lastTried });
      for (const { pkg } of taken) lastTried.set(planeOf(pkg), `2026-11-0${night}`);
      items = items.filter((item) => !taken.includes(item));
    }
    expect([...lastTried.keys()].map((plane) => plane.split('/')[0]).toSorted()).toEqual(
      expect.arrayContaining(['amzn', 'fedora', 'ubuntu']),
    );
  });

  it('is not kept from the others by kernels that fail every night', () => {
    const items: Item[] = kernels('debian/12 4x10').map((item, index) =>
      index < 2 ? { ...item, known: { triedInVain: `2026-11-2${2 - index}` } } : item,
    );
    expect(names(shareOut(items, { kernels: 2, lastTried: NEVER }).taken)).toEqual([
      'debian12-3',
      'debian12-4',
    ]);
    expect(names(shareOut(items, { lastTried: NEVER }).taken).slice(2)).toEqual(['debian12-2', 'debian12-1']);
  });

  it('keeps within the budget, loses nothing, and is the same for the same', () => {
    const anyItem = fc.record({
      distro: fc.constantFrom('a', 'b', 'c'),
      release: fc.constantFrom('1', '2'),
      sizeBytes: fc.integer({ min: 1, max: 50 }),
    });
    const anyBudget = fc.record(
      { kernels: fc.integer({ min: 1, max: 10 }), bytes: fc.integer({ min: 1, max: 200 }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(anyItem, { maxLength: 30 }), anyBudget, (shapes, limits) => {
        const items = shapes.map(({ distro, release, sizeBytes }, index) => ({
          name: String(index),
          pkg: { distro, release, arch: 'x', kernel: String(index), sizeBytes },
        }));
        const budget = { ...limits, lastTried: NEVER };
        const { taken, left, tooLarge } = shareOut(items, budget);
        expect(names([...taken, ...left, ...tooLarge]).toSorted()).toEqual(names(items).toSorted());
        const { kernels: most = Infinity, bytes = Infinity } = limits;
        expect(taken.length).toBeLessThanOrEqual(most);
        expect(taken.reduce((sum, { pkg }) => sum + pkg.sizeBytes, 0)).toBeLessThanOrEqual(bytes);
        // Nobody is left out while another has had two turns more, unless what it asks for did not fit.
        if (limits.bytes === undefined) {
          const turns = (distro: string) => taken.filter(({ pkg }) => pkg.distro === distro).length;
          for (const { pkg } of left) {
            expect(Math.max(...['a', 'b', 'c'].map(turns)) - turns(pkg.distro)).toBeLessThanOrEqual(1);
          }
        }
        expect(shareOut(items, budget)).toEqual({ taken, left, tooLarge });
      }),
    );
  });
});
