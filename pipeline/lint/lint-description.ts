/** The files that describe a published archive, held against each other: timestamp, signature, manifest, indexes, lists. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { toBtfmillError } from '../../errors/index.ts';
import { type MirrorState, readMirrorState } from '../publish/mirror-state.ts';
import { parsePublicKey, type PublicKey, verifyMinisign } from '../publish/minisign.ts';
import { CONFIG, serialOfManifest, TIMESTAMP, TIMESTAMP_SIGNATURE } from '../publish/names.ts';
import {
  damagedLists,
  type PublishedState,
  readPlaneIndex,
  readPublishedState,
} from '../publish/published-state.ts';
import { readIfThere } from '../read-if-there.ts';
import type { Finding, FindingKind } from './findings.ts';

/** Looks at an archive that is published meanwhile; more often than that in a row it is not. */
const MAX_LOOKS = 3;

/** Nothing for an archive that was never published. Throws `io-failed`; never for what these files hold. */
export async function lintDescription(archiveDir: string): Promise<readonly Finding[]> {
  for (let look = 1; ; look += 1) {
    const before = await readIfThere(join(archiveDir, TIMESTAMP));
    const findings = await lookOnce(archiveDir);
    if (findings.length === 0 || look === MAX_LOOKS) return findings;
    // What does not fit together may be two states, one of which was published under our eyes.
    const after = await readIfThere(join(archiveDir, TIMESTAMP));
    if (before?.toString('hex') === after?.toString('hex')) return findings;
  }
}

async function lookOnce(archiveDir: string): Promise<Finding[]> {
  let state: PublishedState | undefined;
  let notes: MirrorState | undefined;
  try {
    state = await readPublishedState(archiveDir);
    notes = await readMirrorState(archiveDir);
  } catch (thrown) {
    return [{ kind: 'broken-index', path: TIMESTAMP, message: integrityMessage(thrown) }];
  }
  if (state === undefined) return lostTimestamp(archiveDir);
  const isPart = notes?.part !== undefined;
  return [
    ...(await lintIndexes(archiveDir, state, isPart)),
    ...(await lintLists(archiveDir, state, isPart)),
    ...(await lintSignature(archiveDir, notes?.publicKey)),
  ];
}

/** A publish that was killed the first time leaves a manifest without a timestamp; that is no damage. */
async function lostTimestamp(archiveDir: string): Promise<Finding[]> {
  const newest = Math.max(0, ...(await readdir(archiveDir)).map((name) => serialOfManifest(name) ?? 0));
  if (newest <= 1) return [];
  const message = `is not there, but the manifest of serial ${newest} is`;
  return [{ kind: 'missing', path: TIMESTAMP, message }];
}

async function lintIndexes(
  archiveDir: string,
  { manifest }: PublishedState,
  isPart: boolean,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const file of manifest.files) {
    if (file.change !== 'append') continue;
    if (isPart && (await readIfThere(join(archiveDir, file.path))) === undefined) continue;
    try {
      await readPlaneIndex(archiveDir, file);
    } catch (thrown) {
      findings.push({ kind: 'broken-index', path: file.path, message: integrityMessage(thrown) });
    }
  }
  return findings;
}

async function lintLists(
  archiveDir: string,
  { manifest }: PublishedState,
  isPart: boolean,
): Promise<Finding[]> {
  const source = `the manifest of serial ${manifest.serial}`;
  return (await damagedLists(archiveDir, manifest)).flatMap(({ path, isGone }): Finding[] => {
    if (!isGone) return [{ kind: 'digest-differs', path, message: `is not what ${source} says` }];
    return isPart ? [] : [{ kind: 'missing', path, message: `is in ${source}, but not there` }];
  });
}

const configSchema = z.object({ publicKey: z.string() });

/** By the key that a copy was made with, else by the one that the archive names: that finds damage, not forgers. */
async function lintSignature(archiveDir: string, keyOfCopy: string | undefined): Promise<Finding[]> {
  const text = keyOfCopy ?? (await namedKey(archiveDir));
  if (text === undefined) return [];
  if ((await readIfThere(join(archiveDir, TIMESTAMP_SIGNATURE))) === undefined) {
    return [aboutSignature('missing', `is not there, but the archive has the key ${text}`)];
  }
  try {
    await verifyTimestamp(archiveDir, parsePublicKey(text, CONFIG));
    return [];
  } catch (thrown) {
    return [aboutSignature('bad-signature', integrityMessage(thrown))];
  }
}

function aboutSignature(kind: FindingKind, message: string): Finding {
  return { kind, path: TIMESTAMP_SIGNATURE, message };
}

/** Of an archive that was published unsigned, and of a damaged file, none. */
async function namedKey(archiveDir: string): Promise<string | undefined> {
  const config = await readIfThere(join(archiveDir, CONFIG));
  try {
    return configSchema.parse(JSON.parse(config?.toString('utf8') ?? '')).publicKey;
  } catch {
    return undefined;
  }
}

/** Throws `archive-signature` unless the timestamp has a good signature of this key. */
export async function verifyTimestamp(archiveDir: string, key: PublicKey): Promise<void> {
  const timestamp = await readIfThere(join(archiveDir, TIMESTAMP));
  const signature = await readIfThere(join(archiveDir, TIMESTAMP_SIGNATURE));
  verifyMinisign(timestamp ?? Buffer.alloc(0), signature?.toString('utf8') ?? '', key, TIMESTAMP);
}

/** Of an error that says something about the file; others are thrown on. */
function integrityMessage(thrown: unknown): string {
  const { code, message } = toBtfmillError(thrown);
  if (code.startsWith('archive-') || code === 'usage') return message;
  throw thrown;
}
