/** The catalog of Amazon Linux 2's extras: the topics that hold kernels. */

import { BtfmillError } from '../../errors/index.ts';
import { isRefusal } from '../http/failures.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import type { CrawlContext } from '../types.ts';

/** The real one has 73 topics and some ten kilobytes. */
const MAX_CATALOG_BYTES = 4 * 1024 * 1024;
const MAX_KERNEL_TOPICS = 100;
const KERNEL_TOPIC = /^kernel[A-Za-z0-9._-]*$/;

/**
 * Names of the topics that hold kernels, e.g. `kernel-5.10`, from `extras-catalog-<arch>.json`, else from
 * `extras-catalog.json`. Undefined when the base has neither. Throws `index-malformed` and what fetching throws.
 *
 * @param base has `extras-catalog*.json` and `extras/`
 * @param arch rpm's name
 */
export async function readKernelTopics(
  base: string,
  arch: string,
  context: CrawlContext,
): Promise<string[] | undefined> {
  for (const name of [`extras-catalog-${arch}.json`, 'extras-catalog.json']) {
    const url = `${base}/${name}`;
    const file = await fetchIndexFile(url, context, { maxBytes: MAX_CATALOG_BYTES }).catch(absentIfRefused);
    if (file !== undefined) return parseKernelTopics(file.bytes.toString('utf8'), url);
  }
  return undefined;
}

function absentIfRefused(error: unknown): undefined {
  if (!isRefusal(error)) throw error;
  return undefined;
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
