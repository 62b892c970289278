/** The crawler of Debian; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { DEFAULT_ARCHS, listDebian } from './list.ts';

export const debianCrawler: Crawler = {
  distro: 'debian',
  defaultArchs: DEFAULT_ARCHS,
  list: (request, context) => listDebian(request, context),
};
