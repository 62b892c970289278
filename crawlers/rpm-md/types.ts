/** What an rpm-md repository is asked by, and what it is once opened. */

import type { IndexTrust } from '../types.ts';
import type { Repomd } from './repomd.ts';

/** How a repository is reached, and with that what its repomd.xml can be held against. */
export type RepositoryAnchor =
  /** The folder that has `repodata/`. */
  | { readonly kind: 'base'; readonly url: string }
  /** A Metalink 3 document that lists mirrors of repomd.xml and its digests. */
  | { readonly kind: 'metalink'; readonly url: string }
  /** A text file with one base a line (Amazon's `mirror.list`), tried in this order. */
  | {
      readonly kind: 'mirror-list';
      readonly url: string;
      /** rpm's name of the architecture, which stands for `$basearch` in a line. */
      readonly basearch?: string;
    };

export interface RepositoryLocation {
  /** What messages call it, e.g. `updates-released-debug-f43`. */
  readonly name: string;
  readonly anchor: RepositoryAnchor;
  /**
   * Hosts that packages and metadata may lie on beside the host they are described on, and that a mirror list may
   * name beside its own; `*` stands for one label or a part of one, e.g. `packages.*.amazonaws.com`.
   */
  readonly allowedHosts?: readonly string[];
}

export interface RepositoryPolicy {
  /** OpenPGP keyring files for repomd.xml.asc. */
  readonly keyrings: readonly string[];
  /** `if-present`: a bad signature is an error, none is none. */
  readonly repomdSignature: 'required' | 'if-present' | 'none';
  /** Take a repomd.xml without asking who signed it. */
  readonly insecure: boolean;
}

/** A repository whose repomd.xml was read and verified as far as its anchor and policy go. */
export interface OpenRepository {
  readonly location: RepositoryLocation;
  readonly policy: RepositoryPolicy;
  /** Folders that have `repodata/`, with a slash at the end: the one that repomd.xml came from, then its mirrors. */
  readonly bases: readonly string[];
  readonly repomdUrl: string;
  /** SHA-256 of repomd.xml, lower-case hex: two readings with the same one are the same state of the repository. */
  readonly repomdSha256: string;
  readonly repomd: Repomd;
  readonly trust: IndexTrust;
  /** Fingerprint of the key that signed repomd.xml. */
  readonly signer?: string;
}
