/** The distributions that btfmill knows. Adding one: a folder beside `debian/` and a line here. */

import { amazonCrawler } from './amzn/index.ts';
import { centosCrawler } from './centos/index.ts';
import { debianCrawler } from './debian/index.ts';
import { fedoraCrawler } from './fedora/index.ts';
import type { Crawler } from './types.ts';
import { ubuntuCrawler } from './ubuntu/index.ts';

const CRAWLERS: readonly Crawler[] = [
  amazonCrawler,
  centosCrawler,
  debianCrawler,
  fedoraCrawler,
  ubuntuCrawler,
];

/** The crawler of a distribution by its archive name, e.g. `debian`. */
export function crawlerFor(distro: string): Crawler | undefined {
  return CRAWLERS.find((crawler) => crawler.distro === distro);
}

/** Archive names of all distributions, sorted. */
export function crawlerNames(): string[] {
  return CRAWLERS.map((crawler) => crawler.distro).toSorted((a, b) => (a < b ? -1 : 1));
}
