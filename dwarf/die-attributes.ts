/**
 * The attributes of one DIE at a time (DWARF 5 §7.5.4 to §7.5.6): where they stand, and their values as numbers, names
 * and references. The DIE loop (unit-reader.ts) and whoever follows a reference put the cursor on a DIE.
 */

import { FormatError } from '../elf/format-error.ts';
import { DW_ATE, DW_FORM, DW_OP, DW_TAG } from './constants.ts';
import { DIE_CLASS, SLOT, SLOT_COUNT } from './die-classes.ts';
import { LinkedUnits } from './linked-units.ts';
import { NO_NAME, type NameTable } from './names.ts';
import type { DwarfSections, InfoPart, UnitHeader } from './sections.ts';
import { OP, SHAPE, type ShapeTable, formBytes, formOperation } from './shapes.ts';
import type { UnitLinks } from './unit-links.ts';

// V8 folds a module's own constants into optimized code but not those it imports; reading is several times
// slower without these copies.
const { CLASS: SHAPE_CLASS, HAS_CHILDREN: SHAPE_HAS_CHILDREN } = SHAPE;
const { IMPORTED_UNIT } = DIE_CLASS;
const { TAG: SHAPE_TAG, OPS_START: SHAPE_OPS_START, OPS_END: SHAPE_OPS_END, SLOTS: SHAPE_SLOTS } = SHAPE;
const {
  SKIP: OP_SKIP,
  MARK: OP_MARK,
  STRING: OP_STRING,
  LEB: OP_LEB,
  BLOCK1: OP_BLOCK1,
  BLOCK2: OP_BLOCK2,
  BLOCK4: OP_BLOCK4,
  BLOCK_LEB: OP_BLOCK_LEB,
} = OP;
const {
  NAME,
  TYPE,
  BYTE_SIZE,
  LOCATION,
  VALUE,
  COUNT,
  EXTERNAL,
  ANNOTATION,
  STR_OFFSETS_BASE,
  ADDR_BASE,
  LOCLISTS_BASE,
} = SLOT;
const {
  addr: FORM_ADDR,
  block2: FORM_BLOCK2,
  block4: FORM_BLOCK4,
  data2: FORM_DATA2,
  data4: FORM_DATA4,
  data8: FORM_DATA8,
  string: FORM_STRING,
  block: FORM_BLOCK,
  block1: FORM_BLOCK1,
  data1: FORM_DATA1,
  flag: FORM_FLAG,
  sdata: FORM_SDATA,
  strp: FORM_STRP,
  udata: FORM_UDATA,
  ref_addr: FORM_REF_ADDR,
  ref1: FORM_REF1,
  ref2: FORM_REF2,
  ref4: FORM_REF4,
  ref8: FORM_REF8,
  ref_udata: FORM_REF_UDATA,
  indirect: FORM_INDIRECT,
  sec_offset: FORM_SEC_OFFSET,
  exprloc: FORM_EXPRLOC,
  flag_present: FORM_FLAG_PRESENT,
  strx: FORM_STRX,
  addrx: FORM_ADDRX,
  line_strp: FORM_LINE_STRP,
  implicit_const: FORM_IMPLICIT_CONST,
  loclistx: FORM_LOCLISTX,
  strx1: FORM_STRX1,
  strx2: FORM_STRX2,
  strx3: FORM_STRX3,
  strx4: FORM_STRX4,
  addrx1: FORM_ADDRX1,
  addrx2: FORM_ADDRX2,
  addrx3: FORM_ADDRX3,
  addrx4: FORM_ADDRX4,
  GNU_addr_index: FORM_GNU_ADDR_INDEX,
  GNU_str_index: FORM_GNU_STR_INDEX,
  ref_sig8: FORM_REF_SIG8,
  ref_sup4: FORM_REF_SUP4,
  ref_sup8: FORM_REF_SUP8,
  strp_sup: FORM_STRP_SUP,
  GNU_ref_alt: FORM_GNU_REF_ALT,
  GNU_strp_alt: FORM_GNU_STRP_ALT,
} = DW_FORM;
const TAG_GNU_ANNOTATION = DW_TAG.GNU_annotation;

/** Typedefs and qualifiers between a bitfield and its base type; C code has a handful. */
const MAX_TYPE_CHAIN = 256;
/** Annotations in a chain; C declarations have a handful. A chain is shared, so each DIE that names it costs all of it. */
export const MAX_ANNOTATIONS = 64;

/** Names of the annotations that are BTF's. */
export const TYPE_TAG_NAME = 'btf_type_tag';
export const DECL_TAG_NAME = 'btf_decl_tag';

/** Cursor over the DIEs of one unit. */
export class DieAttributes {
  protected readonly sections: DwarfSections;
  protected readonly names: NameTable;
  protected readonly view: DataView;
  protected unit!: UnitHeader;
  protected table!: ShapeTable;
  protected codes!: Int32Array;
  protected strOffsetsBase = 0;
  protected addrBase = 0;
  protected locListsBase = 0;
  /** The current DIE: its shape and where its attributes start. */
  protected shapes: Int32Array = new Int32Array(0);
  protected shape = 0;
  protected attributes = 0;
  protected isFixed = false;
  /** Where the wanted attributes of a DIE without fixed size start. */
  protected readonly marks = new Int32Array(SLOT_COUNT);
  /** Forms that DW_FORM_indirect stood for. */
  protected readonly indirectForms = new Int32Array(SLOT_COUNT);
  /** Where the attributes end that {@link locate} found. */
  protected attributesEnd = 0;
  /** Where the block ends that {@link block} found. */
  protected blockEnd = 0;
  /** The value read last, in two halves: a JavaScript number holds 53 bits. */
  protected valueLow = 0;
  protected valueHigh = 0;
  protected valueAddressIsZero = false;
  /** Set when all units are read as one. */
  links: UnitLinks | undefined = undefined;
  /** A cursor on DIEs of other units. */
  private peer: DieAttributes | undefined = undefined;
  /** DW_TAG and DW_AT_language of the unit's root; 0 when it has none. */
  rootTag = 0;
  rootLanguage = 0;

  constructor(sections: DwarfSections, names: NameTable) {
    this.sections = sections;
    this.names = names;
    this.view = new DataView(sections.info.buffer, sections.info.byteOffset, sections.info.byteLength);
  }

  /** Takes up a unit without reading its DIEs yet; {@link rootTag} and {@link rootLanguage} describe its root. */
  open(unit: UnitHeader, table: ShapeTable): void {
    this.unit = unit;
    this.table = table;
    this.codes = table.table(unit.abbrevOffset);
    this.shapes = table.shapes.data;
    this.strOffsetsBase = 0;
    this.addrBase = 0;
    this.locListsBase = 0;
    this.rootTag = 0;
    this.rootLanguage = 0;
    if (unit.rootOffset >= unit.end) return;
    const shape = this.locate(unit.rootOffset);
    if (shape === 0) return;
    this.rootTag = table.shapes.at(shape + SHAPE_TAG);
    // DWARF 5 §7.26, §7.27: without a base attribute the first table of the section is meant, behind its header.
    const defaultBase = unit.version >= 5 ? (unit.offsetBytes === 8 ? 16 : 8) : 0;
    this.strOffsetsBase = this.has(STR_OFFSETS_BASE) ? this.unsigned(STR_OFFSETS_BASE) : defaultBase;
    this.addrBase = this.has(ADDR_BASE) ? this.unsigned(ADDR_BASE) : defaultBase;
    // §7.29: that header has four bytes more.
    this.locListsBase = this.has(LOCLISTS_BASE) ? this.unsigned(LOCLISTS_BASE) : defaultBase + 4;
    if (this.has(VALUE)) this.rootLanguage = this.unsigned(VALUE);
  }

  /** Reads DW_AT_name of any DIE; 0 when it has none. */
  nameOf(dieOffset: number): number {
    const cursor = this.cursorFor(dieOffset);
    return cursor.locate(dieOffset) === 0 ? NO_NAME : cursor.nameSlot();
  }

  /** Size of the base or enumeration type behind typedefs and qualifiers; may leave another DIE located. */
  protected storageBytes(type: number): number {
    let at = type;
    for (let step = 0; step < MAX_TYPE_CHAIN && at !== 0; step++) {
      const cursor = this.cursorFor(at);
      if (cursor.locate(at) === 0) break;
      if (cursor.has(BYTE_SIZE)) return cursor.unsigned(BYTE_SIZE);
      at = cursor.reference(TYPE);
    }
    return this.fail(type, 'type of a bitfield has no size');
  }

  /** Whether DW_AT_encoding of a DIE says that it is signed; may leave another DIE located. */
  protected isSigned(type: number): boolean {
    if (type === 0) return false;
    const cursor = this.cursorFor(type);
    if (cursor.locate(type) === 0) return false;
    const ate = cursor.optional(VALUE, 0);
    return ate === DW_ATE.signed || ate === DW_ATE.signed_char;
  }

  /** What the declaration says that a DIE's specification names; may leave another DIE located. */
  protected declarationAt(offset: number): { name: number; type: number; isExternal: boolean } {
    const cursor = this.cursorFor(offset);
    if (cursor.locate(offset) === 0) this.fail(offset, 'specification names a null entry');
    return {
      name: cursor.nameSlot(),
      type: cursor.reference(TYPE),
      isExternal: cursor.flag(EXTERNAL),
    };
  }

  /**
   * Values (raw names) of the annotations called `name` in the chain of DW_TAG_GNU_annotation that starts at `head`, 0
   * for none; may leave another DIE located. A chain of type tags ends at the first other one, as dwarves' does
   * (die__create_new_pointer_tag, add_gnu_annotation_chain).
   * @throws FormatError when the chain leads to a null entry or does not end
   */
  protected annotationValues(head: number, name: string): number[] {
    const values: number[] = [];
    for (let at = head, step = 0; at !== 0; step++) {
      if (step === MAX_ANNOTATIONS)
        this.fail(head, `annotation is the first of more than ${MAX_ANNOTATIONS}, or of a circle`);
      const cursor = this.cursorFor(at);
      const shape = cursor.locate(at);
      if (shape === 0) this.fail(at, 'reference to an annotation names a null entry');
      if (cursor.shapes[shape + SHAPE_TAG] !== TAG_GNU_ANNOTATION) break;
      if (this.isText(cursor.nameSlot(), name)) {
        const value = cursor.stringSlot(VALUE);
        if (value !== NO_NAME) values.push(value);
      } else if (name === TYPE_TAG_NAME) {
        break;
      }
      at = cursor.reference(ANNOTATION);
    }
    return values;
  }

  protected isText(raw: number, text: string): boolean {
    if (raw === NO_NAME) return false;
    const { bytes, start, end } = this.names.text(raw);
    if (end - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** Roots of the units that the unit opened last imports before it says anything else. */
  leadingImports(): number[] {
    const { unit, table } = this;
    const found: number[] = [];
    if (unit.rootOffset >= unit.end) return found;
    let shape = this.locate(unit.rootOffset);
    if (shape === 0 || table.shapes.at(shape + SHAPE_HAS_CHILDREN) === 0) return found;
    for (;;) {
      const at = this.attributesEnd;
      shape = at < unit.end ? this.locate(at) : 0;
      const isLast = table.shapes.at(shape + SHAPE_CLASS) !== IMPORTED_UNIT;
      if (isLast) return found;
      found.push(this.reference(TYPE));
      if (table.shapes.at(shape + SHAPE_HAS_CHILDREN) === 1) return found;
    }
  }

  protected fail(
    offset: number,
    what: string,
    code:
      | 'dwarf-malformed'
      | 'dwarf-unsupported'
      | 'dwarf-supplement'
      | 'btf-unencodable' = 'dwarf-malformed',
  ): never {
    throw new FormatError(code, { format: 'dwarf', section: '.debug_info', offset }, what);
  }

  /** A cursor for the DIE at `offset`: this one when it is in this unit, else one of the unit where it is. */
  protected cursorFor(offset: number): DieAttributes {
    if (this.isInside(offset)) return this;
    if (this.peer === undefined) {
      this.peer = new DieAttributes(this.sections, this.names);
      this.peer.unit = this.unit;
      this.peer.links = this.links;
    }
    this.peer.moveTo(offset);
    return this.peer;
  }

  /**
   * Takes up the unit of the DIE at `offset`.
   * @throws FormatError when it is in no unit, or in another one and units are read one by one.
   */
  protected moveTo(offset: number): void {
    if (this.isInside(offset)) return;
    const unit = this.links?.unitAt(offset);
    if (this.links === undefined || unit === undefined)
      this.fail(offset, `reference leaves the unit at 0x${this.unit.offset.toString(16)}`);
    this.open(unit, this.links.shapeTable(unit));
  }

  private isInside(offset: number): boolean {
    return offset >= this.unit.rootOffset && offset < this.unit.end;
  }

  /** Finds the attributes of the DIE at `offset`; returns its shape, 0 for a null entry. */
  protected locate(offset: number): number {
    const { info } = this.sections;
    let pos = offset;
    let code = 0;
    let scale = 1;
    for (;;) {
      if (pos >= this.unit.end || scale > 0x1000_0000)
        this.fail(offset, 'abbreviation code runs beyond the unit');
      const byte = info[pos++];
      code += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    if (code === 0) return 0;
    const shape = code < this.codes.length ? this.codes[code] : 0;
    if (shape === 0) this.fail(offset, `abbreviation code ${code} is not declared`);
    this.attributesEnd = this.skipMarking(shape, pos);
    return shape;
  }

  /** Steps over a DIE's attributes by its operations and remembers where the wanted ones are. */
  protected skipMarking(shape: number, from: number): number {
    const shapes = this.table.shapes.data;
    const ops = this.table.ops.data;
    this.shape = shape;
    this.isFixed = false;
    return this.skip(
      ops,
      shapes[shape + SHAPE_OPS_START],
      shapes[shape + SHAPE_OPS_END],
      from,
      this.unit.end,
    );
  }

  protected skip(ops: Int32Array, start: number, stop: number, from: number, end: number): number {
    const { info, littleEndian } = this.sections;
    let pos = from;
    for (let o = start; o < stop; o++) {
      const word = ops[o];
      const argument = word >> 4;
      switch (word & 15) {
        case OP_SKIP:
          pos += argument;
          break;
        case OP_MARK:
          this.marks[argument] = pos;
          break;
        case OP_STRING:
          while (pos < end && info[pos] !== 0) pos++;
          pos++;
          break;
        case OP_LEB:
          while (pos < end && info[pos] >= 0x80) pos++;
          pos++;
          break;
        case OP_BLOCK1:
          pos += pos < end ? 1 + info[pos] : 1;
          break;
        case OP_BLOCK2:
          pos += pos + 2 <= end ? 2 + this.view.getUint16(pos, littleEndian) : 2;
          break;
        case OP_BLOCK4:
          pos += pos + 4 <= end ? 4 + this.view.getUint32(pos, littleEndian) : 4;
          break;
        case OP_BLOCK_LEB: {
          const length = this.uleb(pos);
          pos = this.afterLeb(pos) + length;
          break;
        }
        default:
          pos = this.skipIndirect(pos, end, o > start ? ops[o - 1] : 0);
      }
      if (pos > end) this.fail(from, 'attributes run beyond the unit');
    }
    return pos;
  }

  /** DW_FORM_indirect: the form stands in front of the value. `mark` is the operation before it, if it marked a slot. */
  protected skipIndirect(pos: number, end: number, mark: number): number {
    const form = this.uleb(pos);
    const at = this.afterLeb(pos);
    if (form === FORM_INDIRECT || form === FORM_IMPLICIT_CONST)
      this.fail(pos, `indirect form 0x${form.toString(16)} is not allowed`);
    if ((mark & 15) === OP_MARK) {
      this.indirectForms[mark >> 4] = form;
      this.marks[mark >> 4] = at;
    }
    const bytes = formBytes(form, this.unit);
    if (bytes >= 0) return at + bytes;
    const operation = formOperation(form);
    if (operation < 0) this.fail(pos, `unknown form 0x${form.toString(16)}`, 'dwarf-unsupported');
    return this.skip(Int32Array.of(operation), 0, 1, at, end);
  }

  protected uleb(at: number): number {
    const { info } = this.sections;
    let value = 0;
    let scale = 1;
    let pos = at;
    for (;;) {
      if (pos >= this.unit.end || scale > Number.MAX_SAFE_INTEGER)
        this.fail(at, 'LEB128 number runs beyond the unit or is too long');
      const byte = info[pos++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  protected afterLeb(at: number): number {
    const { info } = this.sections;
    let pos = at;
    while (pos < this.unit.end && info[pos] >= 0x80) pos++;
    return pos + 1;
  }

  protected has(slot: number): boolean {
    return this.shapes[this.shape + SHAPE_SLOTS + 2 * slot] !== 0;
  }

  /** DW_FORM of an attribute of the current DIE, 0 when it is absent. */
  protected form(slot: number): number {
    const form = this.shapes[this.shape + SHAPE_SLOTS + 2 * slot];
    return form === FORM_INDIRECT ? this.indirectForms[slot] : form;
  }

  /** Where an attribute's value stands (section offset). */
  protected place(slot: number): number {
    if (this.isFixed) return this.attributes + this.shapes[this.shape + SHAPE_SLOTS + 2 * slot + 1];
    return this.marks[slot];
  }

  /** Value of an attribute with DW_FORM_implicit_const as the shape has it. */
  protected constant(slot: number): number {
    return this.shapes[this.shape + SHAPE_SLOTS + 2 * slot + 1];
  }

  protected flag(slot: number): boolean {
    const form = this.form(slot);
    if (form === 0) return false;
    return form === FORM_FLAG_PRESENT || this.unsigned(slot) !== 0;
  }

  /** A DW_AT value as a 64-bit pair in valueLow, valueHigh; fixed-size data is zero-extended, as libdw's dwarf_formudata does. */
  protected wide(slot: number): void {
    const at = this.place(slot);
    const { littleEndian } = this.sections;
    this.valueHigh = 0;
    switch (this.form(slot)) {
      case FORM_FLAG_PRESENT:
        this.valueLow = 1;
        return;
      case FORM_DATA1:
      case FORM_FLAG:
      case FORM_ADDRX1:
      case FORM_STRX1:
        this.valueLow = this.view.getUint8(at);
        return;
      case FORM_DATA2:
      case FORM_ADDRX2:
      case FORM_STRX2:
        this.valueLow = this.view.getUint16(at, littleEndian);
        return;
      case FORM_STRX3:
      case FORM_ADDRX3:
        this.valueLow = littleEndian
          ? this.view.getUint16(at, true) | (this.view.getUint8(at + 2) << 16)
          : (this.view.getUint16(at, false) << 8) | this.view.getUint8(at + 2);
        return;
      case FORM_DATA4:
      case FORM_REF_SUP4:
      case FORM_ADDRX4:
      case FORM_STRX4:
        this.valueLow = this.view.getUint32(at, littleEndian);
        return;
      case FORM_SEC_OFFSET:
      case FORM_STRP:
      case FORM_LINE_STRP:
      case FORM_REF_ADDR:
      case FORM_STRP_SUP:
      case FORM_GNU_STRP_ALT:
      case FORM_GNU_REF_ALT:
        if (formBytes(this.form(slot), this.unit) === 4)
          this.valueLow = this.view.getUint32(at, littleEndian);
        else this.pair(at);
        return;
      case FORM_DATA8:
      case FORM_REF8:
      case FORM_REF_SUP8:
        this.pair(at);
        return;
      case FORM_ADDR:
        if (this.unit.addressBytes === 4) this.valueLow = this.view.getUint32(at, littleEndian);
        else this.pair(at);
        return;
      case FORM_UDATA:
      case FORM_REF_UDATA:
      case FORM_STRX:
      case FORM_ADDRX:
      case FORM_LOCLISTX:
      case FORM_GNU_ADDR_INDEX:
      case FORM_GNU_STR_INDEX:
        this.big(this.lebBig(at, false));
        return;
      case FORM_SDATA:
        this.big(this.lebBig(at, true));
        return;
      case FORM_IMPLICIT_CONST: {
        const constant = this.constant(slot);
        if (constant >= 0) this.valueLow = constant;
        else this.big(this.table.wideConstants[~constant]);
        return;
      }
      default:
        this.fail(at, `form 0x${this.form(slot).toString(16)} where a number belongs`);
    }
  }

  protected pair(at: number): void {
    const { littleEndian } = this.sections;
    this.valueLow = this.view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
    this.valueHigh = this.view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
  }

  protected big(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    this.valueLow = Number(bits & 0xffff_ffffn);
    this.valueHigh = Number(bits >> 32n);
  }

  protected lebBig(at: number, signed: boolean): bigint {
    const { info } = this.sections;
    let value = 0n;
    let shift = 0n;
    let pos = at;
    for (;;) {
      if (pos >= this.unit.end || shift > 70n)
        this.fail(at, 'LEB128 number runs beyond the unit or is too long');
      const byte = info[pos++];
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return signed && (byte & 0x40) !== 0 ? value - (1n << shift) : value;
    }
  }

  /** A small unsigned value; a negative or larger one reads as what its low 53 bits say. */
  protected unsigned(slot: number): number {
    const form = this.form(slot);
    if (form === FORM_DATA1) return this.sections.info[this.place(slot)];
    if (form === FORM_DATA2) return this.view.getUint16(this.place(slot), this.sections.littleEndian);
    if (form === FORM_IMPLICIT_CONST && this.constant(slot) >= 0) return this.constant(slot);
    this.wide(slot);
    return this.valueHigh * 0x1_0000_0000 + this.valueLow;
  }

  /** The low 32 bits as a signed number; 0 when absent. */
  protected signed32(slot: number): number {
    if (!this.has(slot)) return 0;
    this.wide(slot);
    return this.valueLow | 0;
  }

  protected optional(slot: number, otherwise: number): number {
    return this.has(slot) ? this.unsigned(slot) : otherwise;
  }

  protected nameSlot(): number {
    return this.stringSlot(NAME);
  }

  /** Raw name of an attribute of class string, NO_NAME when it is absent or empty. */
  protected stringSlot(slot: number): number {
    const at = this.place(slot);
    const { littleEndian, strOffsets } = this.sections;
    switch (this.form(slot)) {
      case 0:
        return NO_NAME;
      case FORM_STRP:
        return this.strName(this.unsigned(slot), at);
      case FORM_STRING:
        return this.names.inline(at, this.afterString(at) - at);
      case FORM_LINE_STRP:
        return this.names.lineString(this.unit.part.lineStrStart + this.unsigned(slot));
      case FORM_STRP_SUP:
      case FORM_GNU_STRP_ALT:
        return this.strName(this.unsigned(slot), at, this.supplement(at));
      case FORM_STRX:
      case FORM_STRX1:
      case FORM_STRX2:
      case FORM_STRX3:
      case FORM_STRX4:
      case FORM_GNU_STR_INDEX: {
        const { offsetBytes } = this.unit;
        const entry = this.strOffsetsBase + this.unsigned(slot) * offsetBytes;
        if (entry + offsetBytes > strOffsets.length)
          this.fail(at, 'string index is outside .debug_str_offsets');
        const low = entry + (offsetBytes === 8 && !littleEndian ? 4 : 0);
        const view = new DataView(strOffsets.buffer, strOffsets.byteOffset, strOffsets.byteLength);
        return this.strName(view.getUint32(low, littleEndian), at);
      }
      default:
        return this.fail(
          at,
          `form 0x${this.form(slot).toString(16)} where a name belongs`,
          'dwarf-unsupported',
        );
    }
  }

  protected strName(offset: number, at: number, { strStart, strEnd } = this.unit.part): number {
    if (offset >= strEnd - strStart) this.fail(at, outsideStrings(offset));
    return strStart + offset + 1;
  }

  /** The supplementary file's part, for the attribute at `at` that refers to it. */
  private supplement(at: number): InfoPart {
    if (this.links === undefined) throw new LinkedUnits();
    return (
      this.links.supplement ??
      this.fail(at, `refers to the supplementary file ${this.links.supplementName}`, 'dwarf-supplement')
    );
  }

  protected afterString(at: number): number {
    const { info } = this.sections;
    let pos = at;
    while (pos < this.unit.end && info[pos] !== 0) pos++;
    return pos;
  }

  /**
   * Offset of the DIE that a reference attribute names, 0 when absent.
   * @throws LinkedUnits when it lies in another unit and units are read one by one.
   */
  protected reference(slot: number): number {
    const at = this.place(slot);
    const { littleEndian } = this.sections;
    const { unit } = this;
    let target: number;
    switch (this.form(slot)) {
      case 0:
        return 0;
      case FORM_REF4:
        target = this.view.getUint32(at, littleEndian);
        break;
      case FORM_REF1:
        target = this.view.getUint8(at);
        break;
      case FORM_REF2:
        target = this.view.getUint16(at, littleEndian);
        break;
      case FORM_REF8:
      case FORM_REF_UDATA:
        target = this.unsigned(slot);
        break;
      case FORM_REF_ADDR:
        return this.farReference(at, this.unsigned(slot), unit.part);
      case FORM_GNU_REF_ALT:
      case FORM_REF_SUP4:
      case FORM_REF_SUP8:
        return this.farReference(at, this.unsigned(slot), this.supplement(at));
      case FORM_REF_SIG8: {
        if (this.links === undefined) throw new LinkedUnits();
        this.pair(at);
        const found = this.links.typeOffset(this.valueLow, this.valueHigh);
        if (found < 0) {
          const signature = (BigInt(this.valueHigh) << 32n) | BigInt(this.valueLow);
          this.fail(at, `no type unit has the signature 0x${signature.toString(16)}`);
        }
        return found;
      }
      default:
        return this.fail(
          at,
          `form 0x${this.form(slot).toString(16)} where a reference belongs`,
          'dwarf-unsupported',
        );
    }
    if (target >= unit.end - unit.offset) this.fail(at, this.outsideUnit(target));
    return target + unit.offset;
  }

  /** The DIE at `offset` of a `.debug_info`. */
  private farReference(at: number, offset: number, { refStart, refEnd }: InfoPart): number {
    if (offset >= refEnd - refStart) this.fail(at, `refers to 0x${offset.toString(16)}, outside the section`);
    const target = refStart + offset;
    const { unit } = this;
    if (target >= unit.offset && target < unit.end) return target;
    if (this.links === undefined) throw new LinkedUnits();
    this.links.use(target);
    return target;
  }

  protected outsideUnit(target: number): string {
    const { offset, end } = this.unit;
    return `refers to 0x${target.toString(16)}, outside its unit of ${end - offset} bytes at 0x${offset.toString(16)}`;
  }

  /** First byte of a block's contents; {@link blockEnd} is where they end. */
  protected block(slot: number): number {
    const at = this.place(slot);
    const { info, littleEndian } = this.sections;
    switch (this.form(slot)) {
      case FORM_BLOCK1:
        this.blockEnd = at + 1 + info[at];
        return at + 1;
      case FORM_BLOCK2:
        this.blockEnd = at + 2 + this.view.getUint16(at, littleEndian);
        return at + 2;
      case FORM_BLOCK4:
        this.blockEnd = at + 4 + this.view.getUint32(at, littleEndian);
        return at + 4;
      default: {
        const start = this.afterLeb(at);
        this.blockEnd = start + this.uleb(at);
        return start;
      }
    }
  }

  protected isBlockOrReference(slot: number): boolean {
    switch (this.form(slot)) {
      case FORM_BLOCK1:
      case FORM_BLOCK2:
      case FORM_BLOCK4:
      case FORM_BLOCK:
      case FORM_EXPRLOC:
      case FORM_REF1:
      case FORM_REF2:
      case FORM_REF4:
      case FORM_REF8:
      case FORM_REF_UDATA:
      case FORM_REF_ADDR:
      case FORM_REF_SIG8:
      case FORM_REF_SUP4:
      case FORM_REF_SUP8:
      case FORM_GNU_REF_ALT:
      case FORM_LOCLISTX:
        return true;
      default:
        return false;
    }
  }

  /** Elements of one dimension mod 2^32; flexible and variable-length ones are 0 (dwarves: die__create_new_subrange). */
  protected dimension(): number {
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

  /** Puts the address of a DW_OP_addr location into valueLow, valueHigh; false when the variable has no such location. */
  protected addressInto(): boolean {
    switch (this.form(LOCATION)) {
      case FORM_EXPRLOC:
      case FORM_BLOCK1:
      case FORM_BLOCK2:
      case FORM_BLOCK4:
      case FORM_BLOCK:
        break;
      default:
        return false;
    }
    const at = this.block(LOCATION);
    const { info, littleEndian } = this.sections;
    const { addressBytes } = this.unit;
    if (at >= this.blockEnd) return false;
    if (info[at] === DW_OP.addr && at + 1 + addressBytes <= this.blockEnd) {
      this.valueHigh = 0;
      if (addressBytes === 4) this.valueLow = this.view.getUint32(at + 1, littleEndian);
      else this.pair(at + 1);
    } else if (info[at] === DW_OP.addrx) {
      this.indexedAddress(this.uleb(at + 1), at);
    } else {
      return false;
    }
    this.valueAddressIsZero = this.valueLow === 0 && this.valueHigh === 0;
    return true;
  }

  protected indexedAddress(index: number, at: number): void {
    const { addr, littleEndian } = this.sections;
    const { addressBytes } = this.unit;
    const entry = this.addrBase + index * addressBytes;
    if (entry + addressBytes > addr.length) this.fail(at, 'address index is outside .debug_addr');
    const view = new DataView(addr.buffer, addr.byteOffset, addr.byteLength);
    const isWide = addressBytes === 8;
    this.valueLow = view.getUint32(entry + (isWide && !littleEndian ? 4 : 0), littleEndian);
    this.valueHigh = isWide ? view.getUint32(entry + (littleEndian ? 4 : 0), littleEndian) : 0;
  }
}

/** What a string offset beyond `.debug_str` is told as. */
export function outsideStrings(offset: number): string {
  return `string offset 0x${offset.toString(16)} is outside .debug_str`;
}
