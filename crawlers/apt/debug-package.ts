/** One stanza of a Packages index as a debug package. */

import { BtfmillError } from '../../errors/index.ts';
import type { Arch } from '../arch.ts';
import type { DebugPackage } from '../types.ts';
import { poolUrl } from './pool-url.ts';
import { requiredField, type Stanza } from './stanza.ts';
import type { OpenSuite } from './suite.ts';

export interface PackageOrigin {
  readonly distro: string;
  /** The archive's name of the release. */
  readonly segment: string;
  readonly arch: Arch;
  readonly suite: OpenSuite;
  readonly suiteName: string;
  readonly indexUrl: string;
}

/**
 * The debug package of `kernel` that a stanza describes. Throws `index-malformed` for a missing or senseless field
 * and `index-unsafe-path` for a file outside the mirror.
 */
export function readDebugPackage(stanza: Stanza, kernel: string, origin: PackageOrigin): DebugPackage {
  const { distro, segment, suite, suiteName, indexUrl, arch } = origin;
  const field = (name: string) => requiredField(stanza, name, indexUrl);
  const matching = (name: string, pattern: RegExp) => {
    const value = field(name);
    if (pattern.test(value)) return value;
    const what = `${indexUrl}: ${field('Package')}: ${name} is ${JSON.stringify(value.slice(0, 80))}`;
    throw new BtfmillError('index-malformed', what);
  };
  matching('Architecture', new RegExp(`^${arch.deb}$`));
  return {
    distro,
    release: segment,
    arch: arch.archive,
    kernel,
    packageName: field('Package'),
    packageVersion: matching('Version', DEBIAN_VERSION),
    format: 'deb',
    url: poolUrl(suite.location.base, field('Filename'), indexUrl),
    sizeBytes: Number(matching('Size', /^[1-9]\d{0,14}$/)),
    digest: `sha256:${matching('SHA256', /^[0-9a-fA-F]{64}$/).toLowerCase()}`,
    indexUrl,
    suite: suiteName,
    trust: suite.trust,
  };
}

/** The characters of deb-version(7). */
export const DEBIAN_VERSION = /^[A-Za-z0-9.+~:-]+$/;
