/** The unpack step: a debug package in, its kernel image in the work folder out. */

import { mkdir, open } from 'node:fs/promises';
import { toBtfmillError } from '../../errors/index.ts';
import type { StepProgress, UnpackedVmlinux } from '../types.ts';
import { findDebData } from './deb.ts';
import { decompress } from './decompress.ts';
import { readRange } from './file-range.ts';
import { extractVmlinux } from './tar-vmlinux.ts';

export interface UnpackOptions {
  readonly format: 'deb' | 'rpm';
  /** `uname -r` of the kernel that the package must hold. */
  readonly kernel: string;
  /** Created when missing; the vmlinux is written here, and the caller removes it. */
  readonly workDir: string;
  readonly signal: AbortSignal;
  /** Bytes of tar passed while vmlinux is looked for (total unknown), then bytes of vmlinux written. */
  readonly onProgress?: StepProgress;
  /** Threads of the xz decoder; 1 when left out. */
  readonly threads?: number;
}

/**
 * Extracts the kernel's vmlinux, and stops reading soon after it is out. Memory does not grow with the
 * package: the process stays within about 150 MB, the xz process beside it at about 70 MB per thread.
 *
 * The caller has verified the package's digest; damage is found all the same, except behind the point where reading
 * stops. Throws BtfmillError: `package-malformed`, `package-no-vmlinux`, `package-unsafe-path`, `package-too-large`,
 * `disk-full`, `tool-missing`, `tool-failed`, `io-failed`, `aborted`. After a failure nothing of the file is left.
 */
export async function unpackVmlinux(
  packagePath: string,
  { kernel, workDir, signal, onProgress, threads = 1 }: UnpackOptions,
): Promise<UnpackedVmlinux> {
  try {
    await mkdir(workDir, { recursive: true });
    const handle = await open(packagePath, 'r');
    try {
      const { compression, start, end } = await findDebData(handle);
      const tar = decompress(compression, () => readRange(handle, start, end, signal), { threads, signal });
      return await extractVmlinux(tar, { kernel, workDir, onProgress });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toBtfmillError(error);
  }
}
