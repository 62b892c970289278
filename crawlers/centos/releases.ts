/** CentOS's releases: which trees a request means, and under which release each is filed. */

import { BtfmillError } from '../../errors/index.ts';

export interface CentosTree {
  /** Its folder on the mirrors, e.g. `8-stream`. */
  readonly name: string;
  /** VERSION_ID of its machines, e.g. `8`: Stream 8 says the same as CentOS Linux 8. */
  readonly segment: string;
  /** `flat`: one repository per architecture, below debuginfo.centos.org. `stream`: a debug tree per repository. */
  readonly layout: 'flat' | 'stream';
  /** Archive names. */
  readonly archs: readonly string[];
}

/**
 * CentOS publishes no list of its releases. These are the ones there were in 2026; a later Stream is found by asking
 * for it.
 */
const LINUX: readonly CentosTree[] = [
  { name: '7', segment: '7', layout: 'flat', archs: ['x86_64', 'arm64'] },
  { name: '8', segment: '8', layout: 'flat', archs: ['x86_64', 'arm64', 'ppc64le'] },
  { name: '8-stream', segment: '8', layout: 'flat', archs: ['x86_64', 'arm64', 'ppc64le'] },
];
const STREAM_ARCHS: readonly string[] = ['x86_64', 'arm64', 'ppc64le', 's390x'];
const FIRST_STREAM = 9;
const NEWEST_KNOWN_STREAM = 10;
/** Streams beyond the newest known that there may be: one every three years, so this lasts for nine. */
const MAX_LATER_STREAMS = 3;

/** Whether the mirror has the Stream of a major version. */
export interface StreamProbe {
  (major: number): Promise<boolean>;
}

/** Every tree there is, newest first. */
export async function allTrees(probe: StreamProbe): Promise<CentosTree[]> {
  const streams = Array.from({ length: NEWEST_KNOWN_STREAM - FIRST_STREAM + 1 }, (_, i) =>
    stream(FIRST_STREAM + i),
  );
  for (let later = 1; later <= MAX_LATER_STREAMS; later += 1) {
    if (!(await probe(NEWEST_KNOWN_STREAM + later))) break;
    streams.push(stream(NEWEST_KNOWN_STREAM + later));
  }
  return [...LINUX, ...streams].toReversed();
}

/**
 * The trees that a name stands for: `7`; `8` for CentOS Linux 8 and Stream 8, `8-linux` and `8-stream` for one of
 * them; `9` and later with or without `-stream`. Throws `usage` for what can be no release.
 */
export function namedTrees(name: string): CentosTree[] {
  const [, major, kind] = /^(\d{1,2})(?:-(linux|stream))?$/.exec(name) ?? [];
  const number = Number(major);
  if (major === undefined || String(number) !== major) throw noSuchRelease(name);
  if (number >= FIRST_STREAM) {
    if (kind === 'linux' || number > NEWEST_KNOWN_STREAM + MAX_LATER_STREAMS) throw noSuchRelease(name);
    return [stream(number)];
  }
  const trees = LINUX.filter(
    (tree) =>
      tree.segment === major && (kind === undefined || tree.name.endsWith('-stream') === (kind === 'stream')),
  );
  if (trees.length === 0) throw noSuchRelease(name);
  return trees;
}

function stream(major: number): CentosTree {
  return {
    name: `${major}-stream`,
    segment: String(major),
    layout: 'stream',
    archs: STREAM_ARCHS,
  };
}

function noSuchRelease(name: string): BtfmillError {
  const known = `it has 7, 8 (8-linux and 8-stream), 9, 10 and, once they are out, Streams to ${NEWEST_KNOWN_STREAM + MAX_LATER_STREAMS}`;
  return new BtfmillError('usage', `centos has no release ${JSON.stringify(name)}; ${known}`);
}
