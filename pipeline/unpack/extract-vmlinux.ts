/**
 * The kernel image out of a debug package's archive: reads members until vmlinux comes, writes it, and stops.
 *
 * Nothing else is ever written, so the other members' names, links and modes cannot do harm; names that try are
 * refused all the same.
 */

import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { ensureDiskSpace } from '../disk-space.ts';
import type { StepProgress, UnpackedVmlinux } from '../types.ts';
import type { Archive, ArchiveFlow, ArchiveMember } from './archive.ts';
import { BlockWriter } from './block-writer.ts';
import { MAX_VMLINUX_BYTES, READ_ON_BYTES } from './limits.ts';
import { malformed } from './malformed.ts';
import { type PackageFormat, releaseOfVmlinux, safeMemberPath } from './vmlinux-path.ts';

export interface VmlinuxSearch {
  readonly format: PackageFormat;
  /** `uname -r` of the wanted kernel. */
  readonly kernel: string;
  readonly workDir: string;
  /** Bytes of archive passed while vmlinux is looked for (total unknown), then bytes of vmlinux written. */
  readonly onProgress?: StepProgress | undefined;
}

interface Image {
  /** Without `./`. */
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Writes the one regular file that is the wanted kernel's vmlinux to `<workDir>/vmlinux-<kernel>`. Where hard links
 * share the content, any of their names may be the wanted one.
 *
 * Throws `package-no-vmlinux` (naming the near misses), `kernel-name` when the only vmlinux is another kernel's,
 * `package-unsafe-path`, `package-too-large`, `disk-full`, `package-malformed`, or what the archive's source throws.
 * When this settles that has been closed, and after a failure nothing of the file is left.
 */
export async function extractVmlinux(archive: Archive, search: VmlinuxSearch): Promise<UnpackedVmlinux> {
  const path = join(search.workDir, `vmlinux-${search.kernel.replaceAll('/', '_')}`);
  const partPath = `${path}.part`;
  try {
    const image = await archive.read((flow) => findAndWrite(archive.part, flow, partPath, search));
    await rename(partPath, path);
    return { path, sizeBytes: image.sizeBytes, memberPath: image.path, kernel: search.kernel };
  } catch (error) {
    await rm(partPath, { force: true });
    throw error;
  }
}

async function findAndWrite(
  part: string,
  flow: ArchiveFlow,
  partPath: string,
  search: VmlinuxSearch,
): Promise<Image> {
  let found: Image | undefined;
  let stopAt = Number.POSITIVE_INFINITY;
  const misses = new NearMisses();
  for await (const member of flow.members) {
    const paths = member.names.map((name) => safeMemberPath(name, part));
    const path = paths.find((each) => releaseOfVmlinux(each, search.format) === search.kernel);
    if (found === undefined && path !== undefined && member.type === 'file') {
      found = { path, sizeBytes: member.sizeBytes };
      await writeImage(part, member, found, partPath, search);
      stopAt = flow.bytes + READ_ON_BYTES;
      continue;
    }
    for (const each of paths) misses.add(each, releaseOfVmlinux(each, search.format), member.type);
    for await (const _ of member.content) {
      if (flow.bytes >= stopAt) break;
      if (found === undefined) search.onProgress?.(flow.bytes, undefined);
    }
    if (flow.bytes >= stopAt) break;
  }
  if (found === undefined) throw misses.toError(part, search.kernel);
  return found;
}

async function writeImage(
  part: string,
  { content }: ArchiveMember,
  { path, sizeBytes }: Image,
  partPath: string,
  { workDir, onProgress }: VmlinuxSearch,
): Promise<void> {
  if (sizeBytes > MAX_VMLINUX_BYTES) {
    throw new BtfmillError(
      'package-too-large',
      `${part}: ${path} has ${sizeBytes} bytes, more than ${MAX_VMLINUX_BYTES}`,
    );
  }
  await ensureDiskSpace(workDir, sizeBytes, `${path} (${sizeBytes} bytes)`);
  const handle = await open(partPath, 'w');
  try {
    const writer = new BlockWriter(handle);
    let done = 0;
    for await (const chunk of content) {
      await writer.write(chunk);
      done += chunk.length;
      onProgress?.(done, sizeBytes);
    }
    await writer.finish();
    if (done !== sizeBytes) {
      throw malformed(part, undefined, `${path} ends after ${done} of ${sizeBytes} bytes`);
    }
  } finally {
    await handle.close();
  }
}

/** What has the name of a vmlinux and is not the wanted one. */
class NearMisses {
  static readonly #MAX_NAMED = 4;
  readonly #words: string[] = [];
  #other: { readonly path: string; readonly release: string } | undefined;

  add(path: string, release: string | undefined, type: string): void {
    if (release === undefined) return;
    const isFile = type === 'file';
    if (isFile) this.#other ??= { path, release };
    if (this.#words.length < NearMisses.#MAX_NAMED) {
      this.#words.push(`${path} (${isFile ? 'of another kernel' : `${type}, not a regular file`})`);
    }
  }

  toError(part: string, kernel: string): BtfmillError {
    if (this.#other !== undefined) {
      const { path, release } = this.#other;
      return new BtfmillError(
        'kernel-name',
        `${part}: holds the vmlinux of ${release}, not of ${kernel} (${path})`,
      );
    }
    const seen = this.#words.length === 0 ? '' : `; there is ${this.#words.join(', ')}`;
    return new BtfmillError(
      'package-no-vmlinux',
      `${part}: no vmlinux of ${kernel} as a regular file${seen}`,
    );
  }
}
