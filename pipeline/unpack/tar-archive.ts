/** The file tree of a .deb, for the search for vmlinux. */

import { BtfmillError } from '../../errors/index.ts';
import type { Archive, ArchiveFlow, ArchiveMember } from './archive.ts';
import { MAX_PACKAGE_FILES, MAX_UNPACKED_BYTES } from './limits.ts';
import { malformed } from './malformed.ts';
import { readTar, type TarEntry, type TarFlow } from './tar-feed.ts';

const PART = 'deb data.tar';

/** Hard links are members of their own that have no content: tar has it at the first name. */
export function tarArchive(tar: AsyncIterable<Uint8Array>): Archive {
  return {
    part: PART,
    read: (consume) => readTar(tar, MAX_UNPACKED_BYTES, (flow) => consume(viewOf(flow))),
  };
}

function viewOf(flow: TarFlow): ArchiveFlow {
  return {
    members: membersOf(flow),
    get bytes() {
      return flow.bytes;
    },
  };
}

async function* membersOf({ members }: TarFlow): AsyncGenerator<ArchiveMember, void, undefined> {
  let count = 0;
  for await (const entry of members) {
    count += 1;
    if (count > MAX_PACKAGE_FILES) {
      throw new BtfmillError('package-too-large', `${PART}: more than ${MAX_PACKAGE_FILES} members`);
    }
    yield memberOf(entry);
  }
}

function memberOf(entry: TarEntry): ArchiveMember {
  const { name, size, type } = entry.header;
  // tar-stream lets a size through that is no number (a negative base-256 field), and then waits for ever.
  if (!Number.isSafeInteger(size)) {
    throw malformed(PART, undefined, `size of ${JSON.stringify(name)} is no number`);
  }
  return {
    names: [name],
    sizeBytes: size,
    type: type ?? 'of unknown type',
    content: entry as AsyncIterable<Buffer>,
  };
}
