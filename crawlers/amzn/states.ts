/** The dated states of a release that is named by a year, from `releasemd.xml`. */

import { childrenOf, localName, malformed, parseXml, quote, requireAttribute } from '../rpm-md/index.ts';
import type { CrawlContext } from '../types.ts';
import { fetchFirst } from './fetch-first.ts';

/** One every two weeks: enough for ten years and more. */
const MAX_STATES = 400;
/** Part of an address. */
const STATE = /^20\d\d\.\d{1,3}\.\d{8}$/;

/**
 * The states of a release, newest first, from the first base that lists them; undefined when none does. Throws
 * `index-malformed` and what fetching throws.
 *
 * @param bases have `core/releasemd.xml`
 */
export async function readStates(
  bases: readonly string[],
  context: CrawlContext,
): Promise<string[] | undefined> {
  const urls = bases.map((base) => `${base}/core/releasemd.xml`);
  const file = await fetchFirst(urls, context);
  return file === undefined ? undefined : parseStates(file.bytes, file.url);
}

/** `<root><releases><release version="2023.6.20241031">…`, oldest first. */
export function parseStates(bytes: Uint8Array, where: string): string[] {
  const root = parseXml(bytes, where);
  const lists = childrenOf(root, 'releases');
  if (localName(root.name) !== 'root' || lists.length !== 1) throw malformed(where, 'is no list of releases');
  const states = childrenOf(lists[0], 'release').map((release) =>
    requireAttribute(release, 'version', where),
  );
  if (states.length > MAX_STATES) throw malformed(where, `lists ${states.length} releases`);
  for (const state of states) {
    if (!STATE.test(state)) throw malformed(where, `lists the release ${quote(state)}`);
  }
  return [...new Set(states)].toReversed();
}
