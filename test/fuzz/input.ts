/**
 * A file to damage: its parts (headers, sections), where in them something of meaning stands, and how to put them
 * together again. Damage is a list of splices; parts may grow and shrink, and headers follow, so that damage inside a
 * section reaches whoever reads that section.
 */

/** What a place means to a reader; decides what is worth putting there. */
export type SiteKind =
  /** A fixed-size length, count, size or offset. */
  | 'number'
  | 'uleb'
  | 'tag'
  | 'attribute'
  | 'form'
  | 'abbreviation'
  | 'reference'
  | 'string'
  | 'flag'
  | 'data'
  | 'info';

export interface Site {
  readonly part: number;
  readonly at: number;
  readonly size: number;
  readonly kind: SiteKind;
}

/** A stretch that is one thing: a unit, a DIE, an abbreviation, a type record. */
export interface Stretch {
  readonly part: number;
  readonly start: number;
  readonly end: number;
}

export interface Splice {
  readonly part: number;
  readonly at: number;
  readonly remove: number;
  readonly insert: Uint8Array;
}

export interface Part {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Patched by {@link FuzzInput.layOut} before its own splices are applied. */
  readonly isHeader: boolean;
}

export interface FuzzInput {
  readonly name: string;
  readonly format: 'elf' | 'btf';
  readonly littleEndian: boolean;
  readonly parts: readonly Part[];
  readonly sites: readonly Site[];
  readonly stretches: readonly Stretch[];
  /** Values worth putting where a reference stands: offsets of DIEs in their unit, type ids. */
  readonly targets: readonly number[];
  /** Writes where the parts lie, given their final lengths, into copies of the header parts. */
  readonly layOut: (headers: ReadonlyMap<number, Uint8Array>, lengths: readonly number[]) => void;
}

/** The file with the splices applied. Of splices that overlap, the first in the list counts. */
export function assemble(input: FuzzInput, splices: readonly Splice[]): Uint8Array {
  const own = input.parts.map((_, part) => splices.filter((splice) => splice.part === part));
  const data = input.parts.map(({ bytes, isHeader }, part) =>
    isHeader ? Uint8Array.from(bytes) : spliced(bytes, own[part]),
  );
  const headers = new Map(
    input.parts.flatMap(({ isHeader }, part) => (isHeader ? [[part, data[part]]] : [])),
  );
  input.layOut(
    headers,
    data.map(({ length }) => length),
  );
  return joined(data.map((bytes, part) => (input.parts[part].isHeader ? spliced(bytes, own[part]) : bytes)));
}

function spliced(bytes: Uint8Array, splices: readonly Splice[]): Uint8Array {
  if (splices.length === 0) return bytes;
  const kept: Splice[] = [];
  for (const splice of splices) {
    const end = splice.at + splice.remove;
    const isFree = kept.every(({ at, remove }) => end <= at || splice.at >= at + remove);
    if (isFree && end <= bytes.length) kept.push(splice);
  }
  kept.sort((a, b) => a.at - b.at);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const { at, remove, insert } of kept) {
    pieces.push(bytes.subarray(from, at), insert);
    from = at + remove;
  }
  pieces.push(bytes.subarray(from));
  return joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
