/** The real steps of a kernel's way, bound to one run's mirror, folders and options. */

import { join } from 'node:path';
import type { HttpClient } from '../crawlers/http/client.ts';
import { crawlerFor, crawlerNames } from '../crawlers/index.ts';
import { sweepIndexCache } from '../crawlers/sweep-index-cache.ts';
import type { DebugPackage, ValidatorStore } from '../crawlers/types.ts';
import { BtfmillError } from '../errors/index.ts';
import { readBannerInThread } from './compute.ts';
import { convertKernel } from './convert.ts';
import { crossCheck } from './cross-check.ts';
import { fetchPackage } from './fetch.ts';
import type { RunOptions, RunSteps, StepControl } from './run-types.ts';
import { verifyRpm } from './rpm-signature.ts';
import { readArchiveFile, storeBtf } from './store.ts';
import { INDEX_FOLDER, PACKAGE_FOLDER } from './sweep.ts';
import type { VerifiedPackage } from './types.ts';
import { unpackVmlinux } from './unpack/index.ts';

export interface StepContext {
  readonly http: HttpClient;
  readonly validators: ValidatorStore;
  readonly options: RunOptions;
}

/** Index bodies go to `<cache>/indexes`, packages to `<cache>/packages`. */
export function createSteps({ http, validators, options }: StepContext): RunSteps {
  const { archiveDir, cacheDir, profile, threads } = options;
  const indexCacheDir = join(cacheDir, INDEX_FOLDER);
  const packageDir = join(cacheDir, PACKAGE_FOLDER);
  const troubledHosts = new Set<string>();
  return {
    async list(distro, request, { signal, say }) {
      const crawler = crawlerFor(distro);
      if (crawler === undefined) {
        const known = crawlerNames().join(', ');
        throw new BtfmillError('usage', `no such distribution: ${distro}; there is ${known}`);
      }
      await sweepIndexCache(indexCacheDir);
      return crawler.list(request, { http, validators, indexCacheDir, signal, say });
    },
    fetch: (pkg, control) => fetchPackage(pkg, { http, cacheDir: packageDir, troubledHosts, ...control }),
    verify: verifyPackage,
    readBanner: readBannerInThread,
    unpack: ({ format, kernel }, packagePath, workDir, control) =>
      unpackVmlinux(packagePath, { format, kernel, workDir, threads, ...control }),
    convert: (vmlinuxPath, source, control) =>
      convertKernel(vmlinuxPath, { source, profile, threads, ...control }),
    crossCheck: (converted, vmlinuxPath, o) =>
      crossCheck(converted, vmlinuxPath, {
        mode: options.crossCheck,
        convert: async (other, signal) =>
          (await convertKernel(vmlinuxPath, { source: 'dwarf', profile: other, threads, signal })).fromDwarf,
        ...o,
      }),
    store: (key, btf, signal) => storeBtf({ archiveDir, key, btf, signal }),
    inspect: (key, signal) => readArchiveFile({ archiveDir, key, signal }),
  };
}

/** Only rpm packages are signed themselves: a .deb that would have to be is refused. */
async function verifyPackage(
  { format, signature, url }: DebugPackage,
  packagePath: string,
  workDir: string,
  { signal }: StepControl,
): Promise<VerifiedPackage> {
  if (format !== 'rpm' || signature === undefined) {
    throw new BtfmillError('package-signature', `${url}: a .${format} carries no signature to go by`);
  }
  return verifyRpm(packagePath, { ...signature, workDir, signal });
}
