/** What a copy remembers of its source: the newest serial it has seen, so that nobody can take it back behind that. */

import { join } from 'node:path';
import { z } from 'zod';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { writeFileAtomically } from '../atomic-write.ts';
import { readIfThere } from '../read-if-there.ts';
import { parseTimestamp, type Timestamp, toJsonLine } from './layout.ts';
import { MIRROR_STATE, TIMESTAMP, TIMESTAMP_SIGNATURE } from './names.ts';
import { type PublicKey, verifyMinisign } from './minisign.ts';

const schema = z.object({
  v: z.literal(1),
  serial: z.number().int().min(1),
  manifestSha256: z.string(),
  publicKey: z.string(),
  /** The copy is one of a part: it has no lists of the whole, and some planes only, or kernels since a serial only. */
  part: z.object({ since: z.number().int().min(1).optional() }).optional(),
});
export type MirrorState = z.infer<typeof schema>;
/** What of it keeps a source from going back. */
export type SeenState = Pick<MirrorState, 'serial' | 'manifestSha256' | 'publicKey'>;

/** Undefined for a folder that is no copy yet. Throws `archive-malformed` for a state that cannot be read. */
export async function readMirrorState(dir: string): Promise<MirrorState | undefined> {
  const path = join(dir, MIRROR_STATE);
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const result = schema.safeParse(tryJson(bytes.toString('utf8')));
  if (result.success) return result.data;
  throw new BtfmillError(
    'archive-malformed',
    `${path}: is damaged; remove it to take whatever state the source has next`,
  );
}

/**
 * What the folder has seen of its source: by its own notes or, where another program has made the copy, by its
 * timestamp. Throws `archive-signature` for a folder that holds somebody else's archive, which a copy would destroy.
 */
export async function readSeenState(dir: string, publicKey: PublicKey): Promise<SeenState | undefined> {
  const state = await readMirrorState(dir);
  if (state !== undefined) return state;
  const bytes = await readIfThere(join(dir, TIMESTAMP));
  if (bytes === undefined) return undefined;
  const signature = await readIfThere(join(dir, TIMESTAMP_SIGNATURE));
  try {
    verifyMinisign(bytes, signature?.toString('utf8') ?? '', publicKey, join(dir, TIMESTAMP));
    const { serial, manifest } = parseTimestamp(bytes, join(dir, TIMESTAMP));
    return { serial, manifestSha256: manifest.sha256, publicKey: publicKey.text };
  } catch (thrown) {
    const { code, message } = toBtfmillError(thrown);
    if (code !== 'archive-signature' && code !== 'archive-malformed') throw thrown;
    throw new BtfmillError(
      'archive-signature',
      `the folder holds an archive already, and not one of this key (${message}); make the copy in a folder of its own`,
      { cause: thrown },
    );
  }
}

export async function writeMirrorState(dir: string, state: MirrorState): Promise<void> {
  await writeFileAtomically(join(dir, MIRROR_STATE), Buffer.from(toJsonLine(state)));
}

/**
 * Throws `archive-rollback` for a serial behind the one seen last, and for a timestamp that has run out;
 * `archive-digest` for another manifest under the same serial, `archive-signature` for a change of key.
 */
export function refuseOlder(
  timestamp: Timestamp,
  publicKey: string,
  known: SeenState | undefined,
  o: { readonly now: Date; readonly allowExpired: boolean },
): void {
  if (!o.allowExpired && Date.parse(timestamp.expires) <= o.now.getTime()) {
    throw new BtfmillError(
      'archive-rollback',
      `serial ${timestamp.serial} has expired on ${timestamp.expires}; --allow-expired takes it nevertheless`,
    );
  }
  if (known === undefined) return;
  if (known.publicKey !== publicKey) {
    throw new BtfmillError(
      'archive-signature',
      `the copy was made with the public key ${known.publicKey}; remove ${MIRROR_STATE} and ${TIMESTAMP} to begin with another`,
    );
  }
  if (timestamp.serial < known.serial) {
    throw new BtfmillError(
      'archive-rollback',
      `the source has serial ${timestamp.serial}, this copy has seen ${known.serial}`,
    );
  }
  if (timestamp.serial === known.serial && timestamp.manifest.sha256 !== known.manifestSha256) {
    throw new BtfmillError('archive-digest', `serial ${timestamp.serial} has two manifests`);
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
