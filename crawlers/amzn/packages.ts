/** Amazon's packages: who must have signed them. */

import { AMAZON_2_KEYRING, AMAZON_2023_KEYRING, AMAZON_2027_KEYRING } from '../trust/index.ts';
import type { CrawlRequest } from '../types.ts';
import type { AmazonRelease } from './releases.ts';

/** By the archive's name of the release; keys/README.md says why the first has none. */
const KEYRINGS: ReadonlyMap<string, string> = new Map([
  ['2', AMAZON_2_KEYRING],
  ['2023', AMAZON_2023_KEYRING],
  ['2027', AMAZON_2027_KEYRING],
]);

/** Keyrings that vouch for the packages of a release; none when it has to be given with the request and was not. */
export function keyringsOf({ segment }: AmazonRelease, request: CrawlRequest): string[] {
  const own = KEYRINGS.get(segment);
  return [...(own === undefined ? [] : [own]), ...(request.keyrings ?? [])];
}
