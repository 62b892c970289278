import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LabelledGraph, coarsestPartition } from './partition.ts';

interface Node {
  readonly label: number;
  readonly children: readonly number[];
}

function graphOf(nodes: readonly Node[]): LabelledGraph {
  const labelStart = new Uint32Array(nodes.length + 1);
  const childStart = new Uint32Array(nodes.length + 1);
  const labels: number[] = [];
  const children: number[] = [];
  nodes.forEach((node, i) => {
    labels.push(node.label, node.children.length);
    children.push(...node.children);
    labelStart[i + 1] = labels.length;
    childStart[i + 1] = children.length;
  });
  return {
    nodeCount: nodes.length,
    labelStart,
    labels: Uint32Array.from(labels),
    childStart,
    children: Uint32Array.from(children),
  };
}

/** The definition itself: relabel every node by its label and its children's classes until nothing splits. */
function naivePartition(nodes: readonly Node[]): number[] {
  let classes = numberTexts(nodes.map((node) => `${node.label} ${node.children.length}`));
  for (;;) {
    const before = classes;
    const next = numberTexts(
      nodes.map((node, i) => [before[i], ...node.children.map((c) => before[c])].join(' ')),
    );
    if (new Set(next).size === new Set(before).size) return before;
    classes = next;
  }
}

function numberTexts(texts: readonly string[]): number[] {
  const numbers = new Map<string, number>();
  return texts.map((text) => {
    if (!numbers.has(text)) numbers.set(text, numbers.size);
    return numbers.get(text) as number;
  });
}

/** The same partition, whatever the classes are called. */
function normalised(classes: readonly number[]): number[] {
  return numberTexts(classes.map(String));
}

const graph: fc.Arbitrary<Node[]> = fc.integer({ min: 1, max: 40 }).chain((count) => {
  const node = fc.record({
    label: fc.nat({ max: 2 }),
    children: fc.array(fc.nat({ max: count - 1 }), { maxLength: 3 }),
  });
  return fc.array(node, { minLength: count, maxLength: count });
});

function ring(start: number, length: number): Node[] {
  return Array.from({ length }, (_, i) => ({ label: 0, children: [start + ((i + 1) % length)] }));
}

describe('coarsestPartition', () => {
  test('agrees with the definition on random graphs', () => {
    fc.assert(
      fc.property(graph, (nodes) => {
        const { classOf, classCount } = coarsestPartition(graphOf(nodes));
        expect(normalised([...classOf])).toEqual(normalised(naivePartition(nodes)));
        expect(new Set(classOf).size).toBe(classCount);
        expect(Math.max(...classOf)).toBe(classCount - 1);
      }),
      { numRuns: 2000 },
    );
  });

  test('agrees with the definition on graphs that split late', () => {
    // Few labels and one or two children each: long chains and rings that differ only far away.
    const late = fc.integer({ min: 2, max: 60 }).chain((count) => {
      const node = fc.record({
        label: fc.constantFrom(0, 0, 0, 0, 1),
        children: fc.array(fc.nat({ max: count - 1 }), { minLength: 1, maxLength: 2 }),
      });
      return fc.array(node, { minLength: count, maxLength: count });
    });
    fc.assert(
      fc.property(late, (nodes) => {
        const { classOf } = coarsestPartition(graphOf(nodes));
        expect(normalised([...classOf])).toEqual(normalised(naivePartition(nodes)));
      }),
      { numRuns: 2000 },
    );
  });

  test('rings of equal nodes are one class, whatever their length', () => {
    const { classCount } = coarsestPartition(graphOf([...ring(0, 3), ...ring(3, 5)]));
    expect(classCount).toBe(1);
  });

  test('a chain of 300 000 nodes takes no time that grows with its square', () => {
    const length = 300_000;
    const chain = Array.from({ length }, (_, i) => ({ label: 0, children: i === 0 ? [] : [i - 1] }));
    const { classCount, rounds } = coarsestPartition(graphOf(chain));
    expect(classCount).toBe(length);
    expect(rounds).toBeGreaterThan(length / 2);
  }, 20_000);

  test('an empty graph has no classes', () => {
    expect(coarsestPartition(graphOf([])).classCount).toBe(0);
  });
});
