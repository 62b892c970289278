/** The plain values that travel between the pipeline's steps. */

import type { ConversionStats, ProfileName } from '../dwarf/index.ts';

/** Called often; implementations throttle. */
export interface StepProgress {
  (doneBytes: number, totalBytes: number | undefined): void;
}

/** Where a package lies in the cache, digest verified. */
export interface FetchedPackage {
  readonly path: string;
  readonly sizeBytes: number;
  /** Bytes that came over the network in this call; 0 when the cache had it all. */
  readonly fetchedBytes: number;
  readonly resumedAt: number;
}

/** The kernel image out of a package. */
export interface UnpackedVmlinux {
  /** Regular file in the work folder; the caller removes it. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Member name inside the package, e.g. `usr/lib/debug/boot/vmlinux-6.1.0-50-cloud-amd64`. */
  readonly memberPath: string;
  /** `uname -r` as the member's path says it. */
  readonly kernel: string;
}

/** Who signed a package, and what that signature covers. */
export interface VerifiedPackage {
  /** `header`: the payload is the index's word alone; packages of rpm before 4.14 name no digest of it. */
  readonly covers: 'whole' | 'header';
  /** Fingerprint of the signing key, upper-case hex. */
  readonly signer: string;
}

/**
 * What has shown that a vmlinux is the kernel it is published as: its path in the package alone, or its own
 * `Linux version` banner as well.
 */
export type NameProof = 'path' | 'path+banner';

export type BtfSource = 'dwarf' | 'native';

/** What `--source` may ask for. */
export type SourceChoice = 'auto' | BtfSource;

/** What a module's split BTF leans on. */
export interface BaseUse {
  readonly path: string;
  /** `file`: the file is BTF; `section`: its `.BTF`; `dwarf`: its DWARF, converted. */
  readonly source: 'file' | 'section' | 'dwarf';
  /** Types of the base. */
  readonly typeCount: number;
  /** Types of the module that are the base's. */
  readonly sharedCount: number;
  /** Structs and unions of the module that differ from the base's of that name. */
  readonly redefinedCount: number;
}

export interface ConvertedKernel {
  /** BTF made from DWARF; absent when the file has none, or when only native BTF was asked for. */
  readonly fromDwarf?: Uint8Array;
  /** Bytes of the `.BTF` section. */
  readonly native?: Uint8Array;
  /** GNU build id, lower-case hex. */
  readonly buildId?: string;
  readonly profile: ProfileName;
  /** Of the split BTF when there is a base. */
  readonly stats?: ConversionStats;
  /** Path of the supplementary file (dwz) that was read with it. */
  readonly supplement?: string;
  readonly base?: BaseUse;
}

/** Time and volume of one step, as the record keeps them. */
export interface StepTiming {
  readonly step: 'fetch' | 'verify' | 'unpack' | 'convert' | 'cross-check' | 'store';
  readonly milliseconds: number;
  readonly bytes: number;
}
