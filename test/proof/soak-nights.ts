/**
 * Three nights of many small kernels: a first one that makes them all, watched for memory and speed; one with nothing
 * new; and one on which some are new, some were built again and some have gone.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SmallKernel, smallKernelName, smallKernels } from '../mirrors/small-kernels.ts';
import { type NightEnd, type NightSite, runNight } from './night.ts';
import type { World } from './scenario.ts';
import { readAsStranger } from './stranger.ts';

/** A part of the first night's kernels, in the order in which they were done. */
export interface SoakWindow {
  readonly kernels: number;
  readonly seconds: number;
  /** Of the command and of the programs that it ran: what the machine's other work does not change. */
  readonly cpuSeconds: number;
  /** Resident memory of the command in it, in bytes. */
  readonly meanRssBytes: number;
  readonly maxRssBytes: number;
}

export interface SoakNight {
  readonly seconds: number;
  readonly exitCode: number | undefined;
  readonly requests: number;
  readonly packageRequests: number;
  /** Requests for what the mirror has that were answered in full. */
  readonly unconditional: number;
  readonly bodyBytes: number;
  readonly maxRssBytes: number;
}

export interface SoakResult {
  readonly wrong: readonly string[];
  readonly windows: readonly SoakWindow[];
  readonly nights: readonly SoakNight[];
}

export interface SoakOptions {
  readonly kernels: number;
  /** Kernels of one {@link SoakWindow}. */
  readonly windowSize: number;
  readonly site: NightSite;
  readonly world: World;
}

const ADDED = 5;
const REBUILT = 2;
const GONE = 3;
const SAMPLE_EVERY_MS = 100;

export async function soak({ kernels, windowSize, site, world }: SoakOptions): Promise<SoakResult> {
  const wrong: string[] = [];
  const first = smallKernels(kernels);
  await world.mirror.put(first);
  const one = await watchedNight(site, world);
  wrong.push(...(await judgeNight('first', site, 1, { published: first.map(pathOf), kernels })));

  const two = await watchedNight(site, world);
  wrong.push(...(await judgeNight('second', site, 2, { published: [], kernels })));
  const { packageRequests, unconditional } = two.night;
  if (packageRequests > 0) wrong.push(`the second night asked for ${packageRequests} packages`);
  if (unconditional > 0) wrong.push(`the second night fetched ${unconditional} indexes in full`);

  // Spread over the range: some at its ends, some in the middle.
  const gone = first.filter((_, i) => i % Math.floor(kernels / GONE) === 1).slice(0, GONE);
  const rebuilt = first.filter((_, i) => i % Math.floor(kernels / REBUILT) === 2).slice(0, REBUILT);
  const added = smallKernels(ADDED, kernels + 1);
  const third = first
    .filter((kernel) => !gone.includes(kernel))
    .map((kernel) => (rebuilt.includes(kernel) ? { ...kernel, build: 2 } : kernel));
  await world.mirror.put([...third, ...added]);
  const three = await watchedNight(site, world);
  wrong.push(
    ...(await judgeNight('third', site, 3, {
      published: added.map(pathOf),
      replaced: rebuilt.map(pathOf),
      vanished: gone.map(pathOf),
      kernels: kernels + ADDED,
    })),
  );
  if (three.night.packageRequests !== ADDED) {
    wrong.push(`the third night asked for ${three.night.packageRequests} packages`);
  }
  for (const [i, { end }] of [one, two, three].entries()) {
    if (end.exitCode !== 0)
      wrong.push(`night ${i + 1} ended with ${end.exitCode ?? end.signal}: ${end.stderr}`);
  }
  return {
    wrong,
    windows: windowsOf(one, windowSize),
    nights: [one.night, two.night, three.night],
  };
}

interface WatchedNight {
  readonly end: NightEnd;
  readonly night: SoakNight;
  /** When each kernel was done. */
  readonly doneAt: readonly number[];
  readonly samples: readonly Sample[];
}

/** What a process has used up to a moment. */
interface Sample {
  readonly at: number;
  readonly rssBytes: number;
  readonly cpuSeconds: number;
}

async function watchedNight(site: NightSite, { server }: World): Promise<WatchedNight> {
  server.clear();
  const samples: Sample[] = [];
  const doneAt: number[] = [];
  let timer: NodeJS.Timeout | undefined;
  const begin = performance.now();
  const end = await runNight(site, {
    timeoutMs: 3_600_000,
    onStart(pid) {
      const sample = async (): Promise<void> => {
        const usage = await readUsage(pid);
        if (usage !== undefined) samples.push({ at: performance.now(), ...usage });
      };
      timer = setInterval(() => void sample(), SAMPLE_EVERY_MS);
    },
    onEvent({ event }) {
      if (event === 'kernel.done') doneAt.push(performance.now());
    },
  });
  clearInterval(timer);
  const { log } = server;
  const isConditional = ({ headers }: (typeof log)[number]): boolean =>
    headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined;
  const night: SoakNight = {
    seconds: (performance.now() - begin) / 1000,
    exitCode: end.exitCode,
    requests: log.length,
    packageRequests: log.filter(({ path }) => path.includes('/pool/')).length,
    unconditional: log.filter(
      (entry) => entry.statusCode === 200 || (entry.statusCode !== 404 && !isConditional(entry)),
    ).length,
    bodyBytes: log.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
    maxRssBytes: Math.max(0, ...samples.map(({ rssBytes }) => rssBytes)),
  };
  return { end, night, doneAt, samples };
}

/** From proc(5), `stat`: of a process, its threads included, and of its children that have ended. */
async function readUsage(pid: number): Promise<Omit<Sample, 'at'> | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // Behind the name, which may hold blanks: field 3 and on.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { rssBytes: Number(fields[21]) * PAGE_BYTES, cpuSeconds: ticks / TICKS_PER_SECOND };
}

const PAGE_BYTES = 4096;
const TICKS_PER_SECOND = 100;

function windowsOf({ doneAt, samples }: WatchedNight, size: number): SoakWindow[] {
  const windows: SoakWindow[] = [];
  for (let first = 0; first + size <= doneAt.length; first += size) {
    // From one kernel's end to another's: the night's own beginning is not counted.
    const [from, to] = [doneAt[Math.max(0, first - 1)], doneAt[first + size - 1]];
    const within = samples.filter(({ at }) => at >= from && at <= to);
    const rss = within.map(({ rssBytes }) => rssBytes);
    windows.push({
      kernels: size,
      seconds: (to - from) / 1000,
      cpuSeconds: (within.at(-1)?.cpuSeconds ?? 0) - (within[0]?.cpuSeconds ?? 0),
      meanRssBytes: rss.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, rss.length),
      maxRssBytes: Math.max(0, ...rss),
    });
  }
  return windows;
}

interface Expected {
  readonly published: readonly string[];
  readonly replaced?: readonly string[];
  readonly vanished?: readonly string[];
  /** In the archive. */
  readonly kernels: number;
}

/** What the night's own report and the archive say against what must be. */
async function judgeNight(
  name: string,
  site: NightSite,
  runId: number,
  { published, replaced = [], vanished = [], kernels }: Expected,
): Promise<string[]> {
  const report = JSON.parse(await readFile(join(site.reports, `run-${runId}.json`), 'utf8')) as Record<
    string,
    readonly { readonly path: string }[]
  >;
  const wanted = {
    published,
    replaced,
    vanished,
    recovered: [],
    failed: [],
    noDebugInfo: [],
    interrupted: [],
  };
  const wrong: string[] = [];
  for (const [list, paths] of Object.entries(wanted)) {
    const found = report[list].map(({ path }) => path);
    if (found.toSorted().join() === [...paths].toSorted().join()) continue;
    wrong.push(
      `the ${name} night's report has ${found.length} ${list}, not ${paths.length}: ${found.slice(0, 10).join(' ')}`,
    );
  }
  const state = await readAsStranger(site.archive, `${site.key}.pub`);
  if (state?.kernels.size !== kernels) {
    wrong.push(`after the ${name} night ${state?.kernels.size} kernels are published, not ${kernels}`);
  }
  return wrong;
}

function pathOf({ number }: SmallKernel): string {
  return `debian/12/x86_64/${smallKernelName(number)}.btf.tar.xz`;
}
