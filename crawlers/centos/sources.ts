/** Where CentOS's debug repositories are: the request's mirror, or the built-in defaults. */

import { parseMirror } from '../mirror.ts';

/** Base URLs without a trailing slash, asked in this order. */
export interface CentosBases {
  /** Have `7/<arch>/`, `8/<arch>/` and `8-stream/<arch>/`, each a repository. */
  readonly flat: readonly string[];
  /** Have `9-stream/<repository>/<arch>/debug/tree/`. */
  readonly stream: readonly string[];
  /** Answers for the Streams before any base does; absent when a mirror was asked for. */
  readonly metalink?: string;
  /** Somebody's own mirror need not carry everything that CentOS has. */
  readonly isPartial: boolean;
}

/**
 * debuginfo.centos.org is the original of the flat ones, known by its plain address only, and no longer reliable.
 * vault.centos.org holds what left the mirrors; of CentOS 7 and 8 it has no debug packages.
 */
export const DEFAULT_BASES: CentosBases = {
  flat: [
    'https://debuginfo.centos.org',
    'http://debuginfo.centos.org',
    'https://linuxsoft.cern.ch/centos-debuginfo',
    'http://linuxsoft.cern.ch/centos-debuginfo',
    'https://mirror.facebook.net/centos-debuginfo',
    'http://mirror.facebook.net/centos-debuginfo',
  ],
  stream: ['https://mirror.stream.centos.org', 'https://vault.centos.org'],
  metalink: 'https://mirrors.centos.org/metalink',
  isPartial: false,
};

/**
 * The bases to crawl. A `mirror` may be laid out as debuginfo.centos.org, as mirror.stream.centos.org or as both.
 * Throws `usage` for a mirror that is no http(s) URL.
 */
export function resolveBases(mirror: string | undefined): CentosBases {
  if (mirror === undefined) return DEFAULT_BASES;
  const base = parseMirror(mirror);
  return { flat: [base], stream: [base], isPartial: true };
}
