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
  /** Hosts that a mirror.list may name, and that packages may lie on. */
  readonly hosts: readonly string[];
  /** Somebody's own mirror need not carry everything that Amazon has. */
  readonly isPartial: boolean;
}

const CDN = 'https://cdn.amazonlinux.com';
const BUCKET_OF_2 = 'https://amazonlinux-2-repos-us-east-2.s3.dualstack.us-east-2.amazonaws.com';
/** The name of another year's bucket cannot be guessed. */
const BUCKET_OF_2023 = 'https://al2023-repos-us-west-2-de612dc2.s3.dualstack.us-west-2.amazonaws.com';

/**
 * Regions that the lists of Amazon Linux 1 name, each with a host of its own. No pattern: whoever calls a bucket
 * `packages` has a host that looks much the same.
 */
const REGIONS: readonly string[] = [
  'us-east-1',
  'us-east-2',
  'us-west-1',
  'us-west-2',
  'ap-east-1',
  'ap-northeast-1',
  'ap-northeast-2',
  'ap-southeast-1',
  'ap-southeast-2',
  'eu-central-1',
  'eu-west-1',
  'sa-east-1',
];

export const DEFAULT_BASES: AmazonBases = {
  first: ['http://repo.us-east-1.amazonaws.com', 'http://repo.us-west-2.amazonaws.com'],
  second: [`${CDN}/2`, `${BUCKET_OF_2}/2`],
  ofYear: (year) => [`${CDN}/al${year}`, ...(year === '2023' ? [BUCKET_OF_2023] : [])],
  hosts: [
    ...[CDN, BUCKET_OF_2, BUCKET_OF_2023].map((base) => new URL(base).host),
    ...REGIONS.map((region) => `packages.${region}.amazonaws.com`),
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
