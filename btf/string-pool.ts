/** Strings by content: equal texts get equal ids. Id 0 is the empty string. */

import { FormatError } from '../elf/format-error.ts';
import { BTF_MAX_NAME_OFFSET } from './constants.ts';
import { addByte, finishBytes, hashKey } from './hashing.ts';
import { IntList } from './int-list.ts';
import { orderByKey } from './order-by-key.ts';

const EMPTY = -1;

/** As many bytes as a whole number can have. */
const PREFIX_BYTES = 6;

/**
 * All texts together. The kernel takes 16 MiB of strings, libbpf (and so pahole) 2 GiB. Strings may be ends of each
 * other in an input, and then a small one names more text than any memory holds.
 */
const MAX_TEXT_BYTES = 256 << 20;

export class StringPool {
  private readonly sources: Uint8Array[] = [];
  private readonly sourceIds = new Map<Uint8Array, number>();
  private readonly source = new IntList(1 << 12);
  private readonly start = new IntList(1 << 12);
  private readonly size = new IntList(1 << 12);
  private readonly hashes = new IntList(1 << 12);
  private readonly first: number;
  private readonly second: number;
  private buckets = new Int32Array(1 << 13).fill(EMPTY);
  private readonly maxTextBytes: number;
  private textBytes = 0;

  /** @param maxTextBytes what all texts together may have */
  constructor(maxTextBytes = MAX_TEXT_BYTES) {
    this.maxTextBytes = maxTextBytes;
    ({ first: this.first, second: this.second } = hashKey());
    this.add(new Uint8Array(0), 0, 0);
  }

  get total(): number {
    return this.hashes.length;
  }

  /**
   * Id of the text in `bytes[start, end)`.
   * @throws FormatError `btf-unencodable` when all texts together exceed the pool's limit (256 MiB).
   */
  add(bytes: Uint8Array, start: number, end: number): number {
    const { first } = this;
    let hash = 0;
    for (let i = start; i < end; i++) hash = addByte(hash, bytes[i], first);
    return this.enter(bytes, start, end - start, hash);
  }

  /** Id of the text that starts at `start` and ends with a NUL, or where the bytes end; as {@link add}. */
  addTerminated(bytes: Uint8Array, start: number): number {
    const { first } = this;
    let hash = 0;
    let end = start;
    for (; end < bytes.length; end++) {
      const byte = bytes[end];
      if (byte === 0) break;
      hash = addByte(hash, byte, first);
    }
    return this.enter(bytes, start, end - start, hash);
  }

  private enter(bytes: Uint8Array, start: number, length: number, textHash: number): number {
    const hash = finishBytes(textHash, this.second);
    const { hashes, buckets } = this;
    const mask = buckets.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = buckets[slot];
      if (id === EMPTY) break;
      if (hashes.data[id] === hash && this.equals(id, bytes, start, length)) return id;
      slot = (slot + 1) & mask;
    }
    const id = this.append(bytes, start, length, hash);
    buckets[slot] = id;
    if (hashes.length * 2 > buckets.length) this.grow();
    return id;
  }

  private append(bytes: Uint8Array, start: number, length: number, hash: number): number {
    this.textBytes += length;
    if (this.textBytes > this.maxTextBytes) {
      throw new FormatError(
        'btf-unencodable',
        { format: 'btf' },
        `names of more than ${this.maxTextBytes} bytes together; the kernel takes ${BTF_MAX_NAME_OFFSET + 1}`,
      );
    }
    this.source.push(this.sourceId(bytes));
    this.start.push(start);
    this.size.push(length);
    return this.hashes.push(hash);
  }

  /** Id of an ASCII text. */
  addText(text: string): number {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return this.add(bytes, 0, bytes.length);
  }

  byteLength(id: number): number {
    return this.size.at(id);
  }

  /** Where the text stands that was added first. */
  placeOf(id: number): { readonly bytes: Uint8Array; readonly start: number } {
    return { bytes: this.sources[this.source.at(id)], start: this.start.at(id) };
  }

  /** The text, one character per byte. */
  text(id: number): string {
    const start = this.start.at(id);
    const bytes = this.sources[this.source.at(id)];
    let text = '';
    for (let i = start; i < start + this.size.at(id); i++) text += String.fromCharCode(bytes[i]);
    return text;
  }

  /**
   * Ids of texts in the order of strcmp: by their first bytes, and byte by byte where those are equal. Returns the
   * indexes of `ids`; equal ones keep their order.
   */
  sort(ids: Int32Array): Uint32Array {
    const prefixes = Float64Array.from(ids, (id) => this.prefix(id));
    const order = orderByKey(prefixes, ids.length);
    let from = 0;
    while (from < order.length) {
      let to = from + 1;
      while (to < order.length && prefixes[order[to]] === prefixes[order[from]]) to++;
      if (to - from > 1) order.subarray(from, to).sort((a, b) => this.compare(ids[a], ids[b]) || a - b);
      from = to;
    }
    return order;
  }

  /** The first {@link PREFIX_BYTES} bytes as a number that orders texts as they do, NULs for those that are missing. */
  private prefix(id: number): number {
    const start = this.start.data[id];
    const bytes = this.sources[this.source.data[id]];
    const length = Math.min(this.size.data[id], PREFIX_BYTES);
    let value = 0;
    for (let i = 0; i < PREFIX_BYTES; i++) value = value * 256 + (i < length ? bytes[start + i] : 0);
    return value;
  }

  private compare(a: number, b: number): number {
    const startA = this.start.data[a];
    const startB = this.start.data[b];
    const bytesA = this.sources[this.source.data[a]];
    const bytesB = this.sources[this.source.data[b]];
    const shorter = Math.min(this.size.data[a], this.size.data[b]);
    for (let i = 0; i < shorter; i++) {
      const difference = bytesA[startA + i] - bytesB[startB + i];
      if (difference !== 0) return difference;
    }
    return this.size.data[a] - this.size.data[b];
  }

  copyTo(id: number, target: Uint8Array, at: number): void {
    const start = this.start.at(id);
    const bytes = this.sources[this.source.at(id)];
    const length = this.size.at(id);
    for (let i = 0; i < length; i++) target[at + i] = bytes[start + i];
  }

  private sourceId(bytes: Uint8Array): number {
    // Nearly all texts come from one table after the other.
    const last = this.sources.length - 1;
    if (this.sources[last] === bytes) return last;
    let id = this.sourceIds.get(bytes);
    if (id === undefined) {
      id = this.sources.push(bytes) - 1;
      this.sourceIds.set(bytes, id);
    }
    return id;
  }

  private equals(id: number, bytes: Uint8Array, start: number, length: number): boolean {
    if (this.size.at(id) !== length) return false;
    const own = this.sources[this.source.at(id)];
    const at = this.start.at(id);
    for (let i = 0; i < length; i++) if (own[at + i] !== bytes[start + i]) return false;
    return true;
  }

  private grow(): void {
    const buckets = new Int32Array(this.buckets.length * 2).fill(EMPTY);
    const mask = buckets.length - 1;
    for (let id = 0; id < this.hashes.length; id++) {
      let slot = this.hashes.at(id) & mask;
      while (buckets[slot] !== EMPTY) slot = (slot + 1) & mask;
      buckets[slot] = id;
    }
    this.buckets = buckets;
  }
}
