/** Reads every index of the chosen distributions, as a crawl would, and no package. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpClient } from '../../crawlers/http/client.ts';
import { crawlerFor } from '../../crawlers/index.ts';
import type { HttpValidator } from '../../crawlers/types.ts';
import { BtfmillError } from '../../errors/index.ts';
import { type DistroListing, type DistrosRequest, listDistros } from '../../pipeline/list-distros.ts';

export interface ProbeOptions {
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly say: (message: string) => void;
}

/**
 * What each distribution's crawler finds. Nothing is kept, and nothing that a former run kept is used: what is reported
 * has come over the network now. Throws what `listDistros` throws.
 */
export async function probeDistros(
  request: DistrosRequest,
  { userAgent, signal, say }: ProbeOptions,
): Promise<DistroListing[]> {
  const indexCacheDir = await mkdtemp(join(tmpdir(), 'btfmill-doctor-'));
  const http = createHttpClient({ userAgent });
  try {
    return await listDistros(request, {
      list: async (distro, own, sayOfDistro) => {
        const crawler = crawlerFor(distro);
        if (crawler === undefined) throw new BtfmillError('usage', `no such distribution: ${distro}`);
        const validators = new Map<string, HttpValidator>();
        return crawler.list(own, { http, validators, indexCacheDir, signal, say: sayOfDistro });
      },
      archsOf: (distro) => crawlerFor(distro)?.archs ?? [],
      say,
      signal,
    });
  } finally {
    await http.close();
    await rm(indexCacheDir, { recursive: true, force: true });
  }
}
