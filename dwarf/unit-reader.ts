/**
 * The DIE loop: walks one unit of `.debug_info` (DWARF 5 §2.3, §7.5) and fills a {@link UnitTypes}.
 *
 * Types are numbered when their DIE ends (post-order, as pahole does), so a struct nested in a struct comes before
 * it. Every DIE is visited, bodies of functions too: they hold types. The loop copies its cursor into a local and
 * inlines reads for the DIEs that make up most of a kernel (members, parameters, references), which is several
 * times faster than a cursor object.
 *
 * 97 % of a kernel's types are repetitions. When the loop is *matching*, it does not build them: what refers to types
 * that are known is looked up, a named struct, union, enum or typedef is compared with the one definition that its
 * name has, and what that refers to is expected to be the same there (see unit-nodes.ts). Only what is new, or comes
 * before what it refers to, gets a record and is entered when the unit has been read (unit-resolver.ts).
 */

import { BTF_KIND } from '../btf/constants.ts';
import { IntList } from '../btf/int-list.ts';
import {
  ENTRY_INTS,
  FLAG_ENUM64,
  FLAG_KIND,
  LEAF_ENUM,
  LEAF_STRUCT,
  LEAF_UNION,
  NEVER,
  type TypePool,
} from '../btf/type-pool.ts';
import { DW_ATE, DW_FORM, DW_OP, DW_TAG } from './constants.ts';
import { DECL_TAG_NAME, DieAttributes, outsideStrings, TYPE_TAG_NAME } from './die-attributes.ts';
import { DIE_CLASS, SLOT } from './die-classes.ts';
import { DieSkipper, PARENT_OF_NOTHING } from './die-skipper.ts';
import { ListMatcher } from './list-matcher.ts';
import { ParameterLocations } from './locations.ts';
import { NO_NAME, type NameTable } from './names.ts';
import { LAYOUT, NAME_FORM, NUMBER_FORM, PLACE_MASK } from './plain-shapes.ts';
import type { Profile } from './profile.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import { SHAPE, type ShapeTable } from './shapes.ts';
import { PENDING as PENDING_NODE, type UnitNodes } from './unit-nodes.ts';
import { enterScalar } from './unit-resolver.ts';
import {
  FUNCTION_FLAG,
  type OffsetIndex,
  PARAMETER_UNEXPECTED,
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
  LAYOUT: SHAPE_LAYOUT,
  CONSTANT: SHAPE_CONSTANT,
} = SHAPE;
const { NAME_AT, TYPE_AT, NUMBER_AT, BYTES, HAS_TYPE, IS_DECLARATION } = LAYOUT;
const { NUMBER_FORM: NUMBER_FORM_AT, NAME_FORM: NAME_FORM_AT } = LAYOUT;
const PLACE = PLACE_MASK;
const FORM_MASK = 3;
const { CONSTANT, DATA1 } = NUMBER_FORM;
const { STRP, INLINE } = NAME_FORM;
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
  IMPORTED_UNIT,
  ANNOTATION: ANNOTATION_DIE,
  PLAIN_MEMBER,
  PLAIN_REFERENCE,
  PLAIN_PARAMETER,
  PLAIN_ENUMERATOR,
  PLAIN_BITFIELD,
  PLAIN_COMPOSITE,
  PLAIN_TYPEDEF,
  PLAIN_SUBROUTINE,
  PLAIN_ARRAY,
  PLAIN_SUBRANGE,
} = DIE_CLASS;
const {
  TYPE,
  BYTE_SIZE,
  LOCATION,
  VALUE,
  DATA_BIT_OFFSET,
  BIT_SIZE,
  BIT_OFFSET,
  DECLARATION,
  EXTERNAL,
  ABSTRACT_ORIGIN,
  SPECIFICATION,
  ARTIFICIAL,
  ANNOTATION,
} = SLOT;
const {
  block2: FORM_BLOCK2,
  block4: FORM_BLOCK4,
  block: FORM_BLOCK,
  block1: FORM_BLOCK1,
  exprloc: FORM_EXPRLOC,
  loclistx: FORM_LOCLISTX,
  ref_sig8: FORM_REF_SIG8,
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
  FLOAT: KIND_FLOAT,
  TYPE_TAG: KIND_TYPE_TAG,
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
  ORDINAL: TYPE_ORDINAL,
  INSTANCE: TYPE_INSTANCE,
} = TYPE_FIELD;
const RECORD_INTS = TYPE_INTS;
const KIND_FLAG = FLAG_KIND;
const ENUM64_FLAG = FLAG_ENUM64;
const DECLARATION_FLAG = TYPE_IS_DECLARATION;
const TAG_UNION = DW_TAG.union_type;
const TAG_POINTER = DW_TAG.pointer_type;
const TAG_STRUCTURE = DW_TAG.structure_type;
const TAG_GNU_ANNOTATION = DW_TAG.GNU_annotation;
/** Of an open array whose dimensions are chained: the first one is known. Beside the bits of other types' flags. */
const DIMENSION_FLAG = 8;
const DEFINITION_FLAGS = FLAG_KIND | FLAG_ENUM64;
const STRIDE = ENTRY_INTS;
const LOCAL_NEVER = NEVER;
const PENDING = PENDING_NODE;
const LOCAL_LEAF_STRUCT = LEAF_STRUCT;
const LOCAL_LEAF_UNION = LEAF_UNION;
const LOCAL_LEAF_ENUM = LEAF_ENUM;

/** The part of the address space that holds per-CPU variables. */
export interface AddressRange {
  readonly low: number;
  readonly high: number;
  readonly sizeBytes: number;
}

/** What the reading depends on beside the sections. */
export interface ReadOptions {
  readonly profile: Profile;
  /** Where `.data..percpu` lies, or undefined when the file has none. */
  readonly perCpu: AddressRange | undefined;
  /** Registers of the first parameters; undefined when nobody asks whether they arrive there. */
  readonly registers: readonly number[] | undefined;
}

/** BTF has floating point types of these sizes (kernel: btf_float_check_meta). */
const FLOAT_BYTES: readonly number[] = [2, 4, 8, 12, 16];

/** Nesting of DIEs: kernels stay below 40; deeper input is hostile. */
export const MAX_DIE_DEPTH = 4096;

/** BTF keeps a bitfield's size in 8 and its offset in 24 bits (kernel: BTF_MEMBER_BITFIELD_SIZE). */
const MAX_BITFIELD_BITS = 255;
const MAX_BITFIELD_OFFSET = 0xff_ffff;

/** What a nested DIE's parent is, for the DIEs whose meaning depends on it. */
const PARENT_NONE = PARENT_OF_NOTHING;
const PARENT_COMPOSITE = 1;
const PARENT_ENUM = 2;
const PARENT_ARRAY = 3;
const PARENT_PROTOTYPE = 4;
const PARENT_FUNCTION = 5;
/** A pointer: btf_type_tag annotations stand between it and what it points to. */
const PARENT_POINTER = 6;
/** A DIE that is done but for its btf_decl_tag annotations. */
const PARENT_TYPEDEF = 7;
const PARENT_PART = 8;
const PARENT_VARIABLE = 9;

/** Ints that a parameter of an open function takes on the stack. */
const PARAMETER_STACK_INTS = 6;

const NO_VALUES: readonly number[] = [];

/** A tag of an open type or function. */
interface OpenTag {
  /** Depth of the level that is open. */
  readonly level: number;
  /** Raw name. */
  readonly value: number;
  /** Member or parameter, or -1 for the whole. */
  readonly component: number;
  /** It stands behind those that the children bring. */
  readonly isLast: boolean;
}

/** For {@link UnitReader.openCursor}: the list is stored, not compared. */
const STORED = -1;
/** Pointers and qualifiers that {@link UnitReader.foresee} goes through. */
const MAX_FORESEEN = 4;
/** For {@link UnitReader.openNode}: nothing is known of the type. */
const UNKNOWN = -1;

export class UnitReader extends DieAttributes {
  private readonly perCpu: AddressRange | undefined;
  private readonly registers: readonly number[] | undefined;
  private readonly locations: ParameterLocations;
  private readonly hasFloats: boolean;
  private readonly topLevelVariables: boolean;
  private readonly chainsArrays: boolean;
  private readonly elementsWithoutDimension: number;
  private readonly readsGnuAnnotations: boolean;
  private readonly out: UnitTypes;
  private readonly index: OffsetIndex;
  private readonly pool: TypePool;
  private readonly known: UnitNodes;
  private readonly lists: ListMatcher;
  private readonly skipper: DieSkipper;

  /** Whether types are compared with the pool's while they are read. */
  private isMatching = false;
  /** Place of the unit's first type in the stream. */
  private firstKey = 0;
  /** Every node below has been met in the stream. */
  private metBelow = 1;
  /** Nodes that were first met in this unit. */
  private readonly newlyMet = new IntList();

  /** What {@link lookAt} saw, and the (offset, kind) that {@link foresee} came past. */
  private seenKind = 0;
  private seenRef = 0;
  private seenNode = 0;
  private readonly foreseen = new Int32Array(2 * MAX_FORESEEN);

  /** Open DIEs with children. */
  private readonly parent = new Uint8Array(MAX_DIE_DEPTH + 1);
  private readonly openKind = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openName = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openSize = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openFlags = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openRef = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openOffset = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openStart = new Int32Array(MAX_DIE_DEPTH + 1);
  /** The leaf of a named type, the node that is expected of another one, or UNKNOWN. */
  private readonly openNode = new Int32Array(MAX_DIE_DEPTH + 1);
  /** The definition that a named type is compared with. */
  private readonly openDef = new Int32Array(MAX_DIE_DEPTH + 1);
  /** What is left of the list of the pool that the type's list is compared with, or STORED. */
  private readonly openCursor = new Int32Array(MAX_DIE_DEPTH + 1);
  private readonly openLast = new Int32Array(MAX_DIE_DEPTH + 1);
  /** Tags of open types and functions, in the order in which they were met. */
  private openTags: OpenTag[] = [];
  /** Whether the variable met last has an entry. */
  private isVariableKept = false;
  /** Entries of open types; a finished type's are copied to {@link UnitTypes.entries}. */
  private stack = new Int32Array(3 << 12);
  private stackTop = 0;

  constructor(
    sections: DwarfSections,
    names: NameTable,
    out: UnitTypes,
    index: OffsetIndex,
    pool: TypePool,
    known: UnitNodes,
    { profile, perCpu, registers }: ReadOptions,
  ) {
    super(sections, names);
    this.out = out;
    this.index = index;
    this.pool = pool;
    this.known = known;
    this.lists = new ListMatcher(sections, this.view, pool, known);
    this.skipper = new DieSkipper(sections.info, MAX_DIE_DEPTH);
    this.perCpu = perCpu;
    this.registers = registers;
    this.locations = new ParameterLocations(sections);
    this.hasFloats = profile.floats === 'FLOAT';
    this.topLevelVariables = profile.variables === 'top-level';
    this.chainsArrays = profile.arrays === 'chained';
    this.elementsWithoutDimension = this.chainsArrays ? 0 : 1;
    this.readsGnuAnnotations = profile.gnuAnnotations;
  }

  override open(unit: UnitHeader, table: ShapeTable): void {
    super.open(unit, table);
    this.lists.open(unit, this.codes, this.shapes);
    this.skipper.open(unit.end, this.codes, this.shapes, table.ops.data);
  }

  /**
   * Reads all DIEs of the unit opened last.
   * @param firstKey place of the unit's first type in the stream; matching units come in ascending order
   * @param isMatching compare with the pool, otherwise every type gets a record
   * @returns false when matching found something that the pool expects differently: the unit has to be read again
   * @throws FormatError located in `.debug_info` when the DIEs break their format.
   */
  read(firstKey: number, isMatching: boolean): boolean {
    this.firstKey = firstKey;
    this.isMatching = isMatching;
    this.newlyMet.length = 0;
    this.openTags = [];
    const { unit, codes, known, skipper } = this;
    const { info, littleEndian } = this.sections;
    const { view } = this;
    const { shapes } = this;
    const ops = this.table.ops.data;
    const { end } = unit;
    const unitBytes = end - unit.offset;
    const strBytes = this.sections.str.length;
    const { parent, openCursor } = this;
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
        if (known.conflict) return false;
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
      if (dieClass === OTHER && depth > 0) {
        const next = skipper.skip(dieOffset, depth, parent);
        depth = skipper.depth;
        if (next !== dieOffset) {
          pos = next;
          continue;
        }
      }
      const layout = shapes[shape + SHAPE_LAYOUT];
      const attributes = pos;

      if (layout !== 0) {
        const nameForm = (layout >> NAME_FORM_AT) & FORM_MASK;
        let name = NO_NAME;
        if (nameForm === INLINE) {
          const nameEnd = this.afterString(pos);
          if (nameEnd >= end) this.fail(dieOffset, 'attributes run beyond the unit');
          name = this.names.inline(pos, nameEnd - pos);
          pos = nameEnd + 1;
        }
        const at = pos;
        pos += (layout >> BYTES) & PLACE;
        if (pos > end) this.fail(dieOffset, 'attributes run beyond the unit');
        if (nameForm === STRP) {
          const offset = view.getUint32(at + ((layout >> NAME_AT) & PLACE), littleEndian);
          if (offset >= strBytes) this.fail(dieOffset, outsideStrings(offset));
          name = offset + 1;
        }
        let ref = 0;
        if ((layout & (1 << HAS_TYPE)) !== 0) {
          ref = view.getUint32(at + ((layout >> TYPE_AT) & PLACE), littleEndian);
          if (ref >= unitBytes) this.fail(dieOffset, this.outsideUnit(ref));
          ref += unit.offset;
        }
        switch (dieClass) {
          case PLAIN_MEMBER:
            if (parent[depth] === PARENT_COMPOSITE) {
              this.entry(depth, name, this.plainNumber(shape, layout, at) << 3, ref);
              // A member of a rare layout ended the comparison of the list; the rest may be plain again.
              const cursor = openCursor[depth];
              if (cursor !== STORED && !known.conflict) pos = this.matchList(depth, pos, cursor);
            }
            continue;
          case PLAIN_BITFIELD:
            if (parent[depth] === PARENT_COMPOSITE) {
              const bits = info[at + shapes[shape + SHAPE_CONSTANT]];
              this.pushMember(name, this.plainNumber(shape, layout, at), bits, ref, depth, dieOffset);
            }
            continue;
          case PLAIN_PARAMETER:
            if (parent[depth] === PARENT_PROTOTYPE) this.entry(depth, NO_NAME, 0, ref);
            if (parent[depth] !== PARENT_FUNCTION) continue;
            break;
          case PLAIN_REFERENCE:
            this.referenceType(referenceKind(shapes[shape + SHAPE_CONSTANT]), ref, dieOffset);
            if (known.conflict) return false;
            continue;
          case PLAIN_TYPEDEF:
            this.typedef(name, ref, dieOffset);
            if (known.conflict) return false;
            continue;
          case PLAIN_ENUMERATOR:
            if (parent[depth] === PARENT_ENUM)
              this.enumeratorEntry(depth, name, this.plainNumber(shape, layout, at), 0);
            continue;
          case PLAIN_SUBRANGE:
            if (parent[depth] === PARENT_ARRAY)
              this.addDimension(depth, this.plainNumber(shape, layout, at) + 1, dieOffset);
            continue;
          case PLAIN_COMPOSITE:
          case PLAIN_ARRAY:
          case PLAIN_SUBROUTINE: {
            const hasChildren = shapes[shape + SHAPE_HAS_CHILDREN] === 1;
            this.checkDepth(depth + 1, dieOffset);
            if (dieClass === PLAIN_ARRAY) {
              const size = this.elementsWithoutDimension;
              this.openLevel(depth + 1, PARENT_ARRAY, KIND_ARRAY, NO_NAME, size, 0, ref, dieOffset);
            } else if (dieClass === PLAIN_SUBROUTINE) {
              this.openLevel(depth + 1, PARENT_PROTOTYPE, KIND_FUNC_PROTO, NO_NAME, 0, 0, ref, dieOffset);
            } else {
              const kind = shapes[shape + SHAPE_TAG] === TAG_UNION ? KIND_UNION : KIND_STRUCT;
              const flags = (layout & (1 << IS_DECLARATION)) === 0 ? 0 : DECLARATION_FLAG;
              const size = this.plainNumber(shape, layout, at);
              this.openLevel(depth + 1, PARENT_COMPOSITE, kind, name, size, flags, 0, dieOffset);
            }
            if (known.conflict) return false;
            if (!hasChildren) {
              this.close(depth + 1);
              if (known.conflict) return false;
              continue;
            }
            depth++;
            const cursor = openCursor[depth];
            if (cursor !== STORED) pos = this.matchList(depth, pos, cursor);
            continue;
          }
          default:
        }
      }

      const fixed = shapes[shape + SHAPE_FIXED_BYTES];
      if (fixed >= 0) {
        pos = attributes + fixed;
        if (pos > end) this.fail(dieOffset, 'attributes run beyond the unit');
        if (dieClass === OTHER) {
          if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) depth = this.openOther(depth, dieOffset);
          continue;
        }
        if (dieClass === FORMAL_PARAMETER && parent[depth] === PARENT_NONE) {
          if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) depth = this.openOther(depth, dieOffset);
          continue;
        }
        this.shape = shape;
        this.attributes = attributes;
        this.isFixed = true;
      } else if (dieClass === OTHER || (dieClass === FORMAL_PARAMETER && parent[depth] === PARENT_NONE)) {
        pos = this.skip(ops, shapes[shape + SHAPE_OPS_START], shapes[shape + SHAPE_OPS_END], attributes, end);
        if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) depth = this.openOther(depth, dieOffset);
        continue;
      } else {
        pos = this.skipMarking(shape, attributes);
      }

      const opens = this.die(
        dieClass,
        shapes[shape + SHAPE_TAG],
        dieOffset,
        parent[depth],
        depth,
        shapes[shape + SHAPE_HAS_CHILDREN] === 1,
      );
      if (known.conflict) return false;
      if (opens) {
        depth++;
        const cursor = openCursor[depth];
        if (parent[depth] < PARENT_FUNCTION && cursor !== STORED) pos = this.matchList(depth, pos, cursor);
      } else if (shapes[shape + SHAPE_HAS_CHILDREN] === 1) {
        depth = this.openAnnotated(depth, dieClass, dieOffset);
      } else if (depth === 0) {
        break;
      }
    }
    // A last unit may end without its closing null entries (seen from old assemblers): close what is open.
    while (depth > 0) this.close(depth--);
    return !known.conflict;
  }

  /** Every node of the pool that was met so far stays met: the unit read last counts. */
  keep(): void {
    const { nodeKind, nodeKey, nodeTotal } = this.pool;
    // A leaf has a place in the stream only where it is declared.
    while (
      this.metBelow < nodeTotal &&
      (nodeKind.data[this.metBelow] >= LOCAL_LEAF_STRUCT || nodeKey.data[this.metBelow] !== LOCAL_NEVER)
    )
      this.metBelow++;
  }

  /** The unit read last does not count: what it met for the first time was not met. */
  discard(): void {
    for (let i = 0; i < this.newlyMet.length; i++)
      this.pool.nodeKey.data[this.newlyMet.data[i]] = LOCAL_NEVER;
  }

  /** Runs through the children of the type open at `depth` as long as they equal the list at `cursor`. */
  private matchList(depth: number, pos: number, cursor: number): number {
    const { lists } = this;
    const last = this.openLast[depth];
    let next: number;
    if (this.parent[depth] === PARENT_COMPOSITE) {
      next = lists.members(pos, cursor, last);
      if (lists.sawBitfield) this.openFlags[depth] = this.openFlags[depth] | KIND_FLAG;
    } else if (this.parent[depth] === PARENT_PROTOTYPE) {
      next = lists.parameters(pos, cursor, last);
    } else {
      if ((this.openFlags[depth] & ENUM64_FLAG) !== 0) return pos;
      next = lists.enumerators(pos, cursor, last);
    }
    this.openCursor[depth] = lists.cursor;
    return next;
  }

  private plainNumber(shape: number, layout: number, at: number): number {
    const form = (layout >> NUMBER_FORM_AT) & FORM_MASK;
    const place = at + ((layout >> NUMBER_AT) & PLACE);
    if (form === DATA1) return this.sections.info[place];
    if (form === CONSTANT) return this.shapes[shape + SHAPE_CONSTANT];
    return this.view.getUint16(place, this.sections.littleEndian);
  }

  /** Opens a level whose children mean nothing by themselves; returns its depth. */
  private openOther(depth: number, offset: number): number {
    this.checkDepth(depth + 1, offset);
    this.parent[depth + 1] = PARENT_NONE;
    return depth + 1;
  }

  /** Opens a level of which only annotations may mean something. */
  private openAnnotated(depth: number, dieClass: number, offset: number): number {
    const enclosing = this.parent[depth];
    const level = this.openOther(depth, offset);
    if (dieClass === TYPEDEF) {
      this.parent[level] = PARENT_TYPEDEF;
      this.openOffset[level] = offset;
    } else if (dieClass === VARIABLE && this.isVariableKept) {
      this.parent[level] = PARENT_VARIABLE;
    } else if (
      (dieClass === MEMBER && enclosing === PARENT_COMPOSITE) ||
      (dieClass === FORMAL_PARAMETER && enclosing === PARENT_FUNCTION)
    ) {
      this.parent[level] = PARENT_PART;
    }
    return level;
  }

  /** An annotation that is a child of the DIE open at `depth`: a btf_type_tag or btf_decl_tag, or nothing we know. */
  private annotation(offset: number, depth: number): void {
    const { out } = this;
    const name = this.nameSlot();
    const value = this.stringSlot(VALUE);
    if (name === NO_NAME || value === NO_NAME) return;
    const parent = this.parent[depth];
    if (parent === PARENT_POINTER) {
      if (!this.isText(name, TYPE_TAG_NAME)) return;
      this.typeTag(value, this.openRef[depth], offset);
      // The one before it is what this one tags: the last is next to the pointer.
      this.openRef[depth] = offset;
      this.openSize[depth] = 0;
      return;
    }
    if (!this.isText(name, DECL_TAG_NAME)) return;
    switch (parent) {
      case PARENT_TYPEDEF:
        pushTag(out.typeTags, this.openOffset[depth], value, -1);
        return;
      case PARENT_VARIABLE:
        pushTag(out.variableTags, out.variableRef.length - 1, value, -1);
        return;
      case PARENT_COMPOSITE:
      case PARENT_FUNCTION:
        this.openTags.push({ level: depth, value, component: -1, isLast: false });
        return;
      case PARENT_PART:
        this.openTags.push({ level: depth - 1, value, component: this.lastPart(depth - 1), isLast: false });
        return;
      default:
    }
  }

  /** Number of the member or parameter met last in the DIE open at `depth`. */
  private lastPart(depth: number): number {
    const stored = this.stackTop - this.openStart[depth];
    if (this.parent[depth] === PARENT_FUNCTION) return stored / PARAMETER_STACK_INTS - 1;
    const cursor = this.openCursor[depth];
    if (cursor === STORED) return stored / STRIDE - 1;
    const { defStart, nodeStart } = this.pool;
    const start =
      this.openName[depth] === NO_NAME
        ? nodeStart.data[this.openNode[depth]]
        : defStart.data[this.openDef[depth]];
    return (cursor - start) / STRIDE - 1;
  }

  /** Offset of the first annotation in the current DIE's chain, 0 for none. */
  private annotationChain(): number {
    return this.readsGnuAnnotations && this.has(ANNOTATION) ? this.reference(ANNOTATION) : 0;
  }

  /** Tags of the type or function open at `level`, or of its component, from a chain of annotations. */
  private addChainedTags(chain: number, level: number, component: number): void {
    for (const value of this.annotationValues(chain, DECL_TAG_NAME))
      this.openTags.push({ level, value, component, isLast: component < 0 });
  }

  /** PTR and the TYPE_TAGs of a chain of annotations, which start next to the pointer. */
  private taggedPointer(chain: number, ref: number, offset: number): void {
    const values = chain === 0 ? NO_VALUES : this.annotationValues(chain, TYPE_TAG_NAME);
    // Annotations are shared, so none of them can stand for a TYPE_TAG: the pointer's second byte does.
    const place = offset + 1;
    if (values.length > 0) this.typeTags(values, ref, place);
    this.referenceType(KIND_PTR, values.length > 0 ? place : ref, offset);
  }

  /** TYPE_TAGs `values` around a type, the outermost first; `place` stands for that one. */
  private typeTags(values: readonly number[], ref: number, place: number): void {
    const target = this.isMatching ? this.nodeOf(ref) : UNKNOWN;
    if (target < 0) {
      const inner = values.slice(1);
      const start = this.out.entries.length;
      for (const value of inner) this.out.entries.push(value);
      this.postponeType(KIND_TYPE_TAG, values[0], 0, 0, ref, start, inner.length, place);
      this.out.typeCount += inner.length;
      return;
    }
    const nodes = values.map(() => target);
    for (let i = values.length - 1, node = target; i >= 0; i--) {
      node = this.pool.typeTag(values[i], node);
      nodes[i] = node;
    }
    this.known.meet(place, nodes[0]);
    for (const node of nodes) this.meetNode(node);
  }

  /** Moves the tags of what closes at `depth` to its list. */
  private closeTags(depth: number, target: number, tags: IntList): void {
    const { openTags } = this;
    let from = openTags.length;
    // Deeper levels have closed, so its own are the last ones.
    while (from > 0 && openTags[from - 1].level === depth) from--;
    const own = openTags.splice(from);
    for (const { value, component, isLast } of own) if (!isLast) pushTag(tags, target, value, component);
    for (const { value, component, isLast } of own) if (isLast) pushTag(tags, target, value, component);
  }

  private checkDepth(depth: number, offset: number): void {
    if (depth > MAX_DIE_DEPTH) this.fail(offset, `DIEs nested deeper than ${MAX_DIE_DEPTH}`);
  }

  /** Gives a type a record; {@link UnitResolver} finds its node. */
  private addRecord(
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
    const at = out.recordCount * RECORD_INTS;
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
    records[at + TYPE_ORDINAL] = out.typeCount++;
    records[at + TYPE_INSTANCE] = out.instances.length;
    this.index.set(offset, out.recordCount++);
  }

  /** Gives an unnamed type a record whose node nothing but its record can tell. */
  private postponeType(
    kind: number,
    name: number,
    size: number,
    flags: number,
    ref: number,
    start: number,
    count: number,
    offset: number,
  ): void {
    if (this.isMatching) this.known.postpone(offset);
    this.addRecord(kind, name, size, flags, ref, start, count, offset);
  }

  /** A type without a record was met. */
  private meetNode(node: number): void {
    const key = this.firstKey + this.out.typeCount++;
    if (node < this.metBelow) return;
    const keys = this.pool.nodeKey.data;
    if (keys[node] <= key) return;
    if (keys[node] === LOCAL_NEVER) this.newlyMet.push(node);
    keys[node] = key;
  }

  /** Node of a type as far as is known or can be foreseen; negative when it is not. */
  private nodeOf(ref: number): number {
    if (ref === 0) return 0;
    const known = this.known.at(ref);
    return known >= PENDING ? known : this.foresee(ref);
  }

  /**
   * Looks ahead at a type that has not been met: often it is a pointer or two away from a named type. What is found is
   * expected from then on.
   */
  private foresee(ref: number): number {
    const { foreseen, pool, known } = this;
    let steps = 0;
    let at = ref;
    let node = UNKNOWN;
    for (;;) {
      node = known.at(at);
      if (node >= PENDING) break;
      if (!this.lookAt(at)) return UNKNOWN;
      if (this.seenKind === KIND_PTR || this.seenKind === KIND_CONST || this.seenKind === KIND_VOLATILE) {
        if (steps === MAX_FORESEEN) return UNKNOWN;
        foreseen[2 * steps] = at;
        foreseen[2 * steps + 1] = this.seenKind;
        steps++;
        at = this.seenRef;
        continue;
      }
      node = this.seenNode;
      if (node >= 0) known.expect(at, node);
      break;
    }
    if (node < 0) return UNKNOWN;
    while (steps > 0) {
      steps--;
      node = pool.reference(foreseen[2 * steps + 1], node);
      known.expect(foreseen[2 * steps], node);
    }
    return node;
  }

  /** Reads one plain DIE ahead into seenKind and seenRef or seenNode; false when it is something else. */
  private lookAt(offset: number): boolean {
    const { codes, shapes, unit, view, pool } = this;
    const { info, littleEndian } = this.sections;
    let pos = offset;
    let code = info[pos++];
    if (code >= 0x80) {
      const high = pos < unit.end ? info[pos++] : 0x80;
      if (high >= 0x80) return false;
      code = (code & 0x7f) | (high << 7);
    }
    const shape = code < codes.length ? codes[code] : 0;
    const layout = shapes[shape + SHAPE_LAYOUT];
    if (layout === 0 || pos + PLACE + 4 > unit.end) return false;
    this.seenKind = 0;
    const dieClass = shapes[shape + SHAPE_CLASS];
    if (dieClass === PLAIN_REFERENCE) {
      const ref = view.getUint32(pos + ((layout >> TYPE_AT) & PLACE), littleEndian);
      if (ref >= unit.end - unit.offset) return false;
      this.seenKind = referenceKind(shapes[shape + SHAPE_CONSTANT]);
      this.seenRef = ref + unit.offset;
      return true;
    }
    if (((layout >> NAME_FORM_AT) & FORM_MASK) !== STRP) return false;
    const name = view.getUint32(pos + ((layout >> NAME_AT) & PLACE), littleEndian) + 1;
    if (dieClass === PLAIN_TYPEDEF) {
      this.seenNode = pool.onlyTypedef(name);
      return true;
    }
    if (dieClass !== PLAIN_COMPOSITE) return false;
    const isUnion = shapes[shape + SHAPE_TAG] === TAG_UNION;
    this.seenNode = pool.leaf(isUnion ? LOCAL_LEAF_UNION : LOCAL_LEAF_STRUCT, name, 0);
    return true;
  }

  private expectNode(ref: number, node: number): void {
    if (ref !== 0) this.known.expect(ref, node);
    else if (node !== 0) this.known.conflict = true;
  }

  /** The type at `offset` is met and is `node`. */
  private settle(offset: number, node: number): void {
    this.known.meet(offset, node);
    this.meetNode(node);
  }

  /** PTR, CONST, VOLATILE, RESTRICT. */
  private referenceType(kind: number, ref: number, offset: number): void {
    if (!this.isMatching) {
      this.addRecord(kind, NO_NAME, 0, 0, ref, 0, 0, offset);
      return;
    }
    const { pool, known } = this;
    const expected = known.at(offset);
    if (expected >= 0) {
      if (pool.nodeKind.data[expected] !== kind) known.conflict = true;
      else this.expectNode(ref, pool.nodeB.data[expected]);
      this.settle(offset, expected);
      return;
    }
    const target = this.nodeOf(ref);
    if (target >= 0) this.settle(offset, pool.reference(kind, target));
    else this.postponeType(kind, NO_NAME, 0, 0, ref, 0, 0, offset);
  }

  private typedef(name: number, ref: number, offset: number): void {
    if (!this.isMatching) {
      this.addRecord(KIND_TYPEDEF, name, 0, 0, ref, 0, 0, offset);
      return;
    }
    const { pool, known } = this;
    let expected = known.at(offset);
    if (expected < 0) {
      const target = this.nodeOf(ref);
      if (target >= 0) {
        this.settle(offset, pool.typedef(name, target));
        return;
      }
      expected = pool.onlyTypedef(name);
    }
    if (expected < 0) {
      this.postponeType(KIND_TYPEDEF, name, 0, 0, ref, 0, 0, offset);
      return;
    }
    if (pool.nodeKind.data[expected] !== KIND_TYPEDEF || pool.nodeA.data[expected] !== name)
      known.conflict = true;
    else this.expectNode(ref, pool.nodeB.data[expected]);
    this.settle(offset, expected);
  }

  private typeTag(value: number, ref: number, offset: number): void {
    if (!this.isMatching) {
      this.addRecord(KIND_TYPE_TAG, value, 0, 0, ref, 0, 0, offset);
      return;
    }
    const target = this.nodeOf(ref);
    if (target >= 0) this.settle(offset, this.pool.typeTag(value, target));
    else this.postponeType(KIND_TYPE_TAG, value, 0, 0, ref, 0, 0, offset);
  }

  /** A type that is all it says itself: INT, FLOAT and void. */
  private scalarType(kind: number, name: number, word: number, offset: number): void {
    if (!this.isMatching) this.addRecord(kind, name, word, 0, 0, 0, 0, offset);
    else this.settle(offset, kind === KIND_VOID ? 0 : enterScalar(this.pool, kind, name, word));
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

  /** A member (name, offset word, type) or parameter (name, 0, type) of the type open at `depth`. */
  private entry(depth: number, name: number, word: number, ref: number): void {
    const cursor = this.openCursor[depth];
    if (cursor === STORED) {
      this.pushEntry(name, word, ref);
      return;
    }
    const { data } = this.pool.entries;
    if (cursor === this.openLast[depth] || data[cursor] !== name || data[cursor + 1] !== word)
      this.known.conflict = true;
    else this.expectNode(ref, data[cursor + 2]);
    this.openCursor[depth] = cursor + STRIDE;
  }

  private enumeratorEntry(depth: number, name: number, low: number, high: number): void {
    const cursor = this.openCursor[depth];
    if (cursor === STORED) {
      this.pushEntry(name, low, high);
      return;
    }
    const { data } = this.pool.entries;
    if (
      cursor === this.openLast[depth] ||
      data[cursor] !== name ||
      data[cursor + 1] !== low ||
      data[cursor + 2] !== high
    )
      this.known.conflict = true;
    this.openCursor[depth] = cursor + STRIDE;
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
        if (parent === PARENT_COMPOSITE) {
          const annotations = this.annotationChain();
          this.member(offset, depth);
          if (annotations !== 0) this.addChainedTags(annotations, depth, this.lastPart(depth));
        }
        return false;
      case FORMAL_PARAMETER:
      case PLAIN_PARAMETER:
        if (parent === PARENT_PROTOTYPE) this.entry(depth, this.nameSlot(), 0, this.reference(TYPE));
        else if (parent === PARENT_FUNCTION) {
          const annotations = this.annotationChain();
          this.parameter(offset, depth);
          if (annotations !== 0) this.addChainedTags(annotations, depth, this.lastPart(depth));
        }
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
        if (parent === PARENT_ARRAY) this.addDimension(depth, this.dimension(), offset);
        return false;
      case REFERENCE_TYPE:
        return this.rareReference(tag, offset, depth, hasChildren);
      case ANNOTATION_DIE:
        if (parent !== PARENT_NONE && (tag !== TAG_GNU_ANNOTATION || this.readsGnuAnnotations))
          this.annotation(offset, depth);
        return false;
      case TYPEDEF:
        this.typedef(this.nameSlot(), this.reference(TYPE), offset);
        return false;
      case UNSPECIFIED_TYPE:
        this.scalarType(KIND_VOID, NO_NAME, 0, offset);
        return false;
      case BASE_TYPE:
        this.baseType(offset);
        return false;
      case COMPOSITE:
        return this.openType(
          PARENT_COMPOSITE,
          tag === DW_TAG.union_type ? KIND_UNION : KIND_STRUCT,
          this.optional(BYTE_SIZE, 0),
          this.flag(DECLARATION) ? DECLARATION_FLAG : 0,
          offset,
          depth,
          hasChildren,
          // Of a union, a typedef and a variable dwarves reads the children's alone.
          tag === TAG_STRUCTURE ? this.annotationChain() : 0,
        );
      case ENUMERATION:
        return this.enumeration(offset, depth, hasChildren);
      case ARRAY:
        return this.openType(
          PARENT_ARRAY,
          KIND_ARRAY,
          this.elementsWithoutDimension,
          0,
          offset,
          depth,
          hasChildren,
        );
      case SUBROUTINE_TYPE:
        return this.openType(PARENT_PROTOTYPE, KIND_FUNC_PROTO, 0, 0, offset, depth, hasChildren);
      case SUBPROGRAM:
        return this.openFunction(offset, depth, hasChildren);
      case VARIABLE:
        this.isVariableKept =
          this.perCpu !== undefined &&
          (depth === 1 || !this.topLevelVariables) &&
          this.variable(offset, this.perCpu);
        return false;
      case IMPORTED_UNIT:
        // Notes the unit as one that is needed.
        this.reference(TYPE);
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

  /** A type whose children say more; it is added when they end. */
  private openType(
    parent: number,
    kind: number,
    size: number,
    flags: number,
    offset: number,
    depth: number,
    hasChildren: boolean,
    annotations = 0,
  ): boolean {
    const level = depth + 1;
    this.checkDepth(level, offset);
    if (this.form(SPECIFICATION) === FORM_REF_SIG8) {
      // All of the type is in a type unit; this DIE stands for it.
      this.out.aliases.set(offset, this.reference(SPECIFICATION));
      return false;
    }
    let name = kind === KIND_ARRAY || kind === KIND_FUNC_PROTO ? NO_NAME : this.nameSlot();
    const ref = this.reference(TYPE);
    if (name === NO_NAME && parent === PARENT_COMPOSITE && this.has(SPECIFICATION)) {
      name = this.nameOf(this.reference(SPECIFICATION));
    }
    this.openLevel(level, parent, kind, name, size, flags, ref, offset);
    if (annotations !== 0) this.addChainedTags(annotations, level, -1);
    if (hasChildren) return true;
    if (!this.known.conflict) this.close(level);
    return false;
  }

  private openLevel(
    level: number,
    parent: number,
    kind: number,
    name: number,
    size: number,
    flags: number,
    ref: number,
    offset: number,
  ): void {
    this.parent[level] = parent;
    this.openKind[level] = kind;
    this.openName[level] = name;
    this.openSize[level] = size;
    this.openFlags[level] = flags;
    this.openRef[level] = ref;
    this.openOffset[level] = offset;
    this.openStart[level] = this.stackTop;
    this.openCursor[level] = STORED;
    this.openNode[level] = UNKNOWN;
    if (!this.isMatching) return;
    if (name === NO_NAME) this.openExpected(level, kind, size, flags, ref, offset);
    else this.openNamed(level, kind, name, size, flags, offset);
  }

  /** A named struct, union or enum: the leaf is known, and the list when there is one definition of that size. */
  private openNamed(
    level: number,
    kind: number,
    name: number,
    size: number,
    flags: number,
    offset: number,
  ): void {
    const { pool } = this;
    const leafKind =
      kind === KIND_STRUCT ? LOCAL_LEAF_STRUCT : kind === KIND_UNION ? LOCAL_LEAF_UNION : LOCAL_LEAF_ENUM;
    const expected = this.known.at(offset);
    // What is expected is mostly right, and compared faster than looked up.
    const isExpected =
      expected >= 0 && pool.nodeA.data[expected] === name && pool.nodeKind.data[expected] === leafKind;
    const leaf = isExpected ? expected : pool.leaf(leafKind, name, 0);
    this.known.meet(offset, leaf);
    this.openNode[level] = leaf;
    if ((flags & DECLARATION_FLAG) !== 0) return;
    const def = pool.nodeCount.data[leaf];
    if (def < 0 || pool.defNext.data[def] >= 0 || pool.defSize.data[def] !== size) return;
    this.openDef[level] = def;
    this.openCursor[level] = pool.defStart.data[def];
    this.openLast[level] = pool.defStart.data[def] + STRIDE * pool.defCount.data[def];
  }

  /** Another type of which a node may be expected. */
  private openExpected(
    level: number,
    kind: number,
    size: number,
    flags: number,
    ref: number,
    offset: number,
  ): void {
    const { pool, known } = this;
    const node = known.at(offset);
    // A declaration without a name is nothing BTF can hold; its record gets it reported.
    if (node < 0 || (flags & DECLARATION_FLAG) !== 0) return;
    const a = pool.nodeA.data[node];
    const hasSize = kind !== KIND_ARRAY && kind !== KIND_FUNC_PROTO;
    // The type behind an enumeration is not part of the node, but has to be one.
    if (hasSize && this.nodeOf(ref) < 0) return;
    if (pool.nodeKind.data[node] !== kind || (hasSize && a !== size)) {
      known.conflict = true;
      return;
    }
    this.openNode[level] = node;
    // Of an array with several dimensions the element is found when they are known.
    if (kind === KIND_ARRAY) return;
    if (kind === KIND_FUNC_PROTO) this.expectNode(ref, a);
    this.openCursor[level] = pool.nodeStart.data[node];
    this.openLast[level] = pool.nodeStart.data[node] + STRIDE * pool.nodeCount.data[node];
  }

  /** A pointer or qualified type that is not plain. */
  private rareReference(tag: number, offset: number, depth: number, hasChildren: boolean): boolean {
    const ref = this.reference(TYPE);
    if (tag !== TAG_POINTER) {
      this.referenceType(referenceKind(tag), ref, offset);
      return false;
    }
    const annotations = this.annotationChain();
    if (!hasChildren) {
      this.taggedPointer(annotations, ref, offset);
      return false;
    }
    const level = depth + 1;
    this.checkDepth(level, offset);
    this.parent[level] = PARENT_POINTER;
    this.openRef[level] = ref;
    // The chain counts only when no child is a btf_type_tag.
    this.openSize[level] = annotations;
    this.openOffset[level] = offset;
    return true;
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
    const annotations = this.annotationChain();
    if (annotations !== 0) this.addChainedTags(annotations, level, -1);
    if (hasChildren) return true;
    this.close(level);
    return false;
  }

  /** Ends the DIE open at `depth`: its type or function gets its number. */
  private close(depth: number): void {
    const parent = this.parent[depth];
    if (parent === PARENT_NONE || parent >= PARENT_TYPEDEF) return;
    if (parent === PARENT_FUNCTION) {
      this.closeFunction(depth);
      return;
    }
    if (parent === PARENT_POINTER) {
      this.taggedPointer(this.openSize[depth], this.openRef[depth], this.openOffset[depth]);
      return;
    }
    if (this.openTags.length > 0) this.closeTags(depth, this.openOffset[depth], this.out.typeTags);
    if (parent === PARENT_ARRAY) {
      this.closeArray(depth);
      return;
    }
    if (parent === PARENT_PROTOTYPE && (this.openFlags[depth] & FUNCTION_IS_VARIADIC) !== 0) {
      this.openFlags[depth] = 0;
      this.entry(depth, NO_NAME, 0, 0);
    }
    const isNamed = this.openName[depth] !== NO_NAME;
    if (isNamed && this.isMatching && this.isDeclaration(depth)) {
      this.pool.meet(this.openNode[depth], this.firstKey + this.out.typeCount++);
      this.out.instances.push(~this.openNode[depth]);
    } else if (this.openCursor[depth] !== STORED && !this.known.conflict) {
      if (isNamed) this.closeMatchedDefinition(depth);
      else this.closeMatchedList(depth);
    } else if (!isNamed && this.isMatching) {
      this.closeUnnamed(depth);
    } else {
      const start = this.copyEntries(this.openStart[depth]);
      this.record(depth, start);
      if (isNamed) this.out.instances.push(0);
    }
    this.stackTop = this.openStart[depth];
  }

  /** A struct or union says that it is one; an enumeration without values is one. */
  private isDeclaration(depth: number): boolean {
    if (this.openKind[depth] !== KIND_ENUM) return (this.openFlags[depth] & DECLARATION_FLAG) !== 0;
    const cursor = this.openCursor[depth];
    if (cursor === STORED) return this.stackTop === this.openStart[depth];
    return cursor === this.pool.defStart.data[this.openDef[depth]];
  }

  private record(depth: number, start: number): void {
    const count = (this.stackTop - this.openStart[depth]) / STRIDE;
    this.addRecord(
      this.openKind[depth],
      this.openName[depth],
      this.openSize[depth],
      this.openFlags[depth],
      this.openRef[depth],
      start,
      count,
      this.openOffset[depth],
    );
  }

  /** Moves the entries from `from` on to {@link UnitTypes.entries}; returns where they are. */
  private copyEntries(from: number): number {
    const { out, stack } = this;
    const ints = this.stackTop - from;
    const start = out.entries.length;
    out.entries.reserve(ints);
    const entries = out.entries.data;
    for (let i = 0; i < ints; i++) entries[start + i] = stack[from + i];
    out.entries.length += ints;
    return start;
  }

  /** A named type whose list equals the definition's as far as it goes. */
  private closeMatchedDefinition(depth: number): void {
    const { pool, out } = this;
    const def = this.openDef[depth];
    const flags = this.openFlags[depth] & DEFINITION_FLAGS;
    if (this.openCursor[depth] !== this.openLast[depth] || flags !== pool.defFlags.data[def]) {
      this.known.conflict = true;
      return;
    }
    out.typeCount++;
    out.instances.push(def);
  }

  /** A type whose list equals the expected node's as far as it goes. */
  private closeMatchedList(depth: number): void {
    const { pool, known } = this;
    const node = this.openNode[depth];
    const flags = this.openFlags[depth] & DEFINITION_FLAGS;
    if (this.openCursor[depth] !== this.openLast[depth] || flags !== pool.nodeB.data[node])
      known.conflict = true;
    this.settle(this.openOffset[depth], node);
  }

  private closeArray(depth: number): void {
    const from = this.openStart[depth];
    const ref = this.openRef[depth];
    const elements = this.openSize[depth];
    const offset = this.openOffset[depth];
    const expected = this.openNode[depth];
    if (expected !== UNKNOWN) this.expectElement(depth, expected);
    const element = this.isMatching ? this.nodeOf(ref) : UNKNOWN;
    if (element >= 0) {
      this.settle(offset, this.pool.array(this.enterInnerArrays(from, element), elements));
    } else {
      const inner = this.postponeInnerArrays(from, ref);
      this.postponeType(KIND_ARRAY, NO_NAME, elements, 0, inner, 0, 0, offset);
    }
    this.stackTop = from;
  }

  /** A type without a name of which nothing is expected. */
  private closeUnnamed(depth: number): void {
    const { pool, known } = this;
    const kind = this.openKind[depth];
    const ref = this.openRef[depth];
    const offset = this.openOffset[depth];
    const flags = this.openFlags[depth];
    const target = this.nodeOf(ref);
    const from = this.openStart[depth];
    const isComplete = target >= 0 && (flags & DECLARATION_FLAG) === 0;
    if (isComplete && (kind === KIND_ENUM || this.resolveStack(from))) {
      const a = kind === KIND_FUNC_PROTO ? target : this.openSize[depth];
      const count = (this.stackTop - from) / STRIDE;
      this.settle(offset, pool.list(kind, a, flags & DEFINITION_FLAGS, this.stack, from, count));
      return;
    }
    const start = this.copyEntries(from);
    known.postpone(offset);
    this.record(depth, start);
  }

  /** Replaces the types of the entries from `from` on by nodes; false, and nothing changed, when one is not known. */
  private resolveStack(from: number): boolean {
    const { stack } = this;
    for (let i = from + 2; i < this.stackTop; i += STRIDE) if (this.nodeOf(stack[i]) < 0) return false;
    for (let i = from + 2; i < this.stackTop; i += STRIDE) stack[i] = this.nodeOf(stack[i]);
    return true;
  }

  private closeFunction(depth: number): void {
    const { out } = this;
    // Parameters wait on the stack as pairs of entries: (name, type, DIE offset) and (origin, flags, 0).
    const from = this.openStart[depth];
    const start = out.parameterName.length;
    for (let i = from; i < this.stackTop; i += PARAMETER_STACK_INTS) {
      this.index.set(this.stack[i + 2], out.parameterName.length);
      out.parameterName.push(this.stack[i]);
      out.parameterRef.push(this.stack[i + 1]);
      out.parameterOffset.push(this.stack[i + 2]);
      out.parameterOrigin.push(this.stack[i + 3]);
      out.parameterFlags.push(this.stack[i + 4]);
    }
    this.stackTop = from;
    const offset = this.openOffset[depth];
    if (this.openTags.length > 0) this.closeTags(depth, out.functionName.length, out.functionTags);
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

  private parameter(offset: number, depth: number): void {
    const number = (this.stackTop - this.openStart[depth]) / PARAMETER_STACK_INTS;
    const expected = this.registers?.[number];
    this.pushEntry(this.nameSlot(), this.reference(TYPE), offset);
    const isUnexpected = expected !== undefined && this.isElsewhere(expected);
    this.pushEntry(this.reference(ABSTRACT_ORIGIN), isUnexpected ? PARAMETER_UNEXPECTED : 0, 0);
  }

  /** Whether the current DIE's location names another register. */
  private isElsewhere(register: number): boolean {
    const { locations, unit } = this;
    switch (this.form(LOCATION)) {
      case 0:
        return false;
      case FORM_EXPRLOC:
      case FORM_BLOCK1:
      case FORM_BLOCK2:
      case FORM_BLOCK4:
      case FORM_BLOCK: {
        const start = this.block(LOCATION);
        return locations.expressionDiffers(start, this.blockEnd, register);
      }
      case FORM_LOCLISTX: {
        if (!locations.hasLists) return false;
        const list = locations.indexedList(unit, this.locListsBase, this.unsigned(LOCATION));
        return locations.listDiffers(unit, list, register);
      }
      default:
        return locations.hasLists && locations.listDiffers(unit, this.unsigned(LOCATION), register);
    }
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
    this.entry(depth, name, isBitfield ? (bits << 24) | bitOffset : bitOffset | 0, type);
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

  private baseType(offset: number): void {
    const bytes = Math.min(this.optional(BYTE_SIZE, 0), 0xff_ffff);
    const ate = this.optional(VALUE, 0);
    let kind: number = KIND_INT;
    let encoding = 0;
    if (ate === DW_ATE.signed || ate === DW_ATE.signed_char) encoding = 1;
    else if (ate === DW_ATE.boolean) encoding = 4;
    else if (this.hasFloats && ate === DW_ATE.float) {
      if (!FLOAT_BYTES.includes(bytes))
        this.fail(offset, `floating point type of ${bytes} bytes has no BTF`, 'btf-unencodable');
      kind = KIND_FLOAT;
    } else if (this.hasFloats && (ate === DW_ATE.complex_float || ate === DW_ATE.imaginary_float)) {
      this.fail(offset, 'complex floating point type has no BTF', 'btf-unencodable');
    }
    this.scalarType(kind, this.nameSlot(), (bytes << 8) | encoding, offset);
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

  private enumerator(offset: number, depth: number): void {
    const name = this.nameSlot();
    this.valueLow = 0;
    this.valueHigh = 0;
    if (this.has(VALUE)) this.wide(VALUE);
    const low = this.valueLow | 0;
    const high = this.valueHigh | 0;
    const flags = this.openFlags[depth];
    if ((flags & ENUM64_FLAG) !== 0) {
      this.enumeratorEntry(depth, name, low, high);
      return;
    }
    const isNegative = high === -1 && low < 0;
    if (high !== 0 && !isNegative) this.fail(offset, 'enumerator does not fit 32 bits', 'btf-unencodable');
    if (isNegative) this.openFlags[depth] = flags | KIND_FLAG;
    this.enumeratorEntry(depth, name, low, 0);
  }

  private addDimension(depth: number, elements: number, offset: number): void {
    if (!this.chainsArrays) {
      this.openSize[depth] = Math.imul(this.openSize[depth], elements);
    } else if ((this.openFlags[depth] & DIMENSION_FLAG) === 0) {
      this.openFlags[depth] = DIMENSION_FLAG;
      this.openSize[depth] = elements;
    } else {
      this.pushEntry(NO_NAME, elements, offset);
    }
  }

  /** What the array open at `depth` has elements of follows from the node that is expected of it. */
  private expectElement(depth: number, expected: number): void {
    const { nodeKind, nodeB } = this.pool;
    let array = expected;
    for (let at = this.openStart[depth]; at < this.stackTop; at += STRIDE) {
      if (nodeKind.data[array] === KIND_ARRAY) array = nodeB.data[array];
    }
    if (nodeKind.data[array] === KIND_ARRAY) this.expectNode(this.openRef[depth], nodeB.data[array]);
    else this.known.conflict = true;
  }

  /**
   * Adds an array of each dimension but the first, the innermost first, of a type that is known.
   * @returns the outermost of them
   */
  private enterInnerArrays(from: number, element: number): number {
    let node = element;
    for (let at = this.stackTop - STRIDE; at >= from; at -= STRIDE) {
      node = this.pool.array(node, this.stack[at + 1]);
      this.meetNode(node);
    }
    return node;
  }

  /** As {@link enterInnerArrays}, with records: the DIE of its dimension stands for each. Returns the outermost one's. */
  private postponeInnerArrays(from: number, element: number): number {
    let ref = element;
    for (let at = this.stackTop - STRIDE; at >= from; at -= STRIDE) {
      const offset = this.stack[at + 2];
      this.postponeType(KIND_ARRAY, NO_NAME, this.stack[at + 1], 0, ref, 0, 0, offset);
      ref = offset;
    }
    return ref;
  }

  /** Keeps a variable when its address lies in the per-CPU section. */
  private variable(offset: number, range: AddressRange): boolean {
    if (!this.addressInto()) return false;
    const low = this.valueLow - range.low;
    const high = this.valueHigh - range.high;
    const relative = high * 0x1_0000_0000 + low;
    if (relative < 0 || relative >= range.sizeBytes) return false;
    const isDeclaration = this.flag(DECLARATION);
    const specification = this.reference(SPECIFICATION);
    if (isDeclaration && (specification === 0 || this.topLevelVariables)) return false;
    if (this.topLevelVariables && this.flag(ARTIFICIAL)) return false;
    let name = this.nameSlot();
    if (!this.topLevelVariables && relative === 0 && this.valueAddressIsZero && name === NO_NAME)
      return false;
    let type = this.reference(TYPE);
    let isExternal = this.flag(EXTERNAL);
    const origin = this.topLevelVariables || type !== 0 ? 0 : this.reference(ABSTRACT_ORIGIN);
    if (specification !== 0) {
      const declared = this.declarationAt(specification);
      ({ type, isExternal } = declared);
      if (this.topLevelVariables) ({ name } = declared);
    } else if (origin !== 0) {
      // gcc's link-time optimisation leaves name and type with the unit that was compiled.
      ({ type, isExternal } = this.declarationAt(origin));
    }
    this.out.variableRef.push(type);
    this.out.variableName.push(name);
    this.out.variableOffset.push(offset);
    this.out.variableFlags.push(isExternal ? VARIABLE_IS_EXTERNAL : 0);
    this.out.variableAddress.push(relative);
    // pahole takes the tags of the specification instead; compilers give that none.
    return specification === 0;
  }
}

function pushTag(tags: IntList, target: number, value: number, component: number): void {
  tags.push(target);
  tags.push(value);
  tags.push(component);
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
