/**
 * What types of a BTF say about themselves without ids, as numbers: equal labels, equal numbers. Other BTFs' types are
 * looked up, so that a BTF can be indexed once and compared with many.
 */

import { BTF_ENTRY_WORDS, BTF_EXTRA_WORDS, BTF_HAS_TYPE, BTF_KIND } from './constants.ts';
import { addWord, finishWords, hashKey } from './hashing.ts';
import { IntList } from './int-list.ts';
import type { StringIndex } from './string-index.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;
/** Words of a record before its kind-specific part. */
const RECORD_WORDS = 3;
const EMPTY = -1;

/** No type of the indexed BTF has this label. */
export const NO_LABEL = -1;

/**
 * Labels of all types of one BTF. Everything but ids counts, unlike in `compareDeep`: kind_flag and what arrays have as
 * index, because btf__dedup tells types apart by them too.
 */
export class TypeLabels {
  /** Label by id. */
  readonly labelOf: Int32Array;
  private readonly strings: StringIndex;
  private readonly start = new IntList();
  private readonly words = new IntList(1 << 12);
  private readonly slots: Int32Array;
  private readonly hashes = new IntList();
  private readonly scratch = new IntList();
  private readonly key = hashKey();

  constructor(btf: Btf, strings: StringIndex) {
    this.strings = strings;
    let slotCount = 16;
    while (slotCount < btf.typeCount * 2) slotCount *= 2;
    this.slots = new Int32Array(slotCount).fill(EMPTY);
    this.labelOf = new Int32Array(btf.typeCount);
    this.start.push(0);
    const names = new NameOffsets(btf.strings, strings);
    for (let id = 0; id < btf.typeCount; id++) this.labelOf[id] = this.add(btf, id, names);
  }

  get count(): number {
    return this.hashes.length;
  }

  /** Label by id of another BTF's types; {@link NO_LABEL} for those that the indexed BTF has none like. */
  labelsIn(btf: Btf): Int32Array {
    const names = new NameOffsets(btf.strings, this.strings);
    const labels = new Int32Array(btf.typeCount);
    for (let id = 0; id < btf.typeCount; id++) {
      labels[id] = this.write(btf, id, names) ? this.slots[this.findSlot(this.hash())] : NO_LABEL;
    }
    return labels;
  }

  private add(btf: Btf, id: number, names: NameOffsets): number {
    this.write(btf, id, names);
    const hash = this.hash();
    const slot = this.findSlot(hash);
    if (this.slots[slot] !== EMPTY) return this.slots[slot];
    const { words, scratch } = this;
    words.reserve(scratch.length);
    words.data.set(scratch.data.subarray(0, scratch.length), words.length);
    words.length += scratch.length;
    this.start.push(words.length);
    this.slots[slot] = this.hashes.push(hash);
    return this.slots[slot];
  }

  /** Writes a type's label to `scratch`; false when it has a name that the indexed BTF has not. */
  private write(btf: Btf, id: number, names: NameOffsets): boolean {
    const { words } = btf;
    const at = btf.offsets[id];
    const kind = btf.kind(id);
    const step = BTF_ENTRY_WORDS[kind];
    const extra = BTF_EXTRA_WORDS[kind];
    const entryWords = btf.vlen(id) * step;
    const { scratch } = this;
    scratch.length = 0;
    scratch.reserve(RECORD_WORDS + extra + entryWords);
    const { data } = scratch;
    let length = 0;
    const name = names.offsetOf(words[at]);
    // The sign bit: some name is not there.
    let allNames = name;
    data[length++] = words[at + 1];
    data[length++] = name;
    data[length++] = BTF_HAS_TYPE[kind] ? 0 : words[at + 2];
    // An array's extra words are two ids and its length, those of other kinds no ids.
    for (let i = kind === K.ARRAY ? 2 : 0; i < extra; i++) data[length++] = words[at + RECORD_WORDS + i];
    const first = at + RECORD_WORDS;
    const isSection = kind === K.DATASEC;
    const from = kind === K.STRUCT || kind === K.UNION || kind === K.FUNC_PROTO ? 2 : 1;
    for (let entry = first; entry < first + entryWords; entry += step) {
      if (!isSection) {
        const entryName = names.offsetOf(words[entry]);
        allNames |= entryName;
        data[length++] = entryName;
      }
      for (let i = from; i < step; i++) data[length++] = words[entry + i];
    }
    scratch.length = length;
    return allNames >= 0;
  }

  private hash(): number {
    const { data, length } = this.scratch;
    const { first, second } = this.key;
    let hash = length;
    for (let i = 0; i < length; i++) hash = addWord(hash, data[i], first, second);
    return finishWords(hash);
  }

  /** Slot of the label in `scratch`, or the free slot where it belongs. */
  private findSlot(hash: number): number {
    const { slots, hashes } = this;
    const mask = slots.length - 1;
    let slot = hash & mask;
    while (slots[slot] !== EMPTY && !(hashes.data[slots[slot]] === hash && this.isScratch(slots[slot]))) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private isScratch(label: number): boolean {
    const { start, words, scratch } = this;
    const from = start.data[label];
    if (start.data[label + 1] - from !== scratch.length) return false;
    for (let i = 0; i < scratch.length; i++) if (words.data[from + i] !== scratch.data[i]) return false;
    return true;
  }
}

/** Offsets of one string section as those of equal strings of the indexed one; each is looked up once. */
export class NameOffsets {
  private readonly section: Uint8Array;
  private readonly index: StringIndex;
  /** By offset: 0 not looked up yet, else the found offset + 2, so that 1 is "not there". */
  private readonly known: Uint32Array;

  constructor(section: Uint8Array, index: StringIndex) {
    this.section = section;
    this.index = index;
    this.known = new Uint32Array(section.length);
  }

  /** Offset in the indexed section, -1 when it has no such string. */
  offsetOf(offset: number): number {
    const known = this.known[offset];
    if (known !== 0) return known - 2;
    const found = this.index.find(this.section, offset);
    this.known[offset] = found + 2;
    return found;
  }
}
