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

/** What a published file may claim (design: Trust): how far the chain from a signature to the package bytes reaches. */
export type TrustLevel = 'signed-index' | 'signed-package' | 'tls-only' | 'insecure';

/**
 * What a package's digest rests on before the package itself is looked at. `tls-only`: nothing is signed, but every
 * step came by HTTPS. `unanchored`: neither; only a signature of the package itself can then vouch for it.
 */
export type IndexTrust = 'signed-index' | 'tls-only' | 'unanchored' | 'insecure';

/** `<algorithm>:<lower-case hex>`; the weaker ones where a repository has nothing better. */
export type PackageDigest = `${'sha1' | 'sha256' | 'sha512'}:${string}`;

/** Who must have signed a package (an rpm's own signature, not its index's). */
export interface PackageSignaturePolicy {
  /** OpenPGP keyring files whose every key is trusted. */
  readonly keyrings: readonly string[];
  /** Signatures over SHA-1 digests and by DSA keys count: the release is too old to have better ones. */
  readonly allowWeak: boolean;
}

/** One debug package as an index describes it, not yet fetched. */
export interface DebugPackage extends KernelKey {
  /** e.g. `linux-image-6.1.0-50-cloud-amd64-dbg`. */
  readonly packageName: string;
  /** The package's own version, e.g. `6.1.176-1`; orders builds, never names the kernel. */
  readonly packageVersion: string;
  readonly format: 'deb' | 'rpm';
  readonly url: string;
  /** Where else the same file is, asked in this order when `url` fails. */
  readonly otherUrls?: readonly string[];
  readonly sizeBytes: number;
  /** Of the whole file. */
  readonly digest: PackageDigest;
  /** URL of the index file that named it. */
  readonly indexUrl: string;
  /** Suite or repository it came from, e.g. `bookworm-security`. */
  readonly suite: string;
  readonly trust: IndexTrust;
  /** Set where packages are signed themselves: without a good signature they are refused. */
  readonly signature?: PackageSignaturePolicy;
}

/** What narrows a crawl; an empty list means "the crawler's default" (releases, archs) or "all" (kernels). */
export interface CrawlRequest {
  /** VERSION_IDs or codenames. */
  readonly releases: readonly string[];
  /** Archive names of architectures. */
  readonly archs: readonly string[];
  /** Globs over `uname -r` (`*`, `?`, `[…]`). */
  readonly kernels: readonly string[];
  /** Kinds of kernel beside the ordinary ones, e.g. `debug` for kernels built with debugging switched on. */
  readonly variants: readonly string[];
  /** Also kernels that the distribution has removed from its mirrors, where it keeps them somewhere else. */
  readonly history?: boolean;
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

/** A suite or repository that was read. */
export interface IndexSeen {
  readonly suite: string;
  readonly release: string;
  readonly arch: string;
  /** Of the index file. */
  readonly url: string;
  readonly trust: IndexTrust;
  /** Fingerprint of the key that signed the index. */
  readonly signer?: string;
  /** When the mirror says that it was made. */
  readonly date?: Date;
  /** Debug packages of kernels in it that were asked for. */
  readonly kernels: number;
}

export interface CrawlResult {
  /** One entry per kernel key, newest first. */
  readonly packages: readonly DebugPackage[];
  readonly indexes: readonly IndexSeen[];
  readonly failures: readonly IndexFailure[];
  /** Body bytes moved and requests made for the indexes. */
  readonly indexBytes: number;
  readonly indexRequests: number;
}

/** What else a distribution and its releases are called by programs that look for kernels. */
export interface OtherNames {
  readonly distro?: readonly string[];
  /** By the other name, the archive's: `bookworm` → `12`. */
  readonly releases: ReadonlyMap<string, string>;
}

/** One distribution. Adding one: a folder beside `debian/` that exports this (README: how to add a distribution). */
export interface Crawler {
  readonly distro: string;
  readonly otherNames: OtherNames;
  /** Archive names of all architectures that it has, or has had, kernels for. */
  readonly archs: readonly string[];
  /** Those of them that are crawled when a request names none. */
  readonly defaultArchs: readonly string[];
  /** Throws `usage` for a request that makes no sense to it, e.g. a release that it has never had. */
  list(request: CrawlRequest, context: CrawlContext): Promise<CrawlResult>;
}
