/** The keys that btfmill ships; `keys/README.md` says where they come from. */

import { fileURLToPath } from 'node:url';

const KEYS = new URL('./keys/', import.meta.url);

/** Keys that sign Debian's suites today. */
export const DEBIAN_KEYRING = keyPath('debian/debian-archive-keyring.pgp');

/** Keys of the releases that left the mirrors (8 to 10). Trusted for those only: some are old and short. */
export const DEBIAN_REMOVED_KEYRING = keyPath('debian/debian-archive-removed-keys-8-10.pgp');

/** Everything that signed packages of CentOS 7: its main, debuginfo and AArch64 keys. */
export const CENTOS_7_KEYRING = keyPath('centos/centos-7.pgp');

/** The key of CentOS 8 and every Stream, in its SHA-256 form. */
export const CENTOS_OFFICIAL_KEYRING = keyPath('centos/centos-official.pgp');

export const AMAZON_2_KEYRING = keyPath('amzn/amazon-linux-2.pgp');

export const AMAZON_2023_KEYRING = keyPath('amzn/amazon-linux-2023.pgp');

export const AMAZON_2027_KEYRING = keyPath('amzn/amazon-linux-2027.pgp');

/** Keys that sign Fedora's packages, by release; 8 and 9 share one. */
export const FEDORA_KEYRINGS: ReadonlyMap<number, string> = new Map([
  ...[8, 9].map((release): [number, string] => [release, keyPath('fedora/fedora-8-9.pgp')]),
  ...releasesFrom(10, 47).map((release): [number, string] => [
    release,
    keyPath(`fedora/fedora-${release}.pgp`),
  ]),
]);

function releasesFrom(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The key that signs Ubuntu's debug archive. */
export const UBUNTU_DBGSYM_KEYRING = keyPath('ubuntu/ubuntu-dbgsym-keyring.gpg');

function keyPath(name: string): string {
  return fileURLToPath(new URL(name, KEYS));
}
