/**
 * The DIE loop: walks one unit of `.debug_info` (DWARF 5 §2.3, §7.5) and fills a {@link UnitTypes}.
 *
 * Types are numbered when their DIE ends (post-order, as pahole does), so a struct nested in a struct comes before
 * it. Every DIE is visited, bodies of functions too: they hold types. The loop copies its cursor into a local and
 * inlines reads for the DIEs that make up most of a kernel (members, parameters, references), which is several
 * times faster than a cursor object; `npm run bench` watches over it.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { FLAG_ENUM64, FLAG_KIND } from '../btf/type-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import { DW_ATE, DW_FORM, DW_OP, DW_TAG } from './constants.ts';
import { NO_NAME, type NameTable } from './names.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import {
  DIE_CLASS,
  OP,
  SHAPE_CLASS,
  SHAPE_FIXED_BYTES,
  SHAPE_HAS_CHILDREN,
  SHAPE_OPS_END,
  SHAPE_OPS_START,
  SHAPE_SLOTS,
  SHAPE_TAG,
  SLOT,
  SLOT_COUNT,
  type ShapeTable,
  formBytes,
  formOperation,
} from './shapes.ts';
import {
  FUNCTION_IS_DECLARATION,
  FUNCTION_IS_EXTERNAL,
  FUNCTION_IS_VARIADIC,
  type OffsetIndex,
  TYPE_IS_DECLARATION,
  type UnitTypes,
  VARIABLE_IS_EXTERNAL,
} from './unit-types.ts';

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

const SLOT_NAME = SHAPE_SLOTS + 2 * SLOT.NAME;
const SLOT_TYPE = SHAPE_SLOTS + 2 * SLOT.TYPE;
const SLOT_LOCATION = SHAPE_SLOTS + 2 * SLOT.LOCATION;

/** What a nested DIE's parent is, for the DIEs whose meaning depends on it. */
const PARENT_NONE = 0;
const PARENT_COMPOSITE = 1;
const PARENT_ENUM = 2;
const PARENT_ARRAY = 3;
const PARENT_PROTOTYPE = 4;
const PARENT_FUNCTION = 5;

export class UnitReader {
  private readonly sections: DwarfSections;
  private readonly names: NameTable;
  private readonly perCpu: AddressRange | undefined;
  private readonly view: DataView;
  private readonly out: UnitTypes;
  private readonly index: OffsetIndex;

  private unit!: UnitHeader;
  private table!: ShapeTable;
  private codes!: Int32Array;
  private strOffsetsBase = 0;
  private addrBase = 0;

  /** Where the wanted attributes of the current DIE start (absolute); forms come from the shape. */
  private readonly place = new Int32Array(SLOT_COUNT);
  /** Forms of the current DIE: the shape's, with DW_FORM_indirect resolved. */
  private readonly form = new Int32Array(SLOT_COUNT);

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

  private valueLow = 0;
  private valueHigh = 0;

  constructor(
    sections: DwarfSections,
    names: NameTable,
    out: UnitTypes,
    index: OffsetIndex,
    perCpu: AddressRange | undefined,
  ) {
    this.sections = sections;
    this.names = names;
    this.out = out;
    this.index = index;
    this.perCpu = perCpu;
    this.view = new DataView(sections.info.buffer, sections.info.byteOffset, sections.info.byteLength);
  }

  /** Takes up a unit without reading its DIEs yet; {@link rootTag} and {@link rootLanguage} describe its root. */
  open(unit: UnitHeader, table: ShapeTable): void {
    this.unit = unit;
    this.table = table;
    this.codes = table.table(unit.abbrevOffset);
    this.strOffsetsBase = 0;
    this.addrBase = 0;
    this.rootTag = 0;
    this.rootLanguage = 0;
    if (unit.rootOffset >= unit.end) return;
    const shape = this.locate(unit.rootOffset);
    if (shape === 0) return;
    this.rootTag = table.shapes.at(shape + SHAPE_TAG);
    // DWARF 5 §7.26, §7.27: without a base attribute the first table of the section is meant, behind its header.
    const defaultBase = unit.version >= 5 ? (unit.offsetBytes === 8 ? 16 : 8) : 0;
    this.strOffsetsBase = this.has(SLOT.STR_OFFSETS_BASE)
      ? this.unsigned(SLOT.STR_OFFSETS_BASE)
      : defaultBase;
    this.addrBase = this.has(SLOT.ADDR_BASE) ? this.unsigned(SLOT.ADDR_BASE) : defaultBase;
    if (this.has(SLOT.VALUE)) this.rootLanguage = this.unsigned(SLOT.VALUE);
  }

  rootTag = 0;
  rootLanguage = 0;

  /**
   * Reads all DIEs of the unit opened last.
   * @throws FormatError located in `.debug_info` when the DIEs break their format.
   */
  read(): void {
    const { out, unit, index, codes } = this;
    const { info, littleEndian } = this.sections;
    const { view } = this;
    const shapes = this.table.shapes.data;
    const ops = this.table.ops.data;
    const { end } = unit;
    const { parent } = this;
    let depth = 0;
    let pos = unit.rootOffset;
    parent[0] = PARENT_NONE;
    this.stackTop = 0;

    while (pos < end) {
      const dieOffset = pos;
      let code = info[pos++] as number;
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
          const byte = info[pos++] as number;
          code += (byte & 0x7f) * scale;
          if (byte < 0x80) break;
          scale *= 128;
        }
      }
      const shape = code < codes.length ? (codes[code] as number) : 0;
      if (shape === 0) this.fail(dieOffset, `abbreviation code ${code} is not declared`);
      const dieClass = shapes[shape + SHAPE_CLASS] as number;
      const fixed = shapes[shape + SHAPE_FIXED_BYTES] as number;
      const attributes = pos;

      if (fixed >= 0) {
        pos += fixed;
        if (pos > end) this.fail(dieOffset, 'attributes run beyond the unit');

        if (dieClass === DIE_CLASS.MEMBER) {
          if (
            parent[depth] === PARENT_COMPOSITE &&
            shapes[shape + SLOT_NAME] === DW_FORM.strp &&
            shapes[shape + SLOT_TYPE] === DW_FORM.ref4 &&
            shapes[shape + SHAPE_SLOTS + 2 * SLOT.BIT_SIZE] === 0 &&
            shapes[shape + SHAPE_HAS_CHILDREN] === 0 &&
            unit.offsetBytes === 4
          ) {
            // The plain member, most frequent DIE of all: name, type, byte offset.
            const name =
              view.getUint32(attributes + (shapes[shape + SLOT_NAME + 1] as number), littleEndian) + 1;
            const type =
              view.getUint32(attributes + (shapes[shape + SLOT_TYPE + 1] as number), littleEndian) +
              unit.offset;
            const form = shapes[shape + SLOT_LOCATION] as number;
            const at = shapes[shape + SLOT_LOCATION + 1] as number;
            let byteOffset = -1;
            if (form === DW_FORM.data1) byteOffset = info[attributes + at] as number;
            else if (form === DW_FORM.data2) byteOffset = view.getUint16(attributes + at, littleEndian);
            else if (form === DW_FORM.implicit_const && at >= 0) byteOffset = at;
            else if (form === 0 && shapes[shape + SHAPE_SLOTS + 2 * SLOT.DATA_BIT_OFFSET] === 0)
              byteOffset = 0;
            if (byteOffset >= 0) {
              let top = this.stackTop;
              if (top + 3 > this.stack.length) this.growStack();
              const { stack } = this;
              stack[top++] = name | 0;
              stack[top++] = byteOffset << 3;
              stack[top++] = type | 0;
              this.stackTop = top;
              continue;
            }
          }
        } else if (dieClass === DIE_CLASS.OTHER) {
          if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) {
            if (++depth > MAX_DIE_DEPTH) this.fail(dieOffset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
            parent[depth] = PARENT_NONE;
          }
          continue;
        } else if (dieClass === DIE_CLASS.REFERENCE_TYPE) {
          const form = shapes[shape + SLOT_TYPE] as number;
          if ((form === DW_FORM.ref4 || form === 0) && shapes[shape + SHAPE_HAS_CHILDREN] === 0) {
            const ref =
              form === 0
                ? 0
                : view.getUint32(attributes + (shapes[shape + SLOT_TYPE + 1] as number), littleEndian) +
                  unit.offset;
            index.set(dieOffset, out.kind.length);
            this.addType(
              referenceKind(shapes[shape + SHAPE_TAG] as number),
              NO_NAME,
              0,
              0,
              ref,
              0,
              0,
              dieOffset,
            );
            continue;
          }
        }
        for (let slot = 0; slot < SLOT_COUNT; slot++) {
          const form = shapes[shape + SHAPE_SLOTS + 2 * slot] as number;
          this.form[slot] = form;
          const at = shapes[shape + SHAPE_SLOTS + 2 * slot + 1] as number;
          this.place[slot] = form === DW_FORM.implicit_const ? at : attributes + at;
        }
      } else if (dieClass === DIE_CLASS.OTHER) {
        pos = this.skip(
          ops,
          shapes[shape + SHAPE_OPS_START] as number,
          shapes[shape + SHAPE_OPS_END] as number,
          pos,
          end,
        );
        if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) {
          if (++depth > MAX_DIE_DEPTH) this.fail(dieOffset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
          parent[depth] = PARENT_NONE;
        }
        continue;
      } else {
        pos = this.skipMarking(shape, pos);
      }

      const opens = this.die(
        dieClass,
        shapes[shape + SHAPE_TAG] as number,
        dieOffset,
        parent[depth] as number,
        depth,
        shapes[shape + SHAPE_HAS_CHILDREN] === 1,
      );
      if (opens) {
        depth++;
        if (depth > MAX_DIE_DEPTH) this.fail(dieOffset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
      } else if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) {
        if (++depth > MAX_DIE_DEPTH) this.fail(dieOffset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
        parent[depth] = PARENT_NONE;
      } else if (depth === 0) {
        break;
      }
    }
    // A last unit may end without its closing null entries (seen from old assemblers): close what is open.
    while (depth > 0) this.close(depth--);
  }

  /** Reads DW_AT_name of any DIE of this unit; 0 when it has none. */
  nameOf(dieOffset: number): number {
    this.checkInside(dieOffset);
    return this.locate(dieOffset) === 0 ? NO_NAME : this.nameSlot();
  }

  private fail(
    offset: number,
    what: string,
    code: 'dwarf-malformed' | 'dwarf-unsupported' | 'btf-unencodable' = 'dwarf-malformed',
  ): never {
    throw new FormatError(code, { format: 'dwarf', section: '.debug_info', offset }, what);
  }

  private checkInside(offset: number): void {
    if (offset < this.unit.rootOffset || offset >= this.unit.end) {
      this.fail(offset, `reference leaves the unit at 0x${this.unit.offset.toString(16)}`);
    }
  }

  /** Finds the attributes of the DIE at `offset`; returns its shape, 0 for a null entry. */
  private locate(offset: number): number {
    const { info } = this.sections;
    let pos = offset;
    let code = 0;
    let scale = 1;
    for (;;) {
      if (pos >= this.unit.end || scale > 0x1000_0000)
        this.fail(offset, 'abbreviation code runs beyond the unit');
      const byte = info[pos++] as number;
      code += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    if (code === 0) return 0;
    const shape = code < this.codes.length ? (this.codes[code] as number) : 0;
    if (shape === 0) this.fail(offset, `abbreviation code ${code} is not declared`);
    this.skipMarking(shape, pos);
    return shape;
  }

  /** Steps over a DIE's attributes by its operations and remembers where the wanted ones are. */
  private skipMarking(shape: number, from: number): number {
    const shapes = this.table.shapes.data;
    const ops = this.table.ops.data;
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      const form = shapes[shape + SHAPE_SLOTS + 2 * slot] as number;
      this.form[slot] = form;
      if (form === DW_FORM.implicit_const)
        this.place[slot] = shapes[shape + SHAPE_SLOTS + 2 * slot + 1] as number;
    }
    return this.skip(
      ops,
      shapes[shape + SHAPE_OPS_START] as number,
      shapes[shape + SHAPE_OPS_END] as number,
      from,
      this.unit.end,
    );
  }

  private skip(ops: Int32Array, start: number, stop: number, from: number, end: number): number {
    const { info, littleEndian } = this.sections;
    let pos = from;
    for (let o = start; o < stop; o++) {
      const word = ops[o] as number;
      const argument = word >> 4;
      switch (word & 15) {
        case OP.SKIP:
          pos += argument;
          break;
        case OP.MARK:
          if (this.form[argument] !== DW_FORM.implicit_const) this.place[argument] = pos;
          break;
        case OP.STRING:
          while (pos < end && info[pos] !== 0) pos++;
          pos++;
          break;
        case OP.LEB:
          while (pos < end && (info[pos] as number) >= 0x80) pos++;
          pos++;
          break;
        case OP.BLOCK1:
          pos += pos < end ? 1 + (info[pos] as number) : 1;
          break;
        case OP.BLOCK2:
          pos += pos + 2 <= end ? 2 + this.view.getUint16(pos, littleEndian) : 2;
          break;
        case OP.BLOCK4:
          pos += pos + 4 <= end ? 4 + this.view.getUint32(pos, littleEndian) : 4;
          break;
        case OP.BLOCK_LEB: {
          const length = this.uleb(pos);
          pos = this.afterLeb(pos) + length;
          break;
        }
        default:
          pos = this.skipIndirect(pos, end, o > start ? (ops[o - 1] as number) : 0);
      }
      if (pos > end) this.fail(from, 'attributes run beyond the unit');
    }
    return pos;
  }

  /** DW_FORM_indirect: the form stands in front of the value. `mark` is the operation before it, if it marked a slot. */
  private skipIndirect(pos: number, end: number, mark: number): number {
    const form = this.uleb(pos);
    const at = this.afterLeb(pos);
    if (form === DW_FORM.indirect || form === DW_FORM.implicit_const)
      this.fail(pos, `indirect form 0x${form.toString(16)} is not allowed`);
    if ((mark & 15) === OP.MARK) {
      this.form[mark >> 4] = form;
      this.place[mark >> 4] = at;
    }
    const bytes = formBytes(form, this.unit);
    if (bytes >= 0) return at + bytes;
    const operation = formOperation(form);
    if (operation < 0) this.fail(pos, `unknown form 0x${form.toString(16)}`, 'dwarf-unsupported');
    return this.skip(Int32Array.of(operation), 0, 1, at, end);
  }

  private uleb(at: number): number {
    const { info } = this.sections;
    let value = 0;
    let scale = 1;
    let pos = at;
    for (;;) {
      if (pos >= this.unit.end || scale > Number.MAX_SAFE_INTEGER)
        this.fail(at, 'LEB128 number runs beyond the unit or is too long');
      const byte = info[pos++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }

  private afterLeb(at: number): number {
    const { info } = this.sections;
    let pos = at;
    while (pos < this.unit.end && (info[pos] as number) >= 0x80) pos++;
    return pos + 1;
  }

  private has(slot: number): boolean {
    return this.form[slot] !== 0;
  }

  private flag(slot: number): boolean {
    const form = this.form[slot];
    if (form === 0) return false;
    return form === DW_FORM.flag_present || this.unsigned(slot) !== 0;
  }

  /** A DW_AT value as a 64-bit pair in valueLow, valueHigh; fixed-size data is zero-extended, as libdw's dwarf_formudata does. */
  private wide(slot: number): void {
    const at = this.place[slot] as number;
    const { littleEndian } = this.sections;
    this.valueHigh = 0;
    switch (this.form[slot]) {
      case DW_FORM.flag_present:
        this.valueLow = 1;
        return;
      case DW_FORM.data1:
      case DW_FORM.flag:
      case DW_FORM.addrx1:
      case DW_FORM.strx1:
        this.valueLow = this.view.getUint8(at);
        return;
      case DW_FORM.data2:
      case DW_FORM.addrx2:
      case DW_FORM.strx2:
        this.valueLow = this.view.getUint16(at, littleEndian);
        return;
      case DW_FORM.strx3:
      case DW_FORM.addrx3:
        this.valueLow = littleEndian
          ? this.view.getUint16(at, true) | (this.view.getUint8(at + 2) << 16)
          : (this.view.getUint16(at, false) << 8) | this.view.getUint8(at + 2);
        return;
      case DW_FORM.data4:
      case DW_FORM.addrx4:
      case DW_FORM.strx4:
        this.valueLow = this.view.getUint32(at, littleEndian);
        return;
      case DW_FORM.sec_offset:
      case DW_FORM.strp:
      case DW_FORM.line_strp:
      case DW_FORM.ref_addr:
        if (formBytes(this.form[slot] as number, this.unit) === 4)
          this.valueLow = this.view.getUint32(at, littleEndian);
        else this.pair(at);
        return;
      case DW_FORM.data8:
      case DW_FORM.ref8:
        this.pair(at);
        return;
      case DW_FORM.addr:
        if (this.unit.addressBytes === 4) this.valueLow = this.view.getUint32(at, littleEndian);
        else this.pair(at);
        return;
      case DW_FORM.udata:
      case DW_FORM.ref_udata:
      case DW_FORM.strx:
      case DW_FORM.addrx:
      case DW_FORM.GNU_addr_index:
      case DW_FORM.GNU_str_index:
        this.big(this.lebBig(at, false));
        return;
      case DW_FORM.sdata:
        this.big(this.lebBig(at, true));
        return;
      case DW_FORM.implicit_const:
        if (at >= 0) this.valueLow = at;
        else this.big(this.table.wideConstants[~at] as bigint);
        return;
      default:
        this.fail(at, `form 0x${(this.form[slot] as number).toString(16)} where a number belongs`);
    }
  }

  private pair(at: number): void {
    const { littleEndian } = this.sections;
    this.valueLow = this.view.getUint32(at + (littleEndian ? 0 : 4), littleEndian);
    this.valueHigh = this.view.getUint32(at + (littleEndian ? 4 : 0), littleEndian);
  }

  private big(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    this.valueLow = Number(bits & 0xffff_ffffn);
    this.valueHigh = Number(bits >> 32n);
  }

  private lebBig(at: number, signed: boolean): bigint {
    const { info } = this.sections;
    let value = 0n;
    let shift = 0n;
    let pos = at;
    for (;;) {
      if (pos >= this.unit.end || shift > 70n)
        this.fail(at, 'LEB128 number runs beyond the unit or is too long');
      const byte = info[pos++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return signed && (byte & 0x40) !== 0 ? value - (1n << shift) : value;
    }
  }

  /** A small unsigned value; a negative or larger one reads as what its low 53 bits say. */
  private unsigned(slot: number): number {
    this.wide(slot);
    return this.valueHigh * 0x1_0000_0000 + this.valueLow;
  }

  private optional(slot: number, otherwise: number): number {
    return this.has(slot) ? this.unsigned(slot) : otherwise;
  }

  private nameSlot(): number {
    const at = this.place[SLOT.NAME] as number;
    const { littleEndian, strOffsets } = this.sections;
    switch (this.form[SLOT.NAME]) {
      case 0:
        return NO_NAME;
      case DW_FORM.strp:
        return this.strName(this.unsigned(SLOT.NAME), at);
      case DW_FORM.string:
        return this.names.inline(at, this.afterString(at) - at);
      case DW_FORM.line_strp:
        return this.names.lineString(this.unsigned(SLOT.NAME));
      case DW_FORM.strx:
      case DW_FORM.strx1:
      case DW_FORM.strx2:
      case DW_FORM.strx3:
      case DW_FORM.strx4:
      case DW_FORM.GNU_str_index: {
        const { offsetBytes } = this.unit;
        const entry = this.strOffsetsBase + this.unsigned(SLOT.NAME) * offsetBytes;
        if (entry + offsetBytes > strOffsets.length)
          this.fail(at, 'string index is outside .debug_str_offsets');
        const low = entry + (offsetBytes === 8 && !littleEndian ? 4 : 0);
        const view = new DataView(strOffsets.buffer, strOffsets.byteOffset, strOffsets.byteLength);
        return this.strName(view.getUint32(low, littleEndian), at);
      }
      default:
        return this.fail(
          at,
          `form 0x${(this.form[SLOT.NAME] as number).toString(16)} where a name belongs`,
          'dwarf-unsupported',
        );
    }
  }

  private strName(offset: number, at: number): number {
    if (offset >= this.sections.str.length)
      this.fail(at, `string offset 0x${offset.toString(16)} is outside .debug_str`);
    return offset + 1;
  }

  private afterString(at: number): number {
    const { info } = this.sections;
    let pos = at;
    while (pos < this.unit.end && info[pos] !== 0) pos++;
    return pos;
  }

  /** Section offset of the DIE a reference attribute names, 0 when absent. */
  private reference(slot: number): number {
    const at = this.place[slot] as number;
    const { littleEndian } = this.sections;
    switch (this.form[slot]) {
      case 0:
        return 0;
      case DW_FORM.ref4:
        return this.view.getUint32(at, littleEndian) + this.unit.offset;
      case DW_FORM.ref1:
        return this.view.getUint8(at) + this.unit.offset;
      case DW_FORM.ref2:
        return this.view.getUint16(at, littleEndian) + this.unit.offset;
      case DW_FORM.ref8:
      case DW_FORM.ref_udata:
        return this.unsigned(slot) + this.unit.offset;
      case DW_FORM.ref_addr:
        return this.unsigned(slot);
      default:
        return this.fail(
          at,
          `form 0x${(this.form[slot] as number).toString(16)} where a reference belongs`,
          'dwarf-unsupported',
        );
    }
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
    out.kind.push(kind);
    out.name.push(name);
    out.size.push(size);
    out.flags.push(flags);
    out.ref.push(ref);
    out.start.push(start);
    out.count.push(count);
    out.offset.push(offset);
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
      case DIE_CLASS.MEMBER:
        if (parent === PARENT_COMPOSITE) this.member(offset, depth);
        return false;
      case DIE_CLASS.FORMAL_PARAMETER:
        if (parent === PARENT_PROTOTYPE) this.pushEntry(this.nameSlot(), 0, this.reference(SLOT.TYPE));
        else if (parent === PARENT_FUNCTION) this.parameter(offset);
        return false;
      case DIE_CLASS.UNSPECIFIED_PARAMETERS:
        if (parent === PARENT_PROTOTYPE || parent === PARENT_FUNCTION) {
          this.openFlags[depth] = (this.openFlags[depth] as number) | FUNCTION_IS_VARIADIC;
        }
        return false;
      case DIE_CLASS.ENUMERATOR:
        if (parent === PARENT_ENUM) this.enumerator(offset, depth);
        return false;
      case DIE_CLASS.SUBRANGE:
        if (parent === PARENT_ARRAY)
          this.openSize[depth] = Math.imul(this.openSize[depth] as number, this.dimension());
        return false;
      case DIE_CLASS.REFERENCE_TYPE:
        return this.leafType(referenceKind(tag), NO_NAME, 0, offset);
      case DIE_CLASS.TYPEDEF:
        return this.leafType(BTF_KIND.TYPEDEF, this.nameSlot(), 0, offset);
      case DIE_CLASS.UNSPECIFIED_TYPE:
        return this.leafType(BTF_KIND.VOID, NO_NAME, 0, offset);
      case DIE_CLASS.BASE_TYPE:
        return this.leafType(BTF_KIND.INT, this.nameSlot(), this.baseTypeWord(), offset);
      case DIE_CLASS.COMPOSITE:
        return this.openType(
          PARENT_COMPOSITE,
          tag === DW_TAG.union_type ? BTF_KIND.UNION : BTF_KIND.STRUCT,
          this.optional(SLOT.BYTE_SIZE, 0),
          this.flag(SLOT.DECLARATION) ? TYPE_IS_DECLARATION : 0,
          offset,
          depth,
          hasChildren,
        );
      case DIE_CLASS.ENUMERATION:
        return this.enumeration(offset, depth, hasChildren);
      case DIE_CLASS.ARRAY:
        return this.openType(PARENT_ARRAY, BTF_KIND.ARRAY, 1, 0, offset, depth, hasChildren);
      case DIE_CLASS.SUBROUTINE_TYPE:
        return this.openType(PARENT_PROTOTYPE, BTF_KIND.FUNC_PROTO, 0, 0, offset, depth, hasChildren);
      case DIE_CLASS.SUBPROGRAM:
        return this.openFunction(offset, depth, hasChildren);
      case DIE_CLASS.VARIABLE:
        if (this.perCpu !== undefined) this.variable(this.perCpu);
        return false;
      case DIE_CLASS.UNENCODABLE_TYPE:
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
    this.index.set(offset, this.out.kind.length);
    this.addType(kind, name, size, 0, this.reference(SLOT.TYPE), 0, 0, offset);
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
    if (level > MAX_DIE_DEPTH) this.fail(offset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
    let name = kind === BTF_KIND.ARRAY || kind === BTF_KIND.FUNC_PROTO ? NO_NAME : this.nameSlot();
    const ref = this.reference(SLOT.TYPE);
    if (name === NO_NAME && parent === PARENT_COMPOSITE && this.has(SLOT.SPECIFICATION)) {
      name = this.nameOf(this.reference(SLOT.SPECIFICATION));
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
    // An array without subranges says nothing of its size.
    if (kind === BTF_KIND.ARRAY) this.openSize[level] = 0;
    this.close(level);
    return false;
  }

  private openFunction(offset: number, depth: number, hasChildren: boolean): boolean {
    const level = depth + 1;
    if (level > MAX_DIE_DEPTH) this.fail(offset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
    this.parent[level] = PARENT_FUNCTION;
    this.openKind[level] = this.reference(SLOT.ABSTRACT_ORIGIN);
    this.openSize[level] = this.reference(SLOT.SPECIFICATION);
    this.openName[level] = this.nameSlot();
    this.openFlags[level] =
      (this.flag(SLOT.DECLARATION) ? FUNCTION_IS_DECLARATION : 0) |
      (this.flag(SLOT.EXTERNAL) ? FUNCTION_IS_EXTERNAL : 0);
    this.openRef[level] = this.reference(SLOT.TYPE);
    this.openOffset[level] = offset;
    this.openStart[level] = this.stackTop;
    if (hasChildren) return true;
    this.close(level);
    return false;
  }

  /** Ends the DIE open at `depth`: its type or function gets its number. */
  private close(depth: number): void {
    const parent = this.parent[depth] as number;
    if (parent === PARENT_NONE) return;
    if (parent === PARENT_FUNCTION) {
      this.closeFunction(depth);
      return;
    }
    const { out } = this;
    const kind = this.openKind[depth] as number;
    const flags = this.openFlags[depth] as number;
    if (parent === PARENT_PROTOTYPE && (flags & FUNCTION_IS_VARIADIC) !== 0) this.pushEntry(NO_NAME, 0, 0);
    const from = this.openStart[depth] as number;
    const ints = this.stackTop - from;
    const start = out.entries.length;
    out.entries.reserve(ints);
    const entries = out.entries.data;
    const { stack } = this;
    for (let i = 0; i < ints; i++) entries[start + i] = stack[from + i] as number;
    out.entries.length += ints;
    this.stackTop = from;
    const offset = this.openOffset[depth] as number;
    this.index.set(offset, out.kind.length);
    this.addType(
      kind,
      this.openName[depth] as number,
      this.openSize[depth] as number,
      parent === PARENT_PROTOTYPE ? 0 : flags,
      this.openRef[depth] as number,
      start,
      ints / 3,
      offset,
    );
  }

  private closeFunction(depth: number): void {
    const { out } = this;
    // Parameters wait on the stack as (name, type, DIE offset) pairs of entries; the origin stands in the second.
    const from = this.openStart[depth] as number;
    const start = out.parameterName.length;
    for (let i = from; i < this.stackTop; i += 6) {
      this.index.set(this.stack[i + 2] as number, out.parameterName.length);
      out.parameterName.push(this.stack[i] as number);
      out.parameterRef.push(this.stack[i + 1] as number);
      out.parameterOffset.push(this.stack[i + 2] as number);
      out.parameterOrigin.push(this.stack[i + 3] as number);
    }
    this.stackTop = from;
    const offset = this.openOffset[depth] as number;
    this.index.set(offset, out.functionName.length);
    out.functionName.push(this.openName[depth] as number);
    out.functionRef.push(this.openRef[depth] as number);
    out.functionOrigin.push(this.openKind[depth] as number);
    out.functionSpecification.push(this.openSize[depth] as number);
    out.functionFlags.push(this.openFlags[depth] as number);
    out.functionStart.push(start);
    out.functionCount.push(out.parameterName.length - start);
    out.functionOffset.push(offset);
  }

  private parameter(offset: number): void {
    this.pushEntry(this.nameSlot(), this.reference(SLOT.TYPE), offset);
    this.pushEntry(this.reference(SLOT.ABSTRACT_ORIGIN), 0, 0);
  }

  /** DW_TAG_member with a bitfield, an inline name, a block location, 64-bit DWARF … */
  private member(offset: number, depth: number): void {
    const name = this.nameSlot();
    const type = this.reference(SLOT.TYPE);
    const bits = this.optional(SLOT.BIT_SIZE, 0);
    let bitOffset = 0;
    if (this.has(SLOT.DATA_BIT_OFFSET)) {
      bitOffset = this.unsigned(SLOT.DATA_BIT_OFFSET);
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
    if (isBitfield) this.openFlags[depth] = (this.openFlags[depth] as number) | FLAG_KIND;
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
    const fromTop = this.optional(SLOT.BIT_OFFSET, 0);
    const storage = this.has(SLOT.BYTE_SIZE) ? this.unsigned(SLOT.BYTE_SIZE) : this.storageBytes(type);
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
      if (this.has(SLOT.BYTE_SIZE)) return this.unsigned(SLOT.BYTE_SIZE);
      at = this.reference(SLOT.TYPE);
    }
    return this.fail(type, 'type of a bitfield has no size');
  }

  private memberLocation(offset: number): number {
    switch (this.form[SLOT.LOCATION]) {
      case 0:
        return 0;
      case DW_FORM.block1:
      case DW_FORM.block2:
      case DW_FORM.block4:
      case DW_FORM.block:
      case DW_FORM.exprloc: {
        const at = this.blockStart(SLOT.LOCATION);
        const op = this.sections.info[at];
        if (op === DW_OP.plus_uconst || op === DW_OP.constu) return this.uleb(at + 1);
        return this.fail(
          offset,
          `member location with DW_OP 0x${(op ?? 0).toString(16)}`,
          'dwarf-unsupported',
        );
      }
      default:
        return this.unsigned(SLOT.LOCATION);
    }
  }

  /** First byte of a block's contents. */
  private blockStart(slot: number): number {
    const at = this.place[slot] as number;
    switch (this.form[slot]) {
      case DW_FORM.block1:
        return at + 1;
      case DW_FORM.block2:
        return at + 2;
      case DW_FORM.block4:
        return at + 4;
      default:
        return this.afterLeb(at);
    }
  }

  private baseTypeWord(): number {
    const bytes = this.optional(SLOT.BYTE_SIZE, 0);
    const ate = this.optional(SLOT.VALUE, 0);
    let encoding = 0;
    if (ate === DW_ATE.signed || ate === DW_ATE.signed_char) encoding = 1;
    else if (ate === DW_ATE.boolean) encoding = 4;
    return (Math.min(bytes, 0xff_ffff) << 8) | encoding;
  }

  private enumeration(offset: number, depth: number, hasChildren: boolean): boolean {
    const bytes = this.optional(SLOT.BYTE_SIZE, 4);
    const isWide = bytes > 4;
    const flags = (this.flag(SLOT.DECLARATION) ? TYPE_IS_DECLARATION : 0) | (isWide ? FLAG_ENUM64 : 0);
    const underlying = this.reference(SLOT.TYPE);
    const opened = this.openType(PARENT_ENUM, BTF_KIND.ENUM, bytes, flags, offset, depth, hasChildren);
    // The sign of a 64-bit enumeration is that of its underlying type (dwarves: die__create_new_enumeration).
    if (opened && isWide && this.isSigned(underlying)) this.openFlags[depth + 1] = flags | FLAG_KIND;
    return opened;
  }

  private isSigned(type: number): boolean {
    if (type === 0) return false;
    this.checkInside(type);
    if (this.locate(type) === 0) return false;
    const ate = this.optional(SLOT.VALUE, 0);
    return ate === DW_ATE.signed || ate === DW_ATE.signed_char;
  }

  private enumerator(offset: number, depth: number): void {
    const name = this.nameSlot();
    this.valueLow = 0;
    this.valueHigh = 0;
    if (this.has(SLOT.VALUE)) this.wide(SLOT.VALUE);
    const low = this.valueLow | 0;
    const high = this.valueHigh | 0;
    const flags = this.openFlags[depth] as number;
    if ((flags & FLAG_ENUM64) !== 0) {
      this.pushEntry(name, low, high);
      return;
    }
    const isNegative = high === -1 && low < 0;
    if (high !== 0 && !isNegative) this.fail(offset, 'enumerator does not fit 32 bits', 'btf-unencodable');
    if (isNegative) this.openFlags[depth] = flags | FLAG_KIND;
    this.pushEntry(name, low, 0);
  }

  /** Elements of one dimension mod 2^32; flexible and variable-length ones are 0 (dwarves: die__create_new_subrange). */
  private dimension(): number {
    if (this.has(SLOT.VALUE) && !this.isBlockOrReference(SLOT.VALUE)) {
      this.wide(SLOT.VALUE);
      return (this.valueLow + 1) | 0;
    }
    if (this.has(SLOT.COUNT) && !this.isBlockOrReference(SLOT.COUNT)) {
      this.wide(SLOT.COUNT);
      return this.valueLow | 0;
    }
    return 0;
  }

  private isBlockOrReference(slot: number): boolean {
    switch (this.form[slot]) {
      case DW_FORM.block1:
      case DW_FORM.block2:
      case DW_FORM.block4:
      case DW_FORM.block:
      case DW_FORM.exprloc:
      case DW_FORM.ref1:
      case DW_FORM.ref2:
      case DW_FORM.ref4:
      case DW_FORM.ref8:
      case DW_FORM.ref_udata:
      case DW_FORM.ref_addr:
      case DW_FORM.loclistx:
        return true;
      default:
        return false;
    }
  }

  /** Keeps a variable when its address lies in the per-CPU section (pahole ≤ 1.27: at any depth). */
  private variable(range: AddressRange): void {
    if (!this.addressInto()) return;
    const low = this.valueLow - range.low;
    const high = this.valueHigh - range.high;
    const relative = high * 0x1_0000_0000 + low;
    if (relative < 0 || relative >= range.sizeBytes) return;
    const isDeclaration = this.flag(SLOT.DECLARATION);
    const specification = this.reference(SLOT.SPECIFICATION);
    if (isDeclaration && specification === 0) return;
    const name = this.nameSlot();
    if (relative === 0 && this.valueAddressIsZero && name === NO_NAME) return;
    if (specification !== 0) {
      this.checkInside(specification);
      if (this.locate(specification) === 0) this.fail(specification, 'specification names a null entry');
    }
    this.out.variableRef.push(this.reference(SLOT.TYPE));
    this.out.variableName.push(name);
    this.out.variableFlags.push(this.flag(SLOT.EXTERNAL) ? VARIABLE_IS_EXTERNAL : 0);
    this.out.variableAddress.push(relative);
  }

  private valueAddressIsZero = false;

  /** Puts the address of a DW_OP_addr location into valueLow, valueHigh; false when the variable has no such location. */
  private addressInto(): boolean {
    switch (this.form[SLOT.LOCATION]) {
      case DW_FORM.exprloc:
      case DW_FORM.block1:
      case DW_FORM.block2:
      case DW_FORM.block4:
      case DW_FORM.block:
        break;
      default:
        return false;
    }
    const at = this.blockStart(SLOT.LOCATION);
    const { info, littleEndian } = this.sections;
    const { addressBytes } = this.unit;
    if (info[at] === DW_OP.addr && at + 1 + addressBytes <= this.unit.end) {
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

  private indexedAddress(index: number, at: number): void {
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

function referenceKind(tag: number): number {
  switch (tag) {
    case DW_TAG.pointer_type:
      return BTF_KIND.PTR;
    case DW_TAG.const_type:
      return BTF_KIND.CONST;
    case DW_TAG.volatile_type:
      return BTF_KIND.VOLATILE;
    default:
      return BTF_KIND.RESTRICT;
  }
}
