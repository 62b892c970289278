/** One file that may be at several places. */

import { type BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { isRefusal } from '../http/failures.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import { isIndexFault, moreTelling } from '../listing.ts';
import type { CrawlContext } from '../types.ts';

/** The real ones have some ten kilobytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The first of these files that is there; undefined when none is, by 404 or by 403. Throws the most telling failure
 * when none is there and not every place could be asked.
 */
export async function fetchFirst(
  urls: readonly string[],
  context: CrawlContext,
): Promise<{ readonly url: string; readonly bytes: Buffer } | undefined> {
  let failure: BtfmillError | undefined;
  for (const url of urls) {
    try {
      const file = await fetchIndexFile(url, context, { maxBytes: MAX_BYTES });
      if (file !== undefined) return { url, bytes: file.bytes };
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      if (!isIndexFault(error)) throw error;
      if (!isRefusal(error)) failure = moreTelling(failure, error);
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}
