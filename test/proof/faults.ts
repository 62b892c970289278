/**
 * `npm run e2e:faults`: nights over a local mirror that are killed at random moments and at every boundary between two
 * steps, on disks that are full at every write, and with a mirror that fails at random: after each, an undisturbed
 * night must end as if nothing had happened. And readers beside a writer, who must see one state or the other. Prints a
 * table; exit code 1 when anything was wrong.
 *
 *     npm run e2e:faults -- --kills 100 --seed 7
 *     npm run e2e:faults -- --only disk,changes --first 100 --last 120
 *     npm run e2e:faults -- --only mirror --dir /data     everything is below /data, and stays there
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { Random } from '../fuzz/random.ts';
import { failOnce } from './full-disk.ts';
import { boundaries, changes, killOnce, type Moment, randomMoment } from './kills.ts';
import { nightsWithRandomMirror } from './random-nights.ts';
import { readWhileWritten } from './readers.ts';
import { makeScenario, openWorld, type Scenario } from './scenario.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    kernels: { type: 'string', default: '24' },
    only: { type: 'string', default: 'kills,events,changes,disk,mirror,readers' },
    /** Of the changes of files that are struck one after the other. */
    first: { type: 'string', default: '1' },
    last: { type: 'string', default: '1000000' },
    dir: { type: 'string' },
    /** Nights at once. */
    lanes: { type: 'string', default: '2' },
  },
});
const kills = Number(values.kills);
const seed = Number(values.seed);
const kernels = Number(values.kernels);
const only = new Set(values.only.split(','));

interface TableRow {
  readonly what: string;
  readonly where: string;
  readonly count: number;
  readonly wrong: number;
  readonly minutes: number;
  readonly notes: string;
}

const folder = values.dir ?? (await mkdtemp(join(tmpdir(), 'btfmill-faults-')));
const rows: TableRow[] = [];
const world = await openWorld(folder);
try {
  if (only.has('kills')) {
    const first = Math.ceil(kills * 0.1);
    await killAtRandom({ before: 0, now: kernels }, first);
    await killAtRandom({ before: kernels, now: kernels + 3, crossCheck: 'auto' }, kills - first);
  }
  if (only.has('events')) await killAtEvents();
  if (only.has('changes')) await killAtChanges();
  if (only.has('disk')) await fillDisks();
  if (only.has('mirror')) await failAtRandom();
  if (only.has('readers')) await readMeanwhile();
} finally {
  await world.close();
  if (values.dir === undefined) await rm(folder, { recursive: true, force: true });
}
process.stdout.write(`${table(rows)}\n`);
process.exitCode = rows.some(({ wrong }) => wrong > 0) ? 1 : 0;

async function killAtRandom(
  night: Omit<Parameters<typeof makeScenario>[0], 'world'>,
  wanted: number,
): Promise<void> {
  const scenario = await makeScenario({ world, ...night });
  const random = new Random(seed, night.before);
  await many(`SIGKILL at random moments`, scenario, wanted, async () => {
    // A moment that came too late for this night is no kill: another one.
    for (;;) {
      const result = await killOnce(scenario, randomMoment(random, scenario));
      if (result.wasKilled || result.wrong.length > 0) return { ...result, note: result.during };
    }
  });
}

async function killAtEvents(): Promise<void> {
  const scenario = await makeScenario({ world, before: 0, now: 6, crossCheck: 'auto' });
  await killEach('SIGKILL at every event', scenario, boundaries(scenario));
}

/** The record's and the cache's files as well as the archive's; publishing is taken apart file by file. */
async function killAtChanges(): Promise<void> {
  const scenario = await makeScenario({ world, before: 2, now: 3 });
  const moments = changes(scenario).slice(Number(values.first) - 1, Number(values.last));
  await killEach('SIGKILL before every change of a file', scenario, moments);
}

async function killEach(what: string, scenario: Scenario, moments: readonly Moment[]): Promise<void> {
  const left = [...moments];
  await many(what, scenario, moments.length, async () => {
    const result = await killOnce(scenario, left.shift() as Moment);
    return { ...result, note: result.wasKilled ? result.during : 'too late' };
  });
}

/** Every n until the night has written less than n. */
async function fillDisks(): Promise<void> {
  const scenario = await makeScenario({ world, before: 1, now: 2 });
  for (const kind of ['fail-from', 'fail-once'] as const) {
    // Not every night writes the same number of times.
    const most = Math.ceil(scenario.changes * 1.1);
    const all = Array.from({ length: most }, (_, i) => i + 1);
    const left = all.slice(Number(values.first) - 1, Number(values.last));
    await many(`ENOSPC, ${kind}`, scenario, left.length, async () => {
      const at = left.shift() as number;
      const result = await failOnce(scenario, { kind, at, error: 'ENOSPC' });
      const note = result.didFail ? `exit ${result.exitCode}: ${result.codes.join(' ') || '-'}` : 'too late';
      return { moment: `${kind} change ${at}`, wrong: result.wrong, note };
    });
  }
}

async function failAtRandom(): Promise<void> {
  const begin = performance.now();
  const { wrong, nights, faults, notes } = await nightsWithRandomMirror(world, {
    seed,
    kernels,
    nights: 8,
    hasStalls: true,
  });
  tell('a mirror that fails at random', wrong);
  rows.push({
    what: 'a mirror that fails at random',
    where: `${kernels} kernels, ${nights} nights`,
    count: faults,
    wrong: wrong.length,
    minutes: (performance.now() - begin) / 60_000,
    notes,
  });
}

async function readMeanwhile(): Promise<void> {
  const nights = 15;
  const begin = performance.now();
  const result = await readWhileWritten(world, { nights, random: new Random(seed) });
  const { wrong, counts, again, serials } = result;
  tell('readers beside a writer', wrong);
  rows.push({
    what: 'readers beside a writer',
    where: `${nights} nights of 2 kernels, 30 timestamps renewed between them`,
    count: Object.values(counts).reduce((sum, readings) => sum + readings, 0),
    wrong: wrong.length,
    minutes: (performance.now() - begin) / 60_000,
    notes: `${list(Object.entries(counts))}; serials seen: ${serials}; between timestamp and signature: ${again}`,
  });
}

interface OneResult {
  readonly moment: string;
  readonly wrong: readonly string[];
  readonly note: string;
}

async function many(
  what: string,
  scenario: Scenario,
  count: number,
  one: () => Promise<OneResult>,
): Promise<void> {
  const begin = performance.now();
  const notes = new Map<string, number>();
  let wrong = 0;
  let done = 0;
  const limit = pLimit(Number(values.lanes));
  await Promise.all(
    Array.from({ length: count }, () =>
      limit(async () => {
        const result = await one();
        notes.set(result.note, (notes.get(result.note) ?? 0) + 1);
        if (result.wrong.length > 0) wrong += 1;
        tell(`${what}, ${scenario.name}, ${result.moment} (${result.note})`, result.wrong);
        done += 1;
        if (done % 10 === 0 || done === count) {
          process.stderr.write(`${what}, ${scenario.name}: ${done} of ${count}, ${wrong} wrong\n`);
        }
      }),
    ),
  );
  rows.push({
    what,
    where: scenario.name,
    count,
    wrong,
    minutes: (performance.now() - begin) / 60_000,
    notes: list([...notes].toSorted(([, a], [, b]) => b - a)),
  });
}

function list(counts: readonly (readonly [string, number])[]): string {
  return counts.map(([name, times]) => `${name} ${times}`).join(', ');
}

function tell(where: string, wrong: readonly string[]): void {
  for (const line of wrong) process.stderr.write(`WRONG: ${where}: ${line}\n`);
}

function table(of: readonly TableRow[]): string {
  const lines = of.map(
    ({ what, where, count, wrong, minutes, notes }) =>
      `| ${what} | ${where} | ${count} | ${wrong} | ${minutes.toFixed(1)} | ${notes} |`,
  );
  return [
    '| disturbance | night | times | wrong afterwards | minutes | where it struck |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}
