/** Holds a stream against the digest of its bytes. */

import { createHash } from 'node:crypto';
import { BtfmillError } from '../../errors/index.ts';
import { parsePackageDigest } from '../package-digest.ts';
import type { PackageDigest } from '../types.ts';

/** The same bytes; fails with `index-digest` instead of ending when they do not have the digest, if there is one. */
export async function* openDigest(
  plain: AsyncIterable<Buffer>,
  digest: PackageDigest | undefined,
  where: string,
): AsyncGenerator<Buffer> {
  const expected = digest === undefined ? undefined : parsePackageDigest(digest);
  const hash = expected === undefined ? undefined : createHash(expected.algorithm);
  for await (const chunk of plain) {
    hash?.update(chunk);
    yield chunk;
  }
  const actual = hash?.digest('hex');
  if (actual === expected?.hex) return;
  throw new BtfmillError(
    'index-digest',
    `${where}: unpacked it has ${expected?.algorithm} ${actual}, its index says ${expected?.hex}`,
  );
}
