/** Sizes of types by their DIEs, as pahole counts them (dwarves: tag__size, param__is_struct). */

import { DW_FORM, DW_TAG } from './constants.ts';
import { DieAttributes } from './die-attributes.ts';
import { SLOT } from './die-classes.ts';
import { SHAPE } from './shapes.ts';

/** Typedefs, qualifiers and arrays one behind the other; real code has a handful. */
const MAX_TYPE_CHAIN = 256;
/** Dimensions of an array; pahole reads as many. */
const MAX_DIMENSIONS = 64;

/** Reads DIEs of the unit that it was {@link open}ed with, or, with links, of any. */
export class TypeSizes extends DieAttributes {
  /** Bytes of the type at section offset `ref`; 0 when it has no size. */
  bytes(ref: number): number {
    let factor = 1;
    let at = ref;
    for (let step = 0; step < MAX_TYPE_CHAIN && at !== 0; step++) {
      const tag = this.tagAt(at);
      switch (tag) {
        case DW_TAG.pointer_type:
          return factor * this.unit.addressBytes;
        case DW_TAG.subroutine_type:
          return factor * this.optional(SLOT.BYTE_SIZE, this.unit.addressBytes);
        case DW_TAG.enumeration_type:
          return factor * this.optional(SLOT.BYTE_SIZE, 4);
        case DW_TAG.base_type:
          return factor * this.optional(SLOT.BYTE_SIZE, 0);
        case DW_TAG.structure_type:
        case DW_TAG.class_type:
        case DW_TAG.union_type: {
          const size = this.optional(SLOT.BYTE_SIZE, 0);
          // C++ gives a class without members one byte.
          return size === 1 && !this.hasChildren() ? 0 : factor * size;
        }
        case DW_TAG.array_type: {
          const element = this.reference(SLOT.TYPE);
          factor *= this.dimensions();
          at = element;
          break;
        }
        default:
          at = this.reference(SLOT.TYPE);
      }
    }
    return 0;
  }

  /**
   * Bytes of a parameter of that type, as pahole 1.32 counts them: those of the first DIE behind it that says so, 0
   * when none does (dwarves: __get_type_byte_size).
   */
  parameterBytes(ref: number): number {
    let at = ref;
    for (let step = 0; step < MAX_TYPE_CHAIN && at !== 0; step++) {
      if (this.tagAt(at) === DW_TAG.pointer_type) return this.unit.addressBytes;
      const bytes = this.optional(SLOT.BYTE_SIZE, 0);
      if (bytes !== 0) return bytes;
      at = this.reference(SLOT.TYPE);
    }
    return 0;
  }

  /** Whether it is a struct, if need be behind typedefs and const. */
  isStruct(ref: number): boolean {
    let at = ref;
    for (let step = 0; step < MAX_TYPE_CHAIN && at !== 0; step++) {
      const tag = this.tagAt(at);
      if (tag !== DW_TAG.const_type && tag !== DW_TAG.typedef) return tag === DW_TAG.structure_type;
      at = this.reference(SLOT.TYPE);
    }
    return false;
  }

  private tagAt(offset: number): number {
    this.moveTo(offset);
    let shape = this.locate(offset);
    if (shape !== 0 && this.form(SLOT.SPECIFICATION) === DW_FORM.ref_sig8) {
      const type = this.reference(SLOT.SPECIFICATION);
      this.moveTo(type);
      shape = this.locate(type);
    }
    return shape === 0 ? 0 : this.shapes[shape + SHAPE.TAG];
  }

  private hasChildren(): boolean {
    return this.shapes[this.shape + SHAPE.HAS_CHILDREN] === 1;
  }

  /** Elements of the array located last. */
  private dimensions(): number {
    let elements = 1;
    if (!this.hasChildren()) return elements;
    let at = this.attributesEnd;
    for (let child = 0; child < MAX_DIMENSIONS && at < this.unit.end; child++) {
      const shape = this.locate(at);
      if (shape === 0) break;
      if (this.shapes[shape + SHAPE.TAG] === DW_TAG.subrange_type) elements *= this.dimension() >>> 0;
      at = this.attributesEnd;
    }
    return elements;
  }
}
