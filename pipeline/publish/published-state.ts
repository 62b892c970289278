/** What an archive on disk says it has published, read back and checked. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { archivePath } from '../archive-path.ts';
import { readIfThere } from '../read-if-there.ts';
import {
  type IndexLine,
  lastLines,
  type Manifest,
  type ManifestFile,
  MAX_INDEX_BYTES,
  parseIndex,
  parseManifest,
  parseTimestamp,
  sha256Of,
  type Timestamp,
} from './layout.ts';
import { manifestName, planeOfIndex, serialOfManifest, TIMESTAMP } from './names.ts';

export interface PublishedState {
  readonly timestamp: Timestamp;
  readonly manifest: Manifest;
}

/**
 * The state that the archive's timestamp names; undefined for an archive that was never published. Whoever has the
 * archive's folder is trusted here: only a copy is verified by its signature. Throws `archive-malformed` and
 * `archive-digest`.
 */
export async function readPublishedState(archiveDir: string): Promise<PublishedState | undefined> {
  const bytes = await readIfThere(join(archiveDir, TIMESTAMP));
  if (bytes === undefined) return undefined;
  const timestamp = parseTimestamp(bytes, TIMESTAMP);
  const { path, sha256 } = timestamp.manifest;
  const manifest = await readIfThere(join(archiveDir, path));
  if (manifest === undefined)
    throw new BtfmillError('archive-digest', `${path}: ${TIMESTAMP} names it, but it is gone`);
  if (sha256Of(manifest) !== sha256) {
    throw new BtfmillError('archive-digest', `${path}: is not the one that ${TIMESTAMP} names`);
  }
  return { timestamp, manifest: parseManifest(manifest, path) };
}

/**
 * A publish that was killed leaves the manifest of the serial behind the timestamp's, and no more. Later ones mean that
 * the timestamp was lost, or put back from an old copy: going on from there would give serials that copies have seen
 * another content. Throws `archive-rollback`.
 */
export async function refuseLostTimestamp(archiveDir: string, serial: number): Promise<void> {
  const serials = (await readdir(archiveDir)).map((name) => serialOfManifest(name) ?? 0);
  const newest = Math.max(0, ...serials);
  if (newest <= serial + 1) return;
  const says = serial === 0 ? 'is gone' : `has serial ${serial}`;
  throw new BtfmillError(
    'archive-rollback',
    `${archiveDir}: ${TIMESTAMP} ${says}, but ${manifestName(newest)} was published; put back the newest ${TIMESTAMP} and its signature from a copy`,
  );
}

/** Lists and other files of the manifest, indexes apart, that are gone or not what it says. */
export async function damagedLists(
  archiveDir: string,
  { files }: Manifest,
): Promise<{ readonly path: string; readonly isGone: boolean }[]> {
  const damaged: { path: string; isGone: boolean }[] = [];
  for (const { path, change, sha256 } of files) {
    if (change === 'append') continue;
    const bytes = await readIfThere(join(archiveDir, path));
    if (bytes === undefined || sha256Of(bytes) !== sha256)
      damaged.push({ path, isGone: bytes === undefined });
  }
  return damaged;
}

/** The lines of a plane's index as the manifest knows them: what a killed run has appended since is no part of it. */
export async function readPlaneIndex(
  archiveDir: string,
  file: ManifestFile,
): Promise<{ readonly bytes: Buffer; readonly lines: IndexLine[] }> {
  const plane = planeOfIndex(file.path);
  if (plane === undefined) throw new BtfmillError('archive-malformed', `${file.path}: is no index`);
  const bytes = await readPrefix(join(archiveDir, file.path), file.size);
  if (bytes === undefined || sha256Of(bytes) !== file.sha256) {
    throw new BtfmillError(
      'archive-digest',
      `${file.path}: its first ${file.size} bytes are not those that were published`,
    );
  }
  return { bytes, lines: parseIndex(bytes, plane, file.path) };
}

async function readPrefix(path: string, size: number): Promise<Buffer | undefined> {
  if (size > MAX_INDEX_BYTES) return undefined;
  const bytes = await readIfThere(path);
  return bytes === undefined || bytes.length < size ? undefined : bytes.subarray(0, size);
}

/**
 * The last line of every kernel that the archive has published, by archive path; none for an archive that was never
 * published. Throws like {@link readPublishedState} and {@link readPlaneIndex}.
 */
export async function readPublishedLines(archiveDir: string): Promise<ReadonlyMap<string, IndexLine>> {
  const byPath = new Map<string, IndexLine>();
  const state = await readPublishedState(archiveDir);
  for (const file of state?.manifest.files ?? []) {
    const plane = planeOfIndex(file.path);
    if (plane === undefined) continue;
    const { lines } = await readPlaneIndex(archiveDir, file);
    for (const line of lastLines(lines).values())
      byPath.set(archivePath({ ...plane, kernel: line.kernel }), line);
  }
  return byPath;
}
