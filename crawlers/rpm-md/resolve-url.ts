/** Where the files are that an rpm-md repository names: hrefs as URLs, kept on the hosts that were asked for. */

import { BtfmillError } from '../../errors/index.ts';
import { quote } from './xml.ts';

/** What a repository's references are held to. */
export interface UrlRules {
  /** URL of the folder that has `repodata/`; a missing last slash is added. */
  readonly base: string;
  /**
   * Hosts that files may lie on beside the base's own, as `host` or `host:port`; `*` stands for one label or a part
   * of one (`packages.*.amazonaws.com`).
   */
  readonly allowedHosts: readonly string[];
}

/** Characters of URLs without those that give it a query, a fragment or credentials, and no backslash or blank. */
const PLAIN_REFERENCE = /^[A-Za-z0-9/._+~:,=^%()-]+$/;
/** What a path means may not depend on who decodes it: NUL, `.`, `/` and the backslash stand for themselves. */
const ENCODED_TRAP = /%(?:00|2e|2f|5c)/i;

/**
 * The URL that `href` stands for: relative to `xmlBase` where there is one, else to the base. It may climb out of the
 * repository (Amazon's packages lie in a folder beside it), but not leave the base's scheme and host for any other
 * than an allowed host, and never HTTPS for HTTP.
 *
 * Throws `index-unsafe-path`.
 *
 * @param where the index that says so, for messages
 */
export function resolveUrl(
  href: string,
  xmlBase: string | undefined,
  rules: UrlRules,
  where: string,
): string {
  const refuse = (why: string) =>
    new BtfmillError('index-unsafe-path', `${where}: names ${quote(href)}, ${why}`);

  for (const reference of xmlBase === undefined ? [href] : [href, xmlBase]) {
    if (!PLAIN_REFERENCE.test(reference) || ENCODED_TRAP.test(reference)) {
      throw refuse(`where ${quote(reference)} is no plain reference`);
    }
  }
  const repository = new URL(asFolder(rules.base));
  const base = xmlBase === undefined ? repository : tryUrl(asFolder(xmlBase), repository);
  const url = base === undefined ? undefined : tryUrl(href, base);
  if (url === undefined) throw refuse('which makes no URL');
  if (url.pathname.endsWith('/')) throw refuse('which is a folder');

  const isHttps = url.protocol === 'https:';
  if (!isHttps && url.protocol !== 'http:') throw refuse('which is not on the web');
  if (!isHttps && repository.protocol === 'https:') throw refuse('which is less protected than its index');
  if (url.host !== repository.host && !isAllowedHost(url.host, rules.allowedHosts)) {
    throw refuse(`on ${url.host}, which is not its repository's host ${repository.host}`);
  }
  // Some versions of Node leave it as it is.
  return url.href.replaceAll('^', '%5E');
}

/** Whether one of the patterns of {@link UrlRules.allowedHosts} stands for `host`. */
export function isAllowedHost(host: string, allowedHosts: readonly string[]): boolean {
  return allowedHosts.some((pattern) => {
    const source = pattern
      .toLowerCase()
      .replaceAll(/[^a-z0-9*-]/g, String.raw`\$&`)
      .replaceAll('*', '[a-z0-9-]+');
    return new RegExp(`^${source}$`).test(host);
  });
}

/** `url` as a base for relative references: its last part counts only with a slash behind it. */
export function asFolder(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}

/** `text` as a base with a slash at its end; undefined for anything but a plain http(s) address of a folder. */
export function parseBase(text: string): string | undefined {
  const isPlain = /^https?:\/\/[^\s?#@\\]+$/i.test(text);
  return isPlain && URL.canParse(asFolder(text)) ? new URL(asFolder(text)).href : undefined;
}

function tryUrl(reference: string, base: URL): URL | undefined {
  return URL.canParse(reference, base.href) ? new URL(reference, base) : undefined;
}
