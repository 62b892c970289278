/** Classes of equal types over a module's BTF and its base together, by partition refinement of what both can share. */

import { type BaseIndex, referencesOf } from './base-index.ts';
import { BTF_KIND } from './constants.ts';
import { coarsestPartition, reverseEdges } from './partition.ts';
import { NO_LABEL } from './type-labels.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** A module beside its base. */
export interface PreparedModule {
  readonly module: Btf;
  readonly base: BaseIndex;
  /** By id: the base's number of the type's label, `NO_LABEL` for none. */
  readonly labels: Int32Array;
  readonly childStart: Uint32Array;
  readonly children: Uint32Array;
  readonly parents: Edges;
}

interface Edges {
  readonly start: Uint32Array;
  readonly nodes: Uint32Array;
}

export interface JoinOptions {
  /** By id of the module: the type of the base that the type is whatever either says; 0 for types that are compared. */
  readonly standFor: Uint32Array;
  /** 1 for types of the module that are none of the base's. */
  readonly isOwn: Uint8Array;
  /** {@link JoinedTypes.firstInBase} of an earlier join. */
  readonly firstInBase?: Uint32Array;
}

export interface JoinedTypes {
  /** By id of the module: the lowest id of the base that is the same type, 0 for none. */
  readonly matches: Uint32Array;
  /** By id of the base: the lowest id that is the same type; 0 for types that the module has nothing like. */
  readonly firstInBase: Uint32Array;
}

export function prepareModule(module: Btf, base: BaseIndex): PreparedModule {
  const { childStart, children } = referencesOf(module);
  const nothing = new Uint32Array(0);
  const nodeCount = module.typeCount;
  const parents = reverseEdges({ nodeCount, childStart, children, labelStart: nothing, labels: nothing });
  return { module, base, labels: base.labels.labelsIn(module), childStart, children, parents };
}

export function joinTypes(prepared: PreparedModule, options: JoinOptions): JoinedTypes {
  const { module, base, labels, childStart, children } = prepared;
  const { standFor } = options;
  const inModule = sharableTypes(prepared, options);
  const stoodFor = typesStoodFor(base, options);
  const inBase = usableTypes(prepared, options, inModule, stoodFor);

  // Nodes: the base's types, `void` first, then the module's.
  const nodeOfBase = new Int32Array(base.btf.typeCount);
  const idOfNode: number[] = [];
  for (let id = 0; id < inBase.length; id++) if (inBase[id] === 1) nodeOfBase[id] = idOfNode.push(id) - 1;
  const baseNodes = idOfNode.length;
  const nodeOfModule = new Int32Array(module.typeCount);
  for (let id = 1; id < inModule.length; id++) {
    if (standFor[id] !== 0) nodeOfModule[id] = nodeOfBase[standFor[id]];
    else if (inModule[id] === 1) nodeOfModule[id] = idOfNode.push(id) - 1;
  }

  const nodeCount = idOfNode.length;
  const nodeLabels = new Uint32Array(nodeCount);
  const nodeChildStart = new Uint32Array(nodeCount + 1);
  const nodeChildren: number[] = [];
  for (let node = 0; node < nodeCount; node++) {
    const id = idOfNode[node];
    if (node >= baseNodes) {
      nodeLabels[node] = labels[id];
      for (let e = childStart[id]; e < childStart[id + 1]; e++) nodeChildren.push(nodeOfModule[children[e]]);
    } else if (stoodFor[id] !== 0) {
      // A label that no type has of itself, and no references.
      nodeLabels[node] = base.labels.count + stoodFor[id];
    } else {
      nodeLabels[node] = base.labels.labelOf[id];
      for (let e = base.childStart[id]; e < base.childStart[id + 1]; e++)
        nodeChildren.push(nodeOfBase[base.children[e]]);
    }
    nodeChildStart[node + 1] = nodeChildren.length;
  }
  const { classOf, classCount } = coarsestPartition({
    nodeCount,
    labelStart: Uint32Array.from({ length: nodeCount + 1 }, (_, node) => node),
    labels: nodeLabels,
    childStart: nodeChildStart,
    children: Uint32Array.from(nodeChildren),
  });

  const idOfClass = new Uint32Array(classCount);
  for (let node = baseNodes - 1; node >= 0; node--) idOfClass[classOf[node]] = idOfNode[node];
  const firstInBase = new Uint32Array(base.btf.typeCount);
  for (let node = 0; node < baseNodes; node++) firstInBase[idOfNode[node]] = idOfClass[classOf[node]];
  const matches = new Uint32Array(module.typeCount);
  for (let id = 1; id < matches.length; id++) {
    if (standFor[id] !== 0) matches[id] = standFor[id];
    else if (inModule[id] === 1) matches[id] = idOfClass[classOf[nodeOfModule[id]]];
  }
  return { matches, firstInBase };
}

/** By id of the module: 1 for types that may be the base's, because it has their label and those of all they refer to. */
function sharableTypes(
  { module, labels, parents }: PreparedModule,
  { standFor, isOwn }: JoinOptions,
): Uint8Array {
  return withoutParents(
    parents,
    module.typeCount,
    (id) => {
      const kind = module.kind(id);
      // VAR and DATASEC are things of the module's own, equal or not.
      return labels[id] === NO_LABEL || isOwn[id] === 1 || kind === K.VAR || kind === K.DATASEC;
    },
    (id) => standFor[id] !== 0,
  );
}

/** By id of the base: the lowest id of the same type that some type of the module stands for; 0 for all others. */
function typesStoodFor(base: BaseIndex, { standFor, firstInBase }: JoinOptions): Uint32Array {
  const stoodFor = new Uint32Array(base.btf.typeCount);
  for (const target of standFor) if (target !== 0) stoodFor[target] = target;
  if (firstInBase === undefined) return stoodFor;
  for (let id = 1; id < stoodFor.length; id++) {
    const first = firstInBase[id];
    if (stoodFor[id] === 0 && first !== 0 && stoodFor[first] !== 0) stoodFor[id] = first;
  }
  return stoodFor;
}

/** By id of the base: 1 for types that some type of the module may be. */
function usableTypes(
  { base, labels }: PreparedModule,
  { standFor }: JoinOptions,
  inModule: Uint8Array,
  stoodFor: Uint32Array,
): Uint8Array {
  const isAskedFor = new Uint8Array(base.labels.count);
  for (let id = 1; id < labels.length; id++) {
    if (inModule[id] === 1 && standFor[id] === 0) isAskedFor[labels[id]] = 1;
  }
  const { labelOf } = base.labels;
  return withoutParents(
    base.parents,
    base.btf.typeCount,
    (id) => isAskedFor[labelOf[id]] === 0,
    (id) => stoodFor[id] !== 0,
  );
}

/** 1 for all types but those of `isOut` and what refers to them, however indirectly; those of `isFixed` stay. */
function withoutParents(
  parents: Edges,
  typeCount: number,
  isOut: (id: number) => boolean,
  isFixed: (id: number) => boolean,
): Uint8Array {
  const isIn = new Uint8Array(typeCount).fill(1);
  const out: number[] = [];
  for (let id = 1; id < typeCount; id++) {
    if (isFixed(id) || !isOut(id)) continue;
    isIn[id] = 0;
    out.push(id);
  }
  for (let id = out.pop(); id !== undefined; id = out.pop()) {
    for (let e = parents.start[id]; e < parents.start[id + 1]; e++) {
      const parent = parents.nodes[e];
      if (isIn[parent] === 0 || isFixed(parent)) continue;
      isIn[parent] = 0;
      out.push(parent);
    }
  }
  return isIn;
}
