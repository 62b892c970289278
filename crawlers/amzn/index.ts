/** The crawler of Amazon Linux; README.md says what it finds where. */

import type { Crawler } from '../types.ts';
import { listAmazon } from './list.ts';
import { ARCHS, DEFAULT_ARCHS } from './names.ts';

export const amazonCrawler: Crawler = {
  distro: 'amzn',
  otherNames: {
    distro: ['amazon'],
    releases: new Map([
      ['1', '2018'],
      ['2018.03', '2018'],
    ]),
  },
  archs: ARCHS,
  defaultArchs: DEFAULT_ARCHS,
  list: listAmazon,
};
