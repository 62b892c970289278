/** The keys that btfmill ships; `keys/README.md` says where they come from. */

import { fileURLToPath } from 'node:url';

const KEYS = new URL('./keys/', import.meta.url);

/** Keys that sign Debian's suites today. */
export const DEBIAN_KEYRING = keyPath('debian/debian-archive-keyring.pgp');

/** Keys of the releases that left the mirrors (8 to 10). Trusted for those only: some are old and short. */
export const DEBIAN_REMOVED_KEYRING = keyPath('debian/debian-archive-removed-keys-8-10.pgp');

function keyPath(name: string): string {
  return fileURLToPath(new URL(name, KEYS));
}
