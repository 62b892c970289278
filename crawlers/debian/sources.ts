/** Where Debian's archives are: the request's mirror, else the machine's own, else the built-in default. */

import { parseMirror } from '../mirror.ts';
import { readHostMirror } from './host-sources.ts';

/** Base URLs, each with `dists/` and `pool/` below it and without a trailing slash. */
export interface DebianBases {
  readonly main: string;
  /** Asked in this order; the first that has the suite is taken. */
  readonly security: readonly string[];
  /** Releases that left the mirrors; absent when a mirror was asked for, which then stands for everything. */
  readonly archive?: { readonly main: string; readonly security: string };
  /** Somebody's own mirror need not carry everything that Debian has. */
  readonly isPartial: boolean;
}

export const DEFAULT_BASES = {
  main: 'http://ftp.debian.org/debian',
  security: ['http://security.debian.org/debian-security'],
  archive: {
    main: 'http://archive.debian.org/debian',
    security: 'http://archive.debian.org/debian-security',
  },
  isPartial: false,
} as const satisfies DebianBases;

/**
 * The bases to crawl. With a `mirror`, its security archive is `<mirror>-security` (as on Debian's mirrors) or, when
 * that has no such suite, the mirror itself. Throws `usage` for a mirror that is no http(s) URL.
 *
 * @param etcDir the machine's configuration folder, `/etc`
 */
export async function resolveBases(mirror: string | undefined, etcDir: string): Promise<DebianBases> {
  if (mirror !== undefined) {
    const main = parseMirror(mirror);
    return { main, security: [`${main}-security`, main], isPartial: true };
  }
  const host = await readHostMirror(etcDir);
  return {
    ...DEFAULT_BASES,
    main: host?.main ?? DEFAULT_BASES.main,
    security: host?.security === undefined ? DEFAULT_BASES.security : [host.security],
  };
}
