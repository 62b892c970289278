/** Ubuntu's names: architectures, and debug packages of kernels. */

/** Archive names of the architectures that Ubuntu has, or has had since 14.04, debug packages of kernels for. */
export const ARCHS: readonly string[] = [
  'x86_64',
  'arm64',
  'armv7l',
  'i686',
  'ppc64le',
  's390x',
  'riscv64',
  'ppc',
];

export const DEFAULT_ARCHS: readonly string[] = ['x86_64', 'arm64'];

/**
 * `linux-image-[unsigned-]<version>-<ABI number>-<flavour>-dbgsym`. The flavour is whatever starts with a letter:
 * new ones appear with every cloud and board. Metapackages and everything else that starts with `linux-image-`
 * (`-extra-`, `-generic-hwe-20.04`, …) have no version there.
 */
const DEBUG_PACKAGE =
  /^linux-image-(unsigned-)?(\d+\.\d+(?:\.\d+)*-\d+(?:\.\d+)*-[a-z][A-Za-z0-9.+]*(?:-[A-Za-z0-9.+]+)*)-dbgsym$/;

export interface DebugPackageName {
  /** What `uname -r` prints. */
  readonly kernel: string;
  /** Built together with the kernel itself; a package beside it without `unsigned-` is a shim. */
  readonly isUnsigned: boolean;
}

/**
 * What the name of a kernel's debug package says; undefined for the name of every other package.
 *
 * @example `linux-image-unsigned-5.4.0-92-generic-dbgsym` → `5.4.0-92-generic`, unsigned
 */
export function parsePackageName(packageName: string): DebugPackageName | undefined {
  const match = DEBUG_PACKAGE.exec(packageName);
  if (match === null) return undefined;
  return { kernel: match[2], isUnsigned: match[1] !== undefined };
}

/** The names that a kernel's debug package may have, the likelier to hold the kernel first. */
export function packageNamesOf(kernel: string): readonly string[] {
  return [`linux-image-unsigned-${kernel}-dbgsym`, `linux-image-${kernel}-dbgsym`];
}

/** Whether a source package only signs what another one has built. */
export function isSigningSource(sourceName: string): boolean {
  return /^linux-(?:restricted-)?signed(?:-|$)/.test(sourceName);
}
