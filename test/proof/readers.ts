/**
 * Readers beside a writer: while night after night adds kernels and publishes, the archive is copied and read at random
 * moments. Every copy must hold one published state, whole: an old one or a new one.
 */

import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../fuzz/random.ts';
import { smallKernels } from '../mirrors/small-kernels.ts';
import { startFileServer } from '../support/file-server.ts';
import { runBtfmill } from '../support/run-btfmill.ts';
import { type NightSite, runNight } from './night.ts';
import type { World } from './scenario.ts';
import { readAsStranger, type ReadState } from './stranger.ts';

export interface ReadersResult {
  readonly wrong: readonly string[];
  /** Copies and readings by who made them. */
  readonly counts: Readonly<Record<string, number>>;
  /** Those that fell between a timestamp and its signature, and were made again. */
  readonly again: number;
  /** Serials that were seen, of those published. */
  readonly serials: string;
}

interface Reading {
  readonly by: string;
  /** Newest serial that had been published for certain when the reading began. */
  readonly atLeast: number;
  readonly state: ReadState;
}

/** Renews the timestamp each time: whatever holds for 30 days is too long for 7, and the other way round it is half over. */
const VALID_DAYS = ['30', '7'];
const KERNELS_A_NIGHT = 2;

export async function readWhileWritten(
  world: World,
  o: { readonly nights: number; readonly random: Random },
): Promise<ReadersResult> {
  const site = await world.newSite();
  const server = await startFileServer(site.archive);
  const published = new Map<number, ReadState>();
  const readings: Reading[] = [];
  const wrong: string[] = [];
  const writing = new AbortController();
  let again = 0;

  const latest = (): number => Math.max(...published.keys());
  const write = async (): Promise<void> => {
    const { exitCode, stderr } = await runNight(site);
    if (exitCode !== 0) throw new Error(`a night beside readers ended with ${exitCode}: ${stderr}`);
    const state = await readAsStranger(site.archive, `${site.key}.pub`);
    if (state === undefined) throw new Error('the night has published nothing');
    published.set(state.serial, state);
  };
  const read = async (by: string, copy: (folder: string) => Promise<string>): Promise<void> => {
    for (let n = 0; !writing.signal.aborted; n += 1) {
      await sleep(o.random.below(400));
      const atLeast = latest();
      const folder = join(site.folder, `${by}-${n}`);
      try {
        const state = await readAsStranger(await copy(folder), `${site.key}.pub`);
        if (state !== undefined) readings.push({ by, atLeast, state });
      } catch (error) {
        if ((error as { code?: string }).code === 'archive-signature') again += 1;
        else wrong.push(`${by}: ${(error as Error).message}`);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
  };

  try {
    await world.mirror.put(smallKernels(KERNELS_A_NIGHT));
    await write();
    const writer = async (): Promise<void> => {
      try {
        for (let night = 2; night <= o.nights; night += 1) {
          await world.mirror.put(smallKernels(KERNELS_A_NIGHT * night));
          await write();
          for (const days of VALID_DAYS) await publish(site, days);
        }
      } finally {
        writing.abort();
      }
    };
    const always = join(site.folder, 'copy');
    await Promise.all([
      writer(),
      read('mirror', (folder) => mirrorVerb(server.url, folder, site)),
      read('mirror-again', () => mirrorVerb(server.url, always, site)),
      read('copy', (folder) => plainCopy(site.archive, folder, o.random)),
      read('reader', async () => site.archive),
    ]);
  } finally {
    await server.close();
    await rm(site.folder, { recursive: true, force: true, maxRetries: 5 });
  }
  for (const reading of readings) wrong.push(...judge(reading, published));
  const serials = new Set(readings.map(({ state }) => state.serial));
  const counts: Record<string, number> = {};
  for (const { by } of readings) counts[by] = (counts[by] ?? 0) + 1;
  return { wrong, counts, again, serials: `${serials.size} of ${published.size}` };
}

function judge({ by, atLeast, state }: Reading, published: ReadonlyMap<number, ReadState>): string[] {
  const { serial, kernels, newer } = state;
  const whole = published.get(serial);
  if (whole === undefined) return [`${by} saw serial ${serial}, which nobody published`];
  const wrong: string[] = [];
  if (serial < atLeast) wrong.push(`${by} saw serial ${serial} when ${atLeast} was published`);
  if (JSON.stringify([...kernels]) !== JSON.stringify([...whole.kernels])) {
    wrong.push(`${by} saw ${kernels.size} kernels in serial ${serial}, which has ${whole.kernels.size}`);
  }
  // Copies by the verb have every file of their serial; others may have newer lists beside it.
  if (by.startsWith('mirror') && newer.length > 0) {
    wrong.push(`${by} has lists of another serial: ${newer.join(', ')}`);
  }
  return wrong;
}

async function publish({ archive, db, key, folder }: NightSite, days: string): Promise<void> {
  const args = ['publish', '--archive', archive, '--db', db, '--key', key, '--valid-days', days, '--quiet'];
  const { exitCode, stderr } = await runBtfmill(args, { cwd: folder });
  if (exitCode !== 0) throw new Error(`publish beside readers ended with ${exitCode}: ${stderr}`);
}

async function mirrorVerb(url: string, folder: string, { key, folder: cwd }: NightSite): Promise<string> {
  const { exitCode, stderr } = await runBtfmill(['mirror', url, folder, '--public-key', `${key}.pub`], {
    cwd,
  });
  if (exitCode !== 0) throw new Error(`ended with ${exitCode}: ${stderr}`);
  return folder;
}

/** As archive-layout.md tells how: the timestamp first, to be kept aside; everything else; then the timestamp. */
async function plainCopy(archive: string, folder: string, random: Random): Promise<string> {
  const aside = `${folder}.aside`;
  await mkdir(aside, { recursive: true });
  try {
    for (const name of TIMESTAMPS) await cp(join(archive, name), join(aside, name));
    await copyFolder(archive, folder, random);
    for (const name of TIMESTAMPS) await rename(join(aside, name), join(folder, name));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  return folder;
}

const TIMESTAMPS = ['timestamp.json', 'timestamp.json.minisig'];

/** In any order, with pauses: other programs have theirs. */
async function copyFolder(from: string, to: string, random: Random): Promise<void> {
  await mkdir(to, { recursive: true });
  const entries = await readdir(from, { withFileTypes: true });
  for (const entry of shuffled(entries, random)) {
    if (entry.name.startsWith('.') || TIMESTAMPS.includes(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (random.oneIn(4)) await sleep(random.below(60));
    if (entry.isDirectory()) await copyFolder(source, target, random);
    else await cp(source, target);
  }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const left = [...list];
  return list.map(() => left.splice(random.below(left.length), 1)[0]);
}
