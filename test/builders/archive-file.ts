/** Archive files for tests: a small kernel BTF, and tars that are not as they should be. */

import { execFileSync } from 'node:child_process';
import { type Header, pack } from 'tar-stream';
import { BtfBuilder } from '../../btf/index.ts';

/** The smallest BTF that passes for a kernel's. */
export function smallKernelBtf(typedef = 'pid_t'): Uint8Array {
  const b = new BtfBuilder({ littleEndian: true });
  b.addInt('int', 4, 1);
  b.addStruct('task_struct', 9472, [{ name: 'pid', type: 1, bitOffset: 0 }]);
  b.addTypedef(typedef, 1);
  return b.build();
}

export interface TarMember extends Partial<Header> {
  readonly name: string;
  readonly content?: Uint8Array;
}

/** Members with the layout's mode, owner and time, unless they say otherwise. */
export async function tarXz(members: readonly TarMember[]): Promise<Buffer> {
  const tar = pack();
  for (const { content = smallKernelBtf(), ...header } of members) {
    const usual = { mode: 0o444, uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: new Date(0) };
    const isFile = (header.type ?? 'file') === 'file';
    tar.entry({ ...usual, ...header }, isFile ? Buffer.from(content) : '');
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return xz(Buffer.concat(chunks));
}

export function xz(bytes: Uint8Array): Buffer {
  return execFileSync('xz', ['-c', '--check=crc64'], { input: bytes });
}
