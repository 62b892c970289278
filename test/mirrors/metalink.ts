/** What MirrorManager answers: where a repomd.xml is to be had, and which digests it has. */

import { createHash } from 'node:crypto';

export interface MetalinkOptions {
  /** Addresses of repomd.xml, best first. */
  readonly urls: readonly string[];
  /** The repomd.xml that counts, and older ones that still do (`mm0:alternates`). */
  readonly current: Uint8Array;
  readonly alternates?: readonly Uint8Array[];
  /** Default now. */
  readonly at?: Date;
}

/** A Metalink 3.0 document with MirrorManager's additions. */
export function metalinkOf({ urls, current, alternates = [], at = new Date() }: MetalinkOptions): string {
  const resources = urls.map((url, i) => {
    const protocol = url.slice(0, url.indexOf(':'));
    const preference = 100 - i;
    return `    <url protocol="${protocol}" type="${protocol}" location="US" preference="${preference}">${url}</url>`;
  });
  const older = alternates.map((bytes, i) => {
    const before = new Date(at.getTime() - (i + 1) * 86_400_000);
    return `    <mm0:alternate>\n${description(bytes, before)}    </mm0:alternate>\n`;
  });
  const list = older.length === 0 ? '' : `   <mm0:alternates>\n${older.join('')}   </mm0:alternates>\n`;
  return `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="${at.toUTCString()}" generator="mirrormanager" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
${description(current, at)}${list}   <resources maxconnections="1">
${resources.join('\n')}
   </resources>
  </file>
 </files>
</metalink>
`;
}

function description(bytes: Uint8Array, at: Date): string {
  const hashes = ['md5', 'sha1', 'sha256', 'sha512'].map((type) => {
    const value = createHash(type).update(bytes).digest('hex');
    return `    <hash type="${type}">${value}</hash>\n`;
  });
  const seconds = Math.floor(at.getTime() / 1000);
  return `   <mm0:timestamp>${seconds}</mm0:timestamp>\n   <size>${bytes.length}</size>\n   <verification>\n${hashes.join('')}   </verification>\n`;
}
