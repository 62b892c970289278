/**
 * Splits names with several definitions all at once: every struct, union and enum of every unit is a leaf of its own,
 * and the coarsest partition of that graph says which are the same. It takes as much memory as the types without
 * deduplication, so it is for files whose names split one because of the other many times in a row.
 *
 * It takes no view of what forward declarations mean: types are told apart by what they say without a look into names
 * that are declared anywhere. What it tells apart is different, what it does not may be.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { IntList } from '../btf/int-list.ts';
import { coarsestPartition, type LabelledGraph } from '../btf/partition.ts';
import { ENTRY_INTS, LEAF_ENUM, LEAF_STRUCT, type TypePool } from '../btf/type-pool.ts';

/** Added to the kind of a definition's leaf in its label; leaves and BTF kinds are below. */
const DEFINITION = 64;

/**
 * Class of each leaf of a pool whose leaves have one definition each.
 * @param isOpaque leaves that stand for all of their name, whatever their variant and definition
 * @returns by node
 */
export function classesOfLeaves(pool: TypePool, isOpaque: (leaf: number) => boolean): Int32Array {
  return coarsestPartition(graphOf(pool, isOpaque)).classOf;
}

/** Nodes of the pool, then its definitions. */
function graphOf(pool: TypePool, isOpaque: (leaf: number) => boolean): LabelledGraph {
  const { nodeTotal, defTotal, entries } = pool;
  const labels = new IntList(nodeTotal * 4);
  const children = new IntList(nodeTotal * 2);
  const labelStart = new Uint32Array(nodeTotal + defTotal + 1);
  const childStart = new Uint32Array(nodeTotal + defTotal + 1);
  let vertex = 0;
  for (let node = 0; node < nodeTotal; node++) {
    addNode(node);
    close();
  }
  for (let def = 0; def < defTotal; def++) {
    const kind = pool.nodeKind.at(pool.defLeaf.at(def));
    label(DEFINITION + kind, pool.defSize.at(def), pool.defFlags.at(def));
    addEntries(pool.defStart.at(def), pool.defCount.at(def), kind !== LEAF_ENUM);
    close();
  }
  return {
    nodeCount: vertex,
    labelStart,
    labels: Uint32Array.from(labels.toArray()),
    childStart,
    children: Uint32Array.from(children.toArray()),
  };

  function addNode(node: number): void {
    const kind = pool.nodeKind.at(node);
    const a = pool.nodeA.at(node);
    const b = pool.nodeB.at(node);
    const start = pool.nodeStart.at(node);
    const count = pool.nodeCount.at(node);
    if (kind >= LEAF_STRUCT) {
      const hasDefinition = count >= 0 && !isOpaque(node);
      label(kind, a, hasDefinition ? 1 : 0);
      if (hasDefinition) children.push(nodeTotal + count);
      return;
    }
    switch (kind) {
      case BTF_KIND.VOID:
      case BTF_KIND.INT:
      case BTF_KIND.FLOAT:
        label(kind, a, b);
        return;
      case BTF_KIND.ENUM:
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
        label(kind, a, b);
        addEntries(start, count, kind !== BTF_KIND.ENUM);
        return;
      case BTF_KIND.FUNC_PROTO:
        label(kind, b, 0);
        children.push(a);
        addEntries(start, count, true);
        return;
      default:
        label(kind, a, start);
        children.push(b);
    }
  }

  function label(kind: number, first: number, second: number): void {
    labels.push(kind);
    labels.push(first);
    labels.push(second);
  }

  /** `hasTypes`: the third int is a node. */
  function addEntries(start: number, count: number, hasTypes: boolean): void {
    for (let at = start; at < start + count * ENTRY_INTS; at += ENTRY_INTS) {
      labels.push(entries.at(at));
      labels.push(entries.at(at + 1));
      (hasTypes ? children : labels).push(entries.at(at + 2));
    }
  }

  function close(): void {
    vertex++;
    labelStart[vertex] = labels.length;
    childStart[vertex] = children.length;
  }
}
