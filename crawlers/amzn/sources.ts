/** Where Amazon's repositories are: the request's mirror, or the built-in defaults. */

import { parseMirror } from '../mirror.ts';

/** Base URLs without a trailing slash, asked in this order. */
export interface AmazonBases {
  /** Amazon Linux 1: have `2018.03/main/debuginfo/mirror.list`. */
  readonly first: readonly string[];
  /** Amazon Linux 2: have `core/…` and `extras/…`. */
  readonly second: readonly string[];
  /** The releases named by a year: have `core/mirrors/…`. */
  readonly ofYear: (year: string) => readonly string[];
  /** Hosts that a mirror.list may name; `*` stands for a part of one label. */
  readonly hosts: readonly string[];
  /** Somebody's own mirror need not carry everything that Amazon has. */
  readonly isPartial: boolean;
}

const CDN = 'https://cdn.amazonlinux.com';
/** The bucket of 2023 that is known; the name of another year's cannot be guessed. */
const BUCKET_2023 = 'https://al2023-repos-us-west-2-de612dc2.s3.dualstack.us-west-2.amazonaws.com';

export const DEFAULT_BASES: AmazonBases = {
  first: ['http://repo.us-east-1.amazonaws.com', 'http://repo.us-west-2.amazonaws.com'],
  second: [`${CDN}/2`, 'https://amazonlinux-2-repos-us-east-2.s3.dualstack.us-east-2.amazonaws.com/2'],
  ofYear: (year) => [`${CDN}/al${year}`, ...(year === '2023' ? [BUCKET_2023] : [])],
  hosts: [
    'cdn.amazonlinux.com',
    'amazonlinux.*.amazonaws.com',
    'amazonlinux-2-repos-*.s3.dualstack.*.amazonaws.com',
    'al2023-repos-*-de612dc2.s3.dualstack.*.amazonaws.com',
    // Amazon Linux 1: one host per region.
    'packages.*.amazonaws.com',
    'repo.*.amazonaws.com',
  ],
  isPartial: false,
};

/**
 * The bases to crawl. A `mirror` is laid out as cdn.amazonlinux.com is (`2/core/…`, `al2023/core/…`) and may have
 * `2018.03/…` beside that. Its lists may name Amazon's hosts as well as its own. Throws `usage` for a mirror that is
 * no http(s) URL.
 */
export function resolveBases(mirror: string | undefined): AmazonBases {
  if (mirror === undefined) return DEFAULT_BASES;
  const base = parseMirror(mirror);
  return {
    first: [base],
    second: [`${base}/2`],
    ofYear: (year) => [`${base}/al${year}`],
    hosts: [new URL(base).host, ...DEFAULT_BASES.hosts],
    isPartial: true,
  };
}
