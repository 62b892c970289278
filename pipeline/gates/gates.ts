/**
 * How much happens at once: so many downloads, so many kernels in work, so many bytes on the disk. A kernel takes its
 * room before it is downloaded and keeps it until it is done, so conversions never wait for the disk, downloads do.
 */

import pLimit from 'p-limit';
import type { DebugPackage } from '../../crawlers/types.ts';
import { BtfmillError } from '../../errors/index.ts';
import { ByteSemaphore } from './byte-semaphore.ts';
import { createShareClock, saturatedResource, type Resource, type TimeShares } from './time-shares.ts';

/** The place on the disk of one kernel in work. */
export interface KernelRoom {
  /**
   * Its vmlinux has so many bytes: takes what it needs more than was thought, gives back what it needs less.
   * Throws `disk-full` when that is not there.
   */
  settle(vmlinuxBytes: number): void;
  /** Whether so many more bytes of the package may stay in the cache for another night. */
  mayKeep(bytes: number): boolean;
  release(): void;
}

/** What {@link Gates.usage} tells, for a report. */
export interface GateUsage {
  readonly jobs: number;
  readonly downloads: number;
  /** Absent where nothing limits the cache but the disk. */
  readonly cacheLimitBytes?: number;
  /** The most that downloads and work files had taken, or had been promised. */
  readonly cachePeakBytes: number;
  readonly waitedFor: TimeShares;
  /** What the run waited for most of its time. */
  readonly saturated: Resource;
}

/** Their `onWait` is called when the caller has to wait indeed. */
export interface Gates {
  /** Waits until the cache has room for the kernel. Throws `disk-full` when it never will, `aborted`. */
  room(
    pkg: Pick<DebugPackage, 'sizeBytes' | 'url'>,
    signal: AbortSignal,
    onWait?: () => void,
  ): Promise<KernelRoom>;
  /** Waits for a turn to download. */
  download<Result>(work: () => Promise<Result>, onWait?: () => void): Promise<Result>;
  /** Waits for a turn to unpack, convert and store. */
  work<Result>(work: () => Promise<Result>, onWait?: () => void): Promise<Result>;
  usage(): GateUsage;
}

export interface GateLimits {
  readonly jobs: number;
  readonly downloads: number;
  readonly disk: DiskLimit;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
}

/** Bytes for downloads and work files. */
export interface DiskLimit {
  readonly bytes: number;
  /** Of these, for packages that are to be gone on with another night. */
  readonly keepBytes: number;
  /** What is kept so already. */
  readonly keptBytes: number;
  /** Somebody has set it; else it is what the disk has. */
  readonly isConfigured: boolean;
}

/**
 * Bytes of work files to a byte of package, at most: of the kernels seen, the vmlinux of a small flavour has three
 * times the bytes of its compressed package, that of a large one less than its package.
 */
const WORK_BYTES_PER_PACKAGE_BYTE = 4;

export function createGates({ jobs, downloads, disk, now = () => performance.now() }: GateLimits): Gates {
  const downloading = pLimit(downloads);
  const working = pLimit(jobs);
  const cache = new ByteSemaphore(disk.bytes - disk.keepBytes);
  const active = { downloads: 0, downloadSlots: downloads, working: 0, workSlots: jobs, waitingForRoom: 0 };
  const clock = createShareClock(now, active);
  let { keptBytes } = disk;

  function change(what: 'downloads' | 'working' | 'waitingForRoom', by: 1 | -1): void {
    active[what] += by;
    clock.change(active);
  }

  async function counted<Result>(
    what: 'downloads' | 'working' | 'waitingForRoom',
    run: () => Promise<Result>,
  ): Promise<Result> {
    change(what, 1);
    try {
      return await run();
    } finally {
      change(what, -1);
    }
  }

  function roomOf(reserved: number, packageBytes: number): KernelRoom {
    let held = reserved;
    return {
      settle(vmlinuxBytes) {
        const needed = packageBytes + vmlinuxBytes;
        if (needed > held && !cache.tryTake(needed - held)) {
          // Where nobody has set a limit, the disk itself has the last word.
          if (!disk.isConfigured) return;
          throw noRoom(`a vmlinux of ${vmlinuxBytes} bytes beside its package`, needed, cache.capacityBytes);
        }
        if (needed < held) cache.give(held - needed);
        held = needed;
      },
      mayKeep(bytes) {
        if (!disk.isConfigured) return true;
        if (keptBytes + bytes > disk.keepBytes) return false;
        keptBytes += bytes;
        return true;
      },
      release() {
        cache.give(held);
        held = 0;
      },
    };
  }

  return {
    async room({ sizeBytes, url }, signal, onWait) {
      if (sizeBytes > cache.capacityBytes && disk.isConfigured) {
        throw noRoom(url, sizeBytes, cache.capacityBytes);
      }
      const bytes = Math.min(sizeBytes * (1 + WORK_BYTES_PER_PACKAGE_BYTE), cache.capacityBytes);
      if (cache.waiting > 0 || !cache.tryTake(bytes)) {
        onWait?.();
        await counted('waitingForRoom', () => cache.take(bytes, signal));
      }
      return roomOf(bytes, sizeBytes);
    },
    download(run, onWait) {
      if (active.downloads >= downloads) onWait?.();
      return downloading(() => counted('downloads', run));
    },
    work(run, onWait) {
      if (active.working >= jobs) onWait?.();
      return working(() => counted('working', run));
    },
    usage() {
      const waitedFor = clock.shares();
      return {
        jobs,
        downloads,
        ...(disk.isConfigured ? { cacheLimitBytes: disk.bytes } : {}),
        cachePeakBytes: cache.peakBytes + keptBytes,
        waitedFor,
        saturated: saturatedResource(waitedFor),
      };
    },
  };
}

/** More than there is at all never fits: trying again tomorrow would only fail again. */
function noRoom(what: string, neededBytes: number, capacityBytes: number): BtfmillError {
  return new BtfmillError(
    'disk-full',
    `no room for ${what}: needs ${neededBytes} bytes, the cache's limit leaves ${capacityBytes} for all kernels in work`,
    { retryable: neededBytes <= capacityBytes },
  );
}
