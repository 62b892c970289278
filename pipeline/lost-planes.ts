/** Indexes that are not there any more, where none was asked for by name: no crawler misses what it does not look for. */

import type { BtfRecord } from '../db/index.ts';
import { type DistroRequest, requestOf } from './list-distros.ts';
import type { Listing } from './run-list.ts';
import type { IndexFailed, RunOptions } from './run-types.ts';

/**
 * A failure for each release and architecture that was read by the last run with the same question and that this one
 * neither found nor failed at. Told once: the next run is compared with this one.
 * @param questionOf as `IndexRead.asked`
 */
export function findLostPlanes(
  { indexes, failures }: Listing,
  options: RunOptions,
  { indexReads }: BtfRecord,
  questionOf: (distro: string) => string,
): IndexFailed[] {
  return options.distros.flatMap((distro) => {
    const request = requestOf(options, distro);
    const failed = failures.filter((failure) => failure.distro === distro);
    if (request.releases.length > 0 || failed.some(({ release }) => release === '*')) return [];
    const found = new Set(
      indexes.filter((index) => index.distro === distro).map(({ release, arch }) => `${release}/${arch}`),
    );
    return indexReads
      .lastPlanes(distro, questionOf(distro))
      .filter(
        ({ release, arch }) =>
          !found.has(`${release}/${arch}`) &&
          isAskedFor(arch, request) &&
          !failed.some((failure) => failure.release === release),
      )
      .map(({ release, arch, at }) => ({
        distro,
        suite: '*',
        release,
        code: 'http-not-found',
        message: `${distro}/${release}/${arch} was read at ${at}, and the mirror has none of its indexes any more`,
      }));
  });
}

function isAskedFor(arch: string, { archs }: DistroRequest): boolean {
  return archs.length === 0 || archs.includes(arch);
}
