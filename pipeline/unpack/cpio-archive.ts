/** The payload of an rpm, read member by member; hard links are put together, and come when their content does. */

import { BtfmillError } from '../../errors/index.ts';
import type { Archive, ArchiveMember } from './archive.ts';
import { ChunkReader } from './chunk-reader.ts';
import {
  CPIO_FIELDS_BYTES,
  CPIO_PART,
  CPIO_START_BYTES,
  type CpioFields,
  cpioPadding,
  type CpioStart,
  decodeCpioFields,
  decodeCpioName,
  decodeCpioStart,
  STRIPPED_PADDING_BYTES,
  TRAILER,
  typeOfMode,
} from './cpio.ts';
import { MAX_OPEN_LINKS, MAX_PACKAGE_FILES, MAX_UNPACKED_BYTES } from './limits.ts';
import { malformed } from './malformed.ts';

/** One file of the package's header, as a stripped member needs it. */
export interface ListedFile {
  /** All names of the content; the file's own is the last one. None for an earlier link. */
  readonly names: readonly string[];
  readonly mode: number;
  /** Bytes that follow the member: none for all but the last of a set of hard links. */
  readonly sizeBytes: number;
  /** Another file of the same set brings the content. */
  readonly isEarlierLink: boolean;
}

export interface FileList {
  /** Throws `package-malformed` when there is no such file. */
  file(index: number): ListedFile;
}

/** Each file once: what is asked for twice is `package-malformed`. */
class FilesOnce {
  readonly #list: FileList;
  readonly #seen = new Set<number>();

  constructor(list: FileList) {
    this.#list = list;
  }

  take(index: number): ListedFile {
    if (this.#seen.has(index)) throw malformed(CPIO_PART, undefined, `file ${index} comes twice`);
    this.#seen.add(index);
    return this.#list.file(index);
  }
}

/** @param openList the header's files, asked for once and only when a member is of the stripped form */
export function cpioArchive(cpio: AsyncIterable<Uint8Array>, openList: () => FileList): Archive {
  return {
    part: CPIO_PART,
    async read(consume) {
      const reader = new ChunkReader(CPIO_PART, cpio, MAX_UNPACKED_BYTES);
      try {
        return await consume({
          members: membersOf(reader, openList),
          get bytes() {
            return reader.offset;
          },
        });
      } finally {
        await reader.close();
      }
    },
  };
}

async function* membersOf(
  reader: ChunkReader,
  openList: () => FileList,
): AsyncGenerator<ArchiveMember, void, undefined> {
  const links = new OpenLinks();
  let files: FilesOnce | undefined;
  for (let count = 0; ; count++) {
    if (count > MAX_PACKAGE_FILES) throw tooLarge(`more than ${MAX_PACKAGE_FILES} members`);
    const offset = reader.offset;
    const start = decodeCpioStart(await reader.take(CPIO_START_BYTES, 'a member header'), offset);
    let member: ArchiveMember | undefined;
    if (start.form === 'stripped') {
      await reader.take(STRIPPED_PADDING_BYTES, 'the padding of a member header');
      files ??= new FilesOnce(openList());
      member = listedMember(reader, files.take(start.number));
    } else {
      const { name, fields } = await takeNamedHeader(reader);
      if (name === TRAILER) break;
      const names = links.add(name, start, fields);
      member = names === undefined ? undefined : namedMember(reader, start, fields, names);
    }
    if (member === undefined) continue;
    yield member;
    await reader.take(cpioPadding(member.sizeBytes), 'the padding of a member');
  }
  yield* links.left();
  for await (const chunk of reader.rest()) {
    if (chunk.some((byte) => byte !== 0)) {
      throw malformed(CPIO_PART, reader.offset - chunk.length, 'there is more behind the trailer');
    }
  }
}

function listedMember(reader: ChunkReader, file: ListedFile): ArchiveMember | undefined {
  if (file.isEarlierLink) return undefined;
  const { names, sizeBytes, mode } = file;
  return { names, sizeBytes, type: typeOfMode(mode), content: reader.content(sizeBytes, lastOf(names)) };
}

function namedMember(
  reader: ChunkReader,
  { form }: CpioStart,
  { sizeBytes, mode, checksum }: CpioFields,
  names: readonly string[],
): ArchiveMember {
  const type = typeOfMode(mode);
  const what = lastOf(names);
  const content = reader.content(sizeBytes, what);
  // Links have a checksum field as well, in which nobody writes anything but 0.
  const isSummed = form === 'crc' && type === 'file';
  return { names, sizeBytes, type, content: isSummed ? summed(content, checksum, what) : content };
}

async function takeNamedHeader(reader: ChunkReader): Promise<{ name: string; fields: CpioFields }> {
  const at = reader.offset;
  const fields = decodeCpioFields(await reader.take(CPIO_FIELDS_BYTES, 'a member header'), at);
  const nameAt = reader.offset;
  const name = decodeCpioName(await reader.take(fields.nameBytes, 'a name'), nameAt);
  const headerBytes = CPIO_START_BYTES + CPIO_FIELDS_BYTES + fields.nameBytes;
  await reader.take(cpioPadding(headerBytes), 'the padding of a name');
  return { name, fields };
}

async function* summed(
  content: AsyncIterable<Uint8Array>,
  expected: number,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  let sum = 0;
  for await (const chunk of content) {
    for (const byte of chunk) sum = (sum + byte) >>> 0;
    yield chunk;
  }
  if (sum !== expected) {
    throw malformed(CPIO_PART, undefined, `${what} has the checksum ${sum}, its header says ${expected}`);
  }
}

/** Names whose content is still to come: every link but the last of a set is written without. */
class OpenLinks {
  readonly #sets = new Map<string, string[]>();
  #open = 0;

  /** The names that the member stands for, or `undefined` when a later one does. */
  add(
    name: string,
    { number }: CpioStart,
    { mode, linkCount, sizeBytes, device }: CpioFields,
  ): readonly string[] | undefined {
    if (typeOfMode(mode) !== 'file' || linkCount < 2) return [name];
    const key = `${device}:${number}`;
    const names = this.#sets.get(key) ?? [];
    names.push(name);
    // An empty file has its set as well: that is whole when all links are there.
    if (sizeBytes > 0 || names.length === linkCount) {
      this.#open -= names.length - 1;
      this.#sets.delete(key);
      return names;
    }
    this.#open += 1;
    if (this.#open > MAX_OPEN_LINKS) {
      throw tooLarge(`more than ${MAX_OPEN_LINKS} hard links before their content`);
    }
    this.#sets.set(key, names);
    return undefined;
  }

  /** Those whose content never came. */
  *left(): Generator<ArchiveMember, void, undefined> {
    for (const names of this.#sets.values()) {
      yield { names, sizeBytes: 0, type: 'hard link without content', content: nothing() };
    }
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // Nothing to yield.
}

function lastOf(names: readonly string[]): string {
  return JSON.stringify(names.at(-1));
}

function tooLarge(what: string): BtfmillError {
  return new BtfmillError('package-too-large', `${CPIO_PART}: ${what}`);
}
