/**
 * The DIE loop: walks one unit of `.debug_info` (DWARF 5 §2.3, §7.5) and fills a {@link UnitTypes}.
 *
 * Types are numbered when their DIE ends (post-order, as pahole does), so a struct nested in a struct comes before
 * it. Every DIE is visited, bodies of functions too: they hold types. The loop copies its cursor into a local and
 * inlines reads for the DIEs that make up most of a kernel (members, parameters, references), which is several
 * times faster than a cursor object.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { FLAG_ENUM64, FLAG_KIND } from '../btf/type-pool.ts';
import { DW_ATE, DW_FORM, DW_OP, DW_TAG } from './constants.ts';
import { DieAttributes, outsideStrings } from './die-attributes.ts';
import { NO_NAME, type NameTable } from './names.ts';
import type { DwarfSections } from './sections.ts';
import { DIE_CLASS, SHAPE, SLOT } from './shapes.ts';
import {
  FUNCTION_FLAG,
  type OffsetIndex,
  TYPE as TYPE_FIELD,
  TYPE_INTS,
  TYPE_IS_DECLARATION,
  type UnitTypes,
  VARIABLE_IS_EXTERNAL,
} from './unit-types.ts';

// V8 folds a module's own constants into optimized code but not those it imports; the loop below is several times
// slower without these copies.
const {
  CLASS: SHAPE_CLASS,
  TAG: SHAPE_TAG,
  HAS_CHILDREN: SHAPE_HAS_CHILDREN,
  FIXED_BYTES: SHAPE_FIXED_BYTES,
  OPS_START: SHAPE_OPS_START,
  OPS_END: SHAPE_OPS_END,
  SLOTS: SHAPE_SLOTS,
} = SHAPE;
const {
  OTHER,
  MEMBER,
  FORMAL_PARAMETER,
  REFERENCE_TYPE,
  COMPOSITE,
  ENUMERATOR,
  VARIABLE,
  SUBROUTINE_TYPE,
  TYPEDEF,
  SUBPROGRAM,
  ARRAY,
  SUBRANGE,
  ENUMERATION,
  BASE_TYPE,
  UNSPECIFIED_TYPE,
  UNSPECIFIED_PARAMETERS,
  UNENCODABLE_TYPE,
  PLAIN_MEMBER,
  PLAIN_REFERENCE,
  PLAIN_PARAMETER,
  PLAIN_ENUMERATOR,
} = DIE_CLASS;
const {
  NAME,
  TYPE,
  BYTE_SIZE,
  LOCATION,
  VALUE,
  COUNT,
  DATA_BIT_OFFSET,
  BIT_SIZE,
  BIT_OFFSET,
  DECLARATION,
  EXTERNAL,
  ABSTRACT_ORIGIN,
  SPECIFICATION,
} = SLOT;
const {
  block2: FORM_BLOCK2,
  block4: FORM_BLOCK4,
  data2: FORM_DATA2,
  block: FORM_BLOCK,
  block1: FORM_BLOCK1,
  data1: FORM_DATA1,
  exprloc: FORM_EXPRLOC,
} = DW_FORM;
const {
  INT: KIND_INT,
  PTR: KIND_PTR,
  ARRAY: KIND_ARRAY,
  STRUCT: KIND_STRUCT,
  UNION: KIND_UNION,
  ENUM: KIND_ENUM,
  TYPEDEF: KIND_TYPEDEF,
  VOLATILE: KIND_VOLATILE,
  CONST: KIND_CONST,
  RESTRICT: KIND_RESTRICT,
  FUNC_PROTO: KIND_FUNC_PROTO,
  VOID: KIND_VOID,
} = BTF_KIND;
const {
  DECLARATION: FUNCTION_IS_DECLARATION,
  EXTERNAL: FUNCTION_IS_EXTERNAL,
  VARIADIC: FUNCTION_IS_VARIADIC,
} = FUNCTION_FLAG;
const {
  KIND: TYPE_KIND,
  NAME: TYPE_NAME,
  SIZE: TYPE_SIZE,
  FLAGS: TYPE_FLAGS,
  REF: TYPE_REF,
  START: TYPE_START,
  COUNT: TYPE_COUNT,
  OFFSET: TYPE_OFFSET,
} = TYPE_FIELD;
const RECORD_INTS = TYPE_INTS;
const KIND_FLAG = FLAG_KIND;
const ENUM64_FLAG = FLAG_ENUM64;
const DECLARATION_FLAG = TYPE_IS_DECLARATION;

/** The part of the address space that holds per-CPU variables. */
export interface AddressRange {
  readonly low: number;
  readonly high: number;
  readonly sizeBytes: number;
}

/** Nesting of DIEs: kernels stay below 40; deeper input is hostile. */
export const MAX_DIE_DEPTH = 4096;

/** BTF keeps a bitfield's size in 8 and its offset in 24 bits (kernel: BTF_MEMBER_BITFIELD_SIZE). */
const MAX_BITFIELD_BITS = 255;
const MAX_BITFIELD_OFFSET = 0xff_ffff;

/** Typedefs and qualifiers between a bitfield and its base type; C code has a handful. */
const MAX_TYPE_CHAIN = 256;

const SLOT_NAME = SHAPE_SLOTS + 2 * NAME;
const SLOT_TYPE = SHAPE_SLOTS + 2 * TYPE;
const SLOT_LOCATION = SHAPE_SLOTS + 2 * LOCATION;
const SLOT_VALUE = SHAPE_SLOTS + 2 * VALUE;

/** What a nested DIE's parent is, for the DIEs whose meaning depends on it. */
const PARENT_NONE = 0;
const PARENT_COMPOSITE = 1;
const PARENT_ENUM = 2;
const PARENT_ARRAY = 3;
const PARENT_PROTOTYPE = 4;
const PARENT_FUNCTION = 5;

export class UnitReader extends DieAttributes {
  private readonly perCpu: AddressRange | undefined;
  private readonly out: UnitTypes;
  private readonly index: OffsetIndex;

  /** Open DIEs with children. */
  private readonly parent = new Uint8Array(MAX_DIE_DEPTH + 1);
  private readonly openKind = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openName = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openSize = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openFlags = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openRef = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openOffset = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openStart = new Int32Array(MAX_DIE_DEPTH + 1);
  /** Entries of open types; a finished type's are copied to {@link UnitTypes.entries}. */
  private stack = new Int32Array(3 << 12);
  private stackTop = 0;

  constructor(
    sections: DwarfSections,
    names: NameTable,
    out: UnitTypes,
    index: OffsetIndex,
    perCpu: AddressRange | undefined,
  ) {
    super(sections, names);
    this.out = out;
    this.index = index;
    this.perCpu = perCpu;
  }

  /**
   * Reads all DIEs of the unit opened last.
   * @throws FormatError located in `.debug_info` when the DIEs break their format.
   */
  read(): void {
    const { out, unit, index, codes } = this;
    const { info, littleEndian } = this.sections;
    const { view } = this;
    const { shapes } = this;
    const ops = this.table.ops.data;
    const { end } = unit;
    const unitBytes = end - unit.offset;
    const strBytes = this.sections.str.length;
    const { parent } = this;
    let depth = 0;
    let pos = unit.rootOffset;
    parent[0] = PARENT_NONE;
    this.stackTop = 0;

    while (pos < end) {
      const dieOffset = pos;
      let code = info[pos++];
      if (code === 0) {
        if (depth === 0) break;
        this.close(depth);
        depth--;
        if (depth === 0) break;
        continue;
      }
      if (code >= 0x80) {
        code &= 0x7f;
        let scale = 128;
        for (;;) {
          if (pos >= end || scale > 0x1000_0000)
            this.fail(dieOffset, 'abbreviation code runs beyond the unit');
          const byte = info[pos++];
          code += (byte & 0x7f) * scale;
          if (byte < 0x80) break;
          scale *= 128;
        }
      }
      const shape = code < codes.length ? codes[code] : 0;
      if (shape === 0) this.fail(dieOffset, `abbreviation code ${code} is not declared`);
      const dieClass = shapes[shape + SHAPE_CLASS];
      const fixed = shapes[shape + SHAPE_FIXED_BYTES];
      const attributes = pos;

      if (fixed >= 0) {
        pos += fixed;
        if (pos > end) this.fail(dieOffset, 'attributes run beyond the unit');
        switch (dieClass) {
          case PLAIN_MEMBER: {
            if (parent[depth] !== PARENT_COMPOSITE) continue;
            const form = shapes[shape + SLOT_LOCATION];
            const at = shapes[shape + SLOT_LOCATION + 1];
            let byteOffset = at;
            if (form === FORM_DATA1) byteOffset = info[attributes + at];
            else if (form === FORM_DATA2) byteOffset = view.getUint16(attributes + at, littleEndian);
            const top = this.stackTop;
            if (top + 3 > this.stack.length) this.growStack();
            const { stack } = this;
            const name = view.getUint32(attributes + shapes[shape + SLOT_NAME + 1], littleEndian);
            if (name >= strBytes) this.fail(dieOffset, outsideStrings(name));
            const type = view.getUint32(attributes + shapes[shape + SLOT_TYPE + 1], littleEndian);
            if (type >= unitBytes) this.fail(dieOffset, this.outsideUnit(type));
            stack[top] = name + 1;
            stack[top + 1] = byteOffset << 3;
            stack[top + 2] = type + unit.offset;
            this.stackTop = top + 3;
            continue;
          }
          case PLAIN_PARAMETER: {
            if (parent[depth] === PARENT_NONE) continue;
            if (parent[depth] !== PARENT_PROTOTYPE) break;
            const top = this.stackTop;
            if (top + 3 > this.stack.length) this.growStack();
            const { stack } = this;
            stack[top] = NO_NAME;
            stack[top + 1] = 0;
            const type = view.getUint32(attributes + shapes[shape + SLOT_TYPE + 1], littleEndian);
            if (type >= unitBytes) this.fail(dieOffset, this.outsideUnit(type));
            stack[top + 2] = type + unit.offset;
            this.stackTop = top + 3;
            continue;
          }
          case PLAIN_REFERENCE: {
            const type = view.getUint32(attributes + shapes[shape + SLOT_TYPE + 1], littleEndian);
            if (type >= unitBytes) this.fail(dieOffset, this.outsideUnit(type));
            index.set(dieOffset, out.typeCount);
            this.addType(
              referenceKind(shapes[shape + SHAPE_TAG]),
              NO_NAME,
              0,
              0,
              type + unit.offset,
              0,
              0,
              dieOffset,
            );
            continue;
          }
          case PLAIN_ENUMERATOR: {
            if (parent[depth] !== PARENT_ENUM) continue;
            const form = shapes[shape + SLOT_VALUE];
            const at = shapes[shape + SLOT_VALUE + 1];
            let value = at;
            if (form === FORM_DATA1) value = info[attributes + at];
            else if (form === FORM_DATA2) value = view.getUint16(attributes + at, littleEndian);
            const name = view.getUint32(attributes + shapes[shape + SLOT_NAME + 1], littleEndian);
            if (name >= strBytes) this.fail(dieOffset, outsideStrings(name));
            this.pushEntry(name + 1, value, 0);
            continue;
          }
          case FORMAL_PARAMETER:
            if (parent[depth] === PARENT_NONE && shapes[shape + SHAPE_HAS_CHILDREN] === 0) continue;
            break;
          case OTHER:
            if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) depth = this.openOther(depth, dieOffset);
            continue;
          default:
        }
        this.shape = shape;
        this.attributes = attributes;
        this.isFixed = true;
      } else if (dieClass === OTHER || (dieClass === FORMAL_PARAMETER && parent[depth] === PARENT_NONE)) {
        pos = this.skip(ops, shapes[shape + SHAPE_OPS_START], shapes[shape + SHAPE_OPS_END], pos, end);
        if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) depth = this.openOther(depth, dieOffset);
        continue;
      } else {
        pos = this.skipMarking(shape, pos);
      }

      const opens = this.die(
        dieClass,
        shapes[shape + SHAPE_TAG],
        dieOffset,
        parent[depth],
        depth,
        shapes[shape + SHAPE_HAS_CHILDREN] === 1,
      );
      if (opens) depth++;
      else if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) depth = this.openOther(depth, dieOffset);
      else if (depth === 0) break;
    }
    // A last unit may end without its closing null entries (seen from old assemblers): close what is open.
    while (depth > 0) this.close(depth--);
  }

  /** Opens a level whose children mean nothing by themselves; returns its depth. */
  private openOther(depth: number, offset: number): number {
    this.checkDepth(depth + 1, offset);
    this.parent[depth + 1] = PARENT_NONE;
    return depth + 1;
  }

  private checkDepth(depth: number, offset: number): void {
    if (depth > MAX_DIE_DEPTH) this.fail(offset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
  }

  private addType(
    kind: number,
    name: number,
    size: number,
    flags: number,
    ref: number,
    start: number,
    count: number,
    offset: number,
  ): void {
    const { out } = this;
    const at = out.typeCount * RECORD_INTS;
    if (at === out.records.length) out.growRecords();
    const { records } = out;
    records[at + TYPE_KIND] = kind;
    records[at + TYPE_NAME] = name;
    records[at + TYPE_SIZE] = size;
    records[at + TYPE_FLAGS] = flags;
    records[at + TYPE_REF] = ref;
    records[at + TYPE_START] = start;
    records[at + TYPE_COUNT] = count;
    records[at + TYPE_OFFSET] = offset;
    out.typeCount++;
  }

  private growStack(): void {
    const grown = new Int32Array(this.stack.length * 2);
    grown.set(this.stack);
    this.stack = grown;
  }

  private pushEntry(name: number, value: number, third: number): void {
    if (this.stackTop + 3 > this.stack.length) this.growStack();
    this.stack[this.stackTop++] = name;
    this.stack[this.stackTop++] = value;
    this.stack[this.stackTop++] = third;
  }

  /** Handles one DIE whose attributes are located. Returns true when it opened a level at `depth + 1`. */
  private die(
    dieClass: number,
    tag: number,
    offset: number,
    parent: number,
    depth: number,
    hasChildren: boolean,
  ): boolean {
    switch (dieClass) {
      case MEMBER:
        if (parent === PARENT_COMPOSITE) this.member(offset, depth);
        return false;
      case FORMAL_PARAMETER:
      case PLAIN_PARAMETER:
        if (parent === PARENT_PROTOTYPE) this.pushEntry(this.nameSlot(), 0, this.reference(TYPE));
        else if (parent === PARENT_FUNCTION) this.parameter(offset);
        return false;
      case UNSPECIFIED_PARAMETERS:
        if (parent === PARENT_PROTOTYPE || parent === PARENT_FUNCTION) {
          this.openFlags[depth] = this.openFlags[depth] | FUNCTION_IS_VARIADIC;
        }
        return false;
      case ENUMERATOR:
        if (parent === PARENT_ENUM) this.enumerator(offset, depth);
        return false;
      case SUBRANGE:
        if (parent === PARENT_ARRAY) this.openSize[depth] = Math.imul(this.openSize[depth], this.dimension());
        return false;
      case REFERENCE_TYPE:
        return this.leafType(referenceKind(tag), NO_NAME, 0, offset);
      case TYPEDEF:
        return this.leafType(KIND_TYPEDEF, this.nameSlot(), 0, offset);
      case UNSPECIFIED_TYPE:
        return this.leafType(KIND_VOID, NO_NAME, 0, offset);
      case BASE_TYPE:
        return this.leafType(KIND_INT, this.nameSlot(), this.baseTypeWord(), offset);
      case COMPOSITE:
        return this.openType(
          PARENT_COMPOSITE,
          tag === DW_TAG.union_type ? KIND_UNION : KIND_STRUCT,
          this.optional(BYTE_SIZE, 0),
          this.flag(DECLARATION) ? DECLARATION_FLAG : 0,
          offset,
          depth,
          hasChildren,
        );
      case ENUMERATION:
        return this.enumeration(offset, depth, hasChildren);
      case ARRAY:
        return this.openType(PARENT_ARRAY, KIND_ARRAY, 1, 0, offset, depth, hasChildren);
      case SUBROUTINE_TYPE:
        return this.openType(PARENT_PROTOTYPE, KIND_FUNC_PROTO, 0, 0, offset, depth, hasChildren);
      case SUBPROGRAM:
        return this.openFunction(offset, depth, hasChildren);
      case VARIABLE:
        if (this.perCpu !== undefined) this.variable(offset, this.perCpu);
        return false;
      case UNENCODABLE_TYPE:
        return this.fail(
          offset,
          `DW_TAG 0x${tag.toString(16)} has no BTF (C++, Fortran or _Atomic)`,
          'btf-unencodable',
        );
      default:
        return false;
    }
  }

  /** A type without a list. */
  private leafType(kind: number, name: number, size: number, offset: number): false {
    this.index.set(offset, this.out.typeCount);
    this.addType(kind, name, size, 0, this.reference(TYPE), 0, 0, offset);
    return false;
  }

  /** A type whose children say more; it is added when they end. */
  private openType(
    parent: number,
    kind: number,
    size: number,
    flags: number,
    offset: number,
    depth: number,
    hasChildren: boolean,
  ): boolean {
    const level = depth + 1;
    this.checkDepth(level, offset);
    let name = kind === KIND_ARRAY || kind === KIND_FUNC_PROTO ? NO_NAME : this.nameSlot();
    const ref = this.reference(TYPE);
    if (name === NO_NAME && parent === PARENT_COMPOSITE && this.has(SPECIFICATION)) {
      name = this.nameOf(this.reference(SPECIFICATION));
    }
    this.parent[level] = parent;
    this.openKind[level] = kind;
    this.openName[level] = name;
    this.openSize[level] = size;
    this.openFlags[level] = flags;
    this.openRef[level] = ref;
    this.openOffset[level] = offset;
    this.openStart[level] = this.stackTop;
    if (hasChildren) return true;
    this.close(level);
    return false;
  }

  private openFunction(offset: number, depth: number, hasChildren: boolean): boolean {
    const level = depth + 1;
    this.checkDepth(level, offset);
    this.parent[level] = PARENT_FUNCTION;
    this.openKind[level] = this.reference(ABSTRACT_ORIGIN);
    this.openSize[level] = this.reference(SPECIFICATION);
    this.openName[level] = this.nameSlot();
    this.openFlags[level] =
      (this.flag(DECLARATION) ? FUNCTION_IS_DECLARATION : 0) |
      (this.flag(EXTERNAL) ? FUNCTION_IS_EXTERNAL : 0);
    this.openRef[level] = this.reference(TYPE);
    this.openOffset[level] = offset;
    this.openStart[level] = this.stackTop;
    if (hasChildren) return true;
    this.close(level);
    return false;
  }

  /** Ends the DIE open at `depth`: its type or function gets its number. */
  private close(depth: number): void {
    const parent = this.parent[depth];
    if (parent === PARENT_NONE) return;
    if (parent === PARENT_FUNCTION) {
      this.closeFunction(depth);
      return;
    }
    const { out } = this;
    const kind = this.openKind[depth];
    const flags = this.openFlags[depth];
    if (parent === PARENT_PROTOTYPE && (flags & FUNCTION_IS_VARIADIC) !== 0) this.pushEntry(NO_NAME, 0, 0);
    const from = this.openStart[depth];
    const ints = this.stackTop - from;
    const start = out.entries.length;
    out.entries.reserve(ints);
    const entries = out.entries.data;
    const { stack } = this;
    for (let i = 0; i < ints; i++) entries[start + i] = stack[from + i];
    out.entries.length += ints;
    this.stackTop = from;
    const offset = this.openOffset[depth];
    this.index.set(offset, out.typeCount);
    this.addType(
      kind,
      this.openName[depth],
      this.openSize[depth],
      parent === PARENT_PROTOTYPE ? 0 : flags,
      this.openRef[depth],
      start,
      ints / 3,
      offset,
    );
  }

  private closeFunction(depth: number): void {
    const { out } = this;
    // Parameters wait on the stack as (name, type, DIE offset) pairs of entries; the origin stands in the second.
    const from = this.openStart[depth];
    const start = out.parameterName.length;
    for (let i = from; i < this.stackTop; i += 6) {
      this.index.set(this.stack[i + 2], out.parameterName.length);
      out.parameterName.push(this.stack[i]);
      out.parameterRef.push(this.stack[i + 1]);
      out.parameterOffset.push(this.stack[i + 2]);
      out.parameterOrigin.push(this.stack[i + 3]);
    }
    this.stackTop = from;
    const offset = this.openOffset[depth];
    this.index.set(offset, out.functionName.length);
    out.functionName.push(this.openName[depth]);
    out.functionRef.push(this.openRef[depth]);
    out.functionOrigin.push(this.openKind[depth]);
    out.functionSpecification.push(this.openSize[depth]);
    out.functionFlags.push(this.openFlags[depth]);
    out.functionStart.push(start);
    out.functionCount.push(out.parameterName.length - start);
    out.functionOffset.push(offset);
  }

  private parameter(offset: number): void {
    this.pushEntry(this.nameSlot(), this.reference(TYPE), offset);
    this.pushEntry(this.reference(ABSTRACT_ORIGIN), 0, 0);
  }

  /** DW_TAG_member with a bitfield, an inline name, a block location, 64-bit DWARF … */
  private member(offset: number, depth: number): void {
    const name = this.nameSlot();
    const type = this.reference(TYPE);
    const bits = this.optional(BIT_SIZE, 0);
    let bitOffset = 0;
    if (this.has(DATA_BIT_OFFSET)) {
      bitOffset = this.unsigned(DATA_BIT_OFFSET);
    } else {
      bitOffset = this.memberLocation(offset) * 8;
      if (bits !== 0) {
        this.oldBitfield(name, bitOffset, bits, type, depth, offset);
        return;
      }
    }
    this.pushMember(name, bitOffset, bits, type, depth, offset);
  }

  private pushMember(
    name: number,
    bitOffset: number,
    bits: number,
    type: number,
    depth: number,
    offset: number,
  ): void {
    const isBitfield = bits !== 0 || bitOffset % 8 !== 0;
    if (isBitfield && (bits > MAX_BITFIELD_BITS || bitOffset < 0 || bitOffset > MAX_BITFIELD_OFFSET)) {
      this.fail(offset, `bitfield of ${bits} bits at bit ${bitOffset} does not fit BTF`, 'btf-unencodable');
    }
    if (bitOffset < 0 || bitOffset > 0xffff_ffff)
      this.fail(offset, `member at bit ${bitOffset} does not fit BTF`, 'btf-unencodable');
    if (isBitfield) this.openFlags[depth] = this.openFlags[depth] | KIND_FLAG;
    this.pushEntry(name, isBitfield ? (bits << 24) | bitOffset : bitOffset | 0, type);
  }

  /**
   * A bitfield of DWARF 2–4 with DW_AT_bit_offset, counted from the most significant bit of its storage unit
   * (DWARF 3 §5.5.6). Without DW_AT_byte_size the storage unit is as large as the member's type.
   */
  private oldBitfield(
    name: number,
    base: number,
    bits: number,
    type: number,
    depth: number,
    offset: number,
  ): void {
    // Negative for a bitfield that spills out of its storage unit (packed structs), whatever the form.
    const fromTop = this.signed32(BIT_OFFSET);
    const storage = this.has(BYTE_SIZE) ? this.unsigned(BYTE_SIZE) : this.storageBytes(type);
    const { littleEndian } = this.sections;
    const bitOffset = littleEndian ? base + storage * 8 - fromTop - bits : base + fromTop;
    this.pushMember(name, bitOffset, bits, type, depth, offset);
  }

  /** Size of the base or enumeration type behind typedefs and qualifiers; leaves another DIE located. */
  private storageBytes(type: number): number {
    let at = type;
    for (let step = 0; step < MAX_TYPE_CHAIN && at !== 0; step++) {
      this.checkInside(at);
      if (this.locate(at) === 0) break;
      if (this.has(BYTE_SIZE)) return this.unsigned(BYTE_SIZE);
      at = this.reference(TYPE);
    }
    return this.fail(type, 'type of a bitfield has no size');
  }

  private memberLocation(offset: number): number {
    switch (this.form(LOCATION)) {
      case 0:
        return 0;
      case FORM_BLOCK1:
      case FORM_BLOCK2:
      case FORM_BLOCK4:
      case FORM_BLOCK:
      case FORM_EXPRLOC: {
        const at = this.block(LOCATION);
        const op = at < this.blockEnd ? this.sections.info[at] : 0;
        if (op === DW_OP.plus_uconst || op === DW_OP.constu) return this.uleb(at + 1);
        return this.fail(offset, `member location with DW_OP 0x${op.toString(16)}`, 'dwarf-unsupported');
      }
      default:
        return this.unsigned(LOCATION);
    }
  }

  private baseTypeWord(): number {
    const bytes = this.optional(BYTE_SIZE, 0);
    const ate = this.optional(VALUE, 0);
    let encoding = 0;
    if (ate === DW_ATE.signed || ate === DW_ATE.signed_char) encoding = 1;
    else if (ate === DW_ATE.boolean) encoding = 4;
    return (Math.min(bytes, 0xff_ffff) << 8) | encoding;
  }

  private enumeration(offset: number, depth: number, hasChildren: boolean): boolean {
    const bytes = this.optional(BYTE_SIZE, 4);
    const isWide = bytes > 4;
    const flags = (this.flag(DECLARATION) ? DECLARATION_FLAG : 0) | (isWide ? ENUM64_FLAG : 0);
    const underlying = this.reference(TYPE);
    const opened = this.openType(PARENT_ENUM, KIND_ENUM, bytes, flags, offset, depth, hasChildren);
    // The sign of a 64-bit enumeration is that of its underlying type (dwarves: die__create_new_enumeration).
    if (opened && isWide && this.isSigned(underlying)) this.openFlags[depth + 1] = flags | KIND_FLAG;
    return opened;
  }

  private isSigned(type: number): boolean {
    if (type === 0) return false;
    this.checkInside(type);
    if (this.locate(type) === 0) return false;
    const ate = this.optional(VALUE, 0);
    return ate === DW_ATE.signed || ate === DW_ATE.signed_char;
  }

  private enumerator(offset: number, depth: number): void {
    const name = this.nameSlot();
    this.valueLow = 0;
    this.valueHigh = 0;
    if (this.has(VALUE)) this.wide(VALUE);
    const low = this.valueLow | 0;
    const high = this.valueHigh | 0;
    const flags = this.openFlags[depth];
    if ((flags & ENUM64_FLAG) !== 0) {
      this.pushEntry(name, low, high);
      return;
    }
    const isNegative = high === -1 && low < 0;
    if (high !== 0 && !isNegative) this.fail(offset, 'enumerator does not fit 32 bits', 'btf-unencodable');
    if (isNegative) this.openFlags[depth] = flags | KIND_FLAG;
    this.pushEntry(name, low, 0);
  }

  /** Elements of one dimension mod 2^32; flexible and variable-length ones are 0 (dwarves: die__create_new_subrange). */
  private dimension(): number {
    if (this.has(VALUE) && !this.isBlockOrReference(VALUE)) {
      this.wide(VALUE);
      return (this.valueLow + 1) | 0;
    }
    if (this.has(COUNT) && !this.isBlockOrReference(COUNT)) {
      this.wide(COUNT);
      return this.valueLow | 0;
    }
    return 0;
  }

  /** Keeps a variable when its address lies in the per-CPU section (pahole ≤ 1.27: at any depth). */
  private variable(offset: number, range: AddressRange): void {
    if (!this.addressInto()) return;
    const low = this.valueLow - range.low;
    const high = this.valueHigh - range.high;
    const relative = high * 0x1_0000_0000 + low;
    if (relative < 0 || relative >= range.sizeBytes) return;
    const isDeclaration = this.flag(DECLARATION);
    const specification = this.reference(SPECIFICATION);
    if (isDeclaration && specification === 0) return;
    const name = this.nameSlot();
    if (relative === 0 && this.valueAddressIsZero && name === NO_NAME) return;
    if (specification !== 0) {
      this.checkInside(specification);
      if (this.locate(specification) === 0) this.fail(specification, 'specification names a null entry');
    }
    this.out.variableRef.push(this.reference(TYPE));
    this.out.variableName.push(name);
    this.out.variableOffset.push(offset);
    this.out.variableFlags.push(this.flag(EXTERNAL) ? VARIABLE_IS_EXTERNAL : 0);
    this.out.variableAddress.push(relative);
  }
}

function referenceKind(tag: number): number {
  switch (tag) {
    case DW_TAG.pointer_type:
      return KIND_PTR;
    case DW_TAG.const_type:
      return KIND_CONST;
    case DW_TAG.volatile_type:
      return KIND_VOLATILE;
    default:
      return KIND_RESTRICT;
  }
}
