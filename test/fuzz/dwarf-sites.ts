/**
 * Where in DWARF sections something of meaning stands: header fields, abbreviations, attribute values by form class.
 * A reader of its own, apart from the one that is tested, and a lenient one: it stops where it no longer understands.
 */

import { AT, FORM } from '../builders/dwarf-names.ts';
import type { Part, Site, SiteKind, Stretch } from './input.ts';

interface Found {
  readonly sites: Site[];
  readonly stretches: Stretch[];
  readonly targets: number[];
}

/** More places than a short campaign can visit; beyond them a file is only larger, not more various. */
const MAX_SITES = 20_000;

/**
 * A damaged file's units may each have their abbreviations in the same bytes, a little further on: units times
 * declarations would be gigabytes.
 */
const MAX_STRETCHES = 50_000;

interface Abbreviation {
  readonly hasChildren: boolean;
  readonly attributes: readonly (readonly [attribute: number, form: number])[];
}

/** Bytes of a form's value by form; the rest is of variable size or depends on the unit. */
const FIXED: ReadonlyMap<number, readonly [size: number, kind: SiteKind]> = new Map([
  [FORM.data1, [1, 'data']],
  [FORM.data2, [2, 'data']],
  [FORM.data4, [4, 'data']],
  [FORM.data8, [8, 'data']],
  [FORM.data16, [16, 'data']],
  [FORM.flag, [1, 'flag']],
  [FORM.ref1, [1, 'reference']],
  [FORM.ref2, [2, 'reference']],
  [FORM.ref4, [4, 'reference']],
  [FORM.ref8, [8, 'reference']],
  [FORM.ref_sig8, [8, 'reference']],
  [FORM.ref_sup4, [4, 'reference']],
  [FORM.strx1, [1, 'string']],
  [FORM.strx2, [2, 'string']],
  [FORM.strx3, [3, 'string']],
  [FORM.strx4, [4, 'string']],
  [FORM.addrx1, [1, 'number']],
  [FORM.addrx2, [2, 'number']],
  [FORM.addrx3, [3, 'number']],
  [FORM.addrx4, [4, 'number']],
  [FORM.flag_present, [0, 'flag']],
  [FORM.implicit_const, [0, 'data']],
]);

const OFFSET_FORMS: ReadonlyMap<number, SiteKind> = new Map([
  [FORM.strp, 'string'],
  [FORM.line_strp, 'string'],
  [FORM.strp_sup, 'string'],
  [FORM.GNU_strp_alt, 'string'],
  [FORM.sec_offset, 'number'],
  [FORM.ref_addr, 'reference'],
  [FORM.GNU_ref_alt, 'reference'],
]);

const ULEB_FORMS: ReadonlySet<number> = new Set([
  FORM.udata,
  FORM.sdata,
  FORM.ref_udata,
  FORM.strx,
  FORM.addrx,
  FORM.loclistx,
  FORM.rnglistx,
]);

const BLOCK_FORMS: ReadonlyMap<number, number> = new Map([
  [FORM.block1, 1],
  [FORM.block2, 2],
  [FORM.block4, 4],
  [FORM.block, 0],
  [FORM.exprloc, 0],
]);

class Cursor {
  readonly view: DataView;
  readonly littleEndian: boolean;
  at: number;

  constructor(bytes: Uint8Array, at: number, littleEndian: boolean) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.littleEndian = littleEndian;
    this.at = at;
  }

  uint(size: number): number {
    const at = this.at;
    this.at += size;
    switch (size) {
      case 1:
        return this.view.getUint8(at);
      case 2:
        return this.view.getUint16(at, this.littleEndian);
      case 4:
        return this.view.getUint32(at, this.littleEndian);
      default:
        return Number(this.view.getBigUint64(at, this.littleEndian));
    }
  }

  uleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.uint(1);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }
}

/** Adds what it finds in `.debug_info`, `.debug_types` and the abbreviations that their units name. */
export function findDwarfSites(parts: readonly Part[], littleEndian: boolean, found: Found): void {
  const abbrevPart = parts.findIndex(({ name }) => name === '.debug_abbrev');
  if (abbrevPart < 0) return;
  const tables = new Map<number, Map<number, Abbreviation>>();
  parts.forEach(({ name, bytes }, part) => {
    const isTypes = name === '.debug_types';
    if (name !== '.debug_info' && !isTypes) return;
    try {
      for (let at = 0; at < bytes.length; ) at = readUnit(part, bytes, at, isTypes);
    } catch (error) {
      // Compressed, relocatable or already damaged: what was understood so far is what there is.
      if (!(error instanceof RangeError)) throw error;
    }
  });

  function site(part: number, at: number, size: number, kind: SiteKind): void {
    if (found.sites.length < MAX_SITES && size > 0) found.sites.push({ part, at, size, kind });
  }

  /** Throws, as at the end of the bytes, when there are enough. */
  function stretch(part: number, start: number, end: number): void {
    if (found.stretches.length === MAX_STRETCHES) throw new RangeError('more stretches than are of use');
    found.stretches.push({ part, start, end });
  }

  function readUnit(part: number, bytes: Uint8Array, start: number, isTypes: boolean): number {
    const cursor = new Cursor(bytes, start, littleEndian);
    let length = cursor.uint(4);
    let offsetBytes = 4;
    if (length === 0xffff_ffff) {
      length = cursor.uint(8);
      offsetBytes = 8;
    }
    site(part, cursor.at - offsetBytes, offsetBytes, 'number');
    const end = cursor.at + length;
    site(part, cursor.at, 2, 'info');
    const version = cursor.uint(2);
    let unitType = 1;
    let addressBytes: number;
    let abbrevOffset: number;
    if (version >= 5) {
      site(part, cursor.at, 1, 'info');
      unitType = cursor.uint(1);
      site(part, cursor.at, 1, 'info');
      addressBytes = cursor.uint(1);
      site(part, cursor.at, offsetBytes, 'number');
      abbrevOffset = cursor.uint(offsetBytes);
    } else {
      site(part, cursor.at, offsetBytes, 'number');
      abbrevOffset = cursor.uint(offsetBytes);
      site(part, cursor.at, 1, 'info');
      addressBytes = cursor.uint(1);
    }
    if (isTypes || unitType === 2 || unitType === 6) {
      site(part, cursor.at, 8, 'reference');
      cursor.at += 8;
      site(part, cursor.at, offsetBytes, 'reference');
      cursor.at += offsetBytes;
    } else if (unitType === 4 || unitType === 5) {
      cursor.at += 8;
    }
    stretch(part, start, end);
    const table = tables.get(abbrevOffset) ?? readTable(abbrevOffset);
    tables.set(abbrevOffset, table);
    const unit = { part, cursor, start, end, version, addressBytes, offsetBytes };
    readDies(unit, table);
    return end;
  }

  function readTable(offset: number): Map<number, Abbreviation> {
    const table = new Map<number, Abbreviation>();
    const cursor = new Cursor(parts[abbrevPart].bytes, offset, littleEndian);
    const leb = (kind: SiteKind): number => {
      const at = cursor.at;
      const value = cursor.uleb();
      site(abbrevPart, at, cursor.at - at, kind);
      return value;
    };
    for (;;) {
      const start = cursor.at;
      const code = leb('abbreviation');
      if (code === 0) return table;
      leb('tag');
      site(abbrevPart, cursor.at, 1, 'flag');
      const hasChildren = cursor.uint(1) !== 0;
      const attributes: [number, number][] = [];
      for (;;) {
        const attribute = leb('attribute');
        const form = leb('form');
        if (form === FORM.implicit_const) leb('data');
        if (attribute === 0 && form === 0) break;
        attributes.push([attribute, form]);
      }
      table.set(code, { hasChildren, attributes });
      stretch(abbrevPart, start, cursor.at);
    }
  }

  interface Unit {
    readonly part: number;
    readonly cursor: Cursor;
    readonly start: number;
    readonly end: number;
    readonly version: number;
    readonly addressBytes: number;
    readonly offsetBytes: number;
  }

  function readDies(unit: Unit, table: ReadonlyMap<number, Abbreviation>): void {
    const { part, cursor } = unit;
    const open: number[] = [];
    while (cursor.at < unit.end) {
      const start = cursor.at;
      const code = cursor.uleb();
      if (code === 0) {
        const opened = open.pop();
        if (opened !== undefined && opened > 0) stretch(part, opened, cursor.at);
        continue;
      }
      const abbreviation = table.get(code);
      if (abbreviation === undefined) return;
      site(part, start, cursor.at - start, 'abbreviation');
      found.targets.push(start - unit.start);
      for (const [attribute, form] of abbreviation.attributes) readValue(unit, attribute, form);
      if (abbreviation.hasChildren) open.push(open.length === 0 ? 0 : start);
      else stretch(part, start, cursor.at);
    }
  }

  function readValue(unit: Unit, attribute: number, form: number): void {
    const { part, cursor, offsetBytes } = unit;
    const at = cursor.at;
    const fixed = FIXED.get(form);
    const offsetKind = OFFSET_FORMS.get(form);
    const block = BLOCK_FORMS.get(form);
    if (fixed !== undefined) {
      cursor.at += fixed[0];
      site(part, at, fixed[0], attribute === AT.sibling ? 'number' : fixed[1]);
    } else if (offsetKind !== undefined) {
      cursor.at += form === FORM.ref_addr && unit.version <= 2 ? unit.addressBytes : offsetBytes;
      site(part, at, cursor.at - at, offsetKind);
    } else if (form === FORM.addr) {
      cursor.at += unit.addressBytes;
      site(part, at, unit.addressBytes, 'number');
    } else if (ULEB_FORMS.has(form)) {
      cursor.uleb();
      site(part, at, cursor.at - at, 'uleb');
    } else if (form === FORM.string) {
      while (cursor.uint(1) !== 0);
      site(part, at, cursor.at - at, 'data');
    } else if (block !== undefined) {
      const length = block === 0 ? cursor.uleb() : cursor.uint(block);
      site(part, at, cursor.at - at, block === 0 ? 'uleb' : 'number');
      site(part, cursor.at, length, 'data');
      cursor.at += length;
    } else if (form === FORM.indirect) {
      readValue(unit, attribute, cursor.uleb());
    } else {
      throw new RangeError(`form ${form}`);
    }
  }
}
