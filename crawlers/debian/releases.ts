/** Debian's releases: which ones a request means, and the archive's name for each. */

import { BtfmillError } from '../../errors/index.ts';
import type { ReleaseFile } from '../apt/index.ts';

export interface DebianRelease {
  /** Name below `dists/`. */
  readonly codename: string;
  /** VERSION_ID where it is known without asking: a Release file that says otherwise is right. */
  readonly version?: string;
  /** Has left the mirrors for good; its indexes are frozen. */
  readonly isArchived: boolean;
  /** unstable and experimental: one suite, no release, no security archive. */
  readonly isRolling: boolean;
  /** The request named it. */
  readonly isExplicit: boolean;
}

interface KnownRelease {
  readonly codename: string;
  readonly version: string;
  readonly isArchived: boolean;
}

/**
 * What cannot be asked for: the version of a codename that only the archive host still has. Later releases need no
 * line here, the aliases (`stable`, …) lead to them.
 */
const KNOWN: readonly KnownRelease[] = [
  { codename: 'jessie', version: '8', isArchived: true },
  { codename: 'stretch', version: '9', isArchived: true },
  { codename: 'buster', version: '10', isArchived: true },
  { codename: 'bullseye', version: '11', isArchived: false },
  { codename: 'bookworm', version: '12', isArchived: false },
  { codename: 'trixie', version: '13', isArchived: false },
];

/** Codenames of releases that have a number, and the suite that is called by two names. */
export const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ...KNOWN.map(({ codename, version }): [string, string] => [codename, version]),
  ['unstable', 'sid'],
]);

const ROLLING: ReadonlyMap<string, string> = new Map([
  ['sid', 'sid'],
  ['unstable', 'sid'],
  ['experimental', 'experimental'],
  ['rc-buggy', 'experimental'],
]);

const ALIASES: readonly string[] = ['testing', 'stable', 'oldstable', 'oldoldstable'];

/** Reads the Release of a suite of the main archive; undefined when there is no such suite. */
export interface ReleaseLookup {
  (suite: string): Promise<ReleaseFile | undefined>;
}

/** The archive's name of a release whose Release file has been read: its VERSION_ID, or the codename before it has one. */
export function releaseSegment(release: DebianRelease, file: ReleaseFile | undefined): string {
  return majorVersion(file) ?? release.version ?? release.codename;
}

/** Every release there is, newest first; one that the aliases and the built-in list both name comes once. */
export async function allReleases(lookUp: ReleaseLookup): Promise<DebianRelease[]> {
  const releases = [rolling('experimental', false), rolling('sid', false)];
  for (const alias of ALIASES) {
    const file = await lookUp(alias);
    if (file?.codename !== undefined) releases.push(byCodename(file.codename, false));
  }
  for (const { codename } of KNOWN.toReversed()) releases.push(byCodename(codename, false));
  return [...new Map(releases.map((release) => [release.codename, release])).values()];
}

/**
 * The release that a VERSION_ID, codename or alias names. Throws `usage` for what can be no release,
 * `http-not-found` for an alias that the mirror does not have.
 */
export async function namedRelease(name: string, lookUp: ReleaseLookup): Promise<DebianRelease> {
  const rollingName = ROLLING.get(name);
  if (rollingName !== undefined) return rolling(rollingName, true);
  if (ALIASES.includes(name)) {
    const file = await lookUp(name);
    if (file?.codename === undefined) {
      throw new BtfmillError('http-not-found', `debian: the mirror has no suite ${name}`);
    }
    return byCodename(file.codename, true);
  }
  if (/^\d+$/.test(name)) return byVersion(name, lookUp);
  if (/^[a-z]+$/.test(name)) return byCodename(name, true);
  throw new BtfmillError('usage', `debian has no release ${JSON.stringify(name)}; ${describeKnown()}`);
}

function describeKnown(): string {
  const versions = KNOWN.map(({ version, codename }) => `${version} (${codename})`);
  return `there is ${[...versions, ...ALIASES, ...ROLLING.keys()].join(', ')}, and later ones by codename`;
}

async function byVersion(version: string, lookUp: ReleaseLookup): Promise<DebianRelease> {
  const known = KNOWN.find((release) => release.version === version);
  if (known !== undefined) return byCodename(known.codename, true);
  for (const alias of ALIASES) {
    const file = await lookUp(alias);
    if (file?.codename !== undefined && majorVersion(file) === version)
      return byCodename(file.codename, true);
  }
  throw new BtfmillError('usage', `debian has no release ${version} on this mirror; ${describeKnown()}`);
}

function byCodename(codename: string, isExplicit: boolean): DebianRelease {
  const known = KNOWN.find((release) => release.codename === codename);
  return { isArchived: false, ...known, codename, isRolling: false, isExplicit };
}

function rolling(codename: string, isExplicit: boolean): DebianRelease {
  return { codename, isArchived: false, isRolling: true, isExplicit };
}

function majorVersion(file: ReleaseFile | undefined): string | undefined {
  return /^\d+/.exec(file?.version ?? '')?.[0];
}
