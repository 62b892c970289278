/**
 * The layouts that make up most of a kernel get a class of their own, so that the DIE loop reads them without asking
 * for each attribute's form: name by strp or inline in front, type by ref4, one small number, nothing else that is
 * wanted. Where those stand is packed into one int, the shape's layout.
 */

import { DW_FORM } from './constants.ts';
import { DIE_CLASS, SLOT } from './die-classes.ts';

/**
 * Bit positions in a layout. Places are bytes from the first attribute, or from the end of an inline name, and take
 * {@link PLACE_MASK}; BYTES is what the attributes take from there.
 */
export const LAYOUT = {
  NAME_AT: 0,
  TYPE_AT: 6,
  NUMBER_AT: 12,
  BYTES: 18,
  /** NUMBER_FORM and NAME_FORM take two bits. */
  NUMBER_FORM: 24,
  NAME_FORM: 26,
  HAS_TYPE: 28,
  IS_DECLARATION: 29,
  /** Set in every layout, so that none is 0. */
  IS_PLAIN: 30,
} as const;
export const PLACE_MASK = 63;

/** How a plain shape has its number: the same in every DIE, a byte or two bytes. */
export const NUMBER_FORM = { CONSTANT: 0, DATA1: 1, DATA2: 2 } as const;
/** How it has its name. */
export const NAME_FORM = { NONE: 0, STRP: 1, INLINE: 2 } as const;

/** A declaration as far as plain shapes care. */
export interface Declaration {
  readonly dieClass: number;
  readonly tag: number;
  readonly hasChildren: boolean;
  /** By slot: form and constant of DW_FORM_implicit_const, see {@link SHAPE}. */
  readonly slots: Int32Array;
  /** By slot: where the value stands. */
  readonly places: Int32Array;
  /** Bytes of the attributes, without an inline name in front; NaN when that is not the only one of varying size. */
  readonly bytes: number;
}

export interface PlainShape {
  readonly dieClass: number;
  readonly layout: number;
  /** The number with NUMBER_FORM.CONSTANT; the tag of a reference type; where a bitfield's size is. */
  readonly constant: number;
}

/** The plain shape of a declaration of 32-bit DWARF, undefined when it has none. */
export function plainShape(declaration: Declaration): PlainShape | undefined {
  const { dieClass, hasChildren, bytes } = declaration;
  // Also false for NaN. Real ones have at most 30 bytes.
  if (!(bytes <= PLACE_MASK) || has(declaration, SLOT.ANNOTATION)) return undefined;
  switch (dieClass) {
    case DIE_CLASS.MEMBER:
      if (hasChildren) return undefined;
      return has(declaration, SLOT.BIT_SIZE) || has(declaration, SLOT.DATA_BIT_OFFSET)
        ? bitfield(declaration)
        : typed(declaration, DIE_CLASS.PLAIN_MEMBER, SLOT.LOCATION, MAX_MEMBER_BYTES);
    case DIE_CLASS.REFERENCE_TYPE:
      return hasChildren ? undefined : reference(declaration);
    case DIE_CLASS.FORMAL_PARAMETER:
      return hasChildren || has(declaration, SLOT.NAME) || has(declaration, SLOT.ABSTRACT_ORIGIN)
        ? undefined
        : typed(declaration, DIE_CLASS.PLAIN_PARAMETER, undefined);
    case DIE_CLASS.TYPEDEF:
      return hasChildren ? undefined : typed(declaration, DIE_CLASS.PLAIN_TYPEDEF, undefined);
    case DIE_CLASS.ENUMERATOR:
      return hasChildren || !has(declaration, SLOT.VALUE)
        ? undefined
        : shape(declaration, DIE_CLASS.PLAIN_ENUMERATOR, SLOT.VALUE);
    case DIE_CLASS.COMPOSITE:
      return has(declaration, SLOT.TYPE) || has(declaration, SLOT.SPECIFICATION)
        ? undefined
        : shape(declaration, DIE_CLASS.PLAIN_COMPOSITE, SLOT.BYTE_SIZE);
    case DIE_CLASS.SUBROUTINE_TYPE:
      return shape(declaration, DIE_CLASS.PLAIN_SUBROUTINE, undefined);
    case DIE_CLASS.ARRAY:
      return has(declaration, SLOT.NAME) ? undefined : typed(declaration, DIE_CLASS.PLAIN_ARRAY, undefined);
    case DIE_CLASS.SUBRANGE:
      return hasChildren || has(declaration, SLOT.COUNT) ? undefined : subrange(declaration);
    default:
      return undefined;
  }
}

/** Beyond this the bit offset of a member does not fit an int32. */
const MAX_MEMBER_BYTES = 0x0fff_fffe;
const MAX_CONSTANT = 0x3fff_ffff;

function formOf({ slots }: Declaration, slot: number): number {
  return slots[2 * slot];
}

function has(declaration: Declaration, slot: number): boolean {
  return formOf(declaration, slot) !== 0;
}

function typed(
  declaration: Declaration,
  dieClass: number,
  number: number | undefined,
  most = MAX_CONSTANT,
): PlainShape | undefined {
  return has(declaration, SLOT.TYPE) ? shape(declaration, dieClass, number, most) : undefined;
}

function reference(declaration: Declaration): PlainShape | undefined {
  const found = typed(declaration, DIE_CLASS.PLAIN_REFERENCE, undefined);
  return found === undefined ? undefined : { ...found, constant: declaration.tag };
}

/** The number is the upper bound; a flexible array has none, which is one less than no elements. */
function subrange(declaration: Declaration): PlainShape | undefined {
  const found = shape(declaration, DIE_CLASS.PLAIN_SUBRANGE, SLOT.VALUE);
  return found === undefined || has(declaration, SLOT.VALUE) ? found : { ...found, constant: -1 };
}

/** A bitfield of DWARF 4 and later: the number is its offset in bits; `constant` is where the byte with its size is. */
function bitfield(declaration: Declaration): PlainShape | undefined {
  const found = typed(declaration, DIE_CLASS.PLAIN_BITFIELD, SLOT.DATA_BIT_OFFSET);
  const size = formOf(declaration, SLOT.BIT_SIZE);
  if (found === undefined || size !== DW_FORM.data1) return undefined;
  const isRead = ((found.layout >> LAYOUT.NUMBER_FORM) & 3) !== NUMBER_FORM.CONSTANT;
  return isRead ? { ...found, constant: declaration.places[SLOT.BIT_SIZE] } : undefined;
}

/** @param number the slot of the number that matters, which may be absent and is 0 then */
function shape(
  declaration: Declaration,
  dieClass: number,
  number: number | undefined,
  most = MAX_CONSTANT,
): PlainShape | undefined {
  const { slots, places, bytes } = declaration;
  let layout = (1 << LAYOUT.IS_PLAIN) | (bytes << LAYOUT.BYTES);
  let constant = 0;
  switch (formOf(declaration, SLOT.NAME)) {
    case 0:
      break;
    case DW_FORM.strp:
      layout |= (NAME_FORM.STRP << LAYOUT.NAME_FORM) | (places[SLOT.NAME] << LAYOUT.NAME_AT);
      break;
    case DW_FORM.string:
      layout |= NAME_FORM.INLINE << LAYOUT.NAME_FORM;
      break;
    default:
      return undefined;
  }
  switch (formOf(declaration, SLOT.TYPE)) {
    case 0:
      break;
    case DW_FORM.ref4:
      layout |= (1 << LAYOUT.HAS_TYPE) | (places[SLOT.TYPE] << LAYOUT.TYPE_AT);
      break;
    default:
      return undefined;
  }
  switch (formOf(declaration, SLOT.DECLARATION)) {
    case 0:
      break;
    case DW_FORM.flag_present:
      layout |= 1 << LAYOUT.IS_DECLARATION;
      break;
    default:
      return undefined;
  }
  if (number !== undefined) {
    switch (formOf(declaration, number)) {
      case 0:
        break;
      case DW_FORM.data1:
        layout |= (NUMBER_FORM.DATA1 << LAYOUT.NUMBER_FORM) | (places[number] << LAYOUT.NUMBER_AT);
        break;
      case DW_FORM.data2:
        layout |= (NUMBER_FORM.DATA2 << LAYOUT.NUMBER_FORM) | (places[number] << LAYOUT.NUMBER_AT);
        break;
      case DW_FORM.implicit_const:
        constant = slots[2 * number + 1];
        if (constant < 0 || constant > most) return undefined;
        break;
      default:
        return undefined;
    }
  }
  return { dieClass, layout, constant };
}
