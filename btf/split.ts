/**
 * Split BTF: a module's types as an addition to its kernel's (Documentation/bpf/btf.rst, and how libbpf's
 * btf__new_empty_split numbers them): ids and string offsets continue those of the base, what the base has is not
 * repeated.
 */

import { FormatError } from '../elf/format-error.ts';
import type { BaseIndex } from './base-index.ts';
import {
  BTF_ENTRY_WORDS,
  BTF_EXTRA_WORDS,
  BTF_HAS_TYPE,
  BTF_HEADER_BYTES,
  BTF_KIND,
  BTF_MAGIC,
  BTF_VERSION,
} from './constants.ts';
import { matchBase } from './split-match.ts';
import { stringStarts } from './string-index.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** A module's split BTF, and how it relates to its base. */
export interface SplitResult {
  /** The split BTF, in the byte order of both; `decodeBtf` reads it with the base. */
  readonly bytes: Uint8Array;
  /** Types of the module that the base has. */
  readonly sharedCount: number;
  /**
   * Structs and unions that stay although the base defines one of the name. Many mean that module and base are not of
   * one build, or were encoded by different rules.
   */
  readonly redefinedCount: number;
}

/**
 * Takes out of a module's BTF what its base has. Types and strings that stay keep their order.
 * @param module complete BTF of the module, deduplicated: what it says twice and the base does not, stays twice
 * @throws FormatError `btf-malformed` when byte orders differ
 */
export function splitBtf(module: Btf, base: BaseIndex): SplitResult {
  if (module.littleEndian !== base.btf.littleEndian) {
    throw new FormatError(
      'btf-malformed',
      { format: 'btf', section: 'header', offset: 0 },
      'byte order differs from the base BTF',
    );
  }
  const newIds = matchBase(module, base);
  let nextId = base.btf.typeCount;
  const kept: number[] = [];
  for (let id = 1; id < newIds.length; id++) {
    if (newIds[id] !== 0) continue;
    newIds[id] = nextId++;
    kept.push(id);
  }
  const { newOffsets, ownStrings } = splitStrings(module, base);
  const words = kept.flatMap((id) => renumbered(module, id, newIds, newOffsets));
  return {
    bytes: assemble(words, ownStrings, module.littleEndian),
    sharedCount: module.typeCount - 1 - kept.length,
    redefinedCount: kept.filter((id) => isDefinedByBase(module, id, base, newOffsets)).length,
  };
}

function isDefinedByBase(module: Btf, id: number, base: BaseIndex, newOffsets: Uint32Array): boolean {
  const kind = module.kind(id);
  if (kind !== K.STRUCT && kind !== K.UNION) return false;
  return (base.named.get(newOffsets[module.nameOffset(id)])?.composites.length ?? 0) > 0;
}

/** By string offset of the module: that of the same string in base and split BTF taken together. */
function splitStrings(
  module: Btf,
  base: BaseIndex,
): { newOffsets: Uint32Array; ownStrings: readonly Uint8Array[] } {
  const newOffsets = new Uint32Array(module.strings.length);
  const ownStrings: Uint8Array[] = [];
  let end = base.btf.strings.length;
  for (const start of stringStarts(module.strings)) {
    const known = base.strings.find(module.strings, start);
    if (known >= 0) {
      newOffsets[start] = known;
      continue;
    }
    const text = module.strings.subarray(start, module.stringEnd(start) + 1);
    newOffsets[start] = end;
    ownStrings.push(text);
    end += text.length;
  }
  return { newOffsets, ownStrings };
}

/** The words of a record with new ids and string offsets. */
function renumbered(btf: Btf, id: number, newIds: Uint32Array, newOffsets: Uint32Array): number[] {
  const kind = btf.kind(id);
  const step = BTF_ENTRY_WORDS[kind];
  const at = btf.offsets[id];
  const first = at + 3 + BTF_EXTRA_WORDS[kind];
  const end = first + (step === 0 ? 0 : btf.vlen(id) * step);
  const words = Array.from(btf.words.subarray(at, end));
  words[0] = newOffsets[words[0]];
  if (BTF_HAS_TYPE[kind]) words[2] = newIds[words[2]];
  if (kind === K.ARRAY) {
    words[3] = newIds[words[3]];
    words[4] = newIds[words[4]];
  }
  const hasType = kind === K.STRUCT || kind === K.UNION || kind === K.FUNC_PROTO;
  for (let entry = first - at; entry < end - at; entry += step) {
    if (kind === K.DATASEC) words[entry] = newIds[words[entry]];
    else words[entry] = newOffsets[words[entry]];
    if (hasType) words[entry + 1] = newIds[words[entry + 1]];
  }
  return words;
}

function assemble(
  words: readonly number[],
  strings: readonly Uint8Array[],
  littleEndian: boolean,
): Uint8Array {
  const typeBytes = words.length * 4;
  const stringBytes = strings.reduce((sum, text) => sum + text.length, 0);
  const bytes = new Uint8Array(BTF_HEADER_BYTES + typeBytes + stringBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, BTF_MAGIC, littleEndian);
  view.setUint8(2, BTF_VERSION);
  view.setUint32(4, BTF_HEADER_BYTES, littleEndian);
  view.setUint32(12, typeBytes, littleEndian);
  view.setUint32(16, typeBytes, littleEndian);
  view.setUint32(20, stringBytes, littleEndian);
  words.forEach((word, i) => {
    view.setUint32(BTF_HEADER_BYTES + 4 * i, word, littleEndian);
  });
  let at = BTF_HEADER_BYTES + typeBytes;
  for (const text of strings) {
    bytes.set(text, at);
    at += text.length;
  }
  return bytes;
}
