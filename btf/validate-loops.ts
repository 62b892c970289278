/** Finds rings of references that no type system allows: types that contain themselves or have no end. */

import { BTF_KIND } from './constants.ts';
import { forEachReference } from './references.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** A type on each ring of references that no struct or union is part of, e.g. a typedef of itself. */
export function findEndlessTypes(btf: Btf): number[] {
  return findRings(btf, (kind) => kind !== K.STRUCT && kind !== K.UNION);
}

/** A type on each ring on which every type holds the next one by value, e.g. a struct that is its own member. */
export function findSelfContainingTypes(btf: Btf): number[] {
  return findRings(btf, (kind) => kind !== K.PTR && kind !== K.FUNC_PROTO);
}

const UNSEEN = 0;
const OPEN = 1;
const DONE = 2;

/**
 * Depth-first search with its own stack over the edges that leave types of the kinds that `follows` accepts.
 * An array's index type is not part of the array and is not followed.
 */
function findRings(btf: Btf, follows: (kind: number) => boolean): number[] {
  const found: number[] = [];
  const state = new Uint8Array(btf.typeCount);
  state[0] = DONE;
  const stack: number[] = [];
  for (let root = btf.firstId; root < btf.typeCount; root++) {
    if (state[root] === UNSEEN) stack.push(root);
    while (stack.length > 0) {
      const id = stack[stack.length - 1];
      if (state[id] !== UNSEEN) {
        // Second visit, all it leads to is done; or a duplicate entry of one that is.
        state[id] = DONE;
        stack.pop();
        continue;
      }
      state[id] = OPEN;
      const kind = btf.kind(id);
      if (!follows(kind)) continue;
      if (kind === K.ARRAY) visit(btf.arrayElementType(id));
      else forEachReference(btf, id, visit);
    }
  }
  return found;

  function visit(target: number): void {
    if (state[target] === UNSEEN) stack.push(target);
    else if (state[target] === OPEN) found.push(target);
  }
}
