/**
 * Whether two functions of one name have the same prototype, as pahole from 1.28 on compares them (dwarves:
 * funcs__match, types__match): kinds and names, no further than the first name; `const` does not count where the other
 * side has another kind, and a forward declaration is the struct of its name.
 */

import { BTF_KIND } from '../btf/constants.ts';
import {
  ENTRY_INTS,
  FLAG_ENUM64,
  LEAF_ENUM,
  LEAF_STRUCT,
  LEAF_UNION,
  type TypePool,
} from '../btf/type-pool.ts';

/** Which part of a pointed-to function's type counts; before 1.32 its parameters are overlooked, but for their number. */
export type PointedFunctions = 'result' | 'result-and-parameters';

/** True when the FUNC_PROTO nodes `a` and `b` match. */
export function prototypesMatch(pool: TypePool, a: number, b: number, pointed: PointedFunctions): boolean {
  if (a === b) return true;
  const pairs: number[] = [];
  // Prototypes of prototypes name the same pairs again and again: without this their number doubles with each level.
  const seen = new Set<number>();
  // Of a function's own prototype all parameters count.
  if (!pushPrototypes(pool, a, b, true, pairs)) return false;
  while (pairs.length > 0) {
    const second = pairs.pop() as number;
    const first = pairs.pop() as number;
    const pair = first * pool.nodeTotal + second;
    if (seen.has(pair)) continue;
    seen.add(pair);
    if (!typesMatch(pool, first, second, pointed, pairs)) return false;
  }
  return true;
}

/** Results and, if wanted, parameters; false when their number differs. */
function pushPrototypes(
  pool: TypePool,
  a: number,
  b: number,
  withParameters: boolean,
  pairs: number[],
): boolean {
  const count = pool.nodeCount.at(a);
  if (count !== pool.nodeCount.at(b)) return false;
  pairs.push(pool.nodeA.at(a), pool.nodeA.at(b));
  if (withParameters) {
    for (let i = 2; i < count * ENTRY_INTS; i += ENTRY_INTS) {
      pairs.push(pool.entries.at(pool.nodeStart.at(a) + i), pool.entries.at(pool.nodeStart.at(b) + i));
    }
  }
  return true;
}

function typesMatch(
  pool: TypePool,
  first: number,
  second: number,
  pointed: PointedFunctions,
  pairs: number[],
): boolean {
  let a = first;
  let b = second;
  for (;;) {
    if (a === b) return true;
    if (a === 0 || b === 0) return false;
    const kindA = kindOf(pool, a);
    const kindB = kindOf(pool, b);
    if (kindA !== kindB) {
      if (kindA === BTF_KIND.CONST) a = pool.nodeB.at(a);
      else if (kindB === BTF_KIND.CONST) b = pool.nodeB.at(b);
      else return false;
      continue;
    }
    switch (kindA) {
      case BTF_KIND.TYPEDEF:
        return pool.nodeA.at(a) === pool.nodeA.at(b);
      case BTF_KIND.STRUCT:
      case BTF_KIND.UNION:
      case BTF_KIND.ENUM:
      case BTF_KIND.ENUM64:
        return nameOf(pool, a) === nameOf(pool, b);
      case BTF_KIND.ARRAY:
        if (pool.nodeStart.at(a) !== pool.nodeStart.at(b)) return false;
        break;
      case BTF_KIND.PTR:
      case BTF_KIND.VOLATILE:
      case BTF_KIND.CONST:
      case BTF_KIND.RESTRICT:
      case BTF_KIND.TYPE_TAG:
        break;
      case BTF_KIND.FUNC_PROTO:
        return pushPrototypes(pool, a, b, pointed === 'result-and-parameters', pairs);
      default:
        // INT and FLOAT: the same one is the same node.
        return false;
    }
    a = pool.nodeB.at(a);
    b = pool.nodeB.at(b);
  }
}

function kindOf(pool: TypePool, node: number): number {
  const kind = pool.nodeKind.at(node);
  switch (kind) {
    case LEAF_STRUCT:
      return BTF_KIND.STRUCT;
    case LEAF_UNION:
      return BTF_KIND.UNION;
    case LEAF_ENUM: {
      const def = pool.nodeCount.at(node);
      return def >= 0 && (pool.defFlags.at(def) & FLAG_ENUM64) !== 0 ? BTF_KIND.ENUM64 : BTF_KIND.ENUM;
    }
    case BTF_KIND.ENUM:
      return (pool.nodeB.at(node) & FLAG_ENUM64) !== 0 ? BTF_KIND.ENUM64 : BTF_KIND.ENUM;
    default:
      return kind;
  }
}

/** Name of a composite or enumeration; only leaves have one. */
function nameOf(pool: TypePool, node: number): number {
  return pool.nodeKind.at(node) >= LEAF_STRUCT ? pool.nodeA.at(node) : 0;
}
