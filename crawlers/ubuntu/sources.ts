/** Where Ubuntu's debug packages are listed: the request's mirror, else Ubuntu's own hosts. */

import { parseMirror } from '../mirror.ts';

export interface UbuntuSources {
  /** Of the debug archive: has `dists/` and `pool/`, without a trailing slash. */
  readonly base: string;
  /** Lists the releases that came out. Unsigned. Absent when a mirror was asked for, which then stands for everything. */
  readonly metaRelease?: string;
  /** Somebody's own mirror need not carry everything that Ubuntu has. */
  readonly isPartial: boolean;
  readonly launchpad: LaunchpadPlace;
}

export interface LaunchpadPlace {
  /** Root of the web service, without a trailing slash. */
  readonly api: string;
  /** Origins (scheme, host and port) that it may name files on. */
  readonly fileOrigins: readonly string[];
}

/** Plain http for what is signed, https for what is not. */
export const DEFAULT_SOURCES = {
  base: 'http://ddebs.ubuntu.com',
  metaRelease: 'https://changelogs.ubuntu.com/meta-release',
  isPartial: false,
  launchpad: {
    api: 'https://api.launchpad.net/devel',
    fileOrigins: ['https://launchpad.net', 'https://launchpadlibrarian.net'],
  },
} as const satisfies UbuntuSources;

/** Throws `usage` for a mirror that is no http(s) URL. */
export function resolveSources(mirror: string | undefined): UbuntuSources {
  if (mirror === undefined) return DEFAULT_SOURCES;
  return { base: parseMirror(mirror), isPartial: true, launchpad: DEFAULT_SOURCES.launchpad };
}
