/** One suite of an apt repository: its signed Release, and the Packages stanzas that Release vouches for. */

import { BtfmillError } from '../../errors/index.ts';
import { decompressIndex } from '../decompress-index.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import { splitClearsigned, verifyDetached, verifyInline } from '../trust/index.ts';
import type { CrawlContext, IndexTrust } from '../types.ts';
import { parseRelease, type ReleaseFile } from './release.ts';
import { readStanzas, type Stanza, type StanzaFilter } from './stanza.ts';

export interface SuiteLocation {
  /** What has `dists/` and `pool/`, without a trailing slash. */
  readonly base: string;
  /** Below `dists/`, e.g. `bookworm-security` or `buster/updates`. */
  readonly path: string;
  /** What its Release may call itself, as Suite or Codename; at least one. */
  readonly names: readonly string[];
}

export interface SuitePolicy {
  readonly keyrings: readonly string[];
  /** Take a Release past its Valid-Until. */
  readonly allowExpired: boolean;
  /** Take a Release without asking who signed it. */
  readonly insecure: boolean;
}

export interface OpenSuite {
  readonly location: SuiteLocation;
  readonly release: ReleaseFile;
  readonly trust: IndexTrust;
  /** Fingerprint of the key that vouches for the Release. */
  readonly signer?: string;
}

/** By file name extension; the first is the one to prefer. */
const COMPRESSIONS = ['.xz', '.gz', ''] as const;

const MAX_RELEASE_BYTES = 16 * 1024 * 1024;
/** For a Packages file whose plain size the Release does not tell. */
const MAX_PACKAGES_BYTES = 1024 * 1024 * 1024;

/**
 * The suite, or undefined when the mirror does not have it. Throws `index-signature`, `index-expired` (naming the
 * date), `index-malformed` (also for the Release of another suite) and the errors of the HTTP client.
 */
export async function openSuite(
  location: SuiteLocation,
  policy: SuitePolicy,
  context: CrawlContext,
): Promise<OpenSuite | undefined> {
  const found = await fetchReleaseText(location, policy, context);
  if (found === undefined) return undefined;
  const { text, signer } = found;
  const where = suiteUrl(location);
  const release = parseRelease(text, where);
  if (!location.names.some((name) => name === release.suite || name === release.codename)) {
    const [expected] = location.names;
    throw new BtfmillError(
      'index-malformed',
      `${where}: is the Release of ${release.codename ?? release.suite ?? 'nothing'}, not of ${expected}`,
    );
  }
  if (!policy.allowExpired) refuseExpired(release, where);
  const trust = policy.insecure ? 'insecure' : 'signed-index';
  return { location, release, trust, ...(signer === undefined ? {} : { signer }) };
}

/**
 * The wanted stanzas of `component`'s packages for one Debian architecture, or undefined when the suite has no such
 * index. Throws `index-digest`, `index-malformed` and the errors of the HTTP client.
 */
export async function openPackages(
  suite: OpenSuite,
  component: string,
  debArch: string,
  context: CrawlContext,
  isWanted: StanzaFilter,
): Promise<{ readonly url: string; readonly stanzas: AsyncGenerator<Stanza> } | undefined> {
  const folder = `${component}/binary-${debArch}`;
  const plain = suite.release.files.get(`${folder}/Packages`);
  let isListed = false;
  for (const compression of COMPRESSIONS) {
    const path = `${folder}/Packages${compression}`;
    const entry = suite.release.files.get(path);
    if (entry === undefined) continue;
    isListed = true;

    const url = `${suiteUrl(suite.location)}/${path}`;
    const byHashUrl = `${suiteUrl(suite.location)}/${folder}/by-hash/SHA256/${entry.sha256}`;
    const file = await fetchIndexFile(url, context, {
      expectSha256: entry.sha256,
      maxBytes: entry.sizeBytes,
      ...(suite.release.acquireByHash ? { byHashUrl } : {}),
    });
    // Debian lists the plain file without keeping it, and a mirror may lack a compression as well.
    if (file === undefined) continue;
    const bytes = decompressIndex(file.bytes, compression, {
      where: url,
      maxBytes: plain?.sizeBytes ?? MAX_PACKAGES_BYTES,
      signal: context.signal,
    });
    return { url, stanzas: readStanzas(bytes, url, isWanted) };
  }
  if (!isListed) return undefined;
  throw new BtfmillError(
    'http-not-found',
    `${suiteUrl(suite.location)}: lists ${folder}/Packages, but has it in no form`,
  );
}

interface ReleaseText {
  readonly text: string;
  readonly signer?: string;
}

/** From InRelease, which the signature is in; where there is none, from Release, with Release.gpg beside it. */
async function fetchReleaseText(
  location: SuiteLocation,
  policy: SuitePolicy,
  context: CrawlContext,
): Promise<ReleaseText | undefined> {
  const url = `${suiteUrl(location)}/InRelease`;
  const { keyrings } = policy;
  const { indexCacheDir: workDir, signal } = context;
  let found: ReleaseText = { text: '' };
  const inRelease = await fetchIndexFile(url, context, {
    maxBytes: MAX_RELEASE_BYTES,
    check: async (bytes) => {
      found = policy.insecure
        ? { text: Buffer.from(splitClearsigned(bytes, url).text, 'latin1').toString('utf8') }
        : await verifyInline(bytes, { where: url, keyrings, workDir, signal });
    },
  });
  return inRelease === undefined ? fetchDetachedText(location, policy, context) : found;
}

async function fetchDetachedText(
  location: SuiteLocation,
  { keyrings, insecure }: SuitePolicy,
  context: CrawlContext,
): Promise<ReleaseText | undefined> {
  const url = `${suiteUrl(location)}/Release`;
  // Asked for first: a Release that nobody signed is as good as none.
  const options = { maxBytes: MAX_RELEASE_BYTES };
  const signature = insecure ? undefined : await fetchIndexFile(`${url}.gpg`, context, options);
  if (signature === undefined && !insecure) return undefined;

  let signer: string | undefined;
  const release = await fetchIndexFile(url, context, {
    ...options,
    check: async (bytes) => {
      if (signature === undefined) return;
      const { indexCacheDir: workDir, signal } = context;
      ({ signer } = await verifyDetached(bytes, signature.bytes, { where: url, keyrings, workDir, signal }));
    },
  });
  if (release === undefined) return undefined;
  return { text: release.bytes.toString('utf8'), ...(signer === undefined ? {} : { signer }) };
}

function refuseExpired(release: ReleaseFile, where: string): void {
  const { validUntil } = release;
  if (validUntil === undefined || validUntil.getTime() >= Date.now()) return;
  throw new BtfmillError(
    'index-expired',
    `${where}: valid until ${validUntil.toUTCString()} only; --allow-expired takes it nevertheless`,
  );
}

function suiteUrl(location: SuiteLocation): string {
  return `${location.base}/dists/${location.path}`;
}
