/**
 * The header structure of rpm packages: an index of tagged entries and the data they point into. Spec: rpm's
 * docs/manual/format_header.md; limits and type rules: lib/header.cc. Pure: bytes in, values out.
 */

import { BtfmillError } from '../../../errors/index.ts';
import { MAX_PACKAGE_FILES } from '../limits.ts';
import { malformed } from '../malformed.ts';

export const HEADER_INTRO_BYTES = 16;

export interface HeaderLimits {
  readonly entries: number;
  readonly dataBytes: number;
}

export interface HeaderIntro {
  readonly entryCount: number;
  /** Of the whole structure, this intro included. */
  readonly sizeBytes: number;
}

const MAGIC = [0x8e, 0xad, 0xe8, 0x01] as const;
const ENTRY_BYTES = 16;

const TYPE = {
  CHAR: 1,
  INT8: 2,
  INT16: 3,
  INT32: 4,
  INT64: 5,
  STRING: 6,
  BIN: 7,
  STRING_ARRAY: 8,
  I18NSTRING: 9,
} as const;

/** Bytes of one value; 1 for texts, which have at least their NUL. */
const VALUE_BYTES: Readonly<Record<number, number>> = {
  [TYPE.CHAR]: 1,
  [TYPE.INT8]: 1,
  [TYPE.INT16]: 2,
  [TYPE.INT32]: 4,
  [TYPE.INT64]: 8,
  [TYPE.STRING]: 1,
  [TYPE.BIN]: 1,
  [TYPE.STRING_ARRAY]: 1,
  [TYPE.I18NSTRING]: 1,
};

interface Entry {
  readonly tag: number;
  readonly type: number;
  /** From the start of the data. */
  readonly offset: number;
  readonly count: number;
  /** Where the entry itself stands, from the header's start. */
  readonly at: number;
}

/**
 * Decodes the {@link HEADER_INTRO_BYTES} that begin a header. Throws `package-malformed`.
 *
 * @param part the header, for messages
 */
export function decodeHeaderIntro(bytes: Uint8Array, part: string, limits: HeaderLimits): HeaderIntro {
  if (bytes.length < HEADER_INTRO_BYTES) {
    throw malformed(part, 0, `begins with ${bytes.length} of ${HEADER_INTRO_BYTES} bytes`);
  }
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw malformed(part, 0, 'does not begin with its magic');
  const view = viewOf(bytes);
  const entryCount = view.getUint32(8);
  const dataBytes = view.getUint32(12);
  if (entryCount === 0 || entryCount > limits.entries) {
    throw malformed(part, 8, `${entryCount} entries, of 1 to ${limits.entries}`);
  }
  if (dataBytes > limits.dataBytes) {
    throw malformed(part, 12, `${dataBytes} bytes of data, of at most ${limits.dataBytes}`);
  }
  return { entryCount, sizeBytes: HEADER_INTRO_BYTES + entryCount * ENTRY_BYTES + dataBytes };
}

/** A whole header. Entries are decoded when they are asked for; what nobody asks for may be of any content. */
export class RpmHeader {
  /** The header, for messages. */
  readonly part: string;
  /** All of it, its magic included: what a package's signatures are over. */
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #dataStart: number;
  readonly #entries = new Map<number, Entry>();
  readonly #doubled = new Set<number>();

  /**
   * `bytes` is as long as its intro says. Throws `package-malformed` for an entry that is of no type or does not lie
   * within the data.
   */
  constructor(bytes: Uint8Array, part: string, limits: HeaderLimits) {
    this.part = part;
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    const { entryCount, sizeBytes } = decodeHeaderIntro(bytes, part, limits);
    if (bytes.length !== sizeBytes) {
      throw malformed(part, bytes.length, `ends after ${bytes.length} of ${sizeBytes} bytes`);
    }
    this.#dataStart = HEADER_INTRO_BYTES + entryCount * ENTRY_BYTES;
    for (let index = 0; index < entryCount; index++) {
      const entry = this.#decodeEntry(HEADER_INTRO_BYTES + index * ENTRY_BYTES);
      if (this.#entries.has(entry.tag)) this.#doubled.add(entry.tag);
      this.#entries.set(entry.tag, entry);
    }
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  /** A single text, or `undefined` when the header has no such entry. Throws `package-malformed`, as all readers do. */
  text(tag: number): string | undefined {
    const entry = this.#find(tag, [TYPE.STRING]);
    if (entry === undefined) return undefined;
    if (entry.count !== 1) throw this.#wrong(entry, `a text with ${entry.count} values`);
    const start = this.#dataStart + entry.offset;
    return decodeText(this.bytes.subarray(start, this.#endOfText(entry, start)));
  }

  /** Texts, each decoded when it is looked at. A single one may be of its own type, as rpm takes it. */
  texts(tag: number): TextTable | undefined {
    const entry = this.#find(tag, [TYPE.STRING_ARRAY, TYPE.I18NSTRING, TYPE.STRING]);
    if (entry === undefined) return undefined;
    const starts = new Uint32Array(entry.count + 1);
    let at = this.#dataStart + entry.offset;
    for (let index = 0; index < entry.count; index++) {
      starts[index] = at;
      at = this.#endOfText(entry, at) + 1;
    }
    starts[entry.count] = at;
    return new TextTable(this.bytes, starts);
  }

  /** Whole numbers of any width. */
  numbers(tag: number): readonly number[] | undefined {
    const entry = this.#find(tag, [TYPE.INT8, TYPE.INT16, TYPE.INT32, TYPE.INT64]);
    if (entry === undefined) return undefined;
    const width = VALUE_BYTES[entry.type];
    const start = this.#dataStart + entry.offset;
    return Array.from({ length: entry.count }, (_, index) => this.#number(entry, start + index * width));
  }

  blob(tag: number): Uint8Array | undefined {
    const entry = this.#find(tag, [TYPE.BIN]);
    if (entry === undefined) return undefined;
    const start = this.#dataStart + entry.offset;
    return this.bytes.subarray(start, start + entry.count);
  }

  #decodeEntry(at: number): Entry {
    const tag = this.#view.getUint32(at);
    const type = this.#view.getUint32(at + 4);
    const offset = this.#view.getUint32(at + 8);
    const count = this.#view.getUint32(at + 12);
    const entry = { tag, type, offset, count, at };
    const width = VALUE_BYTES[type];
    if (width === undefined) throw this.#wrong(entry, `unknown type ${type}`);
    if (count === 0) throw this.#wrong(entry, 'no values');
    const dataBytes = this.bytes.length - this.#dataStart;
    if (offset > dataBytes || count > (dataBytes - offset) / width) {
      throw this.#wrong(
        entry,
        `${count} values of type ${type} at ${offset} reach beyond ${dataBytes} bytes of data`,
      );
    }
    if (offset % width !== 0) throw this.#wrong(entry, `values of ${width} bytes at ${offset}`);
    return entry;
  }

  #find(tag: number, types: readonly number[]): Entry | undefined {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return undefined;
    if (this.#doubled.has(tag)) throw this.#wrong(entry, 'a second entry of this tag');
    if (!types.includes(entry.type)) {
      throw this.#wrong(entry, `type ${entry.type}, not ${types.join(' or ')}`);
    }
    // No entry that is read has more values than there are files; those of a blob are its bytes, which are not copied.
    if (entry.type !== TYPE.BIN && entry.count > MAX_PACKAGE_FILES) {
      throw new BtfmillError(
        'package-too-large',
        `${this.part}: tag ${tag} has ${entry.count} values, more than ${MAX_PACKAGE_FILES}`,
      );
    }
    return entry;
  }

  #number({ tag, type, at, ...entry }: Entry, position: number): number {
    if (type === TYPE.INT8) return this.#view.getUint8(position);
    if (type === TYPE.INT16) return this.#view.getUint16(position);
    if (type === TYPE.INT32) return this.#view.getUint32(position);
    const value = this.#view.getBigUint64(position);
    if (value > Number.MAX_SAFE_INTEGER)
      throw this.#wrong({ tag, type, at, ...entry }, `${value} is too large`);
    return Number(value);
  }

  /** Where the text that begins at `start` has its NUL. */
  #endOfText(entry: Entry, start: number): number {
    const end = this.bytes.indexOf(0, start);
    if (end === -1) throw this.#wrong(entry, 'a text without its end');
    return end;
  }

  #wrong({ tag, at }: Entry, what: string): BtfmillError {
    return malformed(this.part, at, `tag ${tag}: ${what}`);
  }
}

/** Texts that lie one behind the other, each with its NUL. */
export class TextTable {
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;

  /** @param starts offsets in `bytes`, with that behind the last text at the end */
  constructor(bytes: Uint8Array, starts: Uint32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
  }

  get length(): number {
    return this.#starts.length - 1;
  }

  /**
   * Of the text, its NUL included: a header may have one of 256 MB, which must not be decoded for each file.
   *
   * @param index below `length`
   */
  bytesAt(index: number): number {
    return this.#starts[index + 1] - this.#starts[index];
  }

  /** @param index below `length` */
  at(index: number): string {
    return decodeText(this.#bytes.subarray(this.#starts[index], this.#starts[index + 1] - 1));
  }
}

function decodeText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
