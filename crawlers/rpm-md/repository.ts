/** Opens an rpm-md repository: finds a repomd.xml that its anchor vouches for. */

import { createHash } from 'node:crypto';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { isRefusal } from '../http/failures.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import { isIndexFault, moreTelling } from '../listing.ts';
import { parsePackageDigest } from '../package-digest.ts';
import { verifyDetached } from '../trust/index.ts';
import type { CrawlContext, IndexTrust } from '../types.ts';
import { type ListedVersion, parseMetalink } from './metalink.ts';
import { parseMirrorList } from './mirror-list.ts';
import { parseRepomd, type Repomd } from './repomd.ts';
import { asFolder } from './resolve-url.ts';
import type { OpenRepository, RepositoryLocation, RepositoryPolicy } from './types.ts';

/** Where repomd.xml may be, and what is known about it beforehand. */
interface Mirrors {
  readonly bases: readonly string[];
  /** The newest, then those that are still valid; undefined when nobody lists them. */
  readonly versions: readonly ListedVersion[] | undefined;
  /** Whether the way to the bases was HTTPS. */
  readonly isProtected: boolean;
}

/** Real ones have some kB. */
const MAX_REPOMD_BYTES = 4 * 1024 * 1024;
const MAX_ANCHOR_BYTES = 4 * 1024 * 1024;
const MAX_SIGNATURE_BYTES = 64 * 1024;
/** A list may have a hundred; when so many of the best are no good, the rest is not asked. */
const MAX_MIRRORS = 8;
/** A dead mirror is not worth waiting for while there are others. */
const HASTY = { maxAttempts: 2 } as const;

/**
 * The repository, or undefined when nobody has it (its anchor, or repomd.xml on every mirror, answers 404).
 *
 * Of several mirrors the first with the newest repomd.xml is taken; else the first with one that the metalink still
 * lists as valid, and `context.say` hears of it. What does not fit together (repomd.xml with its metalink or its
 * signature) may have changed between two requests and is asked for once more. Throws `index-signature`,
 * `index-digest` (no mirror has a listed version), `index-malformed`, `index-unsafe-path` and the errors of the HTTP
 * client.
 */
export async function openRepository(
  location: RepositoryLocation,
  policy: RepositoryPolicy,
  context: CrawlContext,
): Promise<OpenRepository | undefined> {
  try {
    return await openOnce(location, policy, context);
  } catch (error) {
    if (!isMismatch(error)) throw error;
    return openOnce(location, policy, context);
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof BtfmillError && (error.code === 'index-digest' || error.code === 'index-signature');
}

async function openOnce(
  location: RepositoryLocation,
  policy: RepositoryPolicy,
  context: CrawlContext,
): Promise<OpenRepository | undefined> {
  const mirrors = await findMirrors(location, context);
  if (mirrors === undefined) return undefined;

  const tried = mirrors.bases.slice(0, MAX_MIRRORS);
  let older: Candidate | undefined;
  let failure: BtfmillError | undefined;
  for (const [index, base] of tried.entries()) {
    let candidate: Candidate | undefined;
    try {
      const isLast = index === tried.length - 1;
      candidate = await tryMirror(base, mirrors, policy, context, isLast ? {} : HASTY);
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      if (!isIndexFault(error)) throw error;
      failure = moreTelling(failure, error);
      continue;
    }
    if (candidate === undefined) continue;
    if (candidate.version === 0) {
      return toRepository(candidate, tried.slice(index + 1), location, policy);
    }
    if (older === undefined || candidate.version < older.version) older = candidate;
  }
  if (older !== undefined) {
    context.say(`${location.name}: ${older.repomdUrl} is older than the newest that its metalink lists`);
    return toRepository(older, [], location, policy);
  }
  if (failure === undefined) return undefined;
  if (tried.length === 1) throw failure;
  throw new BtfmillError(
    failure.code,
    `${location.name}: none of ${tried.length} mirrors can be used, e.g. ${failure.message}`,
    { cause: failure, retryable: failure.retryable },
  );
}

async function findMirrors(
  location: RepositoryLocation,
  context: CrawlContext,
): Promise<Mirrors | undefined> {
  const { anchor, allowedHosts = [] } = location;
  const isProtected = anchor.url.startsWith('https:');
  if (anchor.kind === 'base') return { bases: [asFolder(anchor.url)], versions: undefined, isProtected };

  const file = await fetchIndexFile(anchor.url, context, { maxBytes: MAX_ANCHOR_BYTES });
  if (file === undefined) return undefined;
  if (anchor.kind === 'metalink') {
    const metalink = parseMetalink(file.bytes, anchor.url);
    return metalink === undefined ? undefined : { ...metalink, isProtected };
  }
  const text = file.bytes.toString('utf8');
  const { bases, foreign } = parseMirrorList(text, anchor.url, allowedHosts, anchor.basearch);
  if (foreign.length > 0) {
    context.say(`${location.name}: mirrors on other hosts are left out, e.g. ${foreign[0]}`);
  }
  return { bases, versions: undefined, isProtected };
}

/** A repomd.xml as one mirror has it. */
interface Candidate {
  readonly base: string;
  readonly repomdUrl: string;
  readonly repomdSha256: string;
  readonly repomd: Repomd;
  /** Which of the listed versions it is; 0 when there is no list. */
  readonly version: number;
  readonly trust: IndexTrust;
  readonly signer: string | undefined;
}

async function tryMirror(
  base: string,
  mirrors: Mirrors,
  policy: RepositoryPolicy,
  context: CrawlContext,
  patience: { readonly maxAttempts?: number },
): Promise<Candidate | undefined> {
  const repomdUrl = `${base}repodata/repomd.xml`;
  let version = 0;
  let signer: string | undefined;
  const file = await fetchIndexFile(repomdUrl, context, {
    ...patience,
    maxBytes: MAX_REPOMD_BYTES,
    check: async (bytes) => {
      version = findVersion(bytes, mirrors.versions, repomdUrl);
      signer = await checkSignature(bytes, repomdUrl, policy, context);
    },
  });
  if (file === undefined) return undefined;
  return {
    base,
    repomdUrl,
    repomdSha256: createHash('sha256').update(file.bytes).digest('hex'),
    repomd: parseRepomd(file.bytes, repomdUrl),
    version,
    trust: attainedTrust(base, mirrors, policy, signer),
    signer,
  };
}

/** A metalink that came by HTTPS vouches for what any mirror gives; everything else is as good as its own way. */
function attainedTrust(
  base: string,
  { isProtected, versions }: Mirrors,
  { insecure }: RepositoryPolicy,
  signer: string | undefined,
): IndexTrust {
  if (insecure) return 'insecure';
  if (signer !== undefined) return 'signed-index';
  const isAnchored = isProtected && (versions !== undefined || base.startsWith('https:'));
  return isAnchored ? 'tls-only' : 'unanchored';
}

function findVersion(bytes: Buffer, versions: readonly ListedVersion[] | undefined, url: string): number {
  if (versions === undefined) return 0;
  const found = versions.findIndex(({ digests }) => digests.every((digest) => hasDigest(bytes, digest)));
  if (found !== -1) return found;
  throw new BtfmillError('index-digest', `${url}: is no version that its metalink lists`);
}

function hasDigest(bytes: Buffer, digest: string): boolean {
  const parts = parsePackageDigest(digest);
  return parts !== undefined && createHash(parts.algorithm).update(bytes).digest('hex') === parts.hex;
}

/** The fingerprint of who signed it; undefined when nobody need. */
async function checkSignature(
  bytes: Buffer,
  url: string,
  { keyrings, repomdSignature, insecure }: RepositoryPolicy,
  context: CrawlContext,
): Promise<string | undefined> {
  if (insecure || repomdSignature === 'none') return undefined;
  const { indexCacheDir: workDir, signal } = context;
  const signatureUrl = `${url}.asc`;
  const signature = await fetchSignature(signatureUrl, context);
  if (signature === undefined) {
    if (repomdSignature === 'if-present') return undefined;
    throw new BtfmillError('index-signature', `${url}: has no signature beside it (${signatureUrl})`);
  }
  const { signer } = await verifyDetached(bytes, signature, { where: url, keyrings, workDir, signal });
  return signer;
}

/** Undefined when there is none; some mirrors answer 403 for what they do not have. */
async function fetchSignature(url: string, context: CrawlContext): Promise<Buffer | undefined> {
  try {
    return (await fetchIndexFile(url, context, { maxBytes: MAX_SIGNATURE_BYTES }))?.bytes;
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

function toRepository(
  { base, repomdUrl, repomdSha256, repomd, trust, signer }: Candidate,
  others: readonly string[],
  location: RepositoryLocation,
  policy: RepositoryPolicy,
): OpenRepository {
  return {
    location,
    policy,
    bases: [base, ...others],
    repomdUrl,
    repomdSha256,
    repomd,
    trust,
    ...(signer === undefined ? {} : { signer }),
  };
}
