/**
 * What a run waited for: at each moment one resource is the one of which more would have helped. From the shares of
 * the time, a report can name what to buy.
 */

/** What is going on at one moment. */
export interface Activity {
  /** Downloads under way, and how many may be at once. */
  readonly downloads: number;
  readonly downloadSlots: number;
  /** Kernels being unpacked, converted, compressed; and how many may be at once. */
  readonly working: number;
  readonly workSlots: number;
  /** Kernels that could be downloaded if the cache had room. */
  readonly waitingForRoom: number;
}

/** `cpu`: as many kernels as may be were in work. `none`: nothing was under way. */
export const RESOURCES = ['network', 'cpu', 'disk', 'none'] as const;
export type Resource = (typeof RESOURCES)[number];

/** Milliseconds for which each was what the run waited for. */
export type TimeShares = Readonly<Record<Resource, number>>;

/**
 * Work comes first: while all of its slots are taken, neither a faster line nor a larger disk would help. Nor does
 * room help while all downloads that may be are under way.
 */
export function scarceResource(activity: Activity): Resource {
  const { downloads, downloadSlots, working, workSlots, waitingForRoom } = activity;
  if (working >= workSlots) return 'cpu';
  if (waitingForRoom > 0 && downloads < downloadSlots) return 'disk';
  return downloads > 0 ? 'network' : working > 0 ? 'cpu' : 'none';
}

export interface ShareClock {
  /** Ends the time of the activity before. */
  change(activity: Activity): void;
  shares(): TimeShares;
}

/** @param now milliseconds of a clock that only goes forward */
export function createShareClock(now: () => number, first: Activity): ShareClock {
  const milliseconds = { network: 0, cpu: 0, disk: 0, none: 0 };
  let current = scarceResource(first);
  let since = now();
  function settle(): void {
    const time = now();
    milliseconds[current] += time - since;
    since = time;
  }
  return {
    change(activity) {
      settle();
      current = scarceResource(activity);
    },
    shares() {
      settle();
      return { ...milliseconds };
    },
  };
}

/** Less than this share of the time is no bottleneck, only the way things are. */
const SATURATED_SHARE = 0.5;

/** The resource that the run waited for most of its time, if there is one. */
export function saturatedResource(shares: TimeShares): Resource {
  const total = RESOURCES.reduce((sum, resource) => sum + shares[resource], 0);
  const busy = RESOURCES.filter((resource) => resource !== 'none');
  return busy.find((resource) => total > 0 && shares[resource] / total >= SATURATED_SHARE) ?? 'none';
}
