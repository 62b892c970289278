/**
 * `npm run soak`: three nights with 500 small kernels of a local mirror. Prints memory and speed of the first night by
 * hundreds of kernels, and what each night asked the mirror for; exit code 1 when anything was wrong, or grew.
 *
 *     npm run soak -- --kernels 2000 --jobs 4
 *     npm run soak -- --dir /data     everything is below /data, and stays there
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openWorld } from './scenario.ts';
import { soak, type SoakNight, type SoakResult, type SoakWindow } from './soak-nights.ts';

/** Of memory between the second window and the last: what a heap does that is not full. */
const MAX_GROWTH = 1.25;
/** Of the CPU time per kernel. */
const MAX_SLOWDOWN = 1.25;

const { values } = parseArgs({
  options: {
    kernels: { type: 'string', default: '500' },
    window: { type: 'string', default: '100' },
    jobs: { type: 'string', default: '2' },
    dir: { type: 'string' },
  },
});
const folder = values.dir ?? (await mkdtemp(join(tmpdir(), 'btfmill-soak-')));
const world = await openWorld(folder);
try {
  const site = await world.newSite({ jobs: Number(values.jobs) });
  const result = await soak({
    kernels: Number(values.kernels),
    windowSize: Number(values.window),
    site,
    world,
  });
  const wrong = [...result.wrong, ...growth(result)];
  process.stdout.write(`${windowTable(result.windows)}\n\n${nightTable(result.nights)}\n`);
  for (const line of wrong) process.stdout.write(`WRONG: ${line}\n`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
} finally {
  await world.close();
  if (values.dir === undefined) await rm(folder, { recursive: true, force: true });
}

/** The first window warms up. */
function growth({ windows }: SoakResult): string[] {
  const [, early] = windows;
  const last = windows.at(-1);
  if (early === undefined || last === undefined) return [];
  const wrong: string[] = [];
  if (last.meanRssBytes > early.meanRssBytes * MAX_GROWTH) {
    wrong.push(`memory grew from ${mib(early.meanRssBytes)} to ${mib(last.meanRssBytes)} MiB`);
  }
  if (last.cpuSeconds > early.cpuSeconds * MAX_SLOWDOWN) {
    wrong.push(
      `as many kernels took ${early.cpuSeconds.toFixed(1)} s of CPU at first and ${last.cpuSeconds.toFixed(1)} s in the end`,
    );
  }
  return wrong;
}

function windowTable(windows: readonly SoakWindow[]): string {
  let done = 0;
  const lines = windows.map(({ kernels, seconds, cpuSeconds, meanRssBytes, maxRssBytes }) => {
    done += kernels;
    const each = [seconds, cpuSeconds].map((time) => ((1000 * time) / kernels).toFixed(0)).join(' | ');
    return `| ${done - kernels + 1}–${done} | ${seconds.toFixed(1)} | ${each} | ${mib(meanRssBytes)} | ${mib(maxRssBytes)} |`;
  });
  return [
    '| kernels | seconds | ms each | CPU ms each | mean RSS, MiB | highest |',
    '| --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function nightTable(nights: readonly SoakNight[]): string {
  const lines = nights.map(
    (night, i) =>
      `| ${i + 1} | ${night.seconds.toFixed(1)} | ${night.exitCode} | ${night.requests} | ${night.packageRequests} | ${night.unconditional} | ${night.bodyBytes} | ${mib(night.maxRssBytes)} |`,
  );
  return [
    '| night | seconds | exit code | requests | of packages | answered in full | bytes of bodies | highest RSS, MiB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
