/** What every builder of a mirror gives: hosts for the local internet, the key, and what a crawl must find there. */

import type { HostContent } from '../internet/internet.ts';
import type { MirrorKernels } from './kernels.ts';
import type { Signer } from './signer.ts';

export interface BuildMirrorOptions {
  /** Made if need be; the caller's to remove. */
  readonly folder: string;
  /** Signs packages and indexes. */
  readonly signer: Signer;
  readonly kernels: MirrorKernels;
}

/** A kernel that a crawl finds. */
export interface MirroredKernel {
  /** Archive path without the suffix: `fedora/43/x86_64/6.17.1-300.fc43.x86_64`. */
  readonly key: string;
  /** Where it is: a suite, the address of a repository without its scheme, a list; `launchpad`. */
  readonly suite: string;
  /** Found only when asked for, with `--variant <this>`. */
  readonly variant?: 'debug';
  /** The vmlinux before it was named: its BTF is the one that must be published. */
  readonly vmlinux: string;
}

export interface BuiltMirror {
  /** For the local internet. */
  readonly hosts: ReadonlyMap<string, HostContent>;
  /** For `--keyring`. */
  readonly keyring: string;
  readonly kernels: readonly MirroredKernel[];
}

/** Keys of the kernels that a crawl without `--variant` finds, sorted. */
export function keysOf({ kernels }: BuiltMirror, prefix = ''): string[] {
  return kernels
    .flatMap(({ key, variant }) => (variant === undefined && key.startsWith(prefix) ? [key] : []))
    .sort();
}
