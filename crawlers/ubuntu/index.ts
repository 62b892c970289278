/** The crawler of Ubuntu; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { listUbuntu } from './list.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';
import { VERSIONS } from './releases.ts';

export const ubuntuCrawler: Crawler = {
  distro: 'ubuntu',
  otherNames: { releases: VERSIONS },
  archs: ARCHS,
  defaultArchs: DEFAULT_ARCHS,
  list: (request, context) => listUbuntu(request, context),
};
