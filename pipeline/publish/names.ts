/**
 * The names of the files that describe a published archive (archive-layout.md, "Index, sums and signature"), and what
 * can be told from a name.
 */

import type { KernelKey } from '../../crawlers/types.ts';
import { archivePath } from '../archive-path.ts';

export const TIMESTAMP = 'timestamp.json';
export const TIMESTAMP_SIGNATURE = 'timestamp.json.minisig';
export const CONFIG = 'config.json';
export const SUMS = 'SHA256SUMS';
export const RECORD_COPY = 'archive.sqlite';
/** The notes of a copy, which no copy of it gets. */
export const MIRROR_STATE = '.btfmill-mirror.json';

/** What a plane's kernels have in common. */
export type Plane = Omit<KernelKey, 'kernel'>;

export function manifestName(forSerial: number): string {
  return `manifest-${forSerial}.json`;
}

/** The serial in a manifest's name; undefined for any other name. */
export function serialOfManifest(name: string): number | undefined {
  const serialText = /^manifest-([1-9]\d*)\.json$/u.exec(name)?.[1];
  return serialText === undefined ? undefined : Number(serialText);
}

export function changesName(forSerial: number): string {
  return `changes/${forSerial}.txt`;
}

/** `index/debian/12/x86_64.jsonl`. Throws `index-unsafe-path` like {@link archivePath}. */
export function indexName({ distro, release, arch }: Plane): string {
  const parts = archivePath({ distro, release, arch, kernel: 'k' }).split('/').slice(0, 3);
  return `index/${parts.join('/')}.jsonl`;
}

/** The plane of an index file's name; undefined for any other file. */
export function planeOfIndex(path: string): Plane | undefined {
  const match = /^index\/([^/]+)\/([^/]+)\/([^/]+)\.jsonl$/u.exec(path);
  if (match === null) return undefined;
  const [, distro, release, arch] = match;
  const plane = { distro, release, arch };
  return isSafe(() => indexName(plane)) ? plane : undefined;
}

/** Whether `check` throws nothing. */
export function isSafe(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

const TOP_NAMES: ReadonlySet<string> = new Set([TIMESTAMP, TIMESTAMP_SIGNATURE, CONFIG, SUMS, RECORD_COPY]);

/** Whether a path is that of a file that publishing writes. */
export function isDescribingPath(path: string): boolean {
  return (
    TOP_NAMES.has(path) ||
    serialOfManifest(path) !== undefined ||
    planeOfIndex(path) !== undefined ||
    /^(?:changes\/\d+\.txt|compat\/[a-z-]+\.json)$/u.test(path)
  );
}
