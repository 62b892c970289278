/** A night to be disturbed: where it starts from, and where it must end, whatever happens on the way. */

import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createSmallMirror,
  SMALL_MIRROR_TOOLS,
  type SmallMirror,
  smallKernels,
} from '../mirrors/small-kernels.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { differences, type EndState, endState, kernelFiles } from './end-state.ts';
import { buildFaultyFiles, FAULTY_FILES_TOOLS, type FaultyFiles, watchFiles } from './faulty-files.ts';
import {
  makeNightKey,
  type NightEnd,
  type NightSite,
  type NightSiteOptions,
  openNightSite,
  runNight,
} from './night.ts';
import { readAsStranger } from './stranger.ts';

/** Programs that {@link openWorld} and its nights need. */
export const WORLD_TOOLS: readonly string[] = [...SMALL_MIRROR_TOOLS, ...FAULTY_FILES_TOOLS, 'gpgv', 'flock'];

export interface World {
  readonly folder: string;
  readonly mirror: SmallMirror;
  readonly server: FileServer;
  /** Base URL for a crawl. */
  readonly url: string;
  readonly key: string;
  readonly faultyFiles: string;
  /** An empty site. */
  newSite(options?: Pick<NightSiteOptions, 'crossCheck' | 'jobs'>): Promise<NightSite>;
  close(): Promise<void>;
}

/** Everything lies below `folder`, which is the caller's to remove. */
export async function openWorld(folder: string): Promise<World> {
  await mkdir(folder, { recursive: true });
  const mirror = await createSmallMirror(folder);
  const server = await startFileServer(mirror.root);
  const url = `${server.url}/debian`;
  const key = await makeNightKey(folder);
  let sites = 0;
  return {
    folder,
    mirror,
    server,
    url,
    key,
    faultyFiles: await buildFaultyFiles(folder),
    newSite: async (options = {}) =>
      openNightSite(join(folder, `site${sites++}`), {
        mirror: url,
        keyring: mirror.keyring,
        key,
        ...options,
      }),
    async close() {
      await server.close();
      await mirror.close();
    },
  };
}

export interface Scenario {
  readonly name: string;
  /** What an undisturbed night leaves. */
  readonly wanted: EndState;
  /** What it took: events, changes of files, milliseconds. */
  readonly events: number;
  readonly changes: number;
  readonly milliseconds: number;
  /** A site as it is before the night, and the counter of its changes; remove it when it is done with. */
  start(): Promise<DisturbedSite>;
}

export interface DisturbedSite {
  readonly site: NightSite;
  readonly files: FaultyFiles;
  remove(): Promise<void>;
}

export interface ScenarioOptions {
  readonly world: World;
  /** Kernels that a night before has published; with 0, the night is the site's first. */
  readonly before: number;
  /** Kernels that the mirror has when the night begins. */
  readonly now: number;
  readonly crossCheck?: 'auto' | 'never';
}

/** Runs the night once undisturbed. The mirror must stay as it is then, until the scenario is done with. */
export async function makeScenario({
  world,
  before,
  now,
  crossCheck = 'never',
}: ScenarioOptions): Promise<Scenario> {
  const origin = await world.newSite({ crossCheck });
  if (before > 0) {
    await world.mirror.put(smallKernels(before));
    expectQuiet(await runNight(origin));
  }
  await world.mirror.put(smallKernels(now));
  const start = async (): Promise<DisturbedSite> => {
    const site = await world.newSite();
    await rm(site.folder, { recursive: true });
    await cp(origin.folder, site.folder, { recursive: true, preserveTimestamps: true });
    const control = `${site.folder}.control`;
    return {
      site,
      files: watchFiles(world.faultyFiles, control, [site.folder]),
      async remove() {
        await rm(site.folder, { recursive: true, force: true, maxRetries: 5 });
        await rm(control, { force: true });
      },
    };
  };

  const { site, files } = await start();
  const begin = performance.now();
  const end = await runNight(site, { env: files.env });
  expectQuiet(end);
  return {
    name: before === 0 ? `first night, ${now} kernels` : `${now - before} new kernels beside ${before}`,
    wanted: await endState(site),
    events: end.events.length,
    changes: files.changes(),
    milliseconds: performance.now() - begin,
    start,
  };
}

function expectQuiet({ exitCode, stderr }: NightEnd): void {
  if (exitCode !== 0) throw new Error(`an undisturbed night ended with ${exitCode}: ${stderr}`);
}

/**
 * What is wrong with a site right after a disturbance; nothing, when every file under a final name is the one that is
 * wanted there, and what is published is consistent.
 *
 * @param mayBeBetween a signature may have got its name, and its timestamp not: that is neither the old state nor the
 * new one, and nobody takes it for one
 */
export async function wrongNow(
  { site }: DisturbedSite,
  { wanted }: Scenario,
  { mayBeBetween }: { readonly mayBeBetween: boolean },
): Promise<string[]> {
  const wrong: string[] = [];
  for (const [path, text] of await kernelFiles(site.archive))
    if (wanted.get(path) !== text) wrong.push(`${path} is ${text}`);
  try {
    await readAsStranger(site.archive, `${site.key}.pub`);
  } catch (error) {
    if (mayBeBetween && (error as { code?: string }).code === 'archive-signature') return wrong;
    wrong.push(`what is published does not hold: ${(error as Error).message}`);
  }
  return wrong;
}

/** What is wrong when the disturbed night was followed by an undisturbed one. */
export async function wrongAfterRerun(
  { site }: DisturbedSite,
  { wanted }: Scenario,
  env: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const { exitCode, signal, stderr } = await runNight(site, { env });
  if (exitCode !== 0) return [`the rerun ended with ${exitCode ?? signal}: ${stderr}`];
  return differences(await endState(site), wanted);
}
