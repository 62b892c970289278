/** What a distribution's crawler is asked, what it gets to work with, and what it gives: plain values only. */

import type { BtfmillError } from '../errors/index.ts';
import type { HttpClient } from './http/client.ts';

/** The key of everything: one kernel of one release on one architecture (archive path segments). */
export interface KernelKey {
  /** `debian`, `ubuntu`, `fedora`, `centos`, `amzn`. */
  readonly distro: string;
  /** os-release VERSION_ID, e.g. `12`; a codename where there is none yet (Debian testing and unstable). */
  readonly release: string;
  /** Archive name of the architecture: `x86_64`, `arm64`, else what `uname -m` prints. */
  readonly arch: string;
  /** What `uname -r` prints, e.g. `6.1.0-50-cloud-amd64`. */
  readonly kernel: string;
}

/** How far the chain from a signature to the package bytes reaches (design: Trust). */
export type TrustLevel = 'signed-index' | 'signed-package' | 'tls-only' | 'insecure';

/** One debug package as an index describes it, not yet fetched. */
export interface DebugPackage extends KernelKey {
  /** e.g. `linux-image-6.1.0-50-cloud-amd64-dbg`. */
  readonly packageName: string;
  /** The package's own version, e.g. `6.1.176-1`; orders builds, never names the kernel. */
  readonly packageVersion: string;
  readonly format: 'deb';
  readonly url: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** URL of the index file that named it. */
  readonly indexUrl: string;
  /** Suite or repository it came from, e.g. `bookworm-security`. */
  readonly suite: string;
  readonly trust: TrustLevel;
}

/** What narrows a crawl; an empty list means "the crawler's default" (releases, archs) or "all" (kernels). */
export interface CrawlRequest {
  /** VERSION_IDs or codenames. */
  readonly releases: readonly string[];
  /** Archive names of architectures. */
  readonly archs: readonly string[];
  /** Globs over `uname -r` (`*`, `?`, `[…]`). */
  readonly kernels: readonly string[];
  /** Base URL that replaces the distribution's default. */
  readonly mirror?: string;
  /** OpenPGP keyring files (binary or armoured) trusted beside the distribution's own keys. */
  readonly keyrings?: readonly string[];
  /** Accept an index past its Valid-Until. */
  readonly allowExpired: boolean;
  /** Accept an index without a good signature; everything found is then recorded as `insecure`. */
  readonly insecure: boolean;
}

/** ETag and Last-Modified of an index URL, with the digest of the body they stand for. */
export interface HttpValidator {
  readonly etag?: string;
  readonly lastModified?: string;
  /** SHA-256 of the body, lower-case hex: names the cached copy. */
  readonly sha256: string;
}

/** Keeps validators between runs (db/ implements it over SQLite). */
export interface ValidatorStore {
  get(url: string): HttpValidator | undefined;
  set(url: string, validator: HttpValidator): void;
}

export interface CrawlContext {
  readonly http: HttpClient;
  readonly validators: ValidatorStore;
  /** Folder for index bodies, named by digest, and for temporary files. Safe to delete when nothing runs. */
  readonly indexCacheDir: string;
  readonly signal: AbortSignal;
  /** One sentence for a person, e.g. `bookworm-security: 24 kernels`. */
  readonly say: (message: string) => void;
}

/** A suite or repository that could not be read; the others go on. */
export interface IndexFailure {
  readonly suite: string;
  readonly release: string;
  readonly error: BtfmillError;
}

export interface CrawlResult {
  /** One entry per kernel key, newest first. */
  readonly packages: readonly DebugPackage[];
  readonly failures: readonly IndexFailure[];
  /** Body bytes moved and requests made for the indexes. */
  readonly indexBytes: number;
  readonly indexRequests: number;
}

/** One distribution. Adding one: a folder beside `debian/` that exports this (README: how to add a distribution). */
export interface Crawler {
  readonly distro: string;
  readonly defaultArchs: readonly string[];
  list(request: CrawlRequest, context: CrawlContext): Promise<CrawlResult>;
}
