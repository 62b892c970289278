/**
 * Collects the types, functions and per-CPU variables of a run of units into one pool. Collections are plain typed
 * arrays, so that several threads can make one each and send it; dwarf/merge.ts joins them.
 */

import { BTF_KIND } from '../btf/constants.ts';
import { IntList } from '../btf/int-list.ts';
import { TypePool } from '../btf/type-pool.ts';
import { FormatError } from '../elf/format-error.ts';
import { DW_LANG, DW_TAG } from './constants.ts';
import { type FunctionArrays, FunctionCollector } from './functions.ts';
import { inItsPart } from './join.ts';
import { JoinedIndex, JoinedNodes } from './joined-index.ts';
import type { CallingConvention } from './locations.ts';
import { LinkedUnits } from './linked-units.ts';
import { NO_NAME, NameTable } from './names.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import { ShapeTable } from './shapes.ts';
import { SignatureReader } from './signatures.ts';
import { type TagArrays, TypeTagCollector } from './tags.ts';
import { TypeSizes } from './type-sizes.ts';
import type { UnitLinks } from './unit-links.ts';
import { UnitNodes } from './unit-nodes.ts';
import { type ReadOptions, UnitReader } from './unit-reader.ts';
import { UNIT_STRIDE, UnitResolver, type VariantOf } from './unit-resolver.ts';
import { OffsetIndex, TYPE, TYPE_INTS, UnitTypes } from './unit-types.ts';
import { type VariableArrays, VariableCollector } from './variables.ts';

/** Stream keys are exact up to 2^53; what follows all units takes one unit's part more. */
const MAX_UNITS = (1 << 21) - 1;

const CPP_LANGUAGES: readonly number[] = [
  DW_LANG.C_plus_plus,
  DW_LANG.C_plus_plus_03,
  DW_LANG.C_plus_plus_11,
  DW_LANG.C_plus_plus_14,
  DW_LANG.C_plus_plus_17,
  DW_LANG.C_plus_plus_20,
];

/** What the collecting needs to know beside the sections. */
export interface CollectOptions extends ReadOptions {
  /** False for a stripped file. */
  readonly hasFunctionSymbols: boolean;
  /** How parameters are passed; undefined when the profile does not ask by their size whether they are. */
  readonly convention: CallingConvention | undefined;
}

/** One collection: a pool in arrays, and what refers to it. Everything is transferable. */
export interface Collection {
  readonly pool: PoolArrays;
  /** Text of interned names (see dwarf/names.ts). */
  readonly namePlaces: Int32Array;
  /** Units in order, and where each one's part of `instances` ends. */
  readonly units: Int32Array;
  readonly instanceEnds: Int32Array;
  /** Per named struct, union or enum met: its definition, or ~leaf when only declared. */
  readonly instances: Int32Array;
  readonly functions: FunctionArrays;
  readonly variables: VariableArrays;
  readonly typeTags: TagArrays;
  /** First unit with a base type named `int` and its node, first unit with an array; -1 for none. */
  readonly firstIntUnit: number;
  readonly firstIntNode: number;
  readonly firstArrayUnit: number;
  readonly typesRead: number;
}

/** A {@link TypePool} as arrays. */
export interface PoolArrays {
  readonly nodeKind: Int32Array;
  readonly nodeA: Int32Array;
  readonly nodeB: Int32Array;
  readonly nodeStart: Int32Array;
  readonly nodeCount: Int32Array;
  readonly nodeKey: Float64Array;
  readonly defLeaf: Int32Array;
  readonly defSize: Int32Array;
  readonly defFlags: Int32Array;
  readonly defStart: Int32Array;
  readonly defCount: Int32Array;
  readonly defKey: Float64Array;
  readonly entries: Int32Array;
}

/**
 * Reads units one after the other into one deduplicated collection; several of them, each with a part of the units,
 * give the same BTF together (`assembleBtf`).
 */
export class Collector {
  private readonly sections: DwarfSections;
  private readonly options: CollectOptions;
  private readonly pool = new TypePool();
  private readonly names: NameTable;
  private readonly types = new UnitTypes();
  private readonly index: OffsetIndex;
  private readonly known: UnitNodes;
  private readonly links: UnitLinks | undefined;
  private readonly reader: UnitReader;
  private readonly resolver: UnitResolver;
  private readonly shapeTables = new Map<number, ShapeTable>();

  private readonly units = new IntList();
  private readonly instanceEnds = new IntList();
  private readonly instances = new IntList(1 << 14);
  private readonly sizes: TypeSizes;
  private readonly signatures: SignatureReader | undefined;
  private readonly functions: FunctionCollector;
  private readonly variables: VariableCollector;
  private readonly typeTags: TypeTagCollector;
  private firstIntUnit = -1;
  private firstIntNode = -1;
  private firstArrayUnit = -1;
  private typesRead = 0;

  /** @param links where references out of a unit lead, when all units are read as one */
  constructor(sections: DwarfSections, options: CollectOptions, links?: UnitLinks) {
    this.sections = sections;
    this.options = options;
    this.links = links;
    this.names = new NameTable(sections);
    this.index = links === undefined ? new OffsetIndex() : new JoinedIndex();
    this.known = links === undefined ? new UnitNodes() : new JoinedNodes(this.index, this.types);
    const { names, pool, types, index, known } = this;
    this.reader = new UnitReader(sections, names, types, index, pool, known, options);
    this.resolver = new UnitResolver(pool, types, index, known);
    this.sizes = new TypeSizes(sections, names);
    const { convention } = options;
    this.signatures =
      convention === undefined
        ? undefined
        : new SignatureReader(sections, names, { types, index, sizes: this.sizes }, convention);
    const { sizes, signatures } = this;
    const parts = { types, index, resolver: this.resolver, sizes, signatures };
    this.functions = new FunctionCollector(parts, options.profile.functions, options.hasFunctionSymbols);
    this.variables = new VariableCollector(parts);
    this.reader.links = links;
    this.sizes.links = links;
    this.signatures?.linkTo(links);
    this.typeTags = new TypeTagCollector(types, this.resolver);
  }

  /**
   * Adds one unit.
   * @param unitIndex its number in the file; units must come in ascending order
   * @throws FormatError `dwarf-malformed`, `dwarf-unsupported` or `btf-unencodable`, located; {@link LinkedUnits} when
   * the unit cannot be read without others.
   */
  addUnit(unit: UnitHeader, unitIndex: number, variantOf?: VariantOf): void {
    if (unitIndex >= MAX_UNITS) this.refuse(unit, 'dwarf-unsupported', `more than ${MAX_UNITS} units`);
    this.units.push(unitIndex);
    const { reader, types } = this;
    const shapes = this.shapeTable(unit);
    reader.open(unit, shapes);
    if (this.isWanted(unit, false)) {
      // The first unit with an `int` is read whole, for noteIndexType.
      const isMatching = variantOf === undefined && this.firstIntUnit >= 0;
      if (!isMatching || !this.matchTypes(unit, unitIndex)) this.buildTypes(unit, unitIndex, variantOf);
      reader.keep();
      this.instances.append(types.instances);
      this.typesRead += types.typeCount;
      this.noteIndexType(unitIndex);
      this.sizes.open(unit, shapes);
      this.signatures?.open(unit, shapes);
      this.typeTags.addUnit(unitIndex);
      this.functions.addUnit(unitIndex);
      this.variables.addUnit(unitIndex);
    }
    this.instanceEnds.push(this.instances.length);
  }

  /**
   * Reads a unit and compares its types with the pool's, which is several times faster than building them.
   * @returns false, and nothing added, when it has another definition of a known name
   */
  private matchTypes(unit: UnitHeader, unitIndex: number): boolean {
    this.prepare(unit);
    if (this.isMatched(unitIndex)) {
      this.resolver.enterDefinitions(unitIndex);
      return true;
    }
    this.reader.discard();
    return false;
  }

  private isMatched(unitIndex: number): boolean {
    try {
      if (!this.reader.read(unitIndex * UNIT_STRIDE, true)) return false;
      this.resolver.enterNodes(undefined);
    } catch (thrown) {
      // What is wrong is found again when the types are built: what is said of it depends on this unit alone then.
      if (thrown instanceof FormatError) return false;
      throw thrown;
    }
    return this.known.isProven();
  }

  /** Reads a unit and enters its types into the pool one by one. */
  private buildTypes(unit: UnitHeader, unitIndex: number, variantOf: VariantOf | undefined): void {
    this.prepare(unit);
    this.reader.read(unitIndex * UNIT_STRIDE, false);
    this.resolver.enterNodes(variantOf);
    this.resolver.enterDefinitions(unitIndex);
  }

  private prepare(unit: UnitHeader): void {
    this.types.clear();
    this.index.reset(unit.offset, unit.end);
    this.known.reset(unit.offset, unit.end, this.pool.nodeTotal);
  }

  /**
   * Adds all units as one, which is unit 0. For a collector with links.
   * @param units all of the joined sections, by offset
   * @throws FormatError as {@link addUnit}, located in the section as it was before joining.
   */
  addJoined(units: readonly UnitHeader[], variantOf?: VariantOf): void {
    this.units.push(0);
    try {
      this.types.clear();
      this.index.reset(0, 0);
      this.known.reset(0, 0, this.pool.nodeTotal);
      this.readJoined(units);
      if (units.length > 0 && this.links !== undefined) {
        this.sizes.open(units[0], this.links.shapeTable(units[0]));
        this.signatures?.open(units[0], this.links.shapeTable(units[0]));
      }
      this.resolver.enterNodes(variantOf);
      this.resolver.enterDefinitions(0);
      this.instances.append(this.types.instances);
      this.typesRead += this.types.typeCount;
      this.noteIndexType(0);
      this.typeTags.addUnit(0);
      this.functions.addUnit(0);
      this.variables.addUnit(0);
    } catch (thrown) {
      throw thrown instanceof FormatError ? inItsPart(thrown, units) : thrown;
    }
    this.instanceEnds.push(this.instances.length);
  }

  /** Type units of DWARF 4 first, then the file's units in its order; what a unit imports comes before it. */
  private readJoined(units: readonly UnitHeader[]): void {
    const done = new Set<UnitHeader>();
    const own = units.filter(({ part }) => !part.isSupplement);
    for (const unit of own) if (unit.part.isTypes) this.readTree(unit, false, done);
    for (const unit of own) if (!unit.part.isTypes) this.readTree(unit, false, done);
    if (done.size === 0 && own.length > 0) this.refusePartial(own);
    // What is imported elsewhere than at the beginning of a unit, or referred to without (dwz -m for DWARF 5 leaves
    // imports out); reading such a unit may name more.
    const used = this.links?.used ?? [];
    for (let i = 0; i < used.length; i++) this.readTree(used[i], true, done);
  }

  /** The file that dwz -m made for others has nothing to say alone. */
  private refusePartial(units: readonly UnitHeader[]): void {
    for (const unit of units) {
      this.reader.open(unit, (this.links as UnitLinks).shapeTable(unit));
      if (this.reader.rootTag === DW_TAG.partial_unit)
        this.refuse(unit, 'dwarf-unsupported', 'only partial units, which no unit of this file imports');
    }
  }

  /** Reads a unit after the partial units that it imports, directly or not; circles end where they were begun. */
  private readTree(root: UnitHeader, isRootImported: boolean, done: Set<UnitHeader>): void {
    const { reader, links } = this;
    if (links === undefined) return;
    const stack = [root];
    const begun = new Set<UnitHeader>();
    for (let unit = stack.at(-1); unit !== undefined; unit = stack.at(-1)) {
      reader.open(unit, links.shapeTable(unit));
      const isImported = isRootImported || stack.length > 1;
      if (done.has(unit) || !this.isWanted(unit, isImported)) {
        stack.pop();
        continue;
      }
      const before = stack.length;
      if (!begun.has(unit)) {
        begun.add(unit);
        for (const offset of reader.leadingImports().reverse()) {
          const imported = links.unitAt(offset);
          if (imported !== undefined && !begun.has(imported) && !done.has(imported)) stack.push(imported);
        }
      }
      if (stack.length > before) continue;
      stack.pop();
      done.add(unit);
      reader.read(0, false);
    }
  }

  /** Everything collected, as arrays. The collector is spent. */
  finish(): Collection {
    const { pool } = this;
    return {
      pool: {
        nodeKind: pool.nodeKind.toArray(),
        nodeA: pool.nodeA.toArray(),
        nodeB: pool.nodeB.toArray(),
        nodeStart: pool.nodeStart.toArray(),
        nodeCount: pool.nodeCount.toArray(),
        nodeKey: pool.nodeKey.toArray(),
        defLeaf: pool.defLeaf.toArray(),
        defSize: pool.defSize.toArray(),
        defFlags: pool.defFlags.toArray(),
        defStart: pool.defStart.toArray(),
        defCount: pool.defCount.toArray(),
        defKey: pool.defKey.toArray(),
        entries: pool.entries.toArray(),
      },
      namePlaces: this.names.places(),
      units: this.units.toArray(),
      instanceEnds: this.instanceEnds.toArray(),
      instances: this.instances.toArray(),
      functions: this.functions.finish(),
      variables: this.variables.finish(),
      typeTags: this.typeTags.finish(),
      firstIntUnit: this.firstIntUnit,
      firstIntNode: this.firstIntNode,
      firstArrayUnit: this.firstArrayUnit,
      typesRead: this.typesRead,
    };
  }

  private refuse(unit: UnitHeader, code: 'dwarf-unsupported' | 'btf-unencodable', what: string): never {
    throw new FormatError(code, { format: 'dwarf', section: '.debug_info', offset: unit.offset }, what);
  }

  /** @param isImported whether this is asked because another unit imports it */
  private isWanted(unit: UnitHeader, isImported: boolean): boolean {
    const { rootTag, rootLanguage } = this.reader;
    if (rootTag === 0 || rootTag === DW_TAG.skeleton_unit) return false;
    const isPartial = rootTag === DW_TAG.partial_unit;
    const isType = rootTag === DW_TAG.type_unit;
    if (isPartial || isType) {
      if (this.links === undefined) throw new LinkedUnits();
      if (isPartial ? !isImported : isImported || !this.links.isFirstOfItsSignature(unit)) return false;
    } else if (rootTag !== DW_TAG.compile_unit) {
      this.refuse(unit, 'dwarf-unsupported', `unit whose root has tag 0x${rootTag.toString(16)}`);
    } else if (isImported) {
      return false;
    }
    if (this.options.profile.excludedLanguages.includes(rootLanguage)) return false;
    if (CPP_LANGUAGES.includes(rootLanguage))
      this.refuse(unit, 'btf-unencodable', 'unit written in C++, which BTF cannot express');
    return true;
  }

  private shapeTable(unit: UnitHeader): ShapeTable {
    const key = unit.version * 256 + unit.addressBytes * 16 + unit.offsetBytes;
    let table = this.shapeTables.get(key);
    if (table === undefined) {
      table = new ShapeTable(this.sections.abbrev, unit);
      this.shapeTables.set(key, table);
    }
    return table;
  }

  /** pahole gives every array the first unit's `int` as index type, or makes one where an array comes first. */
  private noteIndexType(unitIndex: number): void {
    if (this.firstIntUnit >= 0) return;
    const { records, recordCount } = this.types;
    for (let i = 0; i < recordCount; i++) {
      const kind = records[i * TYPE_INTS + TYPE.KIND];
      if (kind === BTF_KIND.INT && this.isInt(records[i * TYPE_INTS + TYPE.NAME])) {
        this.firstIntUnit = unitIndex;
        this.firstIntNode = this.resolver.nodes[i];
        return;
      }
      if (this.firstArrayUnit < 0 && kind === BTF_KIND.ARRAY) this.firstArrayUnit = unitIndex;
    }
  }

  private isInt(raw: number): boolean {
    if (raw === NO_NAME) return false;
    const { bytes, start, end } = this.names.text(raw);
    return (
      end - start === 3 && bytes[start] === 0x69 && bytes[start + 1] === 0x6e && bytes[start + 2] === 0x74
    );
  }
}
