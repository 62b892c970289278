/** The sample mirror behind a server, and sites that crawl it: what every end-to-end suite starts from. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSampleMirror, MIRROR_TOOLS, type SampleMirror } from '../mirrors/sample-mirror.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { openSite, type Site } from './site.ts';

/** For `needsTool`. */
export const E2E_TOOLS: readonly string[] = [...MIRROR_TOOLS, 'gpgv', 'flock'];

export interface Sample {
  readonly folder: string;
  readonly mirror: SampleMirror;
  readonly server: FileServer;
  /** Base URL for `--mirror`. */
  readonly url: string;
  /** A fresh site, apart from all others. */
  newSite(options?: { readonly mirrorUrl?: string }): Promise<Site>;
  close(): Promise<void>;
}

export async function startSample(): Promise<Sample> {
  const folder = await makeTempDir('e2e');
  const mirror = await buildSampleMirror(folder);
  const server = await startFileServer(mirror.root);
  const url = `${server.url}/debian`;
  let sites = 0;
  return {
    folder,
    mirror,
    server,
    url,
    async newSite(options = {}) {
      const siteFolder = join(folder, `site${sites++}`);
      await mkdir(siteFolder);
      server.clear();
      server.setFault(() => undefined);
      return openSite({
        folder: siteFolder,
        mirror: options.mirrorUrl ?? url,
        keyring: mirror.signer.keyring,
      });
    },
    async close() {
      await server.close();
      await mirror.signer.close();
      await removeDir(folder);
    },
  };
}
