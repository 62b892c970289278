/** One stanza of a Packages index as a debug package. */

import { BtfmillError } from '../../errors/index.ts';
import type { Arch } from '../arch.ts';
import { type OpenSuite, poolUrl, requiredField, type Stanza } from '../apt/index.ts';
import type { DebugPackage } from '../types.ts';
import { kernelOfDebugPackage } from './names.ts';

export interface PackageOrigin {
  readonly suite: OpenSuite;
  readonly suiteName: string;
  /** The archive's name of the release. */
  readonly segment: string;
  readonly arch: Arch;
  readonly indexUrl: string;
}

/**
 * The debug package that a stanza describes; undefined when it describes something else. Throws `index-malformed`
 * for a missing or senseless field and `index-unsafe-path` for a file outside the mirror.
 */
export function readDebugPackage(stanza: Stanza, origin: PackageOrigin): DebugPackage | undefined {
  const kernel = kernelOfDebugPackage(stanza);
  if (kernel === undefined) return undefined;
  const { suite, indexUrl, arch } = origin;
  const field = (name: string) => requiredField(stanza, name, indexUrl);
  const matching = (name: string, pattern: RegExp) => {
    const value = field(name);
    if (pattern.test(value)) return value;
    const what = `${indexUrl}: ${field('Package')}: ${name} is ${JSON.stringify(value.slice(0, 80))}`;
    throw new BtfmillError('index-malformed', what);
  };
  matching('Architecture', new RegExp(`^${arch.deb}$`));
  return {
    distro: 'debian',
    release: origin.segment,
    arch: arch.archive,
    kernel,
    packageName: field('Package'),
    packageVersion: matching('Version', /^[A-Za-z0-9.+~:-]+$/),
    format: 'deb',
    url: poolUrl(suite.location.base, field('Filename'), indexUrl),
    sizeBytes: Number(matching('Size', /^[1-9]\d{0,14}$/)),
    digest: `sha256:${matching('SHA256', /^[0-9a-fA-F]{64}$/).toLowerCase()}`,
    indexUrl,
    suite: origin.suiteName,
    trust: suite.trust,
  };
}
