/** A small part of `npm run e2e:faults`: some kills, some full disks, a mirror that fails, readers beside a writer. */

import { cp, rename } from 'node:fs/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { treeOf } from '../e2e/site.ts';
import { Random } from '../fuzz/random.ts';
import { cannotMount, mountTmpfs } from '../support/mount.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { differences, endState } from './end-state.ts';
import { failOnce } from './full-disk.ts';
import { killOnce, randomMoment } from './kills.ts';
import { runNight } from './night.ts';
import { nightsWithRandomMirror } from './random-nights.ts';
import { readWhileWritten } from './readers.ts';
import { makeScenario, openWorld, type Scenario, type World, WORLD_TOOLS } from './scenario.ts';

/** Some thirty nights each: half a minute, and on a busy machine much more. */
const PATIENCE = { timeout: 600_000 };

describe.skipIf(needsTool(...WORLD_TOOLS))('a night that is disturbed', PATIENCE, () => {
  let folder: string;
  let world: World;
  let scenario: Scenario;

  beforeAll(async () => {
    folder = await makeTempDir('faults');
    world = await openWorld(folder);
    scenario = await makeScenario({ world, before: 1, now: 3 });
  });

  afterAll(async () => {
    await world.close();
    await removeDir(folder);
  });

  it('by kill -9 is completed by the next', async () => {
    const random = new Random(5);
    const moments = Array.from({ length: 8 }, () => randomMoment(random, scenario));
    const results = await Promise.all(inLanes(moments, (moment) => killOnce(scenario, moment)));
    expect(results.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    expect(results.filter(({ wasKilled }) => wasKilled).length).toBeGreaterThanOrEqual(6);
  });

  it('by a full disk is completed when there is room again', async () => {
    const faults = [0.1, 0.4, 0.7, 0.95].flatMap((share) =>
      (['fail-from', 'fail-once'] as const).map(
        (kind) => ({ kind, at: Math.round(share * scenario.changes), error: 'ENOSPC' }) as const,
      ),
    );
    const results = await Promise.all(inLanes(faults, (fault) => failOnce(scenario, fault)));
    expect(results.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    expect(results.filter(({ didFail }) => didFail).length).toBeGreaterThanOrEqual(6);
  });

  it.skipIf(cannotMount())('by an archive that is read-only is completed when it is not', async () => {
    const { site } = await scenario.start();
    const content = `${site.archive}.content`;
    await rename(site.archive, content);
    const { makeReadOnly } = await mountTmpfs(site.archive, '8m');
    await cp(content, site.archive, { recursive: true, preserveTimestamps: true });
    makeReadOnly();
    const before = await treeOf(site.archive);
    const refused = await runNight(site);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(
      /^btfmill: io-failed: the archive [^\n]*: its file system is read-only$/mu,
    );
    expect(await treeOf(site.archive)).toEqual(before);
    await execa('mount', ['-o', 'remount,rw', site.archive]);
    expect((await runNight(site)).exitCode).toBe(0);
    expect(differences(await endState(site), scenario.wanted)).toEqual([]);
  });

  it('by its mirror publishes nothing wrong, and in the end everything', async () => {
    const result = await nightsWithRandomMirror(world, { seed: 3, kernels: 3, nights: 3, hasStalls: false });
    expect(result.wrong).toEqual([]);
    expect(result.faults).toBeGreaterThan(0);
  });
});

it.skipIf(needsTool(...WORLD_TOOLS))(
  'whoever copies during a night has an old or a new state',
  PATIENCE,
  async () => {
    const folder = await makeTempDir('readers');
    const world = await openWorld(folder);
    try {
      const { wrong, counts } = await readWhileWritten(world, { nights: 3, random: new Random(1) });
      expect(wrong).toEqual([]);
      expect(Object.keys(counts).toSorted()).toEqual(['copy', 'mirror', 'mirror-again', 'reader']);
    } finally {
      await world.close();
      await removeDir(folder);
    }
  },
);

/** Two at a time, in order. */
function inLanes<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result>[] {
  const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()];
  return items.map((item, i) => {
    const result = lanes[i % 2].then(() => work(item));
    lanes[i % 2] = result;
    return result;
  });
}
