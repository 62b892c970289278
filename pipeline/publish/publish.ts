/**
 * The publish step: describes what the archive holds in files that strangers can check, and signs them.
 *
 * Nothing that a reader of the former serial needs is taken away, and the timestamp comes last: whoever reads at any
 * moment finds a complete old or a complete new state. A publish that is killed leaves the old one.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BtfRecord } from '../../db/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import { archivePath } from '../archive-path.ts';
import { digestIfThere } from '../file-digest.ts';
import { readIfThere } from '../read-if-there.ts';
import { removeTemporaries } from '../sweep.ts';
import { aliasesOf, linkAliases } from './aliases.ts';
import {
  changedPaths,
  configFile,
  type DescribingFile,
  describingFiles,
  makeManifest,
  withdrawnPaths,
} from './describing-files.ts';
import { hardLinkTwins } from './hard-links.ts';
import { GENERATION, sha256Of, type Timestamp, toJsonLine, parseManifest, parseTimestamp } from './layout.ts';
import { CONFIG, manifestName, RECORD_COPY, TIMESTAMP, TIMESTAMP_SIGNATURE } from './names.ts';
import { type SigningKey, signMinisign, verifyMinisign } from './minisign.ts';
import { type PlaneState, publishedKernels, readPlanes } from './plane-states.ts';
import {
  damagedLists,
  type PublishedState,
  readPublishedState,
  refuseLostTimestamp,
} from './published-state.ts';
import { changedFiles, type FileToWrite, writeAtOnce, writeInOrder } from './write-files.ts';

export interface PublishOptions {
  readonly archiveDir: string;
  readonly record: BtfRecord;
  /** Without one, the archive is published unsigned; an archive that was signed before must stay signed. */
  readonly key?: SigningKey;
  /** How long a copy may go without a new timestamp. */
  readonly validForMs: number;
  /** Also make the other names of releases and architectures symbolic links. */
  readonly linkAliases?: boolean;
  /** Also make files with the same bytes one file. */
  readonly hardLinks?: boolean;
  readonly now: Date;
  readonly signal: AbortSignal;
}

export interface PublishReport {
  readonly serial: number;
  /** `new`: a serial more. `renewed`: nothing new, but a timestamp that holds longer. */
  readonly outcome: 'new' | 'renewed' | 'unchanged';
  /** Archive paths that this serial adds. */
  readonly added: readonly string[];
  readonly withdrawn: readonly string[];
  /** Kernels published in all. */
  readonly kernels: number;
  readonly expires: string;
  /** Names that could not become links, because something else has them. */
  readonly takenAliases: readonly string[];
  /** By hard links. */
  readonly freedBytes: number;
  /** Describing files written, in this order. */
  readonly written: readonly string[];
}

/** A timestamp is renewed when less than this share of its time is left: nightly runs then never let it expire. */
const RENEW_BELOW = 0.5;

/**
 * Publishes what the record has added since the last time. The caller holds the lock on the archive.
 *
 * Throws `archive-damaged` when a file to be published is not what the record says, `archive-rollback` when the
 * timestamp is older than what was published, `archive-conflict`, `archive-malformed`, `archive-digest`, `usage` for a
 * missing key, `io-failed`, `disk-full`. Nothing that a reader can see has changed then.
 */
export async function publishArchive(options: PublishOptions): Promise<PublishReport> {
  const { archiveDir, record, key, signal } = options;
  await removeTemporaries(archiveDir);
  const state = await readPublishedState(archiveDir);
  await refuseLostTimestamp(archiveDir, state?.timestamp.serial ?? 0);
  const signature = await readIfThere(join(archiveDir, TIMESTAMP_SIGNATURE));
  if (signature !== undefined && key === undefined) {
    throw new BtfmillError(
      'usage',
      `${archiveDir} is signed, and there is no key to sign its next state with`,
    );
  }
  const serial = (state?.timestamp.serial ?? 0) + 1;
  const planes = await readPlanes(archiveDir, record, state, serial);
  for (const plane of planes) await checkFiles(plane, archiveDir, signal);

  const beside = await makeLinks(planes, options);

  const config = configFile(key?.publicKey.text);
  const published = state?.manifest.files.find(({ path }) => path === CONFIG);
  const isNew =
    planes.some(({ added }) => added.length > 0) ||
    published?.sha256 !== sha256Of(config) ||
    // A list that is damaged or gone is made anew, and so is what a publish left that was killed between two names.
    (state !== undefined && (await damagedLists(archiveDir, state.manifest)).length > 0);
  if (state !== undefined && !isNew) return { ...(await renew(state, signature, options)), ...beside };
  signal.throwIfAborted();
  const files = describingFiles(planes, config, serial);
  return { ...(await publishSerial(serial, planes, files, options)), ...beside };
}

type Beside = Pick<PublishReport, 'takenAliases' | 'freedBytes'>;

/** What is no part of a serial: readers find the same content with or without it. */
async function makeLinks(planes: readonly PlaneState[], options: PublishOptions): Promise<Beside> {
  const { archiveDir, signal } = options;
  const aliases = aliasesOf(planes.map(({ plane }) => plane));
  const files = planes.flatMap((state) =>
    publishedKernels(state).map(({ kernel, sha256 }) => ({
      path: archivePath({ ...state.plane, kernel }),
      sha256,
    })),
  );
  return {
    takenAliases: options.linkAliases ? await linkAliases(archiveDir, aliases) : [],
    freedBytes: options.hardLinks ? await hardLinkTwins(archiveDir, files, signal) : 0,
  };
}

async function publishSerial(
  serial: number,
  planes: readonly PlaneState[],
  files: readonly DescribingFile[],
  options: PublishOptions,
): Promise<Omit<PublishReport, keyof Beside>> {
  const { archiveDir, record, now } = options;
  const copy = { path: RECORD_COPY, change: 'current', bytes: record.publicCopy() } as const;
  const all = [...files, copy];
  const manifest = makeManifest(planes, all, serial, now);
  const manifestFile = { path: manifestName(serial), bytes: Buffer.from(toJsonLine(manifest)) };
  const timestamp = makeTimestamp(serial, manifestFile.bytes, options);
  // What readers would refuse must not be signed: the next publish is a reader, too.
  parseManifest(manifestFile.bytes, manifestFile.path);
  parseTimestamp(Buffer.from(toJsonLine(timestamp)), TIMESTAMP);
  const first = await changedFiles(archiveDir, [...all.filter(isIndex), manifestFile]);
  // What the timestamp will lead to has to survive a power cut before the timestamp itself does.
  await writeInOrder(archiveDir, first);
  const rest = await changedFiles(
    archiveDir,
    all.filter((file) => !isIndex(file)),
  );
  const last = await writeWithTimestamp(rest, timestamp, options);
  return {
    serial,
    outcome: 'new',
    added: changedPaths(planes),
    withdrawn: withdrawnPaths(planes),
    kernels: manifest.kernels,
    expires: timestamp.expires,
    written: [...first.map(({ path }) => path), ...last],
  };
}

function isIndex({ change }: Pick<DescribingFile, 'change'>): boolean {
  return change === 'append';
}

/** Nothing is new: at most the timestamp is written again, for the same serial. */
async function renew(
  { timestamp, manifest }: PublishedState,
  signature: Buffer | undefined,
  options: PublishOptions,
): Promise<Omit<PublishReport, keyof Beside>> {
  const { archiveDir, key, now, validForMs } = options;
  const same = { serial: timestamp.serial, added: [], withdrawn: [], kernels: manifest.kernels };
  const left = Date.parse(timestamp.expires) - now.getTime();
  // Also when the clock was wrong the last time: a time that is too far away is as bad as one that is over.
  const isFresh = left > validForMs * RENEW_BELOW && left <= validForMs;
  if (isFresh && (key === undefined || (await isSignedBy(key, signature, archiveDir)))) {
    return { ...same, outcome: 'unchanged', expires: timestamp.expires, written: [] };
  }
  const bytes = await readFile(join(archiveDir, timestamp.manifest.path));
  const renewed = makeTimestamp(timestamp.serial, bytes, options);
  const written = await writeWithTimestamp([], renewed, options);
  return { ...same, outcome: 'renewed', expires: renewed.expires, written };
}

function makeTimestamp(serial: number, manifest: Buffer, { now, validForMs }: PublishOptions): Timestamp {
  return {
    v: GENERATION,
    serial,
    generated: now.toISOString(),
    expires: new Date(now.getTime() + validForMs).toISOString(),
    manifest: { path: manifestName(serial), size: manifest.length, sha256: sha256Of(manifest) },
  };
}

/**
 * Gives `files`, the signature and the timestamp their names, one right after the other, when all of them are on the
 * disk: a reader of the former serial finds its own lists or, in a moment, those of the new one with its timestamp. One
 * that comes between two names asks again, because nothing fits. Returns what was written.
 */
async function writeWithTimestamp(
  files: readonly FileToWrite[],
  timestamp: Timestamp,
  { archiveDir, key }: PublishOptions,
): Promise<string[]> {
  const bytes = Buffer.from(toJsonLine(timestamp));
  const comment = `btfmill archive, serial ${timestamp.serial}, expires ${timestamp.expires}`;
  const signature =
    key === undefined
      ? []
      : [{ path: TIMESTAMP_SIGNATURE, bytes: Buffer.from(signMinisign(bytes, key, comment)) }];
  const all = [...files, ...signature, { path: TIMESTAMP, bytes }];
  await writeAtOnce(archiveDir, all);
  return all.map(({ path }) => path);
}

/** What gets a line must be there, to the byte: a line is for ever. */
async function checkFiles(
  { plane, added }: PlaneState,
  archiveDir: string,
  signal: AbortSignal,
): Promise<void> {
  for (const line of added) {
    if (line.state !== 'published') continue;
    const path = archivePath({ ...plane, kernel: line.kernel });
    const digest = await digestIfThere(join(archiveDir, path), signal);
    if (digest === undefined) {
      throw new BtfmillError('archive-damaged', `${path}: is published by the record, but not there`);
    }
    if (digest !== line.sha256) {
      throw new BtfmillError(
        'archive-damaged',
        `${path}: SHA-256 is ${digest}, the record says ${line.sha256}`,
      );
    }
  }
}

async function isSignedBy(
  { publicKey }: SigningKey,
  signature: Buffer | undefined,
  archiveDir: string,
): Promise<boolean> {
  try {
    verifyMinisign(
      await readFile(join(archiveDir, TIMESTAMP)),
      signature?.toString('utf8') ?? '',
      publicKey,
      TIMESTAMP_SIGNATURE,
    );
    return true;
  } catch (error) {
    if (error instanceof BtfmillError && error.code === 'archive-signature') return false;
    throw error;
  }
}
