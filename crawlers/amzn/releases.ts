/** Amazon Linux's releases: which ones a request means, and the archive's name for each. */

import { BtfmillError } from '../../errors/index.ts';

export type AmazonRelease = {
  /** The archive's name, e.g. `2023`. */
  readonly segment: string;
  /** Archive names. */
  readonly archs: readonly string[];
  /** Its absence is a failure. */
  readonly isExpected: boolean;
} & (
  | { readonly generation: 1 }
  | { readonly generation: 2 }
  | {
      /** The releases that are named by a year. */
      readonly generation: 'year';
      /** Which of its dated states is read: `latest`, or e.g. `2023.6.20241031`. */
      readonly state: string;
    }
);

const FIRST_YEAR = 2023;
/** Its key was published before the release itself. */
const ANNOUNCED_YEAR = 2027;
const BOTH: readonly string[] = ['x86_64', 'arm64'];
/** The first Amazon Linux ran on nothing but x86_64; os-release says `2018.03`, the archive `2018`. */
const FIRST: AmazonRelease = { segment: '2018', archs: ['x86_64'], isExpected: true, generation: 1 };
const SECOND: AmazonRelease = { segment: '2', archs: BOTH, isExpected: true, generation: 2 };

/**
 * Every release there is, newest first. The announced one may be there or not.
 *
 * @param hasFirst whether the first one is wanted: no key of it is shipped
 */
export function allReleases(hasFirst: boolean): AmazonRelease[] {
  return [
    { ...ofYear(String(ANNOUNCED_YEAR), 'latest'), isExpected: false },
    ofYear(String(FIRST_YEAR), 'latest'),
    SECOND,
    ...(hasFirst ? [FIRST] : []),
  ];
}

/**
 * The release that a name stands for: `1`, `2018` or `2018.03`; `2`; a year from 2023 on, or one of its dated states
 * (`2023.6.20241031`). Throws `usage` for what can be no release.
 */
export function namedRelease(name: string): AmazonRelease {
  if (['1', '2018', '2018.03'].includes(name)) return FIRST;
  if (name === '2') return SECOND;
  const [, year, state] = /^(20\d\d)(\.\d{1,3}\.\d{8})?$/.exec(name) ?? [];
  if (year === undefined || Number(year) < FIRST_YEAR) {
    const known = 'it has 2018 (also called 1), 2, 2023 and its states, such as 2023.6.20241031';
    throw new BtfmillError('usage', `amzn has no release ${JSON.stringify(name)}; ${known}`);
  }
  return ofYear(year, state === undefined ? 'latest' : name);
}

function ofYear(year: string, state: string): AmazonRelease {
  return { segment: year, archs: BOTH, isExpected: true, generation: 'year', state };
}
