/** The URL of a package file: what an index calls `Filename`, kept inside its mirror. */

import { BtfmillError } from '../../errors/index.ts';

/**
 * `filename` resolved below `base` (no trailing slash). Throws `index-unsafe-path` for anything but a plain relative
 * path: absolute, climbing, empty parts, or characters that a URL would give a meaning to.
 *
 * @example poolUrl('http://host/debian', 'pool/main/l/linux/a_1.deb') → 'http://host/debian/pool/main/l/linux/a_1.deb'
 */
export function poolUrl(base: string, filename: string, where: string): string {
  // `Filename: ./pool/…` is what flat tools such as dpkg-scanpackages write.
  const path = filename.startsWith('./') ? filename.slice(2) : filename;
  const isPlain = path
    .split('/')
    .every((part) => /^[A-Za-z0-9._+~:,=@-]+$/.test(part) && part !== '.' && part !== '..');
  if (!isPlain) {
    throw new BtfmillError(
      'index-unsafe-path',
      `${where}: names a file outside its mirror: ${JSON.stringify(filename.slice(0, 200))}`,
    );
  }
  return `${base}/${path}`;
}
