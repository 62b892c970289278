/** Builds BTF blobs type by type, for tests and tools: either byte order, any id may be referred to ahead. */

import { FormatError } from '../elf/format-error.ts';
import {
  BTF_HEADER_BYTES,
  BTF_KIND,
  BTF_LAYOUT_HEADER_BYTES,
  BTF_MAGIC,
  BTF_MAX_VLEN,
  BTF_VERSION,
} from './constants.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** Form of the blob that a {@link BtfBuilder} makes. */
export interface BtfBuilderOptions {
  /** Default true. */
  readonly littleEndian?: boolean;
  /** Makes a split BTF: ids and string offsets continue the base's. */
  readonly base?: Btf;
  /** 32 writes the header of libbpf 1.8, with an empty layout section. Default 24. */
  readonly headerBytes?: typeof BTF_HEADER_BYTES | typeof BTF_LAYOUT_HEADER_BYTES;
}

/** A member of a struct or union. */
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** Width of a bitfield; absent or 0 for any other member. */
  readonly bitSize?: number;
}

/** A parameter of a prototype. */
export interface BtfParameter {
  /** A last parameter with the name "" and type 0 stands for `...`. */
  readonly name: string;
  readonly type: number;
}

/** A name and value of an enum, with its sign. */
export interface BtfEnumerator {
  readonly name: string;
  readonly value: number | bigint;
}

/** A variable's place in its section, in bytes. */
export interface BtfSectionEntry {
  readonly variable: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Collects types; every `add…` returns the new type's id, and ids count up from `nextId`, so that a type may refer to
 * one that is added later. Throws FormatError `btf-unencodable` for what does not fit the format; whether the types
 * make sense is for `validateBtf` to say.
 */
export class BtfBuilder {
  private readonly littleEndian: boolean;
  private readonly headerBytes: number;
  private readonly words: number[] = [];
  private readonly stringOffsets = new Map<string, number>();
  private readonly stringParts: Uint8Array[] = [];
  private readonly encoder = new TextEncoder();
  private stringEnd: number;
  private id: number;

  constructor(options: BtfBuilderOptions = {}) {
    this.littleEndian = options.littleEndian ?? true;
    this.headerBytes = options.headerBytes ?? BTF_HEADER_BYTES;
    this.id = options.base?.typeCount ?? 1;
    this.stringEnd = options.base?.strings.length ?? 0;
    if (options.base === undefined) this.string('');
    else this.stringOffsets.set('', 0);
  }

  /** The id that the next added type will have. */
  get nextId(): number {
    return this.id;
  }

  /** `encoding` is BTF_INT_* bits; `bits` defaults to the whole size. */
  addInt(name: string, sizeBytes: number, encoding = 0, bits: number = sizeBytes * 8, bitOffset = 0): number {
    this.fits(encoding, 0xf, 'INT encoding');
    this.fits(bits, 0xff, 'INT width');
    this.fits(bitOffset, 0xff, 'INT bit offset');
    return this.record(K.INT, name, sizeBytes, [(encoding << 24) | (bitOffset << 16) | bits]);
  }

  addFloat(name: string, sizeBytes: number): number {
    return this.record(K.FLOAT, name, sizeBytes, []);
  }

  addPtr(type: number): number {
    return this.record(K.PTR, '', type, []);
  }

  addTypedef(name: string, type: number): number {
    return this.record(K.TYPEDEF, name, type, []);
  }

  addVolatile(type: number): number {
    return this.record(K.VOLATILE, '', type, []);
  }

  addConst(type: number): number {
    return this.record(K.CONST, '', type, []);
  }

  addRestrict(type: number): number {
    return this.record(K.RESTRICT, '', type, []);
  }

  addArray(elementType: number, indexType: number, length: number): number {
    return this.record(K.ARRAY, '', 0, [elementType, indexType, length]);
  }

  addStruct(name: string, sizeBytes: number, members: readonly BtfMember[]): number {
    return this.composite(K.STRUCT, name, sizeBytes, members);
  }

  addUnion(name: string, sizeBytes: number, members: readonly BtfMember[]): number {
    return this.composite(K.UNION, name, sizeBytes, members);
  }

  addFwd(name: string, of: 'struct' | 'union'): number {
    return this.record(K.FWD, name, 0, [], 0, of === 'union');
  }

  addEnum(name: string, sizeBytes: number, values: readonly BtfEnumerator[], isSigned = false): number {
    const words: number[] = [];
    for (const value of values) {
      const [low, high] = this.valueWords(value);
      if (high !== 0 && !(high === 0xffff_ffff && low >>> 31 === 1)) {
        throw unencodable(`ENUM value ${value.value} has more than 32 bits`);
      }
      words.push(this.string(value.name), low);
    }
    return this.record(K.ENUM, name, sizeBytes, words, values.length, isSigned);
  }

  addEnum64(name: string, sizeBytes: number, values: readonly BtfEnumerator[], isSigned = false): number {
    const words = values.flatMap((value) => [this.string(value.name), ...this.valueWords(value)]);
    return this.record(K.ENUM64, name, sizeBytes, words, values.length, isSigned);
  }

  addFuncProto(returnType: number, parameters: readonly BtfParameter[]): number {
    const words = parameters.flatMap((parameter) => [this.string(parameter.name), parameter.type]);
    return this.record(K.FUNC_PROTO, '', returnType, words, parameters.length);
  }

  /** `linkage`: one of BTF_LINKAGE. */
  addFunc(name: string, proto: number, linkage = 0): number {
    return this.record(K.FUNC, name, proto, [], linkage);
  }

  /** `linkage`: one of BTF_LINKAGE. */
  addVar(name: string, type: number, linkage = 0): number {
    return this.record(K.VAR, name, type, [linkage]);
  }

  addDatasec(name: string, sizeBytes: number, entries: readonly BtfSectionEntry[]): number {
    const words = entries.flatMap((entry) => [entry.variable, entry.offset, entry.size]);
    return this.record(K.DATASEC, name, sizeBytes, words, entries.length);
  }

  /** `componentIndex`: member or parameter, -1 for the whole. */
  addDeclTag(name: string, type: number, componentIndex = -1, isAttribute = false): number {
    return this.record(K.DECL_TAG, name, type, [componentIndex >>> 0], 0, isAttribute);
  }

  addTypeTag(name: string, type: number, isAttribute = false): number {
    return this.record(K.TYPE_TAG, name, type, [], 0, isAttribute);
  }

  /** The finished blob: header, types, strings. */
  build(): Uint8Array {
    const typesBytes = this.words.length * 4;
    const ownStrings = this.stringParts.reduce((sum, part) => sum + part.length, 0);
    const bytes = new Uint8Array(this.headerBytes + typesBytes + ownStrings);
    const view = new DataView(bytes.buffer);
    const put32 = (at: number, value: number): void => view.setUint32(at, value, this.littleEndian);
    view.setUint16(0, BTF_MAGIC, this.littleEndian);
    view.setUint8(2, BTF_VERSION);
    put32(4, this.headerBytes);
    put32(8, 0);
    put32(12, typesBytes);
    put32(16, typesBytes);
    put32(20, ownStrings);
    if (this.headerBytes === BTF_LAYOUT_HEADER_BYTES) put32(24, typesBytes);
    let at = this.headerBytes;
    for (const word of this.words) {
      put32(at, word);
      at += 4;
    }
    for (const part of this.stringParts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  private composite(kind: number, name: string, sizeBytes: number, members: readonly BtfMember[]): number {
    const hasBitfield = members.some((member) => (member.bitSize ?? 0) > 0);
    const words: number[] = [];
    for (const member of members) {
      const bitSize = member.bitSize ?? 0;
      this.fits(bitSize, 0xff, `width of bitfield ${member.name}`);
      this.fits(member.bitOffset, hasBitfield ? 0xff_ffff : 0xffff_ffff, `bit offset of ${member.name}`);
      words.push(this.string(member.name), member.type, ((bitSize << 24) | member.bitOffset) >>> 0);
    }
    return this.record(kind, name, sizeBytes, words, members.length, hasBitfield);
  }

  private record(
    kind: number,
    name: string,
    sizeOrType: number,
    rest: readonly number[],
    vlen = 0,
    flag = false,
  ): number {
    this.fits(vlen, BTF_MAX_VLEN, 'number of entries');
    this.fits(sizeOrType, 0xffff_ffff, 'size or type');
    this.words.push(this.string(name), (((flag ? 1 : 0) << 31) | (kind << 24) | vlen) >>> 0, sizeOrType);
    for (const word of rest) this.words.push(word >>> 0);
    return this.id++;
  }

  private string(text: string): number {
    const known = this.stringOffsets.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw unencodable(`name ${JSON.stringify(text)} contains NUL`);
    const part = this.encoder.encode(`${text}\0`);
    const offset = this.stringEnd;
    this.stringOffsets.set(text, offset);
    this.stringParts.push(part);
    this.stringEnd += part.length;
    return offset;
  }

  private valueWords({ value }: BtfEnumerator): [number, number] {
    const bits = BigInt.asUintN(64, BigInt(value));
    return [Number(bits & 0xffff_ffffn), Number(bits >> 32n)];
  }

  private fits(value: number, max: number, what: string): void {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw unencodable(`${what} ${value} is outside 0..${max}`);
    }
  }
}

function unencodable(what: string): FormatError {
  return new FormatError('btf-unencodable', { format: 'btf' }, what);
}
