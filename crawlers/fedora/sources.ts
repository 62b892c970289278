/** Where Fedora's repositories are: the request's mirror, or Fedora's own hosts. */

import { parseMirror } from '../mirror.ts';

/** A folder with `releases/`, `updates/` and `development/` below it, without a slash at the end. */
export interface FedoraTree {
  readonly primary: string;
  /** The same for the architectures that Fedora does not build its releases by; absent from mirrors. */
  readonly secondary?: string;
}

export interface FedoraSources {
  readonly live: FedoraTree;
  /** What has left the live tree; absent when a mirror was asked for, which then stands for everything. */
  readonly archive?: FedoraTree;
  /** Says which repomd.xml a repository has now, and who has it. */
  readonly metalink?: string;
  /** The list of releases. */
  readonly releases?: string;
  /** Somebody's own mirror need not carry everything that Fedora has. */
  readonly isPartial: boolean;
}

export const FEDORA_SOURCES = {
  live: {
    primary: 'https://dl.fedoraproject.org/pub/fedora/linux',
    secondary: 'https://dl.fedoraproject.org/pub/fedora-secondary',
  },
  archive: {
    primary: 'https://archives.fedoraproject.org/pub/archive/fedora/linux',
    secondary: 'https://archives.fedoraproject.org/pub/archive/fedora-secondary',
  },
  metalink: 'https://mirrors.fedoraproject.org/metalink',
  releases: 'https://fedoraproject.org/releases.json',
  isPartial: false,
} as const satisfies FedoraSources;

/** Throws `usage` for a mirror that is no http(s) URL. */
export function resolveSources(mirror: string | undefined): FedoraSources {
  if (mirror === undefined) return FEDORA_SOURCES;
  return { live: { primary: parseMirror(mirror) }, isPartial: true };
}
