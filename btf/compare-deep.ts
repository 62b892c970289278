/**
 * Are two BTFs the same but for ids, order, strings and leftover duplicates? By joint partition refinement: two types
 * are in one class when nothing that BTF says about them, however far one follows the references, tells them apart.
 */

import { type CompareGraph, type CompareTolerances, buildCompareGraph } from './compare-graph.ts';
import { BTF_KIND } from './constants.ts';
import { type Partition, coarsestPartition } from './partition.ts';
import { forEachReference } from './references.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/**
 * Which part of a BTF a type belongs to. `functions`: FUNC, the FUNC_PROTOs that only FUNCs refer to, and DECL_TAGs on
 * FUNCs. `variables`: VAR, DATASEC and DECL_TAGs on VARs. `types`: everything else.
 */
export type BtfLayer = 'types' | 'functions' | 'variables';

/** Classes of one layer. A class is counted once, however many equal types a BTF has of it. */
export interface LayerComparison {
  readonly common: number;
  /** Lowest id of each class that only A has, ascending. */
  readonly onlyA: readonly number[];
  readonly onlyB: readonly number[];
}

/** The answer of {@link compareDeep}, layer by layer. */
export interface DeepComparison {
  readonly layers: Record<BtfLayer, LayerComparison>;
  readonly equalTypes: boolean;
  readonly equalFunctions: boolean;
  readonly equalVariables: boolean;
  /** Types beyond the first of their class. */
  readonly duplicatesA: number;
  readonly duplicatesB: number;
  /** The types that arrays name as index, which take no part in the classes, are the same. */
  readonly equalArrayIndexTypes: boolean;
  readonly rounds: number;
}

/** Compares the types of two BTFs (of split BTFs: those of their own). Needs no more than the decoded bytes. */
export function compareDeep(a: Btf, b: Btf, tolerances: CompareTolerances = {}): DeepComparison {
  const graph = buildCompareGraph([a, b], tolerances, false);
  const partition = coarsestPartition(graph);
  const { classOf, classCount, rounds } = partition;
  const inA = firstIdByClass(a, graph, 0, partition);
  const inB = firstIdByClass(b, graph, 1, partition);
  const layerOf = layerByClass([a, b], graph, partition);

  const layers: Record<BtfLayer, { common: number; onlyA: number[]; onlyB: number[] }> = {
    types: { common: 0, onlyA: [], onlyB: [] },
    functions: { common: 0, onlyA: [], onlyB: [] },
    variables: { common: 0, onlyA: [], onlyB: [] },
  };
  for (let c = 0; c < classCount; c++) {
    const layer = layers[LAYERS[layerOf[c]]];
    const [idA, idB] = [inA.firstId[c], inB.firstId[c]];
    // Neither has it of its own: void, a base's type, or only ignored types.
    if (idA === 0 && idB === 0) continue;
    if (inA.present[c] === 1 && inB.present[c] === 1) layer.common++;
    else if (idA !== 0) layer.onlyA.push(idA);
    else layer.onlyB.push(idB);
  }
  for (const layer of Object.values(layers)) {
    layer.onlyA.sort((x, y) => x - y);
    layer.onlyB.sort((x, y) => x - y);
  }
  const indexA = arrayIndexClasses(a, classOf, graph.firstNode[0]);
  const indexB = arrayIndexClasses(b, classOf, graph.firstNode[1]);
  return {
    layers,
    equalTypes: isEqual(layers.types),
    equalFunctions: isEqual(layers.functions),
    equalVariables: isEqual(layers.variables),
    duplicatesA: inA.duplicates,
    duplicatesB: inB.duplicates,
    equalArrayIndexTypes: indexA.size === indexB.size && [...indexA].every((c) => indexB.has(c)),
    rounds,
  };
}

/** By layer number. */
const LAYERS: readonly BtfLayer[] = ['types', 'functions', 'variables'];
const TYPES = 0;
const FUNCTIONS = 1;
const VARIABLES = 2;

function isEqual(layer: LayerComparison): boolean {
  return layer.onlyA.length === 0 && layer.onlyB.length === 0;
}

interface ClassesOfOne {
  /** By class: 1 when the BTF has a type of it, ignored types included. */
  readonly present: Uint8Array;
  /** By class: lowest id of a type that is not ignored, 0 for none. */
  readonly firstId: Uint32Array;
  readonly duplicates: number;
}

function firstIdByClass(btf: Btf, graph: CompareGraph, index: number, partition: Partition): ClassesOfOne {
  const { classOf, classCount } = partition;
  const first = graph.firstNode[index];
  const present = new Uint8Array(classCount);
  const firstId = new Uint32Array(classCount);
  let duplicates = 0;
  // `void` and a base's types are there, but nobody asks whether they are equal.
  for (let id = 0; id < btf.firstId; id++) present[classOf[first + id]] = 1;
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    const c = classOf[first + id];
    if (graph.ignored[first + id] === 0) {
      if (firstId[c] !== 0) duplicates++;
      else firstId[c] = id;
    }
    present[c] = 1;
  }
  return { present, firstId, duplicates };
}

/** Number of the layer by class. A prototype that any type of either BTF refers to is a type. */
function layerByClass(btfs: readonly Btf[], graph: CompareGraph, partition: Partition): Uint8Array {
  const { classOf, classCount } = partition;
  const layerOf = new Uint8Array(classCount);
  const fromFunction = new Uint8Array(classCount);
  const fromType = new Uint8Array(classCount);
  for (let i = 0; i < btfs.length; i++) {
    const btf = btfs[i];
    const first = graph.firstNode[i];
    for (let id = 1; id < btf.typeCount; id++) {
      const mark = btf.kind(id) === K.FUNC ? fromFunction : fromType;
      forEachReference(btf, id, (target) => (mark[classOf[first + target]] = 1));
    }
  }
  for (let i = 0; i < btfs.length; i++) {
    const btf = btfs[i];
    const first = graph.firstNode[i];
    for (let id = 1; id < btf.typeCount; id++) {
      const c = classOf[first + id];
      const kind = btf.kind(id);
      if (kind === K.FUNC_PROTO) layerOf[c] = fromFunction[c] === 1 && fromType[c] === 0 ? FUNCTIONS : TYPES;
      else layerOf[c] = layerOfKind(kind === K.DECL_TAG ? btf.kind(btf.sizeOrType(id)) : kind);
    }
  }
  return layerOf;
}

function layerOfKind(kind: number): number {
  if (kind === K.FUNC) return FUNCTIONS;
  return kind === K.VAR || kind === K.DATASEC ? VARIABLES : TYPES;
}

function arrayIndexClasses(btf: Btf, classOf: Int32Array, first: number): Set<number> {
  const classes = new Set<number>();
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    if (btf.kind(id) === K.ARRAY) classes.add(classOf[first + btf.arrayIndexType(id)]);
  }
  return classes;
}
