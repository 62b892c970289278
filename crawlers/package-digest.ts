/** A package's digest as its index gives it. */

import type { PackageDigest } from './types.ts';

export interface DigestParts {
  readonly algorithm: 'sha1' | 'sha256' | 'sha512';
  /** Lower-case. */
  readonly hex: string;
}

const HEX_LENGTH = { sha1: 40, sha256: 64, sha512: 128 } as const;

/** The parts of a well-formed digest; undefined for anything else. */
export function parsePackageDigest(digest: string): DigestParts | undefined {
  const match = /^(sha1|sha256|sha512):([0-9a-f]+)$/u.exec(digest);
  if (match === null) return undefined;
  const algorithm = match[1] as DigestParts['algorithm'];
  return match[2].length === HEX_LENGTH[algorithm] ? { algorithm, hex: match[2] } : undefined;
}

/** Throws a RangeError for what is no digest: an index's values are checked where they are read. */
export function packageDigest(algorithm: DigestParts['algorithm'], hex: string): PackageDigest {
  const digest: PackageDigest = `${algorithm}:${hex.toLowerCase()}`;
  if (parsePackageDigest(digest) === undefined) throw new RangeError(`no ${algorithm} digest: ${hex}`);
  return digest;
}
