/** The base URL that `--mirror` replaces a distribution's own hosts with. */

import { BtfmillError } from '../errors/index.ts';

/** The mirror's URL, normalised and without a trailing slash. Throws `usage` for what is no http(s) base URL. */
export function parseMirror(mirror: string): string {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  const isUsable =
    url !== undefined && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
  if (!isUsable) throw new BtfmillError('usage', `${mirror} is no http(s) base URL of a mirror`);
  if (hasCredentials(url)) {
    throw new BtfmillError('usage', `the URL of the mirror ${url.host} holds a user name or a password`);
  }
  return url.href.replace(/\/+$/, '');
}

/** They would be sent to nobody, but every URL below it is in the record, and in what is published of that. */
export function hasCredentials({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}
