/** The packages that an opened repository lists. */

import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { decompressIndex } from '../decompress-index.ts';
import { isRefusal } from '../http/failures.ts';
import { fetchStoredIndex } from '../http/stored-index.ts';
import { isIndexFault } from '../listing.ts';
import type { CrawlContext } from '../types.ts';
import type { EntryOrigin, RpmEntry } from './package-entry.ts';
import { openDigest } from './open-digest.ts';
import { readPrimarySqlite } from './primary-sqlite.ts';
import { readPrimaryXml } from './primary-xml.ts';
import { openRepository } from './repository.ts';
import { resolveUrl } from './resolve-url.ts';
import type { OpenRepository } from './types.ts';

export interface PackageList {
  /** The repository in the state that these packages are of: another one when it changed in between. */
  readonly repository: OpenRepository;
  /** URL of the file that lists them. */
  readonly indexUrl: string;
  /** In the file's order. */
  readonly packages: readonly RpmEntry[];
}

/** For a list whose plain size repomd.xml does not tell; also when it tells a larger one. */
const MAX_PLAIN_BYTES = 2 * 1024 * 1024 * 1024;
/** A package is the same on every mirror; two more that may have it are enough. */
const MAX_PACKAGE_BASES = 3;

/**
 * The packages whose name `isWanted` takes. Nothing comes back before the whole list was read and found to be what
 * repomd.xml says.
 *
 * When no mirror has the list or it is another one, the mirror may just have changed: the repository is opened once
 * more. A list that still does not fit is `index-changed` if repomd.xml changed meanwhile, else what was wrong in the
 * first place (`http-not-found`, `http-refused`, `index-digest`). Throws also `index-malformed`, `index-unsafe-path` and the errors of
 * the HTTP client.
 */
export async function readPackages(
  repository: OpenRepository,
  context: CrawlContext,
  isWanted: (name: string) => boolean,
): Promise<PackageList> {
  try {
    return await readOnce(repository, context, isWanted);
  } catch (thrown) {
    const first = toBtfmillError(thrown);
    if (!mayHaveChanged(first)) throw first;
    const reopened = await openRepository(repository.location, repository.policy, context);
    if (reopened === undefined) throw first;
    try {
      return await readOnce(reopened, context, isWanted);
    } catch (thrownAgain) {
      const again = toBtfmillError(thrownAgain);
      if (!mayHaveChanged(again) || reopened.repomdSha256 === repository.repomdSha256) throw again;
      throw new BtfmillError(
        'index-changed',
        `${repository.location.name}: changed twice while it was read (${again.message})`,
        { cause: again },
      );
    }
  }
}

/** S3 refuses what it does not have. */
function mayHaveChanged(error: BtfmillError): boolean {
  return error.code === 'http-not-found' || error.code === 'index-digest' || isRefusal(error);
}

async function readOnce(
  repository: OpenRepository,
  context: CrawlContext,
  isWanted: (name: string) => boolean,
): Promise<PackageList> {
  const { primary } = repository.repomd;
  const { url, path, base } = await fetchPrimary(repository, context);
  const others = repository.bases.filter((other) => other !== base);
  const origin: EntryOrigin = {
    where: url,
    bases: [base, ...others].slice(0, MAX_PACKAGE_BASES),
    allowedHosts: repository.location.allowedHosts ?? [],
  };
  const plain = openDigest(
    decompressIndex({ path }, primary.compression, {
      where: url,
      maxBytes: Math.min(primary.openSizeBytes ?? MAX_PLAIN_BYTES, MAX_PLAIN_BYTES),
      signal: context.signal,
    }),
    primary.openDigest,
    url,
  );
  const packages =
    primary.form === 'xml'
      ? await readPrimaryXml(plain, origin, isWanted)
      : await readPrimarySqlite(plain, origin, isWanted, context.indexCacheDir);
  return { repository, indexUrl: url, packages };
}

/** From the first mirror that has it as repomd.xml describes it. */
async function fetchPrimary(
  { repomd, bases, repomdUrl, location }: OpenRepository,
  context: CrawlContext,
): Promise<{ readonly url: string; readonly path: string; readonly base: string }> {
  const { primary } = repomd;
  const { allowedHosts = [] } = location;
  const asked = new Set<string>();
  let failure: BtfmillError | undefined;
  for (const base of bases) {
    try {
      const url = resolveUrl(primary.href, primary.base, { base, allowedHosts }, repomdUrl);
      // An absolute reference is the same on every mirror.
      if (asked.has(url)) continue;
      asked.add(url);
      const stored = await fetchStoredIndex(url, context, {
        digest: primary.digest,
        sizeBytes: primary.sizeBytes,
        key: `${location.anchor.url}#primary`,
      });
      if (stored !== undefined) return { url, path: stored.path, base };
      failure ??= new BtfmillError('http-not-found', `${url}: listed in ${repomdUrl}, but not there`);
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      if (!isIndexFault(error)) throw error;
      // Where a mirror cannot have it says nothing of why the others do not.
      const isKept = failure?.code === 'index-digest' || error.code === 'index-unsafe-path';
      failure = isKept ? (failure ?? error) : error;
    }
  }
  throw failure as BtfmillError;
}
