/** The crawler of Fedora; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { listFedora } from './list.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';

export const fedoraCrawler: Crawler = {
  distro: 'fedora',
  otherNames: { releases: new Map() },
  archs: ARCHS,
  defaultArchs: DEFAULT_ARCHS,
  list: listFedora,
};
