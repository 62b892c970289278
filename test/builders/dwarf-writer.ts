/**
 * Declarative DWARF writer with labels (DWARF 4 section 7, DWARF 5 section 7): DIEs in, section bytes out.
 *
 * ```ts
 * const sections = writeDwarf({ version: 5 }, [
 *   unit([
 *     die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'),
 *     die('structure_type', { name: 'list', byte_size: 4 }, [
 *       die('member', { name: 'next', type: ref('int'), data_member_location: 0 }),
 *     ]),
 *   ]),
 * ]);
 * ```
 *
 * A plain value gets the form a compiler would choose: text `string`, a number the smallest `dataN` (negative:
 * `sdata`), `true` `flag_present`, bytes `exprloc`, `ref()` `ref4`. `form('strp', 'int')` forces one, and a number
 * instead of a name writes that code as it stands. Tags and attributes may be numbers as well. What a header or an
 * abbreviation states can be replaced through `raw`. Sections that stay empty are left out.
 */

import { type ByteWriter, byteWriter } from './byte-writer.ts';
import { AT, type AttributeName, FORM, type FormName, TAG, type TagName, UT } from './dwarf-names.ts';
import { type ElfFile, type ElfSection, type ElfTarget, writeElf } from './elf-writer.ts';

export { AT, ATE, FORM, LANG, TAG, UT } from './dwarf-names.ts';

/** Points at the DIE with that label, in this unit or (as `ref_addr`) another. */
export interface Reference {
  readonly label: string;
}

/** DW_OP_addr expression. */
export interface AddressExpression {
  readonly address: number | bigint;
}

export interface FormValue {
  readonly form: FormName | number;
  readonly value: PlainValue;
}

export type PlainValue = number | bigint | string | boolean | Uint8Array | Reference | AddressExpression;

/**
 * Attributes in writing order; `undefined` leaves one out. A numeric key is an attribute code (JavaScript puts those
 * before the named ones).
 */
export type Attributes = {
  readonly [name in AttributeName]?: PlainValue | FormValue | undefined;
} & { readonly [code: number]: PlainValue | FormValue | undefined };

export interface Die {
  readonly tag: TagName | number;
  readonly attributes: Attributes;
  readonly children: readonly Die[];
  readonly label?: string;
  readonly raw?: DieOverrides;
}

export interface DieOverrides {
  /** Abbreviation code written in front of the DIE, whatever the table says. */
  readonly abbreviation?: number;
  /** Says "has children" without any, or hides those there are. */
  readonly hasChildren?: boolean;
  /** Leaves out the null entry after the children. */
  readonly unterminated?: boolean;
}

export function die(
  tag: TagName | number,
  attributes: Attributes = {},
  children: readonly Die[] = [],
  label?: string,
  raw?: DieOverrides,
): Die {
  return {
    tag,
    attributes,
    children,
    ...(label === undefined ? {} : { label }),
    ...(raw === undefined ? {} : { raw }),
  };
}

export function ref(label: string): Reference {
  return { label };
}

/** As an attribute value: `{ sibling: SIBLING }` points behind the DIE's children. */
export const SIBLING: Reference = { label: '\0sibling' };

export function address(value: number | bigint): AddressExpression {
  return { address: value };
}

export function form(name: FormName | number, value: PlainValue): FormValue {
  return { form: name, value };
}

export interface Unit {
  readonly children: readonly Die[];
  readonly options: UnitOptions;
}

export interface UnitOptions {
  /** Overrides the file's default. */
  readonly version?: number;
  /** Offsets of 4 or 8 bytes. */
  readonly format?: 32 | 64;
  /** Tag of the root DIE; default `compile_unit`. */
  readonly tag?: TagName | number;
  /** Attributes of the root DIE; default a name and C11. */
  readonly attributes?: Attributes;
  /** Label of the root DIE. */
  readonly label?: string;
  /** Makes it a type unit: in .debug_types for version 4, else in .debug_info. */
  readonly typeUnit?: { readonly signature: bigint; readonly type: Reference };
  /** Values that replace the computed ones in the unit header. */
  readonly raw?: {
    readonly unitLength?: number | bigint;
    readonly version?: number;
    readonly unitType?: number;
    readonly addressSize?: number;
    readonly abbrevOffset?: number | bigint;
    /** Replaces the unit's whole abbreviation table. */
    readonly abbrevTable?: Uint8Array;
  };
}

export function unit(children: readonly Die[], options: UnitOptions = {}): Unit {
  return { children, options };
}

export interface DwarfOptions extends ElfTarget {
  /** Default 5. */
  readonly version?: number;
  readonly format?: 32 | 64;
}

export interface DwarfSections {
  /** Section data by name with the dot: `.debug_info`, `.debug_abbrev`, … */
  readonly sections: Readonly<Record<string, Uint8Array>>;
  /** Offset of each labelled DIE in its section; `unit:0`, `unit:1` … name the unit headers. */
  readonly labels: ReadonlyMap<string, number>;
}

/** Encodes all units; throws a plain Error for a mistake in the description itself. */
export function writeDwarf(options: DwarfOptions, units: readonly Unit[]): DwarfSections {
  const file = newFile(options);
  for (const [i, one] of units.entries()) writeUnit(file, one, i);
  for (const fix of file.fixups) applyFixup(file, fix);
  const all: [string, Uint8Array][] = [
    ['.debug_info', file.info.toBytes()],
    ['.debug_types', file.types.toBytes()],
    ['.debug_abbrev', file.abbrev.toBytes()],
    ['.debug_str', file.str.out.toBytes()],
    ['.debug_line_str', file.lineStr.out.toBytes()],
    ['.debug_str_offsets', file.strOffsets.toBytes()],
    ['.debug_addr', file.addr.toBytes()],
  ];
  return {
    sections: Object.fromEntries(all.filter(([, bytes]) => bytes.length > 0)),
    labels: file.labels,
  };
}

/** An ELF file around {@link writeDwarf}; `elf` adds symbols, further sections and header faults. */
export function writeDwarfElf(
  options: DwarfOptions,
  units: readonly Unit[],
  elf: Omit<ElfFile, keyof ElfTarget> = {},
): Uint8Array {
  const debug: ElfSection[] = Object.entries(writeDwarf(options, units).sections).map(([name, data]) => ({
    name,
    data,
  }));
  return writeElf({ ...targetOf(options), ...elf, sections: [...(elf.sections ?? []), ...debug] });
}

interface StringPool {
  readonly out: ByteWriter;
  readonly offsets: Map<string, number>;
}

interface File {
  readonly target: Required<ElfTarget>;
  readonly options: DwarfOptions;
  readonly info: ByteWriter;
  readonly types: ByteWriter;
  readonly abbrev: ByteWriter;
  readonly str: StringPool;
  readonly lineStr: StringPool;
  readonly strOffsets: ByteWriter;
  readonly addr: ByteWriter;
  readonly labels: Map<string, number>;
  readonly fixups: Fixup[];
}

interface Fixup {
  readonly out: ByteWriter;
  readonly at: number;
  /** ULEB128 padded to `size` when true. */
  readonly uleb: boolean;
  readonly size: number;
  readonly label: string;
  /** Subtracted: the unit's offset for unit-relative references. */
  readonly base: number;
}

interface UnitState {
  readonly file: File;
  readonly out: ByteWriter;
  readonly start: number;
  readonly version: number;
  readonly offsetSize: 4 | 8;
  readonly addressSize: number;
  readonly abbreviations: Map<string, number>;
  readonly table: ByteWriter;
  readonly indexedStrings: string[];
  readonly indexedAddresses: (number | bigint)[];
  siblingCount: number;
  readonly id: number;
}

function targetOf(options: ElfTarget): Required<ElfTarget> {
  return { bits: options.bits ?? 64, littleEndian: options.littleEndian ?? true };
}

function newFile(options: DwarfOptions): File {
  const target = targetOf(options);
  const writer = (): ByteWriter => byteWriter(target.littleEndian);
  const pool = (): StringPool => ({ out: writer(), offsets: new Map() });
  return {
    target,
    options,
    info: writer(),
    types: writer(),
    abbrev: writer(),
    str: pool(),
    lineStr: pool(),
    strOffsets: writer(),
    addr: writer(),
    labels: new Map(),
    fixups: [],
  };
}

function writeUnit(file: File, one: Unit, id: number): void {
  const { options } = one;
  const version = options.version ?? file.options.version ?? 5;
  const offsetSize = (options.format ?? file.options.format ?? 32) === 64 ? 8 : 4;
  const isType = options.typeUnit !== undefined;
  const out = isType && version < 5 ? file.types : file.info;
  const start = out.length;
  file.labels.set(`unit:${id}`, start);
  const state: UnitState = {
    file,
    out,
    start,
    version,
    offsetSize,
    addressSize: file.target.bits / 8,
    abbreviations: new Map(),
    table: byteWriter(file.target.littleEndian),
    indexedStrings: [],
    indexedAddresses: [],
    siblingCount: 0,
    id,
  };

  if (offsetSize === 8) out.u32(0xffffffff);
  const lengthAt = out.length;
  out.uint(0, offsetSize);
  const bodyAt = out.length;
  writeHeaderFields(state, options);
  writeRoot(state, one);

  const length = options.raw?.unitLength ?? out.length - bodyAt;
  out.patch(lengthAt, length, offsetSize);
  state.table.u8(0);
  file.abbrev.bytes(options.raw?.abbrevTable ?? state.table.toBytes());
  flushIndexTables(state);
}

function writeHeaderFields(state: UnitState, options: UnitOptions): void {
  const { out, file, version, offsetSize } = state;
  const raw = options.raw ?? {};
  const abbrevOffset = raw.abbrevOffset ?? file.abbrev.length;
  const addressSize = raw.addressSize ?? state.addressSize;
  out.u16(raw.version ?? version);
  if (version >= 5) {
    out.u8(raw.unitType ?? defaultUnitType(options));
    out.u8(addressSize);
    out.uint(abbrevOffset, offsetSize);
  } else {
    out.uint(abbrevOffset, offsetSize);
    out.u8(addressSize);
  }
  if (options.typeUnit !== undefined) {
    out.u64(options.typeUnit.signature);
    pushFixup(state, options.typeUnit.type.label, offsetSize, state.start);
  } else if (version >= 5 && options.tag === 'skeleton_unit') {
    out.u64(0);
  }
}

function defaultUnitType(options: UnitOptions): number {
  if (options.typeUnit !== undefined) return UT.type;
  if (options.tag === 'partial_unit') return UT.partial;
  return options.tag === 'skeleton_unit' ? UT.skeleton : UT.compile;
}

function writeRoot(state: UnitState, one: Unit): void {
  const { options } = one;
  const attributes: Attributes = options.attributes ?? { name: `unit${state.id}.c`, language: 0x1d };
  const usesIndexes = (pattern: RegExp): boolean =>
    [attributes, ...flatten(one.children).map((child) => child.attributes)].some((list) =>
      Object.values(list).some((value) => isFormValue(value) && pattern.test(String(value.form))),
    );
  const bases: Attributes =
    state.version >= 5
      ? {
          ...(usesIndexes(/^strx/u) && attributes.str_offsets_base === undefined
            ? { str_offsets_base: form('sec_offset', state.file.strOffsets.length + 2 * state.offsetSize) }
            : {}),
          ...(usesIndexes(/^addrx/u) && attributes.addr_base === undefined
            ? {
                addr_base: form('sec_offset', state.file.addr.length + 4 + (state.offsetSize === 8 ? 12 : 4)),
              }
            : {}),
        }
      : {};
  const tag = options.tag ?? (options.typeUnit === undefined ? 'compile_unit' : 'type_unit');
  writeDie(state, die(tag, { ...attributes, ...bases }, one.children, options.label));
}

/** All DIEs below these, in any depth; iterative, because tests nest them thousands deep. */
function flatten(dies: readonly Die[]): Die[] {
  const all: Die[] = [];
  const open = [...dies];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    all.push(one);
    for (const child of one.children) open.push(child);
  }
  return all;
}

function writeDie(state: UnitState, one: Die): void {
  const { out, file } = state;
  if (one.label !== undefined) file.labels.set(one.label, out.length);
  const hasChildren = one.raw?.hasChildren ?? one.children.length > 0;
  const siblingLabel = `\0sibling${state.id}:${state.siblingCount++}`;
  const attributes = Object.entries(one.attributes)
    .filter((entry): entry is [string, PlainValue | FormValue] => entry[1] !== undefined)
    .map(([name, value]) => withForm(state, name, value, siblingLabel));

  const code = one.raw?.abbreviation ?? abbreviationFor(state, one.tag, hasChildren, attributes);
  out.uleb(code);
  for (const { form: code, value } of attributes) writeValue(state, code, value);
  for (const child of one.children) writeDie(state, child);
  if (hasChildren && one.raw?.unterminated !== true) out.u8(0);
  file.labels.set(siblingLabel, out.length);
}

interface CodedAttribute {
  readonly attribute: number;
  readonly form: FormName | number;
  readonly value: PlainValue;
}

function withForm(
  state: UnitState,
  name: string,
  given: PlainValue | FormValue,
  siblingLabel: string,
): CodedAttribute {
  const attribute = name in AT ? AT[name as AttributeName] : Number(name);
  const resolved = isFormValue(given) ? given : { form: defaultForm(state, given), value: given };
  const value = resolved.value === SIBLING ? ref(siblingLabel) : resolved.value;
  return { attribute, form: resolved.form, value };
}

function isFormValue(value: PlainValue | FormValue | undefined): value is FormValue {
  return typeof value === 'object' && 'form' in value;
}

function defaultForm(state: UnitState, value: PlainValue): FormName {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return value && state.version >= 4 ? 'flag_present' : 'flag';
  if (value instanceof Uint8Array || (typeof value === 'object' && 'address' in value)) {
    return state.version >= 4 ? 'exprloc' : 'block1';
  }
  if (typeof value === 'object') return 'ref4';
  if (value < 0) return 'sdata';
  if (value <= 0xff) return 'data1';
  if (value <= 0xffff) return 'data2';
  return value <= 0xffffffff ? 'data4' : 'data8';
}

function abbreviationFor(
  state: UnitState,
  tag: TagName | number,
  hasChildren: boolean,
  attributes: readonly CodedAttribute[],
): number {
  const table = byteWriter(state.file.target.littleEndian);
  table.uleb(typeof tag === 'number' ? tag : TAG[tag]);
  table.u8(hasChildren ? 1 : 0);
  for (const { attribute, form: code, value } of attributes) {
    table.uleb(attribute);
    table.uleb(typeof code === 'number' ? code : FORM[code]);
    if (code === 'implicit_const') table.sleb(value as number | bigint);
  }
  table.u16(0);
  const body = table.toBytes();
  const key = body.join(',');
  const known = state.abbreviations.get(key);
  if (known !== undefined) return known;
  const code = state.abbreviations.size + 1;
  state.abbreviations.set(key, code);
  state.table.uleb(code);
  state.table.bytes(body);
  return code;
}

const FIXED_SIZES: Partial<Record<FormName, number>> = {
  data1: 1,
  data2: 2,
  data4: 4,
  data8: 8,
  data16: 16,
  ref1: 1,
  ref2: 2,
  ref4: 4,
  ref8: 8,
  ref_sig8: 8,
  ref_sup4: 4,
  ref_sup8: 8,
  flag: 1,
};

const BLOCK_LENGTH_SIZES: Partial<Record<FormName, number>> = { block1: 1, block2: 2, block4: 4 };

function writeValue(state: UnitState, name: FormName | number, value: PlainValue): void {
  const { out, offsetSize } = state;
  if (typeof name === 'number') {
    out.bytes(value as Uint8Array);
    return;
  }
  const fixed = FIXED_SIZES[name];
  if (fixed !== undefined) {
    writeFixed(state, value, fixed, name.startsWith('ref') ? state.start : 0);
    return;
  }
  switch (name) {
    case 'flag_present':
    case 'implicit_const':
      return;
    case 'addr':
      out.uint(value as number, state.addressSize);
      return;
    case 'string':
      if (value instanceof Uint8Array) out.bytes(value);
      else out.cstring(value as string);
      return;
    case 'strp':
      out.uint(pooled(state.file.str, value), offsetSize);
      return;
    case 'line_strp':
      out.uint(pooled(state.file.lineStr, value), offsetSize);
      return;
    case 'sec_offset':
    case 'strp_sup':
    case 'GNU_ref_alt':
    case 'GNU_strp_alt':
      out.uint(value as number, offsetSize);
      return;
    case 'ref_addr':
      writeFixed(state, value, state.version <= 2 ? state.addressSize : offsetSize, 0);
      return;
    case 'ref_udata':
      if (isReference(value)) pushFixup(state, value.label, 4, state.start, true);
      else out.uleb(value as number);
      return;
    case 'sdata':
      out.sleb(value as number);
      return;
    case 'indirect':
      out.uleb(FORM.udata);
      out.uleb(value as number);
      return;
    case 'exprloc':
    case 'block':
    case 'block1':
    case 'block2':
    case 'block4':
      writeBlock(state, name, value);
      return;
    default:
      writeIndex(state, name, value);
  }
}

function writeFixed(state: UnitState, value: PlainValue, size: number, base: number): void {
  if (isReference(value)) pushFixup(state, value.label, size, base);
  else if (value instanceof Uint8Array) state.out.bytes(value);
  else state.out.uint(typeof value === 'boolean' ? Number(value) : (value as number | bigint), size);
}

function writeBlock(state: UnitState, name: FormName, value: PlainValue): void {
  const { out, file } = state;
  let bytes = value as Uint8Array;
  if (typeof value === 'object' && 'address' in value) {
    const expression = byteWriter(file.target.littleEndian);
    expression.u8(0x03);
    expression.uint(value.address, state.addressSize);
    bytes = expression.toBytes();
  }
  const lengthSize = BLOCK_LENGTH_SIZES[name];
  if (lengthSize === undefined) out.uleb(bytes.length);
  else out.uint(bytes.length, lengthSize);
  out.bytes(bytes);
}

/** strx and addrx in all sizes: a text or address is given an index; a number for strx is written as it stands. */
function writeIndex(state: UnitState, name: FormName, value: PlainValue): void {
  let index = value as number;
  if (name.startsWith('strx') && typeof value === 'string') {
    index = state.indexedStrings.indexOf(value);
    if (index < 0) index = state.indexedStrings.push(value) - 1;
  } else if (name.startsWith('addrx')) {
    index = state.indexedAddresses.push(value as number) - 1;
  }
  const size = Number(/\d$/u.exec(name)?.[0] ?? 0);
  if (size === 0) state.out.uleb(index);
  else state.out.uint(index, size);
}

function flushIndexTables(state: UnitState): void {
  const { file, offsetSize } = state;
  if (state.version < 5) return;
  if (state.indexedStrings.length > 0) {
    tableHeader(file.strOffsets, offsetSize, state.indexedStrings.length * offsetSize);
    file.strOffsets.u16(0);
    for (const text of state.indexedStrings) file.strOffsets.uint(pooled(file.str, text), offsetSize);
  }
  if (state.indexedAddresses.length > 0) {
    tableHeader(file.addr, offsetSize, state.indexedAddresses.length * state.addressSize);
    file.addr.u8(state.addressSize);
    file.addr.u8(0);
    for (const value of state.indexedAddresses) file.addr.uint(value, state.addressSize);
  }
}

function tableHeader(out: ByteWriter, offsetSize: 4 | 8, bodySize: number): void {
  if (offsetSize === 8) out.u32(0xffffffff);
  out.uint(bodySize + 4, offsetSize);
  out.u16(5);
}

function pooled(pool: StringPool, value: PlainValue): number {
  if (typeof value !== 'string') return value as number;
  const known = pool.offsets.get(value);
  if (known !== undefined) return known;
  const offset = pool.out.length;
  pool.offsets.set(value, offset);
  pool.out.cstring(value);
  return offset;
}

function isReference(value: PlainValue): value is Reference {
  return typeof value === 'object' && 'label' in value;
}

function pushFixup(state: UnitState, label: string, size: number, base: number, uleb = false): void {
  state.file.fixups.push({ out: state.out, at: state.out.length, uleb, size, label, base });
  state.out.uint(0, size);
}

function applyFixup(file: File, fix: Fixup): void {
  const target = file.labels.get(fix.label);
  if (target === undefined) throw new Error(`dwarf-writer: no DIE has the label ${fix.label}`);
  const value = target - fix.base;
  if (!fix.uleb) {
    fix.out.patch(fix.at, value, fix.size);
    return;
  }
  const padded = byteWriter();
  padded.uleb(value, fix.size);
  for (const [i, byte] of padded.toBytes().entries()) fix.out.patch(fix.at + i, byte, 1);
}
