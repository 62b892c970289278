/** A kernel's vmlinux: from the cache, or from the machine's Debian mirror into the cache, verified on the way. */

import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createHttpClient, type HttpClient } from '../../crawlers/http/client.ts';
import { crawlerFor } from '../../crawlers/index.ts';
import type { DebugPackage, HttpValidator } from '../../crawlers/types.ts';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { fetchPackage } from '../../pipeline/fetch.ts';
import { INDEX_FOLDER, PACKAGE_FOLDER } from '../../pipeline/sweep.ts';
import type { StepProgress } from '../../pipeline/types.ts';
import { unpackVmlinux } from '../../pipeline/unpack/index.ts';
import { readVersion } from '../cli/version.ts';
import { matches, newestMatch, type WantedKernel } from './kernels.ts';

export interface FindOptions {
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  readonly say: (message: string) => void;
  readonly onProgress: (what: string) => StepProgress;
}

export interface FoundKernel {
  readonly kernel: string;
  readonly path: string;
}

/** Below the cache; what lies here was unpacked from a verified package. */
const FOLDER = 'bench';
const PREFIX = 'vmlinux-';

/** Throws `usage` when neither the cache nor the mirror has such a kernel, and whatever fetching and unpacking throw. */
export async function findKernel(wanted: WantedKernel, options: FindOptions): Promise<FoundKernel> {
  const folder = join(options.cacheDir, FOLDER);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const kernels = names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
  const kept = newestMatch(wanted, kernels, (kernel) => kernel);
  if (kept !== undefined) return { kernel: kept, path: join(folder, PREFIX + kept) };
  const http = benchHttpClient();
  try {
    return await getKernel(wanted, folder, http, options);
  } finally {
    await http.close();
  }
}

export function benchHttpClient(): HttpClient {
  return createHttpClient({ userAgent: `btfmill/${readVersion()} (benchmark)` });
}

async function getKernel(
  wanted: WantedKernel,
  folder: string,
  http: HttpClient,
  options: FindOptions,
): Promise<FoundKernel> {
  for (const candidate of await findPackages(wanted, http, options)) {
    try {
      return await getPackage(candidate, folder, http, options);
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      // Mirrors list packages that they have no more; the one before will do.
      if (error.code !== 'http-not-found') throw error;
      options.say(`${candidate.kernel}: ${error.message}`);
    }
  }
  throw new BtfmillError('usage', `${wanted.name}: the mirror has no such kernel`);
}

/** What the mirror lists of that kind, newest first. */
export async function findPackages(
  wanted: WantedKernel,
  http: HttpClient,
  { cacheDir, signal, say }: Omit<FindOptions, 'onProgress'>,
): Promise<readonly DebugPackage[]> {
  const crawler = crawlerFor('debian');
  if (crawler === undefined) throw new BtfmillError('unexpected', 'the crawler of Debian is missing');
  const validators = new Map<string, HttpValidator>();
  const { packages, failures } = await crawler.list(
    {
      releases: wanted.releases,
      archs: wanted.archs,
      kernels: [wanted.glob],
      variants: [],
      // Mirrors of unstable lag behind its seven days at times, and an old kernel is as good for measuring.
      allowExpired: true,
      insecure: false,
    },
    { http, validators, indexCacheDir: join(cacheDir, INDEX_FOLDER), signal, say },
  );
  if (packages.length === 0 && failures.length > 0) throw failures[0].error;
  return matches(wanted, packages, ({ kernel }) => kernel);
}

async function getPackage(
  candidate: DebugPackage,
  folder: string,
  http: HttpClient,
  { cacheDir, signal, say, onProgress }: FindOptions,
): Promise<FoundKernel> {
  const { kernel, format, url } = candidate;
  say(`${kernel}: ${url}`);
  const fetched = await fetchPackage(candidate, {
    http,
    cacheDir: join(cacheDir, PACKAGE_FOLDER),
    signal,
    onProgress: onProgress(`fetching ${kernel}`),
  });
  const workDir = join(folder, 'unpacking');
  const unpacked = await unpackVmlinux(fetched.path, {
    format,
    kernel,
    workDir,
    threads: 2,
    signal,
    onProgress: onProgress(`unpacking ${kernel}`),
  });
  const path = join(folder, PREFIX + kernel);
  await rename(unpacked.path, path);
  await rm(workDir, { recursive: true, force: true });
  // What a crawl with --keep-packages put there stays.
  if (fetched.fetchedBytes > 0) await rm(fetched.path, { force: true });
  return { kernel, path };
}
