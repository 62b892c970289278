/** The crawler of CentOS; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { listCentos } from './list.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';

/** A Stream is filed under its VERSION_ID. */
const STREAM_NAMES: ReadonlyMap<string, string> = new Map(
  ['8', '9', '10'].flatMap((major) => [
    [`${major}-stream`, major],
    [`stream${major}`, major],
  ]),
);

export const centosCrawler: Crawler = {
  distro: 'centos',
  otherNames: { releases: STREAM_NAMES },
  archs: ARCHS,
  defaultArchs: DEFAULT_ARCHS,
  list: listCentos,
};
