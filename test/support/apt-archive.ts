/** An apt archive of indexes for the tests of one `describe` block: one key, and for each test an empty server. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type IndexedSuite, putSuite } from '../mirrors/apt-indexes.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { type FileServer, startFileServer } from './file-server.ts';
import { makeTempDir, removeDir } from './temp.ts';

/** Programs that it runs, with the one that verifies. */
export const APT_ARCHIVE_TOOLS: readonly string[] = ['gpg', 'gpgconf', 'gpgv'];

/** Everything is there once the block's `beforeEach` hooks have run. */
export interface AptArchive {
  /** The server's root. */
  readonly www: string;
  /** For index bodies; empty when a test starts. */
  readonly cacheDir: string;
  readonly signer: Signer;
  readonly server: FileServer;
  putSuite(suite: IndexedSuite): Promise<void>;
  put(path: string, content: string | Uint8Array): Promise<void>;
}

/** Registers the hooks: call it inside `describe`. */
export function useAptArchive(label: string): AptArchive {
  let folder = '';
  let signer: Signer;
  let server: FileServer;
  const inFolder = (name: string) => join(folder, name);

  beforeAll(async () => {
    folder = await makeTempDir(label);
    signer = await createSigner(folder);
  });
  afterAll(async () => {
    await signer.close();
    await removeDir(folder);
  });
  beforeEach(async () => {
    await rm(inFolder('www'), { recursive: true, force: true });
    await rm(inFolder('cache'), { recursive: true, force: true });
    server = await startFileServer(inFolder('www'));
  });
  afterEach(() => server.close());

  return {
    get www() {
      return inFolder('www');
    },
    get cacheDir() {
      return inFolder('cache');
    },
    get signer() {
      return signer;
    },
    get server() {
      return server;
    },
    putSuite: (suite) => putSuite(inFolder('www'), signer, suite),
    async put(path, content) {
      const file = join(inFolder('www'), path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
  };
}
