import { describe, expect, it } from 'vitest';
import { ByteSemaphore } from './byte-semaphore.ts';
import { createGates, type DiskLimit } from './gates.ts';
import { createShareClock, saturatedResource, scarceResource } from './time-shares.ts';

const SIGNAL = new AbortController().signal;

/** A promise and what settles it. */
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Lets everything run that can. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

describe('ByteSemaphore', () => {
  it('gives what is left, and lets the rest wait in order', async () => {
    const bytes = new ByteSemaphore(10);
    const order: string[] = [];
    await bytes.take(6, SIGNAL);
    const large = bytes.take(8, SIGNAL).then(() => order.push('large'));
    const small = bytes.take(2, SIGNAL).then(() => order.push('small'));
    await settle();
    expect(order).toEqual([]);
    expect(bytes.waiting).toBe(2);
    bytes.give(6);
    await Promise.all([large, small]);
    expect(order).toEqual(['large', 'small']);
    expect(bytes).toMatchObject({ usedBytes: 10, peakBytes: 10, waiting: 0 });
  });

  it('forgets who stops waiting, and serves those behind', async () => {
    const bytes = new ByteSemaphore(10);
    await bytes.take(6, SIGNAL);
    const stop = new AbortController();
    const large = bytes.take(8, stop.signal);
    const small = bytes.take(4, SIGNAL);
    stop.abort();
    await expect(large).rejects.toMatchObject({ code: 'aborted' });
    await small;
    expect(bytes.usedBytes).toBe(10);
    await expect(bytes.take(1, stop.signal)).rejects.toMatchObject({ code: 'aborted' });
  });

  it('refuses more than there is at all', async () => {
    await expect(new ByteSemaphore(10).take(11, SIGNAL)).rejects.toThrow(RangeError);
  });
});

describe('gates', () => {
  const LIMIT: DiskLimit = { bytes: 1200, keepBytes: 200, keptBytes: 0, isConfigured: true };
  const gates = (disk: Partial<DiskLimit> = {}) =>
    createGates({ jobs: 2, downloads: 1, disk: { ...LIMIT, ...disk }, now: () => 0 });
  const pkg = (sizeBytes: number) => ({ sizeBytes, url: `http://m.test/${sizeBytes}.deb` });

  it('let a download wait until what is being converted gives its room back', async () => {
    const all = gates();
    const first = await all.room(pkg(150), SIGNAL);
    let hasSecond = false;
    const second = all.room(pkg(100), SIGNAL).then((room) => {
      hasSecond = true;
      return room;
    });
    await settle();
    expect(hasSecond).toBe(false);
    // Less than was thought: what is over is for the next at once, not when the first is done.
    first.settle(300);
    (await second).release();
    first.release();
    expect(all.usage()).toMatchObject({ cacheLimitBytes: 1200, cachePeakBytes: 950 });
  });

  it('never take more than the limit, however large a vmlinux turns out to be', async () => {
    const all = gates();
    const first = await all.room(pkg(100), SIGNAL);
    const second = await all.room(pkg(100), SIGNAL);
    expect(() => first.settle(2000)).toThrow(
      /no room for a vmlinux of 2000 bytes .* needs 2100 bytes, .* 1000/u,
    );
    second.release();
    first.settle(900);
    expect(all.usage().cachePeakBytes).toBe(1000);
  });

  it('refuse a package that could never fit, and one of half the room runs alone', async () => {
    const all = gates();
    await expect(all.room(pkg(1001), SIGNAL)).rejects.toMatchObject({ code: 'disk-full', retryable: false });
    const alone = await all.room(pkg(900), SIGNAL);
    const next = all.room(pkg(1), SIGNAL);
    alone.release();
    (await next).release();
  });

  it('leave it to the disk to say no where no limit is set', async () => {
    const all = gates({ bytes: 100, keepBytes: 0, isConfigured: false });
    const room = await all.room(pkg(1000), SIGNAL);
    room.settle(5000);
    expect(room.mayKeep(1000)).toBe(true);
    expect(all.usage()).not.toHaveProperty('cacheLimitBytes');
    const none = gates({ bytes: 0, keepBytes: 0, isConfigured: false });
    (await none.room(pkg(1000), SIGNAL)).release();
  });

  it('keep packages for another night only within their share', async () => {
    const all = gates({ keptBytes: 50 });
    const room = await all.room(pkg(100), SIGNAL);
    expect(room.mayKeep(100)).toBe(true);
    expect(room.mayKeep(100)).toBe(false);
    expect(room.mayKeep(50)).toBe(true);
  });

  it('download and work at the same time, each with its own number', async () => {
    const all = gates();
    const log: string[] = [];
    const hold = deferred();
    const downloads = [1, 2].map((n) =>
      all.download(async () => {
        log.push(`download ${n}`);
        await hold.promise;
      }),
    );
    const works = [1, 2, 3].map((n) =>
      all.work(async () => {
        log.push(`work ${n}`);
        await hold.promise;
      }),
    );
    await settle();
    expect(log.toSorted()).toEqual(['download 1', 'work 1', 'work 2']);
    hold.resolve();
    await Promise.all([...downloads, ...works]);
    expect(log).toHaveLength(5);
  });

  it('count time until now to what was scarce until now', async () => {
    let time = 0;
    const all = createGates({ jobs: 1, downloads: 1, disk: LIMIT, now: () => time });
    const download = deferred();
    const work = deferred();
    time = 5;
    const downloading = all.download(() => download.promise);
    await settle();
    time = 100;
    const working = all.work(() => work.promise);
    await settle();
    time = 400;
    download.resolve();
    await downloading;
    work.resolve();
    await working;
    time = 410;
    expect(all.usage()).toMatchObject({
      waitedFor: { none: 15, network: 95, cpu: 300, disk: 0 },
      saturated: 'cpu',
    });
  });
});

describe('what is scarce', () => {
  it.each([
    ['cpu', { downloads: 2, downloadSlots: 2, working: 2, workSlots: 2, waitingForRoom: 3 }],
    ['disk', { downloads: 1, downloadSlots: 2, working: 1, workSlots: 2, waitingForRoom: 1 }],
    ['network', { downloads: 2, downloadSlots: 2, working: 0, workSlots: 2, waitingForRoom: 1 }],
    ['network', { downloads: 1, downloadSlots: 2, working: 1, workSlots: 2, waitingForRoom: 0 }],
    ['cpu', { downloads: 0, downloadSlots: 2, working: 1, workSlots: 2, waitingForRoom: 0 }],
    ['none', { downloads: 0, downloadSlots: 2, working: 0, workSlots: 2, waitingForRoom: 0 }],
  ] as const)('%s', (resource, activity) => {
    expect(scarceResource(activity)).toBe(resource);
  });

  it('is what took half of the time, or nothing', () => {
    expect(saturatedResource({ network: 40, cpu: 40, disk: 10, none: 10 })).toBe('none');
    expect(saturatedResource({ network: 40, cpu: 60, disk: 0, none: 0 })).toBe('cpu');
    expect(saturatedResource({ network: 0, cpu: 0, disk: 0, none: 0 })).toBe('none');
  });

  it('adds up to the time that has passed', () => {
    let time = 1000;
    const clock = createShareClock(() => time, {
      downloads: 0,
      downloadSlots: 2,
      working: 0,
      workSlots: 1,
      waitingForRoom: 0,
    });
    time = 1010;
    clock.change({ downloads: 1, downloadSlots: 2, working: 0, workSlots: 1, waitingForRoom: 0 });
    time = 1030;
    clock.change({ downloads: 0, downloadSlots: 2, working: 0, workSlots: 1, waitingForRoom: 1 });
    time = 1060;
    expect(clock.shares()).toEqual({ none: 10, network: 20, disk: 30, cpu: 0 });
    expect(clock.shares()).toEqual({ none: 10, network: 20, disk: 30, cpu: 0 });
  });
});
