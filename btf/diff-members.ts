/** What changed inside a struct, union or enum, member by member. */

import { cDeclaration } from './c-text.ts';
import { BTF_KIND } from './constants.ts';
import { counted } from './counted.ts';
import type { DiffNote } from './diff.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** Nesting of anonymous structs whose members count as the outer one's, members, and text of all their types. */
const MAX_DEPTH = 12;
const MAX_MEMBERS = 50_000;
const MAX_TEXT = 4_000_000;

interface Leaf {
  /** With the names of the members that it lies in: `rb.node`. */
  readonly path: string;
  readonly bitOffset: number;
  readonly bitSize: number;
  readonly type: string;
}

/** By path. */
type Leaves = ReadonlyMap<string, Leaf>;

/** Size and members of two definitions of one struct or union, or of the anonymous ones behind a typedef. */
export function diffComposites(a: Btf, idA: number, b: Btf, idB: number): DiffNote[] {
  const notes: DiffNote[] = [];
  const [sizeA, sizeB] = [a.sizeOrType(idA), b.sizeOrType(idB)];
  if (sizeA !== sizeB) notes.push({ what: 'size', subject: '', from: `${sizeA}`, to: `${sizeB}` });
  const leavesA = leavesOf(a, idA);
  const leavesB = leavesOf(b, idB);
  const renamed = findRenamed(leavesA, leavesB);
  const moves = new Moves();
  for (const old of leavesA.values()) {
    const fresh = leavesB.get(old.path) ?? renamed.get(old);
    if (fresh === undefined) {
      notes.push({ what: 'member-removed', subject: old.path, from: leafText(old) });
      continue;
    }
    if (fresh.path !== old.path) notes.push({ what: 'member-renamed', subject: old.path, to: fresh.path });
    if (fresh.type !== old.type) {
      notes.push({ what: 'member-retyped', subject: fresh.path, from: old.type, to: fresh.type });
    }
    if (fresh.bitSize !== old.bitSize) {
      notes.push({
        what: 'bit-size',
        subject: fresh.path,
        from: widthText(old.bitSize),
        to: widthText(fresh.bitSize),
      });
    }
    moves.add(old, fresh);
  }
  const isNew = new Set(renamed.values());
  for (const leaf of leavesB.values()) {
    if (!leavesA.has(leaf.path) && !isNew.has(leaf))
      notes.push({ what: 'member-added', subject: leaf.path, to: leafText(leaf) });
  }
  notes.push(...moves.notes());
  return notes;
}

/** What took the place of a member that is gone, with its type, where nothing else lies (a union has many there). */
function findRenamed(a: Leaves, b: Leaves): Map<Leaf, Leaf> {
  const atA = onlyOnesByPlace(a);
  const renamed = new Map<Leaf, Leaf>();
  for (const [place, fresh] of onlyOnesByPlace(b)) {
    const old = atA.get(place);
    if (old === undefined || a.has(fresh.path) || b.has(old.path)) continue;
    if (old.bitSize === fresh.bitSize && old.type === fresh.type) renamed.set(old, fresh);
  }
  return renamed;
}

function onlyOnesByPlace(leaves: Leaves): Map<number, Leaf> {
  const byPlace = new Map<number, Leaf>();
  const shared = new Set<number>();
  for (const leaf of leaves.values()) {
    if (byPlace.has(leaf.bitOffset)) shared.add(leaf.bitOffset);
    byPlace.set(leaf.bitOffset, leaf);
  }
  for (const place of shared) byPlace.delete(place);
  return byPlace;
}

/**
 * Neighbours that moved by as much are one move: a new member in front moves all that follow. One that stayed where it
 * was is told of all the same, because those beside it are no neighbours.
 */
class Moves {
  private readonly runs: { first: Leaf; last: Leaf; count: number; by: number; to: number }[] = [];

  add(old: Leaf, fresh: Leaf): void {
    const by = fresh.bitOffset - old.bitOffset;
    const run = this.runs.at(-1);
    if (run !== undefined && run.by === by) {
      run.last = old;
      run.count++;
    } else {
      this.runs.push({ first: old, last: old, count: 1, by, to: fresh.bitOffset });
    }
  }

  notes(): DiffNote[] {
    const moved = this.runs.filter(({ by }) => by !== 0);
    return moved.map(({ first, last, count, by, to }) =>
      count === 1
        ? { what: 'member-moved', subject: first.path, from: placeText(first.bitOffset), to: placeText(to) }
        : {
            what: 'members-moved',
            subject: `${first.path} … ${last.path}`,
            count,
            to: `${by > 0 ? '+' : '-'}${distanceText(Math.abs(by))}`,
          },
    );
  }
}

/** The members, those of anonymous structs and unions in their place. */
function leavesOf(btf: Btf, id: number): Leaves {
  const leaves = new Map<string, Leaf>();
  let membersLeft = MAX_MEMBERS;
  let textLeft = MAX_TEXT;
  collect(id, '', 0, 0);
  return leaves;

  function collect(composite: number, prefix: string, start: number, depth: number): void {
    for (let i = 0; i < btf.vlen(composite) && membersLeft > 0 && textLeft > 0; i++) {
      membersLeft--;
      const type = btf.entryType(composite, i);
      const name = btf.entryName(composite, i);
      const bitOffset = start + btf.memberBitOffset(composite, i);
      if (isAnonymousComposite(btf, type) && depth < MAX_DEPTH) {
        collect(type, name === '' ? prefix : `${prefix}${name}.`, bitOffset, depth + 1);
        continue;
      }
      const bitSize = btf.memberBitSize(composite, i);
      // Nameless ones, and what only hostile input has twice, are told apart by their place.
      const plain = `${prefix}${name}`;
      const path = name === '' || leaves.has(plain) ? `${plain}@${bitOffset}` : plain;
      const declared = cDeclaration(btf, type);
      textLeft -= declared.length;
      leaves.set(path, { path, bitOffset, bitSize, type: declared });
    }
  }
}

export function isAnonymousComposite(btf: Btf, id: number): boolean {
  const kind = btf.kind(id);
  return (kind === K.STRUCT || kind === K.UNION) && btf.nameOffset(id) === 0;
}

/** Size, sign and enumerators of two definitions of one enum. */
export function diffEnums(a: Btf, idA: number, b: Btf, idB: number): DiffNote[] {
  const notes: DiffNote[] = [];
  const [sizeA, sizeB] = [a.sizeOrType(idA), b.sizeOrType(idB)];
  if (sizeA !== sizeB) notes.push({ what: 'size', subject: '', from: `${sizeA}`, to: `${sizeB}` });
  const [signA, signB] = [signText(a, idA), signText(b, idB)];
  if (signA !== signB) notes.push({ what: 'sign', subject: '', from: signA, to: signB });
  const valuesA = valuesOf(a, idA);
  const valuesB = valuesOf(b, idB);
  const shifts: { first: string; last: string; count: number; from: bigint; to: bigint }[] = [];
  for (const [name, from] of valuesA) {
    const to = valuesB.get(name);
    if (to === undefined) notes.push({ what: 'value-removed', subject: name, from: `${from}` });
    if (to === undefined) continue;
    const shift = shifts.at(-1);
    if (shift !== undefined && shift.to - shift.from === to - from) {
      shift.last = name;
      shift.count++;
    } else {
      shifts.push({ first: name, last: name, count: 1, from, to });
    }
  }
  for (const [name, value] of valuesB) {
    if (!valuesA.has(name)) notes.push({ what: 'value-added', subject: name, to: `${value}` });
  }
  for (const { first, last, count, from, to } of shifts) {
    // Kept until here because what stands on either side of it is no run.
    if (to === from) continue;
    const by = `${to > from ? '+' : ''}${to - from}`;
    notes.push(
      count === 1
        ? { what: 'value-changed', subject: first, from: `${from}`, to: `${to}` }
        : { what: 'values-changed', subject: `${first} … ${last}`, count, to: by },
    );
  }
  return notes;
}

function signText(btf: Btf, id: number): string {
  return `${btf.kindFlag(id) ? 'signed' : 'unsigned'}${btf.kind(id) === K.ENUM64 ? ' 64-bit' : ''}`;
}

function valuesOf(btf: Btf, id: number): Map<string, bigint> {
  const values = new Map<string, bigint>();
  for (let i = 0; i < btf.vlen(id); i++) values.set(btf.entryName(id, i), btf.enumValue(id, i));
  return values;
}

function leafText({ type, bitOffset, bitSize }: Leaf): string {
  const width = bitSize > 0 ? `, ${widthText(bitSize)}` : '';
  return `${type} at ${placeText(bitOffset)}${width}`;
}

function placeText(bitOffset: number): string {
  const bytes = Math.floor(bitOffset / 8);
  return bitOffset % 8 === 0 ? `byte ${bytes}` : `byte ${bytes}, bit ${bitOffset % 8}`;
}

function distanceText(bits: number): string {
  return bits % 8 === 0 ? counted(bits / 8, 'byte') : counted(bits, 'bit');
}

function widthText(bits: number): string {
  return bits === 0 ? 'no bitfield' : counted(bits, 'bit');
}
