/** Which member of a debug package is the kernel image, and which member names no package may have. */

import { BtfmillError } from '../../errors/index.ts';

export type PackageFormat = 'deb' | 'rpm';

const VMLINUX_PATHS: Readonly<Record<PackageFormat, RegExp>> = {
  /**
   * Debian up to 6.12 and after (with and without the merged /usr), without `./`:
   * `usr/lib/debug/boot/vmlinux-<release>`, `usr/lib/debug/lib/modules/<release>/vmlinux` and
   * `usr/lib/debug/usr/lib/modules/<release>/vmlinux`.
   */
  deb: /^usr\/lib\/debug\/(?:boot\/vmlinux-(?<boot>[^/]+)|(?:usr\/)?lib\/modules\/(?<modules>[^/]+)\/vmlinux)$/u,
  /** The latter two. Amazon's `lib/modules/<release>.microvm/vmlinux.debug` is another kernel of the same name. */
  rpm: /^usr\/lib\/debug\/(?:usr\/)?lib\/modules\/(?<modules>[^/]+)\/vmlinux$/u,
};

/** The kernel release that a member's path stands for; `undefined` when it is no vmlinux. */
export function releaseOfVmlinux(path: string, format: PackageFormat): string | undefined {
  const groups = VMLINUX_PATHS[format].exec(path)?.groups;
  return groups?.['boot'] ?? groups?.['modules'];
}

/**
 * A member name without the `./` that tar and rpm put before it. Throws `package-unsafe-path` for a name that is
 * absolute, climbs, or holds a control character: no honest package has one, even where it is not used as a path.
 *
 * @param part the archive, for the message
 */
export function safeMemberPath(name: string, part: string): string {
  const path = name.replace(/^(?:\.\/)+/u, '');
  if (path.startsWith('/') || path.split('/').includes('..') || hasControlCharacter(path)) {
    throw new BtfmillError('package-unsafe-path', `${part}: member ${JSON.stringify(name)}`);
  }
  return path;
}

function hasControlCharacter(path: string): boolean {
  return /\p{Cc}/u.test(path);
}
