/** Shares what one run may fetch among the planes, so that none of them has to wait for another's thousands of kernels. */

import type { KernelKey } from '../crawlers/types.ts';
import type { IsoTime } from '../db/types.ts';

export interface Budget {
  /** Kernels to fetch. */
  readonly kernels?: number;
  /** Bytes of packages to fetch. */
  readonly bytes?: number;
  /** When a kernel of a plane ({@link planeOf}) was last tried: who has waited longest comes first. */
  readonly lastTried: ReadonlyMap<string, IsoTime>;
}

/** A kernel to be fetched. */
export interface Wanted {
  readonly pkg: KernelKey & { readonly sizeBytes: number };
  readonly known?: { readonly triedInVain?: IsoTime };
}

export interface Shares<Item> {
  /** In the order of work. */
  readonly taken: readonly Item[];
  /** For another run. */
  readonly left: readonly Item[];
  /** Each has more bytes than a whole run may fetch. */
  readonly tooLarge: readonly Item[];
}

/** `debian/12/x86_64` */
export function planeOf({ distro, release, arch }: Omit<KernelKey, 'kernel'>): string {
  return `${distro}/${release}/${arch}`;
}

/**
 * The distributions take turns, and within each its planes, newest kernel first; behind them those that were tried in
 * vain, or a handful that fail every night would be all that a limited night ever does. A distribution whose next
 * package is too large for what is left has had its share; it comes first the next time. Without a budget everything
 * is taken, in the order given.
 */
export function shareOut<Item extends Wanted>(
  items: readonly Item[],
  budget: Budget | undefined,
): Shares<Item> {
  if (budget === undefined) return { taken: items, left: [], tooLarge: [] };
  const { kernels = Number.POSITIVE_INFINITY, bytes = Number.POSITIVE_INFINITY } = budget;
  const tooLarge = items.filter(({ pkg }) => pkg.sizeBytes > bytes);
  const queues = queuesOf(
    items.filter(({ pkg }) => pkg.sizeBytes <= bytes),
    budget.lastTried,
  );
  const taken: Item[] = [];
  let bytesLeft = bytes;
  for (let turn = 0; queues.length > 0; turn += 1) {
    const at = turn % queues.length;
    const [next] = queues[at];
    if (next === undefined || next.pkg.sizeBytes > bytesLeft || taken.length >= kernels) {
      queues.splice(at, 1);
      // The one that has moved up is next.
      turn = at - 1;
      continue;
    }
    queues[at].shift();
    taken.push(next);
    bytesLeft -= next.pkg.sizeBytes;
  }
  const isTaken = new Set(taken);
  const isTooLarge = new Set(tooLarge);
  return { taken, left: items.filter((item) => !isTaken.has(item) && !isTooLarge.has(item)), tooLarge };
}

/** One queue per distribution, in which its planes take turns. */
function queuesOf<Item extends Wanted>(
  items: readonly Item[],
  lastTried: ReadonlyMap<string, IsoTime>,
): Item[][] {
  const planeTime = (plane: string): IsoTime => lastTried.get(plane) ?? '';
  const distros = [...groupBy(items, ({ pkg }) => pkg.distro).values()].map((ofDistro) => {
    const planes = [...groupBy(ofDistro, ({ pkg }) => planeOf(pkg))].toSorted(([a], [b]) =>
      compare(planeTime(a), planeTime(b)),
    );
    const newest =
      planes
        .map(([plane]) => planeTime(plane))
        .toSorted(compare)
        .at(-1) ?? '';
    return { newest, queue: byTurns(planes.map(([, queue]) => untriedFirst(queue))) };
  });
  return distros.toSorted((a, b) => compare(a.newest, b.newest)).map(({ queue }) => queue);
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Those that were tried in vain come last, the one that has waited longest before the others. */
function untriedFirst<Item extends Wanted>(queue: readonly Item[]): Item[] {
  return queue.toSorted((a, b) => compare(a.known?.triedInVain ?? '', b.known?.triedInVain ?? ''));
}

/** The first of each, then the second of each, and so on. */
function byTurns<Item>(queues: readonly (readonly Item[])[]): Item[] {
  const longest = Math.max(0, ...queues.map(({ length }) => length));
  return Array.from({ length: longest }, (_, turn) =>
    queues.flatMap((queue) => queue.slice(turn, turn + 1)),
  ).flat();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
