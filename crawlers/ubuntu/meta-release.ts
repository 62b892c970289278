/** The list of Ubuntu's releases that upgraders read (`meta-release` of changelogs.ubuntu.com). */

import { BtfmillError } from '../../errors/index.ts';
import { parseStanza, requiredField } from '../apt/index.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import type { CrawlContext } from '../types.ts';

export interface MetaReleaseEntry {
  readonly codename: string;
  /** VERSION_ID, e.g. `20.04`. */
  readonly version: string;
  /** Gets updates still. */
  readonly isSupported: boolean;
}

const MAX_BYTES = 1024 * 1024;

/**
 * The releases that came out, in the file's order, oldest first. Nothing is signed: good for learning which
 * codename has which version, for nothing else. Throws `index-malformed`, `http-not-found` and the errors of the
 * HTTP client.
 */
export async function fetchMetaRelease(url: string, context: CrawlContext): Promise<MetaReleaseEntry[]> {
  let entries: MetaReleaseEntry[] = [];
  const file = await fetchIndexFile(url, context, {
    maxBytes: MAX_BYTES,
    check: async (bytes) => {
      entries = parseMetaRelease(bytes.toString('utf8'), url);
    },
  });
  if (file === undefined) throw new BtfmillError('http-not-found', `${url}: is not there`);
  return entries;
}

/**
 * @example `Dist: focal`, `Version: 20.04.6 LTS`, `Supported: 1` → focal, 20.04, supported
 */
export function parseMetaRelease(text: string, where: string): MetaReleaseEntry[] {
  const entries: MetaReleaseEntry[] = [];
  for (const block of text.split(/\n[ \t\r]*\n/)) {
    if (block.trim() === '') continue;
    const stanza = parseStanza(block, where);
    const codename = requiredField(stanza, 'Dist', where);
    const versionField = requiredField(stanza, 'Version', where);
    const version = /^\d{1,2}\.\d{2}(?=[. ]|$)/.exec(versionField)?.[0];
    if (version === undefined || !/^[a-z]+$/.test(codename)) {
      const what = JSON.stringify(`${codename} ${versionField}`.slice(0, 80));
      throw new BtfmillError('index-malformed', `${where}: names the release ${what}`);
    }
    entries.push({ codename, version, isSupported: stanza.get('supported') === '1' });
  }
  if (entries.length === 0) throw new BtfmillError('index-malformed', `${where}: names no release`);
  return entries;
}
