/**
 * Where the file tree of a .deb lies. Spec: deb(5): `debian-binary`, `control.tar*`, `data.tar*`, in this order;
 * members whose names begin with `_` may stand between them.
 */

import type { FileHandle } from 'node:fs/promises';
import { AR_HEADER_BYTES, AR_MAGIC_BYTES, type ArMember, checkArMagic, decodeArHeader } from './ar.ts';
import { type Compression, compressionOfMember, MAGIC_WINDOW_BYTES } from './compression.ts';
import { readAt } from './file-range.ts';
import { MAX_AR_MEMBERS, MAX_VERSION_MEMBER_BYTES } from './limits.ts';
import { malformed } from './malformed.ts';

export interface DebData {
  /** e.g. `data.tar.xz` */
  readonly memberName: string;
  readonly compression: Compression;
  /** Offsets in the file; `end` is exclusive and leaves ar's padding out, which decompressors would choke on. */
  readonly start: number;
  readonly end: number;
}

/** Finds `data.tar*`. Throws `package-malformed` on anything that is not a complete .deb of format 2. */
export async function findDebData(handle: FileHandle): Promise<DebData> {
  const { size } = await handle.stat();
  checkArMagic(await readAt(handle, 0, AR_MAGIC_BYTES));
  let offset = AR_MAGIC_BYTES;
  for (let index = 0; index < MAX_AR_MEMBERS; index++) {
    if (offset >= size) throw malformed('deb', offset, 'the file ends before data.tar');
    const member = decodeArHeader(await readAt(handle, offset, AR_HEADER_BYTES), offset);
    const end = member.dataOffset + member.sizeBytes;
    if (end > size) {
      throw malformed('deb', offset, `member ${member.name} reaches to ${end}, the file ends at ${size}`);
    }
    if (index === 0) await checkVersion(handle, member);
    if (member.name.startsWith('data.tar')) {
      const head = await readAt(handle, member.dataOffset, Math.min(MAGIC_WINDOW_BYTES, member.sizeBytes));
      const compression = compressionOfMember(member.name, head);
      return { memberName: member.name, compression, start: member.dataOffset, end };
    }
    offset = member.nextOffset;
  }
  throw malformed('deb', offset, `no data.tar among the first ${MAX_AR_MEMBERS} members`);
}

async function checkVersion(handle: FileHandle, { name, dataOffset, sizeBytes }: ArMember): Promise<void> {
  if (name !== 'debian-binary') throw malformed('deb', 0, `first member is ${name}, not debian-binary`);
  const version = await readAt(handle, dataOffset, Math.min(sizeBytes, MAX_VERSION_MEMBER_BYTES));
  if (!/^2\.\d+\n/u.test(version.toString('latin1'))) {
    throw malformed('deb debian-binary', 0, 'not a .deb of format 2');
  }
}
