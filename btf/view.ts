/** A decoded BTF: typed arrays over the type records and strings, and named access to every field. */

import { BTF_ENTRY_WORDS, BTF_EXTRA_WORDS, BTF_KIND } from './constants.ts';

/** Words of a record before its kind-specific part: name offset, info, size or type. */
const RECORD_WORDS = 3;

/** What {@link Btf} is made of; `decodeBtf` fills it. */
export interface BtfParts {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  readonly headerBytes: number;
  readonly base: Btf | undefined;
  readonly words: Uint32Array;
  readonly offsets: Uint32Array;
  readonly strings: Uint8Array;
}

/**
 * BTF that `decodeBtf` accepted: every id and string offset in it is in range.
 *
 * Ids run from 0 (`void`, for which `kind` is 0) to `typeCount - 1`. A split BTF shows its base's types too,
 * under the base's ids. No method checks the id or index it is given: both must be in range.
 */
export class Btf {
  /** The blob this was decoded from. */
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  /** `hdr_len`: 24, or 32 from libbpf 1.8 on. */
  readonly headerBytes: number;
  readonly base: Btf | undefined;
  /** Highest id + 1, `void` and the base's types included. */
  readonly typeCount: number;
  /** First id of the blob's own types: 1 without a base. */
  readonly firstId: number;
  /** All records (the base's first) as 32-bit words in native byte order; the first three stand for `void`. */
  readonly words: Uint32Array;
  /** By id: index into `words` of the record's first word. */
  readonly offsets: Uint32Array;
  /** The string section, the base's first; offset 0 is the empty string. */
  readonly strings: Uint8Array;
  private readonly decoder = new TextDecoder();

  constructor(parts: BtfParts) {
    this.bytes = parts.bytes;
    this.littleEndian = parts.littleEndian;
    this.headerBytes = parts.headerBytes;
    this.base = parts.base;
    this.typeCount = parts.offsets.length;
    this.firstId = parts.base === undefined ? 1 : parts.base.typeCount;
    this.words = parts.words;
    this.offsets = parts.offsets;
    this.strings = parts.strings;
  }

  nameOffset(id: number): number {
    return this.words[this.offsets[id]];
  }

  name(id: number): string {
    return this.stringAt(this.words[this.offsets[id]]);
  }

  /** One of {@link BTF_KIND}. */
  kind(id: number): number {
    return (this.words[this.offsets[id] + 1] >>> 24) & 0x7f;
  }

  kindFlag(id: number): boolean {
    return this.words[this.offsets[id] + 1] >>> 31 === 1;
  }

  /** Number of list entries; for a FUNC its linkage. */
  vlen(id: number): number {
    return this.words[this.offsets[id] + 1] & 0xff_ffff;
  }

  /** The third word: size in bytes (INT, STRUCT, UNION, ENUM, ENUM64, DATASEC, FLOAT) or the id referred to. */
  sizeOrType(id: number): number {
    return this.words[this.offsets[id] + 2];
  }

  /** INT: BTF_INT_* bits. */
  intEncoding(id: number): number {
    return (this.words[this.offsets[id] + RECORD_WORDS] >>> 24) & 0xf;
  }

  /** INT: offset of the value in its storage, in bits; 0 in all current BTF. */
  intBitOffset(id: number): number {
    return (this.words[this.offsets[id] + RECORD_WORDS] >>> 16) & 0xff;
  }

  /** INT: width in bits. */
  intBits(id: number): number {
    return this.words[this.offsets[id] + RECORD_WORDS] & 0xff;
  }

  arrayElementType(id: number): number {
    return this.words[this.offsets[id] + RECORD_WORDS];
  }

  arrayIndexType(id: number): number {
    return this.words[this.offsets[id] + RECORD_WORDS + 1];
  }

  arrayLength(id: number): number {
    return this.words[this.offsets[id] + RECORD_WORDS + 2];
  }

  /** FUNC and VAR: one of BTF_LINKAGE. */
  linkage(id: number): number {
    return this.kind(id) === BTF_KIND.FUNC ? this.vlen(id) : this.words[this.offsets[id] + RECORD_WORDS];
  }

  /** DECL_TAG: index of the member or parameter it is on, -1 for the whole. */
  componentIndex(id: number): number {
    return this.words[this.offsets[id] + RECORD_WORDS] | 0;
  }

  /** Index into `words` of list entry `index` of a STRUCT, UNION, ENUM, ENUM64, FUNC_PROTO or DATASEC. */
  entryWord(id: number, index: number): number {
    const kind = this.kind(id);
    return this.offsets[id] + RECORD_WORDS + BTF_EXTRA_WORDS[kind] + index * BTF_ENTRY_WORDS[kind];
  }

  /** Name of a member, enumerator or parameter ("" when it has none). */
  entryName(id: number, index: number): string {
    return this.stringAt(this.words[this.entryWord(id, index)]);
  }

  /** Type of a member or parameter. A last parameter without name and type stands for `...`. */
  entryType(id: number, index: number): number {
    return this.words[this.entryWord(id, index) + 1];
  }

  /** STRUCT, UNION: where the member starts, in bits. */
  memberBitOffset(id: number, index: number): number {
    const offset = this.words[this.entryWord(id, index) + 2];
    return this.kindFlag(id) ? offset & 0xff_ffff : offset;
  }

  /** STRUCT, UNION: width of a bitfield in bits, 0 for any other member. */
  memberBitSize(id: number, index: number): number {
    return this.kindFlag(id) ? this.words[this.entryWord(id, index) + 2] >>> 24 : 0;
  }

  /** ENUM, ENUM64: value of an enumerator, with its sign when kind_flag says the enum is signed. */
  enumValue(id: number, index: number): bigint {
    const word = this.entryWord(id, index) + 1;
    const low = this.words[word];
    if (this.kind(id) === BTF_KIND.ENUM) return BigInt(this.kindFlag(id) ? low | 0 : low);
    const value = (BigInt(this.words[word + 1]) << 32n) | BigInt(low);
    return this.kindFlag(id) ? BigInt.asIntN(64, value) : value;
  }

  /** DATASEC: id of the VAR. */
  sectionVariable(id: number, index: number): number {
    return this.words[this.entryWord(id, index)];
  }

  /** DATASEC: offset of the variable in its section, in bytes. */
  sectionOffset(id: number, index: number): number {
    return this.words[this.entryWord(id, index) + 1];
  }

  /** DATASEC: size of the variable in bytes. */
  sectionSize(id: number, index: number): number {
    return this.words[this.entryWord(id, index) + 2];
  }

  /** Offset of the NUL that ends the string at `offset`. */
  stringEnd(offset: number): number {
    return this.strings.indexOf(0, offset);
  }

  /** The string at a string offset; bytes that are not UTF-8 become U+FFFD. */
  stringAt(offset: number): string {
    const { strings } = this;
    let text = '';
    for (let i = offset; strings[i] !== 0; i++) {
      const byte = strings[i];
      if (byte >= 0x80) return this.decoder.decode(strings.subarray(offset, this.stringEnd(offset)));
      text += String.fromCharCode(byte);
    }
    return text;
  }
}
