/**
 * The kernel image out of a debug package's tar stream: reads members until vmlinux comes, writes it, and stops.
 *
 * Nothing else is ever written, so the other members' names, links and modes cannot do harm; names that try are
 * refused all the same.
 */

import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import { ensureDiskSpace } from '../disk-space.ts';
import type { StepProgress, UnpackedVmlinux } from '../types.ts';
import { BlockWriter } from './block-writer.ts';
import { MAX_TAR_BYTES, MAX_VMLINUX_BYTES, READ_ON_BYTES } from './limits.ts';
import { malformed } from './malformed.ts';
import { readTar, type TarEntry, type TarFlow } from './tar-feed.ts';
import { releaseOfVmlinux, safeMemberPath } from './vmlinux-path.ts';

export interface VmlinuxSearch {
  /** `uname -r` of the wanted kernel. */
  readonly kernel: string;
  readonly workDir: string;
  /** Bytes of tar passed while vmlinux is looked for (total unknown), then bytes of vmlinux written. */
  readonly onProgress?: StepProgress | undefined;
}

interface Member {
  /** Without `./`. */
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Writes the one regular file that is the wanted kernel's vmlinux to `<workDir>/vmlinux-<kernel>`.
 *
 * Throws `package-no-vmlinux` (naming the near misses), `package-unsafe-path`, `package-too-large`, `disk-full`,
 * `package-malformed`, or what `tar` throws. When this settles `tar` has been closed, and after a failure nothing
 * of the file is left.
 */
export async function extractVmlinux(
  tar: AsyncIterable<Uint8Array>,
  search: VmlinuxSearch,
): Promise<UnpackedVmlinux> {
  const path = join(search.workDir, `vmlinux-${search.kernel.replaceAll('/', '_')}`);
  const partPath = `${path}.part`;
  try {
    const member = await readTar(tar, MAX_TAR_BYTES, (flow) => findAndWrite(flow, partPath, search));
    await rename(partPath, path);
    return { path, sizeBytes: member.sizeBytes, memberPath: member.path, kernel: search.kernel };
  } catch (error) {
    await rm(partPath, { force: true });
    throw error;
  }
}

async function findAndWrite(flow: TarFlow, partPath: string, search: VmlinuxSearch): Promise<Member> {
  let found: Member | undefined;
  let stopAt = Number.POSITIVE_INFINITY;
  const nearMisses: string[] = [];
  for await (const entry of flow.members) {
    const member = checkMember(entry);
    const release = releaseOfVmlinux(member.path);
    if (found === undefined && release === search.kernel && entry.header.type === 'file') {
      await writeMember(entry, member, partPath, search);
      found = member;
      stopAt = flow.bytes + READ_ON_BYTES;
      continue;
    }
    if (release !== undefined) nearMisses.push(`${member.path} (${describeType(entry)})`);
    for await (const _ of entry) {
      if (flow.bytes >= stopAt) break;
      if (found === undefined) search.onProgress?.(flow.bytes, undefined);
    }
    if (flow.bytes >= stopAt) break;
  }
  if (found === undefined) throw noVmlinux(search.kernel, nearMisses);
  return found;
}

function checkMember({ header }: TarEntry): Member {
  const path = safeMemberPath(header.name);
  // tar-stream lets a size through that is no number (a negative base-256 field), and then waits for ever.
  if (!Number.isSafeInteger(header.size))
    throw malformed('deb data.tar', undefined, `size of ${path} is no number`);
  return { path, sizeBytes: header.size };
}

async function writeMember(
  entry: TarEntry,
  { path, sizeBytes }: Member,
  partPath: string,
  { workDir, onProgress }: VmlinuxSearch,
): Promise<void> {
  if (sizeBytes > MAX_VMLINUX_BYTES) {
    throw new BtfmillError(
      'package-too-large',
      `deb data.tar: ${path} has ${sizeBytes} bytes, more than ${MAX_VMLINUX_BYTES}`,
    );
  }
  await ensureDiskSpace(workDir, sizeBytes, `${path} (${sizeBytes} bytes)`);
  const handle = await open(partPath, 'w');
  try {
    const writer = new BlockWriter(handle);
    let done = 0;
    for await (const chunk of entry as AsyncIterable<Buffer>) {
      await writer.write(chunk);
      done += chunk.length;
      onProgress?.(done, sizeBytes);
    }
    await writer.finish();
    if (done !== sizeBytes)
      throw malformed('deb data.tar', undefined, `${path} ends after ${done} of ${sizeBytes} bytes`);
  } finally {
    await handle.close();
  }
}

function describeType({ header }: TarEntry): string {
  return header.type === 'file'
    ? 'of another kernel'
    : `${header.type ?? 'of unknown type'}, not a regular file`;
}

function noVmlinux(kernel: string, nearMisses: readonly string[]): BtfmillError {
  const seen = nearMisses.length === 0 ? '' : `; there is ${nearMisses.slice(0, 4).join(', ')}`;
  return new BtfmillError(
    'package-no-vmlinux',
    `deb data.tar: no vmlinux of ${kernel} as a regular file${seen}`,
  );
}
