/**
 * What compilers did to the parameters of functions, as pahole 1.32 finds out (dwarves:
 * function__analyze_parameter_locations, ftype__recode_dwarf_types, function__signature_changed): whether they arrive
 * where the ABI says, are still there, and in which order.
 */

import { DW_FORM } from './constants.ts';
import { DieAttributes } from './die-attributes.ts';
import { SLOT } from './die-classes.ts';
import { type CallingConvention, ParameterLocations } from './locations.ts';
import { type NameTable, NO_NAME } from './names.ts';
import { PackedStructs } from './packed-structs.ts';
import type { DwarfSections, UnitHeader } from './sections.ts';
import { isBlockForm, type ShapeTable } from './shapes.ts';
import type { TypeSizes } from './type-sizes.ts';
import type { UnitLinks } from './unit-links.ts';
import { FUNCTION_FLAG, type OffsetIndex, type UnitTypes } from './unit-types.ts';

/** Bits of what a function's parameters show. */
export const SIGNATURE = {
  /** A parameter is in another register than the ABI says. */
  UNEXPECTED: 1,
  /** They stand in another order than in the declaration, or some are gone. */
  REORDERED: 2,
  /** A packed struct is passed in memory: nobody can tell where. */
  UNCERTAIN: 4,
  /** A parameter is nowhere, or not in a register though it should be. */
  OPTIMIZED: 8,
  /** The compiler says that it calls the function in a way of its own. */
  CHANGED: 16,
} as const;

/** The value of DW_AT_calling_convention that says so (DWARF 5 §3.3.1.1). */
const DW_CC_NOCALL = 3;
const NO_REGISTER = -1;

export class SignatureReader extends DieAttributes {
  private readonly convention: CallingConvention;
  private readonly locations: ParameterLocations;
  private readonly sizes: TypeSizes;
  private readonly packed: PackedStructs;
  private readonly types: UnitTypes;
  private readonly index: OffsetIndex;
  private isClang = false;
  /** Of each parameter: whether it has a location, its register or -1, its place in its function. */
  private hasLocation = new Uint8Array(0);
  private register = new Int8Array(0);
  private number = new Int32Array(0);
  /** Per parameter: it has a location that is not the register it should arrive in. */
  private isOptimized = new Uint8Array(0);
  /** Address of the function asked about last, in two halves; 0 when it has none. */
  addressLow = 0;
  addressHigh = 0;

  constructor(
    sections: DwarfSections,
    names: NameTable,
    parts: { readonly types: UnitTypes; readonly index: OffsetIndex; readonly sizes: TypeSizes },
    convention: CallingConvention,
  ) {
    super(sections, names);
    this.convention = convention;
    this.locations = new ParameterLocations(sections);
    this.types = parts.types;
    this.index = parts.index;
    this.sizes = parts.sizes;
    this.packed = new PackedStructs(sections, names, parts.sizes);
  }

  override open(unit: UnitHeader, table: ShapeTable): void {
    super.open(unit, table);
    this.packed.open(unit, table);
    const producer = this.rootTag === 0 ? NO_NAME : this.stringSlot(SLOT.COUNT);
    this.isClang = producer !== NO_NAME && this.contains(producer, 'clang');
  }

  linkTo(links: UnitLinks | undefined): void {
    this.links = links;
    this.packed.links = links;
  }

  /** Takes up the functions of the unit that was read last. */
  addUnit(): void {
    const { types } = this;
    const count = types.parameterOffset.length;
    if (count > this.register.length) {
      this.hasLocation = new Uint8Array(2 * count);
      this.register = new Int8Array(2 * count);
      this.number = new Int32Array(2 * count);
      this.isOptimized = new Uint8Array(2 * count);
    }
    for (let f = 0; f < types.functionName.length; f++) {
      const isRead = (types.functionFlags.at(f) & FUNCTION_FLAG.DECLARATION) === 0;
      const first = types.functionStart.at(f);
      const end = first + types.functionCount.at(f);
      for (let p = first; p < end; p++) {
        this.number[p] = p - first;
        this.isOptimized[p] = 0;
        this.hasLocation[p] = 0;
        this.register[p] = NO_REGISTER;
        if (isRead) this.readLocation(p);
      }
    }
    this.shareWithOrigins(count);
  }

  /** Bits of {@link SIGNATURE}, and {@link addressLow}, {@link addressHigh}. */
  signatureOf(f: number): number {
    const { types } = this;
    const first = types.functionStart.at(f);
    const end = first + types.functionCount.at(f);
    const isChanged = this.readFunction(f);
    let flags = isChanged ? SIGNATURE.CHANGED : 0;
    for (let p = first; p < end; p++) {
      const origin = this.originOf(p);
      if (origin >= 0 && this.number[origin] !== this.number[p]) flags |= SIGNATURE.REORDERED;
      if (this.hasLocation[p] === 0) flags |= SIGNATURE.OPTIMIZED;
    }
    flags |= this.isClang && !isChanged ? this.inWindows(first, end) : this.inRegisters(first, end);
    if ((flags & SIGNATURE.UNEXPECTED) !== 0 && this.hasStruct(first, end)) flags &= ~SIGNATURE.UNEXPECTED;
    if (this.hasPackedInMemory(first, end)) flags |= SIGNATURE.UNCERTAIN;
    return flags;
  }

  /** Whether a parameter of a reordered function is gone; after {@link signatureOf}. */
  isGone(p: number): boolean {
    return this.hasLocation[p] === 0 || this.isOptimized[p] === 1;
  }

  /** The parameter that this one takes name and type from, or -1. */
  private originOf(p: number): number {
    const { types, index } = this;
    const origin = types.parameterOrigin.at(p);
    return types.parameterRef.at(p) === 0 && origin !== 0 ? index.find(origin, types.parameterOffset) : -1;
  }

  /** Where a parameter is holds for the one that it refers to, too; of several the last counts. */
  private shareWithOrigins(count: number): void {
    for (let p = 0; p < count; p++) {
      if (this.hasLocation[p] === 0) continue;
      const origin = this.originOf(p);
      if (origin < 0) continue;
      this.hasLocation[origin] = 1;
      if (this.register[p] !== NO_REGISTER) this.register[origin] = this.register[p];
    }
  }

  private readLocation(p: number): void {
    const offset = this.types.parameterOffset.at(p);
    this.moveTo(offset);
    this.locate(offset);
    const form = this.form(SLOT.LOCATION);
    if (form === 0) return;
    this.hasLocation[p] = 1;
    if (this.convention.count === 0) return;
    const { locations, unit } = this;
    if (isBlockForm(form)) {
      const start = this.block(SLOT.LOCATION);
      this.register[p] = locations.expressionRegister(unit, start, this.blockEnd, this.isPair(p));
    } else if (locations.hasLists) {
      const value = this.unsigned(SLOT.LOCATION);
      const list = form === DW_FORM.loclistx ? locations.indexedList(unit, this.locListsBase, value) : value;
      this.register[p] = locations.listRegister(unit, list, this.isPair(p));
    }
  }

  private isPair(p: number): boolean {
    return this.convention.usesPairs && this.bytesOf(p) > this.unit.addressBytes;
  }

  private bytesOf(p: number): number {
    const { types, index } = this;
    const origin = types.parameterOrigin.at(p);
    const source = origin === 0 ? p : index.find(origin, types.parameterOffset);
    return source < 0 ? 0 : this.sizes.parameterBytes(types.parameterRef.at(source));
  }

  /** Registers that a parameter takes. */
  private wordsOf(p: number): number {
    const { addressBytes } = this.unit;
    const bytes = this.convention.usesPairs ? this.bytesOf(p) : 0;
    return bytes <= addressBytes ? 1 : Math.ceil(bytes / addressBytes);
  }

  private isInMemory(p: number): boolean {
    return this.bytesOf(p) > (this.convention.usesPairs ? 2 : 1) * this.unit.addressBytes;
  }

  /** One register after the other, as gcc gives them out. */
  private inRegisters(first: number, end: number): number {
    const { count, registers } = this.convention;
    let flags = 0;
    let next = 0;
    for (let p = first; p < end && next < count; p++) {
      if (this.hasLocation[p] === 1) {
        if (this.register[p] === NO_REGISTER) {
          this.isOptimized[p] = 1;
          flags |= SIGNATURE.OPTIMIZED;
        } else if (next < registers.length && this.register[p] !== registers[next]) {
          flags |= SIGNATURE.UNEXPECTED;
        }
      }
      next += this.isInMemory(p) ? 1 : this.wordsOf(p);
    }
    return flags;
  }

  /** Any of the registers that belong to it, as clang may show them. */
  private inWindows(first: number, end: number): number {
    const { count, registers } = this.convention;
    let next = 0;
    for (let p = first; p < end && next < count; p++) {
      if (this.isInMemory(p)) continue;
      const words = this.wordsOf(p);
      const found = this.register[p];
      if (found !== NO_REGISTER && !registers.slice(next, next + words).includes(found))
        return SIGNATURE.UNEXPECTED;
      next += words;
    }
    return 0;
  }

  private typeOf(p: number): number {
    const origin = this.originOf(p);
    return this.types.parameterRef.at(origin >= 0 ? origin : p);
  }

  private hasStruct(first: number, end: number): boolean {
    for (let p = first; p < end; p++) if (this.sizes.isStruct(this.typeOf(p))) return true;
    return false;
  }

  private hasPackedInMemory(first: number, end: number): boolean {
    for (let p = first + this.convention.count; p < end; p++)
      if (this.packed.isPacked(this.typeOf(p))) return true;
    return false;
  }

  /** Address of a function; returns whether clang says that its callers do not keep to the ABI. */
  private readFunction(f: number): boolean {
    const offset = this.types.functionOffset.at(f);
    this.moveTo(offset);
    this.locate(offset);
    this.addressLow = 0;
    this.addressHigh = 0;
    this.readAddress();
    const isInlined = this.optional(SLOT.VALUE, 0) !== 0;
    if (!this.isClang || isInlined) return false;
    const origin = this.reference(SLOT.ABSTRACT_ORIGIN);
    if (origin !== 0) {
      this.moveTo(origin);
      if (this.locate(origin) === 0) return false;
    }
    return this.optional(SLOT.COUNT, 0) === DW_CC_NOCALL;
  }

  private readAddress(): void {
    switch (this.form(SLOT.LOCATION)) {
      case DW_FORM.addr:
        this.wide(SLOT.LOCATION);
        break;
      case DW_FORM.addrx:
      case DW_FORM.addrx1:
      case DW_FORM.addrx2:
      case DW_FORM.addrx3:
      case DW_FORM.addrx4:
      case DW_FORM.GNU_addr_index:
        this.indexedAddress(this.unsigned(SLOT.LOCATION), this.attributes);
        break;
      default:
        return;
    }
    this.addressLow = this.valueLow;
    this.addressHigh = this.valueHigh;
  }

  private contains(raw: number, text: string): boolean {
    const { bytes, start, end } = this.names.text(raw);
    for (let at = start; at + text.length <= end; at++) {
      let i = 0;
      while (i < text.length && bytes[at + i] === text.charCodeAt(i)) i++;
      if (i === text.length) return true;
    }
    return false;
  }
}
