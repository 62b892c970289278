/** Names of kernel-debuginfo packages, as Red Hat's kernel.spec makes them, and the `uname -r` that they stand for. */

/** Kinds of kernel that one build of kernel.spec may have, as the part of a package's name between base and end. */
const KINDS: ReadonlySet<string> = new Set([
  'debug',
  // arm64, by page size.
  '16k',
  '16k-debug',
  '64k',
  '64k-debug',
  // PREEMPT_RT, where it is built together with the others.
  'rt',
  'rt-debug',
  'rt-64k',
  'rt-64k-debug',
  // PREEMPT_RT of CentOS 7, with tracing switched on.
  'trace',
  // 32-bit kernels for more than 4 GiB.
  'lpae',
  'PAE',
  'PAEdebug',
]);

const END = '-debuginfo';

/** What the name of a debuginfo package says. */
export interface DebuginfoName {
  /** Of the kernel package that it belongs to, e.g. `kernel` or `kernel-rt`. */
  readonly base: string;
  /** e.g. `64k-debug`; empty for the ordinary kernel. */
  readonly kind: string;
  /** Built with debugging switched on: another kernel with other types, listed on request (`--variant debug`). */
  readonly isDebug: boolean;
}

/**
 * Takes apart the name of a package that holds one kernel's vmlinux; undefined for every other package. A name counts
 * only when it is made of a base and a kind that are known: `kernel-debuginfo-common-x86_64` (sources),
 * `kernel-tools-debuginfo` and whatever sub-package comes next are none.
 *
 * @param bases names of a distribution's kernel packages; the longest that fits counts
 */
export function parseDebuginfoName(name: string, bases: readonly string[]): DebuginfoName | undefined {
  if (!name.endsWith(END)) return undefined;
  const whole = name.slice(0, -END.length);
  for (const base of bases.toSorted((a, b) => b.length - a.length)) {
    if (whole === base) return { base, kind: '', isDebug: false };
    if (!whole.startsWith(`${base}-`)) continue;
    const kind = whole.slice(base.length + 1);
    return KINDS.has(kind) ? { base, kind, isDebug: kind.endsWith('debug') } : undefined;
  }
  return undefined;
}

/** A package's version without its epoch, and its architecture in rpm's words. */
export interface KernelBuild {
  readonly version: string;
  readonly release: string;
  readonly arch: string;
}

/**
 * What `uname -r` prints: the package's version, release and architecture, and the kind if there is one. The epoch
 * says nothing about the kernel.
 *
 * @param separator before the kind: `.` in kernels of Fedora up to 19 and of Red Hat Enterprise Linux 7
 * @example `5.14.0-503.el9.aarch64+64k-debug`
 */
export function unameOf(
  { version, release, arch }: KernelBuild,
  kind: string,
  separator: '+' | '.' = '+',
): string {
  return `${version}-${release}.${arch}${kind === '' ? '' : separator}${kind}`;
}
