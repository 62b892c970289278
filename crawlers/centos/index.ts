/** The crawler of CentOS; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { listCentos } from './list.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';

export const centosCrawler: Crawler = {
  distro: 'centos',
  archs: ARCHS,
  defaultArchs: DEFAULT_ARCHS,
  list: listCentos,
};
