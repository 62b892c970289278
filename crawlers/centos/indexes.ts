/** Which repositories of a CentOS tree carry kernels' debug packages, and where each may be found. */

import type { Arch } from '../arch.ts';
import type { RepositoryAnchor } from '../rpm-md/index.ts';
import type { CentosTree } from './releases.ts';
import type { CentosBases } from './sources.ts';

export interface CentosRepository {
  /** e.g. `9-stream-baseos-debug`. */
  readonly name: string;
  /** Tried in this order until one has it. */
  readonly anchors: readonly RepositoryAnchor[];
  /** Its absence is a failure. */
  readonly isRequired: boolean;
}

/**
 * The repositories of a Stream. The kernel's own packages are in BaseOS; real-time kernels are in RT and NFV, which
 * there are for x86_64 alone.
 */
const STREAM_REPOSITORIES: readonly { readonly name: string; readonly archs?: readonly string[] }[] = [
  { name: 'BaseOS' },
  { name: 'AppStream' },
  { name: 'CRB' },
  { name: 'RT', archs: ['x86_64'] },
  { name: 'NFV', archs: ['x86_64'] },
];

/** @param isNamed the request named the tree and the architecture, so that a partial mirror has to have them */
export function repositoriesOf(
  tree: CentosTree,
  arch: Arch,
  bases: CentosBases,
  isNamed: boolean,
): CentosRepository[] {
  const isExpected = isNamed || !bases.isPartial;
  if (tree.layout === 'flat') {
    const anchors = bases.flat.map((base) => baseAnchor(`${base}/${tree.name}/${arch.rpm}/`));
    return [{ name: `${tree.name}-debuginfo`, anchors, isRequired: isExpected }];
  }
  return STREAM_REPOSITORIES.filter(({ archs }) => archs?.includes(arch.archive) ?? true).map(
    ({ name }, index): CentosRepository => ({
      name: `${tree.name}-${name.toLowerCase()}-debug`,
      anchors: [
        ...metalinkAnchor(tree, name, arch, bases),
        ...bases.stream.map((base) => baseAnchor(streamUrl(base, tree.name, name, arch))),
      ],
      isRequired: isExpected && index === 0,
    }),
  );
}

/** The index that tells whether a base has the Stream of a major version. */
export function streamProbeUrl(base: string, major: number, arch: Arch): string {
  return `${streamUrl(base, `${major}-stream`, STREAM_REPOSITORIES[0].name, arch)}repodata/repomd.xml`;
}

function metalinkAnchor(
  tree: CentosTree,
  repository: string,
  arch: Arch,
  { metalink }: CentosBases,
): RepositoryAnchor[] {
  if (metalink === undefined) return [];
  const id = `centos-${repository.toLowerCase()}-debug-${tree.name}`;
  return [{ kind: 'metalink', url: `${metalink}?repo=${id}&arch=${arch.rpm}&protocol=https,http` }];
}

function streamUrl(base: string, tree: string, repository: string, arch: Arch): string {
  return `${base}/${tree}/${repository}/${arch.rpm}/debug/tree/`;
}

function baseAnchor(url: string): RepositoryAnchor {
  return { kind: 'base', url };
}
