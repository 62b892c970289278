/**
 * Coarsest partition of a graph's nodes such that nodes of one class have the same label and, position by
 * position, children of the same classes (bisimulation; BTF's notion of "the same type", ids aside).
 */

import { addWord, finishWords, hashKey } from './hashing.ts';

/** A directed graph with labelled nodes and ordered edges, as flat arrays. */
export interface LabelledGraph {
  readonly nodeCount: number;
  /** Node n's label is `labels[labelStart[n] .. labelStart[n + 1])`. Equal labels must imply equally many children. */
  readonly labelStart: Uint32Array;
  readonly labels: Uint32Array;
  /** Node n's children are `children[childStart[n] .. childStart[n + 1])`. */
  readonly childStart: Uint32Array;
  readonly children: Uint32Array;
}

export interface Partition {
  /** Class by node, 0 .. classCount - 1. */
  readonly classOf: Int32Array;
  readonly classCount: number;
  readonly rounds: number;
}

/**
 * Splits classes until they are stable. Each round looks only at nodes one of whose children changed class, and the
 * largest part of a split class keeps its number, so a node changes class at most log2(nodeCount) times.
 */
export function coarsestPartition(graph: LabelledGraph): Partition {
  const { nodeCount, childStart, children } = graph;
  const { first, second } = hashKey();
  const parents = reverseEdges(graph);
  const classOf = new Int32Array(nodeCount);
  let classCount = classesByLabel(graph, classOf);

  // Nodes ordered by class: class c holds members[classStart[c] .. + classSize[c]).
  const members = new Int32Array(nodeCount);
  const place = new Int32Array(nodeCount);
  const classStart = new Int32Array(nodeCount);
  const classSize = new Int32Array(nodeCount);
  orderByClass();

  // Nodes to look at in this round, and those for the next.
  let dirty = new Int32Array(nodeCount);
  let nextDirty = new Int32Array(nodeCount);
  let dirtyCount = 0;
  let nextCount = 0;
  const markedIn = new Int32Array(nodeCount).fill(-1);

  // Per round: dirty nodes of one class whose children agree form a group.
  const slots = new Int32Array(tableSize(nodeCount));
  const hashOf = new Int32Array(nodeCount);
  const groupOf = new Int32Array(nodeCount);
  const groupFirst = new Int32Array(nodeCount);
  const groupSize = new Int32Array(nodeCount);
  const groupFill = new Int32Array(nodeCount);
  // Per class, reset after each round: how many of its nodes are in groups, and its largest group.
  const grouped = new Int32Array(nodeCount);
  const largest = new Int32Array(nodeCount).fill(-1);

  for (let node = 0; node < nodeCount; node++) {
    if (childStart[node + 1] > childStart[node]) dirty[dirtyCount++] = node;
  }
  let rounds = 0;
  while (dirtyCount > 0) {
    rounds++;
    const groupCount = groupDirty();
    placeGroups(groupCount);
    splitClasses(groupCount);
    [dirty, nextDirty] = [nextDirty, dirty];
    dirtyCount = nextCount;
    nextCount = 0;
  }
  return { classOf, classCount, rounds };

  function orderByClass(): void {
    for (let node = 0; node < nodeCount; node++) classSize[classOf[node]]++;
    for (let c = 1; c < classCount; c++) classStart[c] = classStart[c - 1] + classSize[c - 1];
    const fill = classStart.slice(0, classCount);
    for (let node = 0; node < nodeCount; node++) {
      const at = fill[classOf[node]]++;
      members[at] = node;
      place[node] = at;
    }
  }

  /** Groups the dirty nodes by (class, classes of children); returns the number of groups. */
  function groupDirty(): number {
    const size = tableSize(dirtyCount);
    const mask = size - 1;
    slots.fill(-1, 0, size);
    let groupCount = 0;
    for (let i = 0; i < dirtyCount; i++) {
      const node = dirty[i];
      let hash = addWord(0, classOf[node], first, second);
      for (let e = childStart[node]; e < childStart[node + 1]; e++)
        hash = addWord(hash, classOf[children[e]], first, second);
      hash = finishWords(hash);
      let slot = hash & mask;
      let group = slots[slot];
      while (group >= 0 && !(hashOf[groupFirst[group]] === hash && sameChildren(groupFirst[group], node))) {
        slot = (slot + 1) & mask;
        group = slots[slot];
      }
      hashOf[node] = hash;
      if (group < 0) {
        group = groupCount++;
        slots[slot] = group;
        groupFirst[group] = node;
        groupSize[group] = 0;
      }
      groupOf[node] = group;
      groupSize[group]++;
    }
    return groupCount;
  }

  function sameChildren(a: number, b: number): boolean {
    if (classOf[a] !== classOf[b]) return false;
    for (let e = childStart[a], f = childStart[b]; e < childStart[a + 1]; e++, f++) {
      if (classOf[children[e]] !== classOf[children[f]]) return false;
    }
    return true;
  }

  /** Moves each group's nodes together, to the front of their class's stretch of `members`. */
  function placeGroups(groupCount: number): void {
    for (let group = 0; group < groupCount; group++) {
      const c = classOf[groupFirst[group]];
      groupFill[group] = classStart[c] + grouped[c];
      grouped[c] += groupSize[group];
      if (largest[c] < 0 || groupSize[group] > groupSize[largest[c]]) largest[c] = group;
    }
    for (let i = 0; i < dirtyCount; i++) {
      const node = dirty[i];
      const to = groupFill[groupOf[node]]++;
      const from = place[node];
      const displaced = members[to];
      members[to] = node;
      place[node] = to;
      members[from] = displaced;
      place[displaced] = from;
    }
  }

  /** Gives new class numbers to all but the largest part of each class that has several parts. */
  function splitClasses(groupCount: number): void {
    for (let group = 0; group < groupCount; group++) {
      const c = classOf[members[groupFill[group] - 1]];
      // The class's largest group is the one that closes the books on it, so it must see the others' work done.
      if (largest[c] === group) continue;
      renumber(groupFill[group] - groupSize[group], groupSize[group]);
    }
    for (let group = 0; group < groupCount; group++) {
      const start = groupFill[group] - groupSize[group];
      const c = classOf[members[start]];
      if (largest[c] !== group) continue;
      const rest = classSize[c] - grouped[c];
      const restStart = classStart[c] + grouped[c];
      if (rest > groupSize[group]) {
        renumber(start, groupSize[group]);
        classStart[c] = restStart;
        classSize[c] = rest;
      } else {
        if (rest > 0) renumber(restStart, rest);
        classStart[c] = start;
        classSize[c] = groupSize[group];
      }
      grouped[c] = 0;
      largest[c] = -1;
    }
  }

  function renumber(start: number, size: number): void {
    const c = classCount++;
    classStart[c] = start;
    classSize[c] = size;
    for (let at = start; at < start + size; at++) {
      const node = members[at];
      classOf[node] = c;
      for (let e = parents.start[node]; e < parents.start[node + 1]; e++) {
        const parent = parents.nodes[e];
        if (markedIn[parent] === rounds) continue;
        markedIn[parent] = rounds;
        nextDirty[nextCount++] = parent;
      }
    }
  }
}

/** Numbers the distinct labels; fills `classOf` and returns how many there are. */
function classesByLabel(graph: LabelledGraph, classOf: Int32Array): number {
  const { nodeCount, labelStart, labels } = graph;
  const { first, second } = hashKey();
  const slots = new Int32Array(tableSize(nodeCount)).fill(-1);
  const mask = slots.length - 1;
  const hashOf = new Int32Array(nodeCount);
  let classCount = 0;
  for (let node = 0; node < nodeCount; node++) {
    let hash = 0;
    for (let i = labelStart[node]; i < labelStart[node + 1]; i++)
      hash = addWord(hash, labels[i], first, second);
    hash = finishWords(hash);
    hashOf[node] = hash;
    let slot = hash & mask;
    while (slots[slot] >= 0 && !(hashOf[slots[slot]] === hash && sameLabel(slots[slot], node))) {
      slot = (slot + 1) & mask;
    }
    if (slots[slot] < 0) {
      slots[slot] = node;
      classOf[node] = classCount++;
    } else {
      classOf[node] = classOf[slots[slot]];
    }
  }
  return classCount;

  function sameLabel(a: number, b: number): boolean {
    const length = labelStart[a + 1] - labelStart[a];
    if (labelStart[b + 1] - labelStart[b] !== length) return false;
    for (let i = 0; i < length; i++) {
      if (labels[labelStart[a] + i] !== labels[labelStart[b] + i]) return false;
    }
    return true;
  }
}

/** Parents of each node; a parent with several edges to a node is listed once per edge. */
export function reverseEdges(graph: LabelledGraph): { start: Uint32Array; nodes: Uint32Array } {
  const { nodeCount, childStart, children } = graph;
  const edgeCount = childStart[nodeCount];
  const start = new Uint32Array(nodeCount + 1);
  for (let e = 0; e < edgeCount; e++) start[children[e] + 1]++;
  for (let node = 0; node < nodeCount; node++) start[node + 1] += start[node];
  const fill = start.slice(0, nodeCount);
  const nodes = new Uint32Array(edgeCount);
  for (let node = 0; node < nodeCount; node++) {
    for (let e = childStart[node]; e < childStart[node + 1]; e++) nodes[fill[children[e]]++] = node;
  }
  return { start, nodes };
}

function tableSize(entries: number): number {
  let size = 16;
  while (size < entries * 2) size *= 2;
  return size;
}
