/** The tar in an archive file, looked at by a reader that does not stop at the first thing that is wrong. */

import { extract, type Header } from 'tar-stream';
import type { FindingKind } from './findings.ts';

export interface MemberLook {
  /** The content of the first regular file, whatever it is called. */
  readonly btf?: Buffer;
  readonly findings: readonly { readonly kind: FindingKind; readonly message: string }[];
}

/** archive-layout.md, "A file". */
const MODE = 0o444;

/** @param memberName what the one member must be called, e.g. `6.1.0-50-cloud-amd64.btf` */
export async function lookAtTar(tar: Uint8Array, memberName: string): Promise<MemberLook> {
  const findings: { kind: FindingKind; message: string }[] = [];
  const headers: Header[] = [];
  let btf: Buffer | undefined;
  const members = extract();
  try {
    members.end(tar);
    for await (const entry of members) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      headers.push(entry.header);
      if (entry.header.type === 'file') btf ??= Buffer.concat(chunks);
    }
  } catch (thrown) {
    findings.push({ kind: 'broken-tar', message: (thrown as Error).message });
  }
  const [first, second] = headers;
  if (first === undefined) {
    if (findings.length === 0) findings.push({ kind: 'no-member', message: 'the tar is empty' });
    return { findings };
  }
  if (second !== undefined) {
    findings.push({ kind: 'several-members', message: `also holds ${JSON.stringify(second.name)}` });
  }
  findings.push(...judgeHeader(first, memberName));
  return btf === undefined ? { findings } : { btf, findings };
}

function* judgeHeader(
  { name, type, mode, uid, gid, mtime }: Header,
  memberName: string,
): Generator<{ kind: FindingKind; message: string }> {
  const shown = JSON.stringify(name);
  if (type !== 'file') yield { kind: 'member-type', message: `${shown} is a ${type ?? 'member of no kind'}` };
  if (name !== memberName) {
    const isPrefixed = name.endsWith(`/${memberName}`);
    yield {
      kind: isPrefixed ? 'member-prefix' : 'member-name',
      message: `holds ${shown} instead of ${memberName}`,
    };
  }
  if (mode !== MODE) {
    yield { kind: 'member-mode', message: `mode ${(mode ?? 0).toString(8)} instead of ${MODE.toString(8)}` };
  }
  if (uid !== 0 || gid !== 0) yield { kind: 'member-owner', message: `owner ${uid}:${gid} instead of 0:0` };
  if (mtime?.getTime() !== 0) {
    yield { kind: 'member-time', message: `time ${mtime?.toISOString() ?? 'unknown'} instead of 1970-01-01` };
  }
}
