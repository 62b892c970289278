/**
 * Abbreviation declarations (DWARF 5 §7.5.3) compiled to *shapes*: what the DIE loop needs to know to read the
 * wanted attributes and to jump over the rest. A kernel has hundreds of thousands of declarations but only a few
 * thousand distinct ones, so equal declarations share one shape.
 */

import { FormatError } from '../elf/format-error.ts';
import { addWord, finishWords, hashKey } from '../btf/hashing.ts';
import { IntList } from '../btf/int-list.ts';
import { DW_AT, DW_FORM, DW_TAG } from './constants.ts';
import { DIE_CLASS, SLOT, SLOT_COUNT } from './die-classes.ts';
import { LinkedUnits } from './linked-units.ts';
import { plainShape } from './plain-shapes.ts';

/** Layout of one shape in {@link ShapeTable.shapes}. */
export const SHAPE = {
  CLASS: 0,
  TAG: 1,
  HAS_CHILDREN: 2,
  /** Bytes of all attributes, or -1 when it depends on the DIE. */
  FIXED_BYTES: 3,
  OPS_START: 4,
  OPS_END: 5,
  /** Of a plain shape: its layout and a number that every such DIE has, see dwarf/plain-shapes.ts. */
  LAYOUT: 6,
  CONSTANT: 7,
  /** Then per slot: form (0 = absent) and, in a fixed shape, offset from the first attribute; for implicit_const the value. */
  SLOTS: 8,
  INTS: 8 + 2 * SLOT_COUNT,
} as const;

/** Operations of a shape without fixed size: op | argument << 4. */
export const OP = {
  SKIP: 0,
  STRING: 1,
  LEB: 2,
  BLOCK1: 3,
  BLOCK2: 4,
  BLOCK4: 5,
  BLOCK_LEB: 6,
  INDIRECT: 7,
  /** Remember where the attribute of slot `argument` starts. */
  MARK: 8,
} as const;

/** What decides the size of the forms: equal for nearly all units of a file. */
export interface UnitEncoding {
  readonly version: number;
  readonly addressBytes: number;
  readonly offsetBytes: number;
}

/** Declarations per table: gcc writes about 300; beyond this the table is damage. */
const MAX_ABBREVIATIONS = 1 << 20;

const SLOT_OF_ATTRIBUTE = new Map<number, number>([
  [DW_AT.name, SLOT.NAME],
  [DW_AT.type, SLOT.TYPE],
  [DW_AT.byte_size, SLOT.BYTE_SIZE],
  [DW_AT.data_member_location, SLOT.LOCATION],
  [DW_AT.location, SLOT.LOCATION],
  [DW_AT.encoding, SLOT.VALUE],
  [DW_AT.const_value, SLOT.VALUE],
  [DW_AT.upper_bound, SLOT.VALUE],
  [DW_AT.language, SLOT.VALUE],
  [DW_AT.count, SLOT.COUNT],
  [DW_AT.data_bit_offset, SLOT.DATA_BIT_OFFSET],
  [DW_AT.bit_size, SLOT.BIT_SIZE],
  [DW_AT.bit_offset, SLOT.BIT_OFFSET],
  [DW_AT.declaration, SLOT.DECLARATION],
  [DW_AT.external, SLOT.EXTERNAL],
  [DW_AT.abstract_origin, SLOT.ABSTRACT_ORIGIN],
  [DW_AT.specification, SLOT.SPECIFICATION],
  [DW_AT.signature, SLOT.SPECIFICATION],
  [DW_AT.import, SLOT.TYPE],
  [DW_AT.str_offsets_base, SLOT.STR_OFFSETS_BASE],
  [DW_AT.addr_base, SLOT.ADDR_BASE],
  [DW_AT.GNU_addr_base, SLOT.ADDR_BASE],
  [DW_AT.loclists_base, SLOT.LOCLISTS_BASE],
  [DW_AT.artificial, SLOT.ARTIFICIAL],
  [DW_AT.GNU_annotation, SLOT.ANNOTATION],
]);

/** Attributes that are wanted of one class alone. */
const SLOT_IN_CLASS = new Map<number, ReadonlyMap<number, number>>([
  [
    DIE_CLASS.SUBPROGRAM,
    new Map<number, number>([
      [DW_AT.low_pc, SLOT.LOCATION],
      [DW_AT.inline, SLOT.VALUE],
      [DW_AT.calling_convention, SLOT.COUNT],
    ]),
  ],
  [DIE_CLASS.UNIT, new Map<number, number>([[DW_AT.producer, SLOT.COUNT]])],
  [DIE_CLASS.COMPOSITE, new Map<number, number>([[DW_AT.alignment, SLOT.COUNT]])],
]);

const CLASS_OF_TAG = new Map<number, number>([
  [DW_TAG.member, DIE_CLASS.MEMBER],
  [DW_TAG.formal_parameter, DIE_CLASS.FORMAL_PARAMETER],
  [DW_TAG.pointer_type, DIE_CLASS.REFERENCE_TYPE],
  [DW_TAG.const_type, DIE_CLASS.REFERENCE_TYPE],
  [DW_TAG.volatile_type, DIE_CLASS.REFERENCE_TYPE],
  [DW_TAG.restrict_type, DIE_CLASS.REFERENCE_TYPE],
  [DW_TAG.structure_type, DIE_CLASS.COMPOSITE],
  [DW_TAG.class_type, DIE_CLASS.COMPOSITE],
  [DW_TAG.union_type, DIE_CLASS.COMPOSITE],
  [DW_TAG.enumerator, DIE_CLASS.ENUMERATOR],
  [DW_TAG.variable, DIE_CLASS.VARIABLE],
  [DW_TAG.subroutine_type, DIE_CLASS.SUBROUTINE_TYPE],
  [DW_TAG.typedef, DIE_CLASS.TYPEDEF],
  [DW_TAG.subprogram, DIE_CLASS.SUBPROGRAM],
  [DW_TAG.array_type, DIE_CLASS.ARRAY],
  [DW_TAG.subrange_type, DIE_CLASS.SUBRANGE],
  [DW_TAG.enumeration_type, DIE_CLASS.ENUMERATION],
  [DW_TAG.base_type, DIE_CLASS.BASE_TYPE],
  [DW_TAG.unspecified_type, DIE_CLASS.UNSPECIFIED_TYPE],
  [DW_TAG.unspecified_parameters, DIE_CLASS.UNSPECIFIED_PARAMETERS],
  [DW_TAG.compile_unit, DIE_CLASS.UNIT],
  [DW_TAG.partial_unit, DIE_CLASS.UNIT],
  [DW_TAG.skeleton_unit, DIE_CLASS.UNIT],
  [DW_TAG.type_unit, DIE_CLASS.UNIT],
  [DW_TAG.imported_unit, DIE_CLASS.IMPORTED_UNIT],
  [DW_TAG.reference_type, DIE_CLASS.UNENCODABLE_TYPE],
  [DW_TAG.rvalue_reference_type, DIE_CLASS.UNENCODABLE_TYPE],
  [DW_TAG.ptr_to_member_type, DIE_CLASS.UNENCODABLE_TYPE],
  [DW_TAG.string_type, DIE_CLASS.UNENCODABLE_TYPE],
  [DW_TAG.atomic_type, DIE_CLASS.UNENCODABLE_TYPE],
  [DW_TAG.LLVM_annotation, DIE_CLASS.ANNOTATION],
  [DW_TAG.GNU_annotation, DIE_CLASS.ANNOTATION],
]);

/**
 * Bytes of a form's value, or -1 when the value itself says.
 * @throws FormatError `dwarf-unsupported` for a form outside DWARF 2–5 and its GNU extensions.
 */
export function formBytes(form: number, encoding: UnitEncoding): number {
  switch (form) {
    case DW_FORM.flag_present:
    case DW_FORM.implicit_const:
      return 0;
    case DW_FORM.data1:
    case DW_FORM.flag:
    case DW_FORM.ref1:
    case DW_FORM.strx1:
    case DW_FORM.addrx1:
      return 1;
    case DW_FORM.data2:
    case DW_FORM.ref2:
    case DW_FORM.strx2:
    case DW_FORM.addrx2:
      return 2;
    case DW_FORM.strx3:
    case DW_FORM.addrx3:
      return 3;
    case DW_FORM.data4:
    case DW_FORM.ref4:
    case DW_FORM.ref_sup4:
    case DW_FORM.strx4:
    case DW_FORM.addrx4:
      return 4;
    case DW_FORM.data8:
    case DW_FORM.ref8:
    case DW_FORM.ref_sup8:
    case DW_FORM.ref_sig8:
      return 8;
    case DW_FORM.data16:
      return 16;
    case DW_FORM.addr:
      return encoding.addressBytes;
    case DW_FORM.ref_addr:
      // DWARF 2 made it as wide as an address (DWARF 3 §7.5.4 corrected that).
      return encoding.version === 2 ? encoding.addressBytes : encoding.offsetBytes;
    case DW_FORM.strp:
    case DW_FORM.line_strp:
    case DW_FORM.sec_offset:
    case DW_FORM.strp_sup:
    case DW_FORM.GNU_ref_alt:
    case DW_FORM.GNU_strp_alt:
      return encoding.offsetBytes;
    default:
      return -1;
  }
}

/** The operation that steps over a form without fixed size, or -1 for an unknown form. */
export function formOperation(form: number): number {
  switch (form) {
    case DW_FORM.string:
      return OP.STRING;
    case DW_FORM.sdata:
    case DW_FORM.udata:
    case DW_FORM.ref_udata:
    case DW_FORM.strx:
    case DW_FORM.addrx:
    case DW_FORM.loclistx:
    case DW_FORM.rnglistx:
    case DW_FORM.GNU_addr_index:
    case DW_FORM.GNU_str_index:
      return OP.LEB;
    case DW_FORM.block1:
      return OP.BLOCK1;
    case DW_FORM.block2:
      return OP.BLOCK2;
    case DW_FORM.block4:
      return OP.BLOCK4;
    case DW_FORM.block:
    case DW_FORM.exprloc:
      return OP.BLOCK_LEB;
    case DW_FORM.indirect:
      return OP.INDIRECT;
    default:
      return -1;
  }
}

/** A variable matters only when it says at which address it is. */
function relevantClass(dieClass: number, slots: Int32Array): number {
  return dieClass === DIE_CLASS.VARIABLE && !isBlockForm(slots[2 * SLOT.LOCATION])
    ? DIE_CLASS.OTHER
    : dieClass;
}

/** True for forms whose value is a length and bytes: expressions, in DWARF 4 and later or before. */
export function isBlockForm(form: number): boolean {
  switch (form) {
    case DW_FORM.exprloc:
    case DW_FORM.block:
    case DW_FORM.block1:
    case DW_FORM.block2:
    case DW_FORM.block4:
    // The form is known only at the DIE.
    case DW_FORM.indirect:
      return true;
    default:
      return false;
  }
}

/** True for forms that may lead into another unit or file. */
function leavesUnit(form: number): boolean {
  switch (form) {
    case DW_FORM.ref_addr:
    case DW_FORM.ref_sig8:
    case DW_FORM.ref_sup4:
    case DW_FORM.ref_sup8:
    case DW_FORM.strp_sup:
    case DW_FORM.GNU_ref_alt:
    case DW_FORM.GNU_strp_alt:
      return true;
    default:
      return false;
  }
}

export interface ShapeOptions {
  /** All units are read as one; else a declaration with a reference out of its unit ends in {@link LinkedUnits}. */
  readonly isJoined: boolean;
  /** Whether the frequent layouts get classes of their own. */
  readonly isPlain: boolean;
}

const ALONE: ShapeOptions = { isJoined: false, isPlain: true };

/** Tables kept while each new one lies behind those before it: units that share a table follow each other then. */
const MAX_TABLES = 8;
/** Ints of the tables that are kept when they are asked for in no order: the tables of some thousand units of gcc. */
const MAX_TABLE_INTS = 1 << 22;
/** Of a new table: gcc writes about 300 declarations. */
const TABLE_INTS = 512;

/**
 * What compiling tables may cost, in bytes read and ints made, is {@link FREE_COST} and this for each byte of the
 * section. Real tables do not overlap, so that one pass over the units reads each byte once; more happens where units
 * come back to tables that were dropped. Tables that overlap, each unit's one declaration further into the same bytes,
 * are a file's product of units and declarations.
 */
const MAX_COST_PER_BYTE = 16;
/** Less than a tenth of a second: small files may do as they please. */
const FREE_COST = 1 << 24;
/** Declarations that differ: a kernel has a few thousand. Each takes some 200 bytes of memory. */
const MAX_SHAPES = 1 << 20;

/** Ints of a known declaration in {@link ShapeTable.known}: its hash, where it starts, its length, its shape. */
const KNOWN_INTS = 4;

// A copy, because V8 folds only a module's own constants into optimized code.
const FORM_IMPLICIT_CONST = DW_FORM.implicit_const;

/** Where a declaration of that hash goes in a table of known ones. */
function freePlace(known: Int32Array, hash: number): number {
  let place = (hash & (known.length / KNOWN_INTS - 1)) * KNOWN_INTS;
  while (known[place + 2] !== 0) place = (place + KNOWN_INTS) & (known.length - 1);
  return place;
}

/** Compiles abbreviation tables of one `.debug_abbrev` section for units of one encoding. */
export class ShapeTable {
  /** Shapes, {@link SHAPE.INTS} each; the one at 0 is a placeholder for "no such code". */
  readonly shapes = new IntList(SHAPE.INTS * 256);
  readonly ops = new IntList(1024);
  /** Values of implicit_const that do not fit 31 bits; a slot's value is then ~index. */
  readonly wideConstants: bigint[] = [];

  private readonly bytes: Uint8Array;
  private readonly encoding: UnitEncoding;
  private readonly options: ShapeOptions;
  /** Shapes by the bytes of their declaration: a hash table, {@link KNOWN_INTS} per place, length 0 = free. */
  private known: Int32Array = new Int32Array(KNOWN_INTS << 12);
  private knownCount = 0;
  private readonly hashKey = hashKey();
  private readonly tables = new Map<number, Int32Array>();
  /** Arrays of tables that were dropped, to be filled again. */
  private readonly spare: Int32Array[] = [];
  private tableInts = 0;
  /** True when tables are not asked for in the order in which they lie. */
  private isUnordered: boolean;
  /** End of the farthest table so far. */
  private farthest = 0;
  private cost = 0;
  private at = 0;

  constructor(abbrev: Uint8Array, encoding: UnitEncoding, options: ShapeOptions = ALONE) {
    this.bytes = abbrev;
    this.encoding = encoding;
    this.options = options;
    this.isUnordered = options.isJoined;
    for (let i = 0; i < SHAPE.INTS; i++) this.shapes.push(0);
  }

  /**
   * Shape offsets by abbreviation code (index = code, 0 = undeclared) of the table at `offset`.
   * @throws FormatError when the table is malformed or uses an unknown form, {@link LinkedUnits}.
   */
  table(offset: number): Int32Array {
    const cached = this.tables.get(offset);
    if (cached !== undefined) return cached;
    if (offset < this.farthest) this.isUnordered = true;
    const table = this.parse(offset);
    this.farthest = Math.max(this.farthest, this.at);
    this.spend(this.at - offset + (table.length > TABLE_INTS ? table.length : 0), offset);
    // gcc gives every unit a table of its own: keeping all of them would cost memory for nothing.
    if (this.isUnordered) {
      // When units are read as one, several tables are in use at a time: none is reused.
      this.tableInts += table.length;
      if (this.tableInts > MAX_TABLE_INTS) {
        this.tables.clear();
        this.tableInts = table.length;
      }
    } else if (this.tables.size >= MAX_TABLES) {
      for (const dropped of this.tables.values()) if (dropped.length === TABLE_INTS) this.spare.push(dropped);
      this.tables.clear();
    }
    this.tables.set(offset, table);
    return table;
  }

  private spend(cost: number, offset: number): void {
    this.cost += cost;
    if (this.cost > FREE_COST + MAX_COST_PER_BYTE * this.bytes.length)
      this.fail('abbreviation tables overlap, or are used in turns, beyond measure', offset);
  }

  private fail(
    what: string,
    offset = this.at,
    code: 'dwarf-malformed' | 'dwarf-unsupported' = 'dwarf-malformed',
  ): never {
    throw new FormatError(code, { format: 'dwarf', section: '.debug_abbrev', offset }, what);
  }

  private parse(offset: number): Int32Array {
    if (offset >= this.bytes.length)
      this.fail(`abbreviation table lies outside the section of ${this.bytes.length} bytes`, offset);
    this.at = offset;
    const { bytes } = this;
    let table = this.spare.pop()?.fill(0) ?? new Int32Array(TABLE_INTS);
    for (;;) {
      const codeAt = this.at;
      let code = codeAt < bytes.length ? bytes[codeAt] : 0x80;
      if (code >= 0x80) code = this.uleb();
      else this.at++;
      if (code === 0) break;
      if (code >= MAX_ABBREVIATIONS)
        this.fail(`abbreviation code ${code} exceeds ${MAX_ABBREVIATIONS}`, codeAt);
      if (code >= table.length) {
        const grown = new Int32Array(Math.max(code + 1, table.length * 2));
        grown.set(table);
        table = grown;
      }
      if (table[code] !== 0) this.fail(`abbreviation code ${code} is declared twice`, codeAt);
      table[code] = this.declaration();
    }
    return table;
  }

  private declaration(): number {
    const start = this.at;
    const hash = this.skipDeclaration();
    const { bytes, at: end } = this;
    const length = end - start;
    let { known } = this;
    const mask = known.length / KNOWN_INTS - 1;
    let place = (hash & mask) * KNOWN_INTS;
    while (known[place + 2] !== 0) {
      if (known[place] === hash && known[place + 2] === length) {
        let there = known[place + 1];
        let here = start;
        while (here < end && bytes[there] === bytes[here]) {
          there++;
          here++;
        }
        if (here === end) {
          // The nearest one is the likeliest to be in the processor's cache.
          known[place + 1] = start;
          return known[place + 3];
        }
      }
      place = (place + KNOWN_INTS) & (known.length - 1);
    }
    const shape = this.compile(start);
    if (++this.knownCount * 2 > mask) {
      known = this.growKnown();
      place = freePlace(known, hash);
    }
    known[place] = hash;
    known[place + 1] = start;
    known[place + 2] = length;
    known[place + 3] = shape;
    return shape;
  }

  private growKnown(): Int32Array {
    const old = this.known;
    const grown = new Int32Array(old.length * 2);
    for (let from = 0; from < old.length; from += KNOWN_INTS) {
      if (old[from + 2] !== 0) grown.set(old.subarray(from, from + KNOWN_INTS), freePlace(grown, old[from]));
    }
    this.known = grown;
    return grown;
  }

  /** Moves over tag, children flag and attribute list; returns a hash of them. */
  private skipDeclaration(): number {
    const { bytes } = this;
    const { first, second } = this.hashKey;
    const lastPair = bytes.length - 2;
    let { at } = this;
    let hash = 0;
    if (at <= lastPair && bytes[at] < 0x80) {
      hash = addWord(hash, (bytes[at] << 8) | bytes[at + 1], first, second);
      at += 2;
    } else {
      this.uleb();
      this.byte();
      hash = this.addBytes(hash, at);
      at = this.at;
    }
    for (;;) {
      let attribute = at <= lastPair ? bytes[at] : 0x80;
      let form = at <= lastPair ? bytes[at + 1] : 0x80;
      at += 2;
      // Nearly all attributes and forms are one byte each.
      if (attribute >= 0x80 || form >= 0x80 || form === FORM_IMPLICIT_CONST) {
        this.at = at - 2;
        attribute = this.uleb();
        form = this.uleb();
        if (form === FORM_IMPLICIT_CONST) this.sleb();
        hash = this.addBytes(hash, at - 2);
        at = this.at;
      } else {
        hash = addWord(hash, (attribute << 8) | form, first, second);
      }
      if (attribute === 0 && form === 0) break;
    }
    this.at = at;
    return finishWords(hash);
  }

  /** The hash with all bytes from `start` to where we are: a number can be written in many ways. */
  private addBytes(hash: number, start: number): number {
    const { first, second } = this.hashKey;
    let added = hash;
    for (let i = start; i < this.at; i++) added = addWord(added, this.bytes[i], first, second);
    return added;
  }

  /** The shape of the declaration whose tag stands at `start`; leaves {@link at} behind it. */
  private compile(start: number): number {
    if (this.shapes.length > MAX_SHAPES * SHAPE.INTS)
      this.fail(`more than ${MAX_SHAPES} abbreviations that differ`, start);
    this.at = start;
    const tag = this.uleb();
    const hasChildren = this.byte() === 0 ? 0 : 1;
    const dieClass = CLASS_OF_TAG.get(tag) ?? DIE_CLASS.OTHER;
    const ownSlots = SLOT_IN_CLASS.get(dieClass);
    const slots = new Int32Array(2 * SLOT_COUNT);
    const ops: number[] = [];
    let fixed = 0;
    // Where the wanted attributes stand, from the end of an inline name in front if there is one.
    const places = new Int32Array(SLOT_COUNT);
    let bytesBehindName = 0;
    let run = 0;
    for (;;) {
      const formAt = this.at;
      const attribute = this.uleb();
      const form = this.uleb();
      const constant = form === DW_FORM.implicit_const ? this.implicitConstant() : 0;
      if (attribute === 0 && form === 0) break;
      const bytes = formBytes(form, this.encoding);
      const operation = bytes < 0 ? formOperation(form) : OP.SKIP;
      if (operation < 0) this.fail(`unknown form 0x${form.toString(16)}`, formAt, 'dwarf-unsupported');
      if (!this.options.isJoined && leavesUnit(form)) throw new LinkedUnits();
      const slot = SLOT_OF_ATTRIBUTE.get(attribute) ?? ownSlots?.get(attribute);
      if (slot !== undefined && slots[2 * slot] === 0) {
        slots[2 * slot] = form;
        slots[2 * slot + 1] = form === DW_FORM.implicit_const ? constant : fixed;
        places[slot] = bytesBehindName;
        if (run > 0) ops.push(OP.SKIP | (run << 4));
        run = 0;
        ops.push(OP.MARK | (slot << 4));
      }
      if (bytes >= 0) {
        run += bytes;
        fixed += bytes;
        bytesBehindName += bytes;
        continue;
      }
      if (run > 0) ops.push(OP.SKIP | (run << 4));
      run = 0;
      ops.push(operation);
      const isNameInFront = slot === SLOT.NAME && form === DW_FORM.string && fixed === 0;
      if (!isNameInFront) bytesBehindName = Number.NaN;
      fixed = Number.NaN;
    }
    if (run > 0) ops.push(OP.SKIP | (run << 4));
    const isFixed = !Number.isNaN(fixed);
    const shape = this.shapes.length;
    const opsStart = this.ops.length;
    for (const op of ops) this.ops.push(op);
    const plain =
      this.encoding.offsetBytes === 4 && this.options.isPlain
        ? plainShape({ dieClass, tag, hasChildren: hasChildren === 1, slots, places, bytes: bytesBehindName })
        : undefined;
    this.shapes.push(plain?.dieClass ?? relevantClass(dieClass, slots));
    this.shapes.push(tag);
    this.shapes.push(hasChildren);
    this.shapes.push(isFixed ? fixed : -1);
    this.shapes.push(opsStart);
    this.shapes.push(this.ops.length);
    this.shapes.push(plain?.layout ?? 0);
    this.shapes.push(plain?.constant ?? 0);
    for (const value of slots) this.shapes.push(value);
    return shape;
  }

  /** The constant itself where it fits 31 bits, else ~index into {@link wideConstants} (those are always negative). */
  private implicitConstant(): number {
    const value = this.sleb();
    if (value >= 0n && value < 0x4000_0000n) return Number(value);
    return ~(this.wideConstants.push(value) - 1);
  }

  private byte(): number {
    if (this.at >= this.bytes.length)
      this.fail('abbreviation table runs beyond the section', this.bytes.length);
    return this.bytes[this.at++];
  }

  private uleb(): number {
    let value = 0;
    let scale = 1;
    const start = this.at;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
      if (scale > Number.MAX_SAFE_INTEGER) this.fail('LEB128 number is too long', start);
    }
  }

  private sleb(): bigint {
    let value = 0n;
    let shift = 0n;
    const start = this.at;
    for (;;) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - (1n << shift);
      if (shift > 70n) this.fail('LEB128 number is too long', start);
    }
  }
}
