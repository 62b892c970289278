/** Which of Amazon's repositories carry kernels' debug packages, and where each may be found. */

import type { Arch } from '../arch.ts';
import type { RepositoryAnchor } from '../rpm-md/index.ts';
import type { AmazonRelease } from './releases.ts';
import type { AmazonBases } from './sources.ts';

export interface AmazonRepository {
  /** As the distribution calls it, e.g. `amzn2extra-kernel-5.10-debuginfo`. */
  readonly name: string;
  /** Tried in this order until one has it. */
  readonly anchors: readonly RepositoryAnchor[];
  /** Its absence is a failure. */
  readonly isRequired: boolean;
}

/**
 * What every machine of the release has.
 *
 * @param isNamed the request named the release and the architecture, so that a partial mirror has to have them
 */
export function coreRepositories(
  release: AmazonRelease,
  arch: Arch,
  bases: AmazonBases,
  isNamed: boolean,
): AmazonRepository[] {
  const isRequired = isNamed || (release.isExpected && !bases.isPartial);
  if (release.generation === 1) {
    return ['main', 'updates'].map((name) => ({
      name: `amzn-${name}-debuginfo`,
      anchors: bases.first.flatMap((base) => firstAnchors(`${base}/2018.03/${name}/debuginfo`, arch)),
      isRequired,
    }));
  }
  if (release.generation === 2) {
    const anchors = mirrorLists(bases.second, `core/latest/debuginfo/${arch.rpm}`);
    return [{ name: 'amzn2-core-debuginfo', anchors, isRequired }];
  }
  const anchors = mirrorLists(
    bases.ofYear(release.segment),
    `core/mirrors/${release.state}/debuginfo/${arch.rpm}`,
  );
  return [{ name: `al${release.segment}-debuginfo`, anchors, isRequired }];
}

/** The repository of one topic of Amazon Linux 2's extras. Not every topic has debug packages. */
export function extrasRepository(topic: string, arch: Arch, bases: AmazonBases): AmazonRepository {
  const anchors = mirrorLists(bases.second, `extras/${topic}/latest/debuginfo/${arch.rpm}`);
  return { name: `amzn2extra-${topic}-debuginfo`, anchors, isRequired: false };
}

/**
 * A machine of Amazon Linux 1 asks for the list without an architecture, whose lines then have `$basearch`; its
 * other repositories have one list per architecture as well.
 */
function firstAnchors(folder: string, arch: Arch): RepositoryAnchor[] {
  return [folder, `${folder}/${arch.rpm}`].map((place) => ({
    kind: 'mirror-list',
    url: `${place}/mirror.list`,
    basearch: arch.rpm,
  }));
}

function mirrorLists(bases: readonly string[], path: string): RepositoryAnchor[] {
  return bases.map((base) => ({ kind: 'mirror-list', url: `${base}/${path}/mirror.list` }));
}
