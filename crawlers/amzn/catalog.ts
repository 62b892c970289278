/** The catalog of Amazon Linux 2's extras: the topics that hold kernels. */

import { BtfmillError } from '../../errors/index.ts';
import type { CrawlContext } from '../types.ts';
import { fetchFirst } from './fetch-first.ts';

/** The real catalog has 73 topics, four of them for kernels. */
const MAX_KERNEL_TOPICS = 100;
const KERNEL_TOPIC = /^kernel[A-Za-z0-9._-]*$/;

/**
 * Names of the topics that hold kernels, e.g. `kernel-5.10`, from `extras-catalog-<arch>.json`, else from
 * `extras-catalog.json`, of the first base that has one. Undefined when none has. Throws `index-malformed` and what
 * fetching throws.
 *
 * @param bases have `extras-catalog*.json` and `extras/`
 * @param arch rpm's name
 */
export async function readKernelTopics(
  bases: readonly string[],
  arch: string,
  context: CrawlContext,
): Promise<string[] | undefined> {
  const names = [`extras-catalog-${arch}.json`, 'extras-catalog.json'];
  const urls = bases.flatMap((base) => names.map((name) => `${base}/${name}`));
  const file = await fetchFirst(urls, context);
  return file === undefined ? undefined : parseKernelTopics(file.bytes.toString('utf8'), file.url);
}

/** Topics are objects whose `n` is the name; everything else in the catalog is for package managers. */
export function parseKernelTopics(text: string, where: string): string[] {
  let catalog: unknown;
  try {
    catalog = JSON.parse(text);
  } catch (error) {
    throw new BtfmillError('index-malformed', `${where}: is no JSON`, { cause: error });
  }
  const topics = isRecord(catalog) ? catalog['topics'] : undefined;
  if (!Array.isArray(topics)) throw new BtfmillError('index-malformed', `${where}: has no list of topics`);
  const names = topics.map((topic: unknown, index) => {
    const name = isRecord(topic) ? topic['n'] : undefined;
    if (typeof name === 'string') return name;
    throw new BtfmillError('index-malformed', `${where}: topic ${index} has no name`);
  });
  const kernels = [...new Set(names.filter((name) => KERNEL_TOPIC.test(name)))];
  if (kernels.length > MAX_KERNEL_TOPICS) {
    throw new BtfmillError('index-malformed', `${where}: has ${kernels.length} topics of kernels`);
  }
  return kernels;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
