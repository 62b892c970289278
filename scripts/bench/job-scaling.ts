/** The same night with more and more jobs: kernels per hour, and what the night itself says it waited for. */

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebugPackage } from '../../crawlers/types.ts';
import { BtfmillError } from '../../errors/index.ts';
import type { NightEnd } from '../../pipeline/nightly/night-report.ts';
import type { ContestOptions } from './crawl-contest.ts';
import { type Cost, measure } from './measure.ts';

export interface ScalingRow {
  readonly jobs: number;
  readonly kernels: number;
  readonly cost: Cost;
  readonly kernelsPerHour: number;
  /** Of the night's report. */
  readonly saturated: string;
}

export async function scaling(
  packages: readonly DebugPackage[],
  jobs: readonly number[],
  { command, mirror, folder, threads, signal, say }: Omit<ContestOptions, 'runs' | 'pahole'>,
): Promise<ScalingRow[]> {
  const [{ distro, release, arch }] = packages;
  const night = async (count: number): Promise<ScalingRow> => {
    const place = join(folder, 'place');
    await mkdir(place);
    const config = {
      archive: 'archive',
      db: 'record.sqlite',
      cache: 'cache',
      reports: 'reports',
      distros: {
        [distro]: {
          releases: [release],
          archs: [arch],
          kernels: packages.map(({ kernel }) => kernel),
          mirror: mirror.base,
          allowExpired: true,
        },
      },
      jobs: count,
      downloads: count,
      threads,
    };
    const file = join(place, 'btfmill.config.json');
    await writeFile(file, JSON.stringify(config));
    const cost = await measure([process.execPath, command, 'nightly', '--config', file, '--quiet'], signal);
    const [name] = (await readdir(join(place, 'reports'))).filter((one) => one.endsWith('.json'));
    const report = JSON.parse(await readFile(join(place, 'reports', name), 'utf8')) as { night: NightEnd };
    const { published, gates } = report.night.run ?? {};
    if (published !== packages.length || gates === undefined) {
      throw new BtfmillError('tool-failed', `${published} of ${packages.length} kernels were published`);
    }
    await rm(place, { recursive: true });
    return {
      jobs: count,
      kernels: packages.length,
      cost,
      kernelsPerHour: (packages.length / cost.wallSeconds) * 3600,
      saturated: gates.saturated,
    };
  };
  say('a night to warm up');
  await night(Math.max(...jobs));
  const rows: ScalingRow[] = [];
  for (const count of jobs) {
    say(`a night of ${packages.length} kernels with ${count} jobs`);
    rows.push(await night(count));
  }
  return rows;
}
