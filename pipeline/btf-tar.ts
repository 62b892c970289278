/** The tar inside an archive file: one member, byte for byte determined by the BTF and its name. */

import { Buffer } from 'node:buffer';
import { extract, pack } from 'tar-stream';
import { BtfmillError } from '../errors/index.ts';

/** A name that fits a ustar header; longer ones would need extension headers that the layout does not have. */
const MAX_NAME_BYTES = 100;

/** ustar, one regular file, mode 0444, root:root, mtime 0. Throws `btf-invalid` when the name cannot be stored. */
export async function packBtfTar(memberName: string, btf: Uint8Array): Promise<Buffer> {
  if (Buffer.byteLength(memberName) > MAX_NAME_BYTES) {
    throw new BtfmillError('btf-invalid', `${memberName}: name is longer than ${MAX_NAME_BYTES} bytes`);
  }
  const tar = pack();
  const header = {
    name: memberName,
    type: 'file',
    mode: 0o444,
    uid: 0,
    gid: 0,
    uname: 'root',
    gname: 'root',
    mtime: new Date(0),
  } as const;
  tar.entry(header, Buffer.from(btf.buffer, btf.byteOffset, btf.byteLength));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * The member's content. Throws `archive-damaged`, with `subject` in front, unless the tar is exactly what
 * {@link packBtfTar} makes of it under that name.
 */
export async function unpackBtfTar(tar: Uint8Array, memberName: string, subject: string): Promise<Buffer> {
  const damaged = (what: string, cause?: unknown): BtfmillError =>
    new BtfmillError('archive-damaged', `${subject}: ${what}`, { cause });
  let btf: Buffer | undefined;
  const members = extract();
  try {
    members.end(tar);
    for await (const entry of members) {
      // Every member must be read to its end, wanted or not: tar-stream waits for that.
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      if (btf !== undefined) throw damaged(`has a second member, ${JSON.stringify(entry.header.name)}`);
      if (entry.header.name !== memberName) {
        throw damaged(`holds ${JSON.stringify(entry.header.name)} instead of ${memberName}`);
      }
      btf = Buffer.concat(chunks);
    }
  } catch (thrown) {
    if (thrown instanceof BtfmillError) throw thrown;
    throw damaged(`its tar is broken: ${(thrown as Error).message}`, thrown);
  }
  if (btf === undefined) throw damaged('its tar is empty');
  const expected = await packBtfTar(memberName, btf);
  if (!expected.equals(tar)) throw damaged('its tar is not laid out as archive files are');
  return btf;
}
