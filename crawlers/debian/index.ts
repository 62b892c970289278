/** The crawler of Debian; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { listDebian } from './list.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';
import { OTHER_NAMES } from './releases.ts';

export const debianCrawler: Crawler = {
  distro: 'debian',
  otherNames: { releases: OTHER_NAMES },
  archs: ARCHS,
  defaultArchs: DEFAULT_ARCHS,
  list: (request, context) => listDebian(request, context),
};
