/**
 * BTF bytes → {@link Btf}: checks the structure, so that nothing behind it has to.
 * Spec: https://docs.kernel.org/bpf/btf.html §2; both byte orders, headers longer than 24 bytes, split BTF.
 */

import { FormatError } from '../elf/format-error.ts';
import {
  BTF_ENTRY_WORDS,
  BTF_EXTRA_WORDS,
  BTF_HAS_TYPE,
  BTF_HEADER_BYTES,
  BTF_KIND,
  BTF_KIND_MAX,
  BTF_LAYOUT_HEADER_BYTES,
  BTF_MAGIC,
  BTF_VERSION,
} from './constants.ts';
import { Btf } from './view.ts';

const RECORD_WORDS = 3;

/** Where the parts of a blob lie, in bytes from its start; ends are exclusive. */
export interface BtfHeader {
  readonly littleEndian: boolean;
  readonly headerBytes: number;
  readonly typesStart: number;
  readonly typesEnd: number;
  readonly stringsStart: number;
  readonly stringsEnd: number;
  /** Equal when there is no layout section. */
  readonly layoutStart: number;
  readonly layoutEnd: number;
}

/**
 * Decodes a BTF blob; `base` makes it a split BTF, whose ids and string offsets continue the base's.
 * Throws FormatError `btf-malformed` with the section and offset of the first fault: after it returns, every
 * record is complete, every id is below `typeCount` and every name offset inside the strings. What the kernel
 * demands beyond that is `validateBtf`'s business.
 */
export function decodeBtf(bytes: Uint8Array, base?: Btf): Btf {
  const header = readBtfHeader(bytes);
  if (base !== undefined && base.littleEndian !== header.littleEndian) {
    throw malformed('header', 0, 'byte order differs from the base BTF');
  }
  const strings = readStrings(bytes, header, base);
  const words = readWords(bytes, header, base);
  const offsets = findRecords(words, base);
  checkReferences(words, offsets, strings, base);
  const { littleEndian, headerBytes } = header;
  return new Btf({ bytes, littleEndian, headerBytes, base, words, offsets, strings });
}

/** Reads and checks the header alone. Throws FormatError `btf-malformed`. */
export function readBtfHeader(bytes: Uint8Array): BtfHeader {
  if (bytes.length < BTF_HEADER_BYTES) {
    throw malformed('header', bytes.length, `ends after ${bytes.length} of ${BTF_HEADER_BYTES} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = view.getUint16(0, true) === BTF_MAGIC;
  if (!littleEndian && view.getUint16(0, false) !== BTF_MAGIC) {
    throw malformed('header', 0, `magic is 0x${view.getUint16(0, true).toString(16)}, not 0xeb9f`);
  }
  if (bytes[2] !== BTF_VERSION) throw malformed('header', 2, `unknown version ${bytes[2]}`);
  if (bytes[3] !== 0) throw malformed('header', 3, `unknown flags 0x${bytes[3].toString(16)}`);
  const headerBytes = view.getUint32(4, littleEndian);
  if (headerBytes < BTF_HEADER_BYTES || headerBytes > bytes.length) {
    throw malformed('header', 4, `header length ${headerBytes} is impossible in ${bytes.length} bytes`);
  }
  const hasLayout = headerBytes >= BTF_LAYOUT_HEADER_BYTES;
  const known = hasLayout ? BTF_LAYOUT_HEADER_BYTES : BTF_HEADER_BYTES;
  for (let i = known; i < headerBytes; i++) {
    if (bytes[i] !== 0) throw malformed('header', i, 'header field of an unknown newer format');
  }

  const types = section('type section', 8);
  const strings = section('string section', 16);
  const layout = hasLayout ? section('layout section', 24) : { start: headerBytes, end: headerBytes };
  if ((types.start - headerBytes) % 4 !== 0) throw malformed('header', 8, 'type section is not aligned to 4');
  if (overlaps(types, strings) || overlaps(types, layout) || overlaps(strings, layout)) {
    throw malformed('header', 8, 'sections overlap');
  }
  return {
    littleEndian,
    headerBytes,
    typesStart: types.start,
    typesEnd: types.end,
    stringsStart: strings.start,
    stringsEnd: strings.end,
    layoutStart: layout.start,
    layoutEnd: layout.end,
  };

  function section(what: string, at: number): ByteRange {
    const start = headerBytes + view.getUint32(at, littleEndian);
    const end = start + view.getUint32(at + 4, littleEndian);
    if (end > bytes.length) {
      throw malformed('header', at, `${what} ends at ${end}, beyond the ${bytes.length} bytes there are`);
    }
    return { start, end };
  }
}

/**
 * True when a blob's strings do not start with the empty string: it was made as an addition to a base, and nothing but
 * the base can make sense of it (libbpf: btf__new_empty_split). Throws as {@link readBtfHeader}.
 */
export function isSplitBtf(bytes: Uint8Array): boolean {
  const { stringsStart, stringsEnd } = readBtfHeader(bytes);
  return stringsStart === stringsEnd || bytes[stringsStart] !== 0;
}

interface ByteRange {
  readonly start: number;
  readonly end: number;
}

function overlaps(a: ByteRange, b: ByteRange): boolean {
  return a.start < a.end && b.start < b.end && a.start < b.end && b.start < a.end;
}

/** The strings, the base's in front. Every string in the result is terminated. */
function readStrings(bytes: Uint8Array, header: BtfHeader, base: Btf | undefined): Uint8Array {
  const own = bytes.subarray(header.stringsStart, header.stringsEnd);
  if (base === undefined && own[0] !== 0) {
    throw malformed(
      'strings',
      0,
      own.length === 0 ? 'section is empty' : 'does not start with the empty string',
    );
  }
  if (own.length > 0 && own[own.length - 1] !== 0) {
    throw malformed('strings', own.length - 1, 'last string is not terminated');
  }
  if (base === undefined) return own;
  const strings = new Uint8Array(base.strings.length + own.length);
  strings.set(base.strings);
  strings.set(own, base.strings.length);
  return strings;
}

/** The type section as native words, behind the base's or, without a base, behind the three zero words of `void`. */
function readWords(bytes: Uint8Array, header: BtfHeader, base: Btf | undefined): Uint32Array {
  const byteLength = header.typesEnd - header.typesStart;
  if (byteLength % 4 !== 0) throw malformed('types', byteLength, 'length is no multiple of 4');
  const first = base === undefined ? RECORD_WORDS : base.words.length;
  const words = new Uint32Array(first + byteLength / 4);
  if (base !== undefined) words.set(base.words);
  const view = new DataView(bytes.buffer, bytes.byteOffset + header.typesStart, byteLength);
  for (let from = 0, to = first; from < byteLength; from += 4, to++) {
    words[to] = view.getUint32(from, header.littleEndian);
  }
  return words;
}

/** Word index of every record, by id. Checks kinds and that lists end inside the section. */
function findRecords(words: Uint32Array, base: Btf | undefined): Uint32Array {
  const first = base === undefined ? RECORD_WORDS : base.words.length;
  // A record has at least three words, so this bounds the number of ids before any is known.
  const offsets = new Uint32Array((base?.typeCount ?? 1) + Math.floor((words.length - first) / RECORD_WORDS));
  if (base !== undefined) offsets.set(base.offsets);
  let id = base?.typeCount ?? 1;
  let at = first;
  while (at < words.length) {
    if (at + RECORD_WORDS > words.length)
      throw malformed('types', (at - first) * 4, `type ${id} is cut short`);
    const kind = (words[at + 1] >>> 24) & 0x7f;
    if (kind === BTF_KIND.VOID || kind > BTF_KIND_MAX) {
      throw malformed('types', (at - first) * 4, `type ${id} has unknown kind ${kind}`);
    }
    const vlen = words[at + 1] & 0xff_ffff;
    const next = at + RECORD_WORDS + BTF_EXTRA_WORDS[kind] + vlen * BTF_ENTRY_WORDS[kind];
    if (next > words.length) {
      throw malformed(
        'types',
        (at - first) * 4,
        `type ${id} with ${vlen} entries runs over the section's end`,
      );
    }
    offsets[id++] = at;
    at = next;
  }
  return offsets.slice(0, id);
}

/** Checks every id and string offset of the blob's own records. */
function checkReferences(
  words: Uint32Array,
  offsets: Uint32Array,
  strings: Uint8Array,
  base: Btf | undefined,
): void {
  const first = base === undefined ? RECORD_WORDS : base.words.length;
  const typeCount = offsets.length;
  for (let id = base?.typeCount ?? 1; id < typeCount; id++) {
    const at = offsets[id];
    const kind = (words[at + 1] >>> 24) & 0x7f;
    checkName(id, at);
    if (BTF_HAS_TYPE[kind]) checkType(id, at + 2);
    if (kind === BTF_KIND.ARRAY) {
      checkType(id, at + 3);
      checkType(id, at + 4);
    }
    const step = BTF_ENTRY_WORDS[kind];
    if (step === 0) continue;
    const end = at + RECORD_WORDS + (words[at + 1] & 0xff_ffff) * step;
    const isSection = kind === BTF_KIND.DATASEC;
    const hasType = kind === BTF_KIND.STRUCT || kind === BTF_KIND.UNION || kind === BTF_KIND.FUNC_PROTO;
    for (let entry = at + RECORD_WORDS; entry < end; entry += step) {
      if (isSection) checkType(id, entry);
      else checkName(id, entry);
      if (hasType) checkType(id, entry + 1);
    }
  }

  function checkName(id: number, word: number): void {
    if (words[word] >= strings.length) {
      const what = `type ${id} names string ${words[word]} of ${strings.length} bytes`;
      throw malformed('types', (word - first) * 4, what);
    }
  }

  function checkType(id: number, word: number): void {
    if (words[word] >= typeCount) {
      const what = `type ${id} refers to type ${words[word]}, the last is ${typeCount - 1}`;
      throw malformed('types', (word - first) * 4, what);
    }
  }
}

function malformed(section: string, offset: number, what: string): FormatError {
  return new FormatError('btf-malformed', { format: 'btf', section, offset }, what);
}
