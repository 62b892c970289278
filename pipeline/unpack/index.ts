/** The unpack step: a debug package in, its kernel image in the work folder out. */

import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { toBtfmillError } from '../../errors/index.ts';
import type { StepProgress, UnpackedVmlinux } from '../types.ts';
import type { Archive } from './archive.ts';
import { cpioArchive } from './cpio-archive.ts';
import { findDebData } from './deb.ts';
import { decompress, type DecompressOptions } from './decompress.ts';
import { extractVmlinux } from './extract-vmlinux.ts';
import { readRange } from './file-range.ts';
import { listFiles } from './rpm/file-list.ts';
import { compressionOf, readRpmPackage } from './rpm/package.ts';
import { tarArchive } from './tar-archive.ts';
import type { PackageFormat } from './vmlinux-path.ts';

export interface UnpackOptions {
  readonly format: PackageFormat;
  /** `uname -r` of the kernel that the package must hold. */
  readonly kernel: string;
  /** Created when missing; the vmlinux is written here, and the caller removes it. */
  readonly workDir: string;
  readonly signal: AbortSignal;
  /** Bytes of archive passed while vmlinux is looked for (total unknown), then bytes of vmlinux written. */
  readonly onProgress?: StepProgress;
  /** Threads of the xz decoder; 1 when left out. */
  readonly threads?: number;
}

/**
 * Extracts the kernel's vmlinux, and stops reading soon after it is out. Memory does not grow with the
 * package: the process stays within about 150 MB, the xz process beside it at about 70 MB per thread.
 *
 * The caller has verified the package's digest; damage is found all the same, except behind the point where reading
 * stops. Throws BtfmillError: `package-malformed`, `package-no-vmlinux`, `kernel-name`, `package-unsafe-path`,
 * `package-too-large`, `disk-full`, `tool-missing`, `tool-failed`, `io-failed`, `aborted`. After a failure nothing of
 * the file is left.
 */
export async function unpackVmlinux(
  packagePath: string,
  { format, kernel, workDir, signal, onProgress, threads = 1 }: UnpackOptions,
): Promise<UnpackedVmlinux> {
  try {
    await mkdir(workDir, { recursive: true });
    const handle = await open(packagePath, 'r');
    try {
      const openArchive = format === 'deb' ? openDeb : openRpm;
      const archive = await openArchive(handle, { threads, signal });
      return await extractVmlinux(archive, { format, kernel, workDir, onProgress });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw toBtfmillError(error);
  }
}

async function openDeb(handle: FileHandle, options: DecompressOptions): Promise<Archive> {
  const { memberName, compression, start, end } = await findDebData(handle);
  const open = () => readRange(`deb ${memberName}`, handle, start, end, options.signal);
  return tarArchive(decompress(compression, open, options));
}

async function openRpm(handle: FileHandle, options: DecompressOptions): Promise<Archive> {
  const rpm = await readRpmPackage(handle);
  const compression = await compressionOf(handle, rpm);
  const open = () => readRange('rpm payload', handle, rpm.payloadStart, rpm.end, options.signal);
  return cpioArchive(decompress(compression, open, options), () => listFiles(rpm.main));
}
