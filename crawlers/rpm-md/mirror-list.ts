/** Amazon's `mirror.list`: one base URL a line. */

import { BtfmillError } from '../../errors/index.ts';
import { isAllowedHost, parseBase } from './resolve-url.ts';
import { malformed, quote } from './xml.ts';

export interface MirrorList {
  /** With a slash at the end, in the order written. */
  readonly bases: readonly string[];
  /** Those on hosts that nobody allowed; not to be used. */
  readonly foreign: readonly string[];
}

/** A list has eleven at most; the rest of one that is longer is not needed. */
const MAX_LINES = 200;

/**
 * Parses a mirror list: blank lines and `#` comments are skipped, a missing last slash is added. Throws
 * `index-malformed` for a line that is no http(s) URL or when there is none, `index-unsafe-path` when all are foreign.
 *
 * @param url of the list, whose own host is always allowed
 * @param basearch what yum puts in place of `$basearch`, where lists may have that
 */
export function parseMirrorList(
  text: string,
  url: string,
  allowedHosts: readonly string[],
  basearch?: string,
): MirrorList {
  const filled = basearch === undefined ? text : text.replaceAll('$basearch', basearch);
  const lines = filled.split(/\r\n|\r|\n/).map((line) => line.trim());
  const entries = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (entries.length === 0) throw malformed(url, 'lists no mirror');
  if (entries.length > MAX_LINES) throw malformed(url, `lists ${entries.length} mirrors`);

  const ownHost = new URL(url).host;
  const bases: string[] = [];
  const foreign: string[] = [];
  for (const entry of entries) {
    const base = parseBase(entry);
    if (base === undefined) throw malformed(url, `has the line ${quote(entry)}, which is no base URL`);
    const { host } = new URL(base);
    const isAllowed = host === ownHost || isAllowedHost(host, allowedHosts);
    (isAllowed ? bases : foreign).push(base);
  }
  if (bases.length === 0) {
    throw new BtfmillError('index-unsafe-path', `${url}: names only other hosts, e.g. ${foreign[0]}`);
  }
  return { bases: [...new Set(bases)], foreign };
}
