/** Which structs are packed, as pahole concludes from their layout (dwarves: class__infer_packed_attributes). */

import { DW_FORM, DW_OP, DW_TAG } from './constants.ts';
import { DieAttributes } from './die-attributes.ts';
import { SLOT } from './die-classes.ts';
import type { NameTable } from './names.ts';
import { NO_NAME } from './names.ts';
import type { DwarfSections } from './sections.ts';
import { isBlockForm, SHAPE } from './shapes.ts';
import type { TypeSizes } from './type-sizes.ts';

/** Typedefs and qualifiers one behind the other; real code has a handful. */
const MAX_TYPE_CHAIN = 256;
/** Types in one value; real structs have dozens. Beyond this a hostile file would take quadratic time. */
const MAX_NESTED_TYPES = 1024;

interface Member {
  readonly type: number;
  /** From the start of the struct; of a bitfield its first bit, and the storage unit it lies in. */
  readonly bitOffset: number;
  readonly byteOffset: number;
  /** 0 for what is no bitfield. */
  readonly bits: number;
  readonly bytes: number;
}

export class PackedStructs extends DieAttributes {
  private readonly sizes: TypeSizes;
  /** By section offset, what was found out. */
  private readonly packed = new Map<number, boolean>();
  private readonly alignments = new Map<number, number>();

  constructor(sections: DwarfSections, names: NameTable, sizes: TypeSizes) {
    super(sections, names);
    this.sizes = sizes;
  }

  /** Whether the type at section offset `ref` is a named struct without holes whose members are not aligned. */
  isPacked(ref: number): boolean {
    let isPacked = this.packed.get(ref);
    if (isPacked === undefined) {
      isPacked = this.inferPacked(ref);
      this.packed.set(ref, isPacked);
    }
    return isPacked;
  }

  private inferPacked(ref: number): boolean {
    if (ref === 0 || this.tagAt(ref) !== DW_TAG.structure_type || this.nameSlot() === NO_NAME) return false;
    const size = this.optional(SLOT.BYTE_SIZE, 0);
    const isAlignedToBytes = this.optional(SLOT.COUNT, 0) === 1;
    const members = this.membersOf(ref).filter(({ byteOffset }) => byteOffset >= 0);
    if (hasHoles(members, size)) return false;
    let widest = 1;
    for (const { type, byteOffset } of members) {
      const alignment = this.alignmentOf(type);
      if (byteOffset % alignment !== 0) return true;
      widest = Math.max(widest, alignment);
    }
    return (widest !== 1 && isAlignedToBytes) || size % widest !== 0;
  }

  private alignmentOf(type: number): number {
    const at = this.stripped(type);
    let widest = this.alignments.get(at);
    if (widest === undefined) {
      widest = this.widestIn(at);
      this.alignments.set(at, widest);
    }
    return widest;
  }

  /** The widest alignment of all scalars in a type; 1 for one without. */
  private widestIn(type: number): number {
    const seen = new Set<number>();
    const open = [type];
    let widest = 1;
    for (let ref = open.pop(); ref !== undefined; ref = open.pop()) {
      const at = this.stripped(ref);
      if (at === 0 || seen.has(at)) continue;
      if (seen.size === MAX_NESTED_TYPES) break;
      seen.add(at);
      switch (this.tagAt(at)) {
        case DW_TAG.pointer_type:
          widest = Math.max(widest, this.unit.addressBytes);
          break;
        case DW_TAG.base_type:
          widest = Math.max(widest, this.optional(SLOT.BYTE_SIZE, 0));
          break;
        case DW_TAG.enumeration_type:
          widest = Math.max(widest, this.optional(SLOT.BYTE_SIZE, 4));
          break;
        case DW_TAG.array_type:
          open.push(this.reference(SLOT.TYPE));
          break;
        case DW_TAG.structure_type:
        case DW_TAG.union_type:
          for (const member of this.membersOf(at)) open.push(member.type);
          break;
        default:
      }
    }
    return widest;
  }

  private stripped(ref: number): number {
    let at = ref;
    for (let step = 0; step < MAX_TYPE_CHAIN && at !== 0; step++) {
      const tag = this.tagAt(at);
      if (tag !== DW_TAG.typedef && tag !== DW_TAG.const_type && tag !== DW_TAG.volatile_type) return at;
      at = this.reference(SLOT.TYPE);
    }
    return 0;
  }

  /** Members of the struct or union at `ref`; those of a struct without an offset have byteOffset -1. */
  private membersOf(ref: number): Member[] {
    const isUnion = this.tagAt(ref) === DW_TAG.union_type;
    const members: Member[] = [];
    if (!this.hasChildren()) return members;
    let depth = 1;
    for (let at = this.attributesEnd; at < this.unit.end && depth > 0; at = this.attributesEnd) {
      const shape = this.locate(at);
      if (shape === 0) {
        depth--;
        this.attributesEnd = at + 1;
        continue;
      }
      const next = this.attributesEnd;
      const isMember = depth === 1 && this.shapes[shape + SHAPE.TAG] === DW_TAG.member;
      if (this.hasChildren()) depth++;
      if (isMember) members.push(this.member(isUnion));
      this.attributesEnd = next;
    }
    return members;
  }

  /** The member located last. */
  private member(isUnion: boolean): Member {
    const type = this.reference(SLOT.TYPE);
    const bits = this.optional(SLOT.BIT_SIZE, 0);
    const hasOffset = this.has(SLOT.LOCATION) || this.has(SLOT.DATA_BIT_OFFSET);
    const whole = this.has(SLOT.BYTE_SIZE) ? this.unsigned(SLOT.BYTE_SIZE) : this.sizes.bytes(type);
    const bytes = bits === 0 ? this.sizes.bytes(type) : Math.max(whole, 1);
    if (!hasOffset) return { type, bits, bytes, bitOffset: 0, byteOffset: isUnion ? 0 : -1 };
    let bitOffset = this.has(SLOT.DATA_BIT_OFFSET)
      ? this.unsigned(SLOT.DATA_BIT_OFFSET)
      : 8 * this.memberOffset();
    if (bits === 0) return { type, bits, bytes, bitOffset, byteOffset: Math.floor(bitOffset / 8) };
    if (!this.has(SLOT.DATA_BIT_OFFSET)) {
      const fromTop = this.signed32(SLOT.BIT_OFFSET);
      bitOffset += this.sections.littleEndian ? 8 * bytes - fromTop - bits : fromTop;
    }
    return { type, bits, bytes, bitOffset, byteOffset: bytes * Math.floor(bitOffset / (8 * bytes)) };
  }

  private memberOffset(): number {
    if (!isBlockForm(this.form(SLOT.LOCATION))) return this.unsigned(SLOT.LOCATION);
    const at = this.block(SLOT.LOCATION);
    const op = this.sections.info[at];
    return op === DW_OP.plus_uconst || op === DW_OP.constu ? this.uleb(at + 1) : 0;
  }

  private hasChildren(): boolean {
    return this.shapes[this.shape + SHAPE.HAS_CHILDREN] === 1;
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
}

/** Whole bytes between members or behind the last one (dwarves: class__find_holes). */
function hasHoles(members: readonly Member[], size: number): boolean {
  let isInBitfield = false;
  let unitEnd = size * 8;
  let unitBits = 0;
  let lastBit = 0;
  for (const { bitOffset, byteOffset, bits, bytes } of members) {
    const end = bitOffset + (bits === 0 ? bytes * 8 : bits);
    if (isInBitfield) lastBit = Math.min(bitOffset, unitEnd);
    if (bits === 0) {
      if (Math.floor(bitOffset / 8) > Math.floor(lastBit / 8)) return true;
      unitBits = 0;
      unitEnd = end;
    } else {
      const unitStart = byteOffset * 8;
      if (lastBit < unitStart && unitStart <= bitOffset && byteOffset > Math.floor(lastBit / 8)) return true;
      if (end > unitEnd || bytes * 8 > unitBits) {
        unitBits = bytes * 8;
        unitEnd = unitStart + unitBits;
        if (end > unitEnd) unitEnd += unitBits;
      }
    }
    isInBitfield = bits !== 0;
    lastBit = end;
  }
  if (isInBitfield) lastBit = Math.min(size * 8, unitEnd);
  return size - Math.floor(lastBit / 8) !== 0;
}
