/** Checksums as rpm-md writes them: a type by name, and hex. */

import { parsePackageDigest } from '../package-digest.ts';
import type { PackageDigest } from '../types.ts';
import { malformed, quote } from './xml.ts';

/** What createrepo called SHA-1 up to about 2010. */
const OLD_SHA1 = 'sha';

/** Throws `index-malformed` for a type that proves nothing or is unknown, and for a value that cannot be of its type. */
export function parseChecksum(type: string, value: string, where: string): PackageDigest {
  const algorithm = type === OLD_SHA1 ? 'sha1' : type;
  const digest = `${algorithm}:${value.toLowerCase()}`;
  if (parsePackageDigest(digest) === undefined) {
    throw malformed(where, `has the ${quote(type)} checksum ${quote(value)}`);
  }
  return digest as PackageDigest;
}
