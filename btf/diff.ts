/** What differs between two BTFs, definition by definition and in words' reach: the model of `btfmill diff`. */

import { cDeclaration, cLine } from './c-text.ts';
import type { CompareTolerances } from './compare-graph.ts';
import { BTF_KIND, BTF_KIND_NAMES, type BtfKindName } from './constants.ts';
import { counted } from './counted.ts';
import { describeLines } from './describe.ts';
import { diffComposites, diffEnums, isAnonymousComposite } from './diff-members.ts';
import { type ChangedDefinitions, findChanges } from './find-changes.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** One thing that changed about a definition; which fields are there depends on what it is. */
export interface DiffNote {
  readonly what:
    | 'size'
    | 'sign'
    | 'member-added'
    | 'member-removed'
    | 'member-renamed'
    | 'member-retyped'
    | 'member-moved'
    | 'members-moved'
    | 'bit-size'
    | 'value-added'
    | 'value-removed'
    | 'value-changed'
    | 'values-changed'
    | 'definition'
    | 'definition-added'
    | 'definition-removed'
    | 'order';
  /** Member or enumerator; "" for the whole. */
  readonly subject: string;
  readonly from?: string;
  readonly to?: string;
  /** `members-moved`, `values-changed`: how many neighbours, by as much as `to` says. */
  readonly count?: number;
}

/** What a changed name belongs to. */
export type DiffGroup = 'types' | 'functions' | 'variables' | 'tags';

/** One name that differs: added, removed, or changed in itself. */
export interface DiffEntry {
  readonly group: DiffGroup;
  readonly kind: BtfKindName;
  readonly name: string;
  readonly what: 'added' | 'removed' | 'changed';
  /** `added`, `removed`: its definition in a line. */
  readonly summary: string;
  readonly notes: readonly DiffNote[];
}

/** Types first, then functions, variables and tags; in each group changed, removed, added; by name. */
export function diffBtf(a: Btf, b: Btf, tolerances: CompareTolerances = {}): DiffEntry[] {
  const entries: DiffEntry[] = [];
  let textLeft = MAX_TEXT;
  for (const change of findChanges(a, b, tolerances)) {
    // An anonymous type shows in whoever spells it out.
    if (change.name === '' && change.kind !== 'DATASEC') continue;
    const entry = textLeft > 0 ? entryOf(a, b, change) : unspoken(change);
    textLeft -= textOf(entry);
    entries.push(entry);
  }
  const rank = (entry: DiffEntry): number => GROUPS.indexOf(entry.group) * 3 + WHATS.indexOf(entry.what);
  return entries.sort(
    (x, y) => rank(x) - rank(y) || compareText(x.name, y.name) || compareText(x.kind, y.kind),
  );
}

/** Of all entries together; two kernels five years apart need a tenth of it. What follows is named only. */
const MAX_TEXT = 64_000_000;

function textOf({ summary, notes }: DiffEntry): number {
  return notes.reduce((sum, { from = '', to = '' }) => sum + from.length + to.length, summary.length);
}

function unspoken({ kind, name, what }: ChangedDefinitions): DiffEntry {
  return { group: groupOf(kind), kind, name, what: WORDS[what], summary: `${name}: …`, notes: [] };
}

/** In the order of a diff. */
export const GROUPS: readonly DiffGroup[] = ['types', 'functions', 'variables', 'tags'];
const WHATS: readonly DiffEntry['what'][] = ['changed', 'removed', 'added'];

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function entryOf(a: Btf, b: Btf, { kind, name, what, idsA, idsB }: ChangedDefinitions): DiffEntry {
  const common = { group: groupOf(kind), kind, name };
  if (kind === 'DECL_TAG')
    return { ...common, what: WORDS[what], summary: '', notes: diffTags(a, idsA, b, idsB) };
  if (what === 'only-a') return { ...common, what: 'removed', summary: summaryOf(a, idsA[0]), notes: [] };
  if (what === 'only-b') return { ...common, what: 'added', summary: summaryOf(b, idsB[0]), notes: [] };
  const pairs = Math.min(idsA.length, idsB.length);
  const notes: DiffNote[] = [];
  for (let i = 0; i < pairs; i++) notes.push(...diffOne(a, idsA[i], b, idsB[i]));
  // A name may have several definitions; they are no changes of each other.
  for (const id of idsA.slice(pairs)) {
    notes.push({ what: 'definition-removed', subject: '', from: summaryOf(a, id) });
  }
  for (const id of idsB.slice(pairs)) {
    notes.push({ what: 'definition-added', subject: '', to: summaryOf(b, id) });
  }
  return { ...common, what: 'changed', summary: '', notes };
}

const WORDS = { 'only-a': 'removed', 'only-b': 'added', changed: 'changed' } as const;

function groupOf(kind: BtfKindName): DiffGroup {
  if (kind === 'FUNC') return 'functions';
  if (kind === 'VAR' || kind === 'DATASEC') return 'variables';
  return kind === 'DECL_TAG' ? 'tags' : 'types';
}

function diffOne(a: Btf, idA: number, b: Btf, idB: number): DiffNote[] {
  const kind = a.kind(idA);
  switch (kind) {
    case K.STRUCT:
    case K.UNION:
      return orOrder(diffComposites(a, idA, b, idB));
    case K.ENUM:
    case K.ENUM64:
      return orOrder(diffEnums(a, idA, b, idB));
    case K.TYPEDEF: {
      const [targetA, targetB] = [a.sizeOrType(idA), b.sizeOrType(idB)];
      const isSameKind = a.kind(targetA) === b.kind(targetB);
      if (isSameKind && isAnonymousComposite(a, targetA) && isAnonymousComposite(b, targetB)) {
        return orOrder(diffComposites(a, targetA, b, targetB));
      }
      const isEnum = a.kind(targetA) === K.ENUM || a.kind(targetA) === K.ENUM64;
      if (isSameKind && isEnum && a.name(targetA) === '' && b.name(targetB) === '') {
        return orOrder(diffEnums(a, targetA, b, targetB));
      }
      return [
        { what: 'definition', subject: '', from: cDeclaration(a, targetA), to: cDeclaration(b, targetB) },
      ];
    }
    case K.DATASEC:
      return diffSections(a, idA, b, idB);
    default: {
      const [from, to] = [lineOf(a, idA), lineOf(b, idB)];
      // What C does not show, e.g. linkage.
      if (from === to) {
        return [
          {
            what: 'definition',
            subject: '',
            from: describeLines(a, idA).join('; '),
            to: describeLines(b, idB).join('; '),
          },
        ];
      }
      return [{ what: 'definition', subject: '', from, to }];
    }
  }
}

/** The same members in another order, or a change behind a reference that C writes alike (a FWD for a struct). */
function orOrder(notes: DiffNote[]): DiffNote[] {
  return notes.length > 0 ? notes : [{ what: 'order', subject: '' }];
}

function lineOf(btf: Btf, id: number): string {
  // What is no C is a comment there; here it stands by itself.
  return cLine(btf, id).replace(/^\/\* (.*) \*\/$/u, '$1');
}

function summaryOf(btf: Btf, id: number): string {
  const kind = btf.kind(id);
  const name = btf.name(id);
  switch (kind) {
    case K.STRUCT:
    case K.UNION:
      return `${kind === K.STRUCT ? 'struct' : 'union'} ${name}, ${counted(btf.sizeOrType(id), 'byte')}`;
    case K.ENUM:
    case K.ENUM64:
      return `enum ${name}, ${counted(btf.vlen(id), 'value')}`;
    case K.DATASEC:
      return `section ${name}, ${counted(btf.vlen(id), 'variable')}`;
    case K.TYPEDEF: {
      const target = btf.sizeOrType(id);
      if (!isAnonymousComposite(btf, target)) return lineOf(btf, id);
      const word = btf.kind(target) === K.STRUCT ? 'struct' : 'union';
      return `typedef ${word} … ${name}, ${counted(btf.sizeOrType(target), 'byte')}`;
    }
    default:
      return lineOf(btf, id);
  }
}

function diffSections(a: Btf, idA: number, b: Btf, idB: number): DiffNote[] {
  const notes: DiffNote[] = [];
  const [sizeA, sizeB] = [a.sizeOrType(idA), b.sizeOrType(idB)];
  if (sizeA !== sizeB) notes.push({ what: 'size', subject: '', from: `${sizeA}`, to: `${sizeB}` });
  const entriesA = entriesOf(a, idA);
  const entriesB = entriesOf(b, idB);
  let moved = 0;
  for (const [name, place] of entriesA) {
    const fresh = entriesB.get(name);
    if (fresh === undefined) notes.push({ what: 'member-removed', subject: name, from: place });
    else if (fresh !== place) moved++;
  }
  for (const [name, place] of entriesB) {
    if (!entriesA.has(name)) notes.push({ what: 'member-added', subject: name, to: place });
  }
  // A linker lays variables out anew each time: that they moved is worth a number.
  if (moved > 0) notes.push({ what: 'members-moved', subject: '', count: moved });
  return orOrder(notes);
}

function entriesOf(btf: Btf, id: number): Map<string, string> {
  const entries = new Map<string, string>();
  for (let i = 0; i < btf.vlen(id); i++) {
    const place = `byte ${btf.sectionOffset(id, i)}, ${counted(btf.sectionSize(id, i), 'byte')}`;
    entries.set(btf.name(btf.sectionVariable(id, i)), place);
  }
  return entries;
}

function diffTags(a: Btf, idsA: readonly number[], b: Btf, idsB: readonly number[]): DiffNote[] {
  return [
    ...idsA.map((id) => ({ what: 'definition-removed', subject: '', from: taggedText(a, id) }) as const),
    ...idsB.map((id) => ({ what: 'definition-added', subject: '', to: taggedText(b, id) }) as const),
  ];
}

function taggedText(btf: Btf, id: number): string {
  const target = btf.sizeOrType(id);
  const index = btf.componentIndex(id);
  return `on ${BTF_KIND_NAMES[btf.kind(target)]} ${btf.name(target)}${index < 0 ? '' : `, component ${index}`}`;
}
