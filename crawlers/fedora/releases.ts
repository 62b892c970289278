/** Fedora's releases: which there are, which ones a request means, and what state they are in. */

import { BtfmillError } from '../../errors/index.ts';
import { FEDORA_KEYRINGS } from '../trust/index.ts';

/** `current` is on the mirrors, `archived` has left them, `branched` is not out yet. */
export type Stage = 'rawhide' | 'branched' | 'current' | 'archived';

export interface FedoraRelease {
  /** The number, or `rawhide`: the name in requests and messages. */
  readonly name: string;
  /** Undefined for rawhide: only its packages say which release it will be. */
  readonly number: number | undefined;
  readonly stage: Stage;
  /** Somebody says that it exists: the list of releases, or what is built in here. */
  readonly isKnown: boolean;
  /** The request named it. */
  readonly isExplicit: boolean;
}

/** Release numbers, as the list of releases gives them. */
export interface ReleaseList {
  /** Out and supported; never empty. */
  readonly current: readonly number[];
  /** Beta and the like. */
  readonly branched: readonly number[];
}

/** The oldest one that a key is here for. */
export const FIRST_RELEASE = 8;

/**
 * The oldest one that is crawled without being asked for: the first whose kernels got the bpf system call (3.18 and
 * 3.19 came as updates). Nobody loads a BPF program on what is older.
 */
export const FIRST_BY_DEFAULT = 20;

/** What is so for certain, in autumn 2026: where to start from when the list of releases cannot be had. */
export const BUILT_IN: ReleaseList = { current: [43, 44, 45], branched: [] };

/** Two a year: a list that is ten years ahead of this code is none. */
const MAX_AHEAD = 20;

/** `43`, `44 Beta`. */
const VERSION = /^(\d{1,3})( \S.{0,40})?$/u;

/**
 * Reads Fedora's releases.json: an array of images, each with the `version` that it is of. Versions of other forms
 * than `43` and `44 Beta` are passed over. Throws `index-malformed` for another document, and for one that no list of
 * Fedora's releases can be.
 */
export function parseReleaseList(bytes: Uint8Array, where: string): ReleaseList {
  const malformed = (what: string, cause?: unknown) =>
    new BtfmillError('index-malformed', `${where}: ${what}`, cause === undefined ? {} : { cause });
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw malformed('is no JSON', error);
  }
  if (!Array.isArray(document)) throw malformed('is no array of images');
  const current = new Set<number>();
  const branched = new Set<number>();
  for (const image of document as readonly unknown[]) {
    const version = versionOf(image);
    if (version === undefined) throw malformed('has an image without a version');
    const match = VERSION.exec(version);
    if (match === null) continue;
    (match[2] === undefined ? current : branched).add(Number(match[1]));
  }
  const newest = Math.max(...BUILT_IN.current) + MAX_AHEAD;
  const isPlausible = (number: number) => number >= FIRST_BY_DEFAULT && number <= newest;
  if (current.size === 0) throw malformed('lists no release');
  if (![...current, ...branched].every(isPlausible)) {
    throw malformed(`lists releases that cannot be: ${[...current, ...branched].join(', ')}`);
  }
  return { current: [...current], branched: [...branched].filter((number) => !current.has(number)) };
}

function versionOf(image: unknown): string | undefined {
  const isObject = image !== null && typeof image === 'object';
  return isObject && 'version' in image && typeof image.version === 'string' ? image.version : undefined;
}

/** The newest release that is out. */
export function newestRelease({ current }: ReleaseList): number {
  return Math.max(...current);
}

/** Every release there is, newest first, rawhide before them. */
export function allReleases(list: ReleaseList): FedoraRelease[] {
  const newest = Math.max(newestRelease(list), newestRelease(BUILT_IN), ...list.branched);
  const numbers = Array.from({ length: newest - FIRST_BY_DEFAULT + 1 }, (_, index) => newest - index);
  return [rawhide(false), ...numbers.map((number) => numbered(number, list, false))];
}

/** A release that is not in any list yet. */
export function nextRelease(number: number): FedoraRelease {
  return { name: String(number), number, stage: 'branched', isKnown: false, isExplicit: false };
}

/** The release that a request names. Throws `usage` for what can be none. */
export function namedRelease(name: string): FedoraRelease {
  if (name === 'rawhide') return rawhide(true);
  const number = /^[1-9]\d{0,2}$/.test(name) ? Number(name) : 0;
  if (number >= FIRST_RELEASE) return numbered(number, BUILT_IN, true);
  const known = [...FEDORA_KEYRINGS.keys()].join(', ');
  throw new BtfmillError(
    'usage',
    `fedora has no release ${JSON.stringify(name)}; it has ${known} and rawhide`,
  );
}

function rawhide(isExplicit: boolean): FedoraRelease {
  return { name: 'rawhide', number: undefined, stage: 'rawhide', isKnown: true, isExplicit };
}

function numbered(number: number, list: ReleaseList, isExplicit: boolean): FedoraRelease {
  return { name: String(number), number, ...stageOf(number, list), isExplicit };
}

function stageOf(
  number: number,
  { current, branched }: ReleaseList,
): Pick<FedoraRelease, 'stage' | 'isKnown'> {
  // A gap in the list is a release that has left it.
  if (number < Math.max(...current) && !current.includes(number)) return { stage: 'archived', isKnown: true };
  if (current.includes(number)) return { stage: 'current', isKnown: true };
  return { stage: 'branched', isKnown: branched.includes(number) };
}
