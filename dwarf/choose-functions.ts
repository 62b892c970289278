/** Which functions become a FUNC, when all of the file are known. */

import { BTF_KIND } from '../btf/constants.ts';
import type { EmittedFunction, EmittedName, EmittedTag } from '../btf/emit.ts';
import type { StringPool } from '../btf/string-pool.ts';
import { ENTRY_INTS, type TypePool } from '../btf/type-pool.ts';
import type { MergedCollection } from './ambiguity.ts';
import type { CollectOptions } from './collect.ts';
import { type FunctionGroup, groupFunctions, hasSymbolAt } from './function-groups.ts';
import { FUNCTION, FUNCTION_INTS } from './functions.ts';
import { bsearchFinds, KF_FASTCALL } from './kfuncs.ts';
import type { FunctionRules } from './profile.ts';
import { prototypesMatch } from './prototypes.ts';
import type { UnitHeader } from './sections.ts';
import { SIGNATURE } from './signatures.ts';
import { type ConversionSymbols, nameBeforeDot } from './symbols.ts';
import { distinctTags, TAG_ROW, TAG_ROW_INTS } from './tags.ts';
import { UNIT_STRIDE } from './unit-resolver.ts';

/** A function of some unit. */
interface Candidate {
  readonly key: number;
  readonly name: number;
  readonly proto: number;
  /** Bits of SIGNATURE. */
  readonly signature: number;
  /** Address in two halves, 0 of an abstract instance. */
  readonly low: number;
  readonly high: number;
  readonly tags: readonly CandidateTag[];
}

type Candidates = readonly [Candidate, ...Candidate[]];

/** A btf_decl_tag of a function. */
interface CandidateTag {
  readonly key: number;
  readonly name: number;
  readonly component: number;
}

export interface ChosenFunctions {
  readonly functions: readonly EmittedFunction[];
  /** Names that are used at a place of the stream without a type. */
  readonly names: readonly EmittedName[];
  readonly tags: readonly EmittedTag[];
}

interface Choosing {
  readonly symbols: ConversionSymbols;
  readonly options: CollectOptions;
  readonly units: readonly UnitHeader[];
}

/** FUNCs with their prototypes in the pool, met where they stand in the stream. */
export function chooseFunctions(
  pool: TypePool,
  strings: StringPool,
  parts: readonly MergedCollection[],
  { symbols, options, units }: Choosing,
): ChosenFunctions {
  const rules = options.profile.functions;
  const groups = rules.symbolName === 'grouped' ? groupFunctions(strings, symbols) : undefined;
  const isKnown =
    groups === undefined ? knownNames(strings, symbols, rules) : (name: number) => groups.has(name);
  const matched = candidatesOf(pool, parts, options.hasFunctionSymbols ? isKnown : () => true);
  if (rules.placement === 'first-in-unit') {
    const first = options.hasFunctionSymbols ? firstOfName(matched) : firstOfEqual(matched);
    return inPlace(pool, first);
  }
  const names = namesOf(pool, matched);
  const kept: Candidate[] = [];
  for (const group of groupsOf(matched)) {
    if (!passes(pool, group, rules)) continue;
    const symbolsOfName = groups?.get(group[0].name);
    const chosen = symbolsOfName === undefined ? group[0] : canonical(group, symbolsOfName);
    if (symbolsOfName?.isAmbiguous !== true && !isOptimized(chosen, symbolsOfName)) kept.push(chosen);
  }
  const sorted = sortByName(strings, kept);
  const kfuncs =
    groups === undefined
      ? findKfuncs(strings, symbols)
      : new Map(symbols.kfuncs.map(({ name, flags }) => [strings.addText(name), flags]));
  return { ...atEnd(pool, strings, sorted, { rules, kfuncs, unitCount: units.length }), names };
}

const NO_TAGS: readonly CandidateTag[] = [];

/** @param isWanted which names to take: half of a kernel's functions are inlined everywhere and have no symbol */
function candidatesOf(
  pool: TypePool,
  parts: readonly MergedCollection[],
  isWanted: (name: number) => boolean,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (const part of parts) {
    const { collection, names, isCurrent } = part;
    const { keys, rows, results } = collection.functions;
    const tags = tagsByFunction(part);
    const protos = new Int32Array(results.length);
    const protoOf = (number: number): number => {
      if (protos[number] === 0) protos[number] = enterPrototype(pool, part, number);
      return protos[number];
    };
    for (let f = 0; f < keys.length; f++) {
      const row = f * FUNCTION_INTS;
      if (!isCurrent(rows[row + FUNCTION.UNIT])) continue;
      const name = names.id(rows[row + FUNCTION.NAME]);
      if (name === 0 || !isWanted(name)) continue;
      candidates.push({
        key: keys[f],
        name,
        proto: protoOf(rows[row + FUNCTION.PROTO]),
        signature: rows[row + FUNCTION.FLAGS],
        low: rows[row + FUNCTION.ADDRESS_LOW],
        high: rows[row + FUNCTION.ADDRESS_HIGH],
        tags: tags.get(f) ?? NO_TAGS,
      });
    }
  }
  return candidates.sort((a, b) => a.key - b.key);
}

function tagsByFunction({ collection, names }: MergedCollection): Map<number, CandidateTag[]> {
  const { keys, rows } = collection.functions.tags;
  const found = new Map<number, CandidateTag[]>();
  keys.forEach((key, i) => {
    const row = i * TAG_ROW_INTS;
    const number = rows[row + TAG_ROW.TARGET];
    const tags = found.get(number) ?? [];
    tags.push({
      key,
      name: names.id(rows[row + TAG_ROW.VALUE]),
      component: rows[row + TAG_ROW.COMPONENT],
    });
    found.set(number, tags);
  });
  return found;
}

/** Node of a collection's prototype. */
function enterPrototype(
  pool: TypePool,
  { collection, names, map }: MergedCollection,
  number: number,
): number {
  const { results, starts, counts, entries } = collection.functions;
  const count = counts[number];
  const own = entries.slice(starts[number], starts[number] + count * ENTRY_INTS);
  for (let i = 0; i < own.length; i += ENTRY_INTS) {
    own[i] = names.id(own[i]);
    own[i + 2] = map.nodes[own[i + 2]];
  }
  return pool.list(BTF_KIND.FUNC_PROTO, map.nodes[results[number]], 0, own, 0, count);
}

/** Tells the names that the ELF symbol table has. */
function knownNames(
  strings: StringPool,
  symbols: ConversionSymbols,
  { symbolName }: FunctionRules,
): (name: number) => boolean {
  const { functions, strings: table } = symbols;
  const ids: number[] = [];
  for (const offset of new Set(functions)) {
    ids.push(strings.addTerminated(table, offset));
    if (symbolName === 'before-dot') ids.push(nameBeforeDot(strings, table, offset));
  }
  const known = new Uint8Array(strings.total);
  for (const id of ids) known[id] = 1;
  return (name) => name < known.length && known[name] === 1;
}

function firstOfName(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<number>();
  return candidates.filter(({ name }) => !seen.has(name) && seen.add(name));
}

/** Without symbols one name may come several times; equal ones are one FUNC. */
function firstOfEqual(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ name, proto }) => {
    const identity = `${name} ${proto}`;
    return !seen.has(identity) && seen.add(identity);
  });
}

function inPlace(pool: TypePool, chosen: readonly Candidate[]): ChosenFunctions {
  const tags: EmittedTag[] = [];
  const functions = chosen.map(({ key, name, proto, tags: own }, target) => {
    pool.meet(proto, key);
    for (const tag of own) tags.push({ ...tag, on: 'function', target });
    return { key: key + 1, name, proto };
  });
  return { functions, names: [], tags: distinctTags(tags) };
}

/** Candidates by name, the groups in order of their first. */
function groupsOf(candidates: readonly Candidate[]): [Candidate, ...Candidate[]][] {
  const groups = new Map<number, [Candidate, ...Candidate[]]>();
  for (const candidate of candidates) {
    const group = groups.get(candidate.name);
    if (group === undefined) groups.set(candidate.name, [candidate]);
    else group.push(candidate);
  }
  return [...groups.values()];
}

/** What leaves a name out as soon as one function of it has it. */
const REFUSED = SIGNATURE.UNEXPECTED | SIGNATURE.REORDERED | SIGNATURE.UNCERTAIN;

function passes(pool: TypePool, group: Candidates, { inconsistent }: FunctionRules): boolean {
  const [first] = group;
  for (const { proto, signature } of group) {
    if ((signature & REFUSED) !== 0) return false;
    if (inconsistent !== 'kept' && !prototypesMatch(pool, first.proto, proto, inconsistent)) return false;
  }
  return true;
}

/**
 * The function that stands for all of its name: the first at an address that the symbol table has, rather one with all
 * of its parameters; else the first with an address (an abstract instance and one in several ranges have none, which is
 * an address of 0).
 */
function canonical(group: Candidates, symbols: FunctionGroup): Candidate {
  const atSymbols = group.filter(({ low, high }) => hasSymbolAt(symbols, low, high));
  const whole = atSymbols.find((candidate) => !isOptimized(candidate, symbols));
  return whole ?? atSymbols[0] ?? group.find(({ low, high }) => low !== 0 || high !== 0) ?? group[0];
}

/** Whether a function is called in another way than its prototype says, having lost parameters. */
function isOptimized({ signature, low, high }: Candidate, symbols: FunctionGroup | undefined): boolean {
  if ((signature & SIGNATURE.OPTIMIZED) === 0) return false;
  if ((signature & SIGNATURE.CHANGED) !== 0) return true;
  if (symbols === undefined || (low === 0 && high === 0)) return false;
  return symbols.isClone.some((isClone, i) => isClone && symbols.low[i] === low && symbols.high[i] === high);
}

/** Names of parameters and values of tags where they are first met, also of functions that become no FUNC. */
function namesOf(pool: TypePool, candidates: readonly Candidate[]): EmittedName[] {
  const seen = new Set<number>();
  const names: EmittedName[] = [];
  const add = (key: number, name: number): void => {
    if (name === 0 || seen.has(name)) return;
    seen.add(name);
    names.push({ key, name });
  };
  for (const { key, proto, tags } of candidates) {
    const start = pool.nodeStart.at(proto);
    for (let p = 0; p < pool.nodeCount.at(proto); p++) add(key + p, pool.entries.at(start + p * ENTRY_INTS));
    for (const tag of tags) add(tag.key, tag.name);
  }
  return names;
}

/** In the order of strcmp. */
function sortByName(strings: StringPool, functions: readonly Candidate[]): Candidate[] {
  const order = strings.sort(Int32Array.from(functions, ({ name }) => name));
  return Array.from(order, (index) => functions[index]);
}

/** Flags of the kfuncs by name. */
function findKfuncs(
  strings: StringPool,
  { kfuncs, functions, strings: table }: ConversionSymbols,
): Map<number, number> {
  const found = new Map<number, number>();
  if (kfuncs.length === 0) return found;
  const symbolNames = Array.from(functions, (offset) => strings.text(strings.addTerminated(table, offset)));
  for (const { name, flags } of kfuncs) {
    if (bsearchFinds(name, symbolNames)) found.set(strings.addText(name), flags);
  }
  return found;
}

const KFUNC_AND_FASTCALL = ['bpf_kfunc', 'bpf_fastcall'];

interface EndOfStream {
  readonly rules: FunctionRules;
  readonly kfuncs: ReadonlyMap<number, number>;
  readonly unitCount: number;
}

/** Prototype, function, its tags; one function after the other, behind all units. */
function atEnd(
  pool: TypePool,
  strings: StringPool,
  sorted: readonly Candidate[],
  { rules, kfuncs, unitCount }: EndOfStream,
): Pick<ChosenFunctions, 'functions' | 'tags'> {
  const functions: EmittedFunction[] = [];
  const tags: EmittedTag[] = [];
  let key = unitCount * UNIT_STRIDE;
  for (const { name, proto: whole, tags: own } of sorted) {
    const proto = withShortNames(pool, strings, whole, rules.maxNameBytes);
    pool.meet(proto, key++);
    const target = functions.push({ key: key++, name, proto }) - 1;
    const kfunc = kfuncs.get(name);
    const values =
      kfunc === undefined ? [] : (kfunc & KF_FASTCALL) === 0 ? ['bpf_kfunc'] : KFUNC_AND_FASTCALL;
    const ofKfunc = values.map((value) => ({ name: strings.addText(value), component: -1 }));
    const ofOwn = own.map((tag) => ({ ...tag, name: cutName(strings, tag.name, rules.maxNameBytes) }));
    const all = rules.tagKfuncs === 'last' ? [...ofOwn, ...ofKfunc] : [...ofKfunc, ...ofOwn];
    for (const { name: value, component } of all)
      tags.push({ key: key++, name: value, on: 'function', target, component });
  }
  return { functions, tags: distinctTags(tags) };
}

/** The prototype with its parameters' names cut to so many bytes. */
function withShortNames(pool: TypePool, strings: StringPool, proto: number, maxBytes: number): number {
  const start = pool.nodeStart.at(proto);
  const count = pool.nodeCount.at(proto);
  const entries = pool.entries.data.slice(start, start + count * ENTRY_INTS);
  let isCut = false;
  for (let i = 0; i < entries.length; i += ENTRY_INTS) {
    const cut = cutName(strings, entries[i], maxBytes);
    isCut ||= cut !== entries[i];
    entries[i] = cut;
  }
  return isCut ? pool.list(BTF_KIND.FUNC_PROTO, pool.nodeA.at(proto), 0, entries, 0, count) : proto;
}

function cutName(strings: StringPool, name: number, maxBytes: number): number {
  if (strings.byteLength(name) <= maxBytes) return name;
  const { bytes, start } = strings.placeOf(name);
  return strings.add(bytes, start, start + maxBytes);
}
