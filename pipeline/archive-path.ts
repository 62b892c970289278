/** Where a kernel's BTF lies in the archive (archive-layout.md). */

import type { KernelKey } from '../crawlers/types.ts';
import { BtfmillError } from '../errors/index.ts';

/** What a path segment may be made of; distributions use no other characters in these names. */
const SEGMENT = /^[A-Za-z0-9_+~:][A-Za-z0-9._+~:-]*$/u;

export const ARCHIVE_SUFFIX = '.btf.tar.xz';

const FILE_NAME = /^([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)\.btf\.tar\.xz$/u;

/** The kernel whose file has this path; undefined for any other path. */
export function keyOfArchivePath(path: string): KernelKey | undefined {
  const match = FILE_NAME.exec(path);
  if (match === null) return undefined;
  const [, distro, release, arch, kernel] = match;
  return [distro, release, arch, kernel].every((segment) => SEGMENT.test(segment))
    ? { distro, release, arch, kernel }
    : undefined;
}

/**
 * `debian/12/x86_64/6.1.0-50-cloud-amd64.btf.tar.xz`, relative to the archive, with `/`.
 * Throws `index-unsafe-path` when a name, which came from an index, could lead out of the archive.
 */
export function archivePath({ distro, release, arch, kernel }: KernelKey): string {
  for (const segment of [distro, release, arch, kernel]) {
    if (SEGMENT.test(segment)) continue;
    throw new BtfmillError(
      'index-unsafe-path',
      `${JSON.stringify(segment)} cannot be part of an archive path`,
    );
  }
  return `${distro}/${release}/${arch}/${kernel}${ARCHIVE_SUFFIX}`;
}
