/** How large a type's values are. BTF says it of numbers and composites; of everything else it follows. */

import { BTF_KIND } from './constants.ts';
import { requireTypeId } from './require-type-id.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** Longest chain of typedefs, qualifiers and arrays that is followed; real ones have about ten, rings have no end. */
const MAX_CHAIN = 64;

/** Names of the C type that is as wide as a pointer, as gcc, clang and Rust's compiler spell it. */
const POINTER_WIDE: ReadonlySet<string> = new Set([
  'long unsigned int',
  'unsigned long',
  'long int',
  'long',
  'usize',
]);

/** Found once per BTF: without a `long`, all its types are looked at. */
const pointerSizes = new WeakMap<Btf, number>();

/** Bytes of a pointer: BTF does not say, but `long` is as wide in every kernel. 8 when there is no `long`. */
export function pointerBytes(btf: Btf): number {
  let bytes = pointerSizes.get(btf);
  if (bytes === undefined) {
    bytes = findPointerBytes(btf);
    pointerSizes.set(btf, bytes);
  }
  return bytes;
}

function findPointerBytes(btf: Btf): number {
  for (let id = 1; id < btf.typeCount; id++) {
    if (btf.kind(id) === K.INT && POINTER_WIDE.has(btf.name(id))) return btf.sizeOrType(id);
  }
  return 8;
}

/**
 * Bytes of a value of the type; undefined for what has no values (void, functions, forwards, sections) and for rings.
 * @param pointer bytes of a pointer, see {@link pointerBytes}
 * @throws RangeError when the BTF has no type with the id
 */
export function sizeOfType(btf: Btf, id: number, pointer: number): number | undefined {
  requireTypeId(btf, id);
  let count = 1;
  let at = id;
  for (let steps = 0; steps < MAX_CHAIN; steps++) {
    switch (btf.kind(at)) {
      case K.INT:
      case K.FLOAT:
      case K.STRUCT:
      case K.UNION:
      case K.ENUM:
      case K.ENUM64:
        return count * btf.sizeOrType(at);
      case K.PTR:
        return count * pointer;
      case K.ARRAY:
        count *= btf.arrayLength(at);
        at = btf.arrayElementType(at);
        break;
      case K.TYPEDEF:
      case K.CONST:
      case K.VOLATILE:
      case K.RESTRICT:
      case K.TYPE_TAG:
      case K.VAR:
        at = btf.sizeOrType(at);
        break;
      default:
        return undefined;
    }
  }
  return undefined;
}
