/** Which repositories of a release hold kernels' debuginfo, and where each may be found. */

import type { Arch } from '../arch.ts';
import type { RepositoryAnchor } from '../rpm-md/index.ts';
import { archFolder, DEFAULT_ARCHS } from './names.ts';
import type { FedoraRelease } from './releases.ts';
import type { FedoraSources, FedoraTree } from './sources.ts';

export interface RepositoryPlace {
  /** As MirrorManager calls it. */
  readonly name: string;
  /** Tried in this order until one has it. */
  readonly anchors: readonly RepositoryAnchor[];
  /** Its absence is a failure. */
  readonly isRequired: boolean;
}

/** A repository by its name and its path below a tree. */
interface Layout {
  readonly name: string;
  /** Path below the tree, and the same while the release is branched. */
  readonly path: string;
  readonly branchedPath?: string;
  /** Every release has it. */
  readonly isEssential: boolean;
  /** MirrorManager does not know it. */
  readonly isUnlisted?: boolean;
}

/** The first release built for arm64 with all others; before, it was a secondary architecture. */
const FIRST_PRIMARY_ARM64 = 28;
/** The first release whose debuginfo lies in a folder `tree`. */
const FIRST_DEBUG_TREE = 24;
/** The first release whose updates lie below `Everything/`. */
const FIRST_EVERYTHING_UPDATES = 28;
/** The last release whose later updates, signed with a new key, lie beside the older ones. */
const LAST_NEW_KEY = 9;

/** Whether a release was ever built for an architecture that is crawled by default. */
export function isBuiltFor({ number }: FedoraRelease, { archive }: Arch): boolean {
  return archive !== 'arm64' || number === undefined || number >= FIRST_PRIMARY_ARM64;
}

/** The repositories of a release: the release itself first, without which there are no others. */
export function repositoriesOf(
  release: FedoraRelease,
  arch: Arch,
  sources: FedoraSources,
): readonly [RepositoryPlace, ...RepositoryPlace[]] {
  const [first, ...others] = layoutsOf(release, archFolder(arch));
  const place = (layout: Layout): RepositoryPlace => ({
    name: layout.name,
    anchors: anchorsOf(layout, release, arch, sources),
    isRequired: isRequired(layout, release, arch, sources),
  });
  return [place(first), ...others.map(place)];
}

function layoutsOf({ number, stage }: FedoraRelease, folder: string): [Layout, ...Layout[]] {
  if (number === undefined) {
    const path = `development/rawhide/Everything/${folder}/debug/tree`;
    return [{ name: 'rawhide-debug', path, isEssential: true }];
  }
  const tree = number >= FIRST_DEBUG_TREE ? '/tree' : '';
  const everything = number >= FIRST_EVERYTHING_UPDATES ? 'Everything/' : '';
  const layouts: [Layout, ...Layout[]] = [
    {
      name: `fedora-debug-${number}`,
      path: `releases/${number}/Everything/${folder}/debug${tree}`,
      branchedPath: `development/${number}/Everything/${folder}/debug${tree}`,
      isEssential: true,
    },
    {
      name: `updates-released-debug-f${number}`,
      path: `updates/${number}/${everything}${folder}/debug`,
      isEssential: stage !== 'branched',
    },
    {
      name: `updates-testing-debug-f${number}`,
      path: `updates/testing/${number}/${everything}${folder}/debug`,
      isEssential: false,
    },
  ];
  if (number <= LAST_NEW_KEY) {
    const path = `updates/${number}/${folder}.newkey/debug`;
    layouts.push({
      name: `updates-released-debug-f${number}.newkey`,
      path,
      isEssential: false,
      isUnlisted: true,
    });
  }
  return layouts;
}

/**
 * MirrorManager's word first: it knows the newest repomd.xml and where a repository has moved to. What has left the
 * mirrors is looked for in the archive first, to spare everybody else the question.
 */
function anchorsOf(
  { name, path, branchedPath, isUnlisted = false }: Layout,
  { number, stage, isExplicit }: FedoraRelease,
  arch: Arch,
  { live, archive, metalink }: FedoraSources,
): RepositoryAnchor[] {
  const query = `repo=${name}&arch=${archFolder(arch)}`;
  const listed: RepositoryAnchor[] =
    metalink === undefined || isUnlisted ? [] : [{ kind: 'metalink', url: `${metalink}?${query}` }];
  const mayBeBranched = stage === 'branched' && branchedPath !== undefined;
  const paths = mayBeBranched ? [branchedPath, path] : [path];
  const inLive = basesIn(live, paths, number, arch);
  const inArchive =
    archive === undefined || stage === 'rawhide' ? [] : basesIn(archive, [path], number, arch);
  if (stage === 'archived') return [...inArchive, ...listed, ...inLive];
  // One that somebody asks for may have come and gone since this was written.
  const mayHaveGone = stage === 'current' || isExplicit;
  return [...listed, ...inLive, ...(mayHaveGone ? inArchive : [])];
}

function basesIn(
  { primary, secondary }: FedoraTree,
  paths: readonly string[],
  number: number | undefined,
  arch: Arch,
): RepositoryAnchor[] {
  return treesFor(arch, number, primary, secondary).flatMap((tree) =>
    paths.map((path): RepositoryAnchor => ({ kind: 'base', url: `${tree}/${path}/` })),
  );
}

/** The trees that may have an architecture; which of the two had one when is not known for all of them. */
function treesFor(
  { archive }: Arch,
  number: number | undefined,
  primary: string,
  secondary: string | undefined,
): string[] {
  if (secondary === undefined || archive === 'x86_64') return [primary];
  if (archive === 'arm64') {
    return number === undefined || number >= FIRST_PRIMARY_ARM64 ? [primary] : [secondary];
  }
  return archive === 'i686' || archive === 'armv7l' ? [primary, secondary] : [secondary, primary];
}

function isRequired(
  { isEssential }: Layout,
  release: FedoraRelease,
  arch: Arch,
  { isPartial }: FedoraSources,
): boolean {
  if (isPartial || !isEssential || !release.isKnown) return false;
  return DEFAULT_ARCHS.includes(arch.archive) && isBuiltFor(release, arch);
}
