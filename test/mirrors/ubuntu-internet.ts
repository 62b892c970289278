/** Ubuntu's hosts on a local internet, as tests of the crawler and of the command want them. */

import { join } from 'node:path';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { buildKernels, KERNEL_TOOLS, type MirrorKernels } from './kernels.ts';
import { createSigner } from './signer.ts';
import { buildUbuntuMirror, UBUNTU_MIRROR_TOOLS, type UbuntuMirror } from './ubuntu-mirror.ts';

export const UBUNTU_INTERNET_TOOLS: readonly string[] = [
  'gpg',
  'gpgconf',
  'gpgv',
  ...UBUNTU_MIRROR_TOOLS,
  ...KERNEL_TOOLS,
  ...INTERNET_TOOLS,
];

export interface UbuntuInternet {
  /** For what a test leaves behind; goes away with `close`. */
  readonly folder: string;
  readonly kernels: MirrorKernels;
  readonly mirror: UbuntuMirror;
  readonly internet: Internet;
  close(): Promise<void>;
}

export async function startUbuntuInternet(label: string): Promise<UbuntuInternet> {
  const folder = await makeTempDir(label);
  const signer = await createSigner(folder);
  const kernels = await buildKernels(folder);
  const mirror = await buildUbuntuMirror({ folder: join(folder, 'hosts'), signer, kernels });
  const internet = await startInternet(join(folder, 'authority'), mirror.hosts);
  return {
    folder,
    kernels,
    mirror,
    internet,
    async close() {
      await internet.close();
      await signer.close();
      await removeDir(folder);
    },
  };
}
