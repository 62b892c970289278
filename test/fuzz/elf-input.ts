/** An ELF file as something to damage: a part per section, and the places in its headers and DWARF that mean something. */

import { findDwarfSites } from './dwarf-sites.ts';
import type { FuzzInput, Part, Site, Stretch } from './input.ts';

interface Field {
  readonly at: number;
  readonly size: number;
}

/** Where fields lie in the file header and in a section header (gABI, chapter 4). */
const LAYOUTS = {
  64: {
    headerBytes: 64,
    sectionHeaderBytes: 64,
    tableOffset: { at: 40, size: 8 },
    tableFields: [
      { at: 40, size: 8 },
      { at: 58, size: 2 },
      { at: 60, size: 2 },
      { at: 62, size: 2 },
    ],
    type: { at: 4, size: 4 },
    offset: { at: 24, size: 8 },
    sizeBytes: { at: 32, size: 8 },
    fields: [0, 4, 40, 44]
      .map((at) => ({ at, size: 4 }))
      .concat([8, 16, 24, 32, 48, 56].map((at) => ({ at, size: 8 }))),
  },
  32: {
    headerBytes: 52,
    sectionHeaderBytes: 40,
    tableOffset: { at: 32, size: 4 },
    tableFields: [
      { at: 32, size: 4 },
      { at: 46, size: 2 },
      { at: 48, size: 2 },
      { at: 50, size: 2 },
    ],
    type: { at: 4, size: 4 },
    offset: { at: 16, size: 4 },
    sizeBytes: { at: 20, size: 4 },
    fields: [0, 4, 8, 12, 16, 20, 24, 28, 32, 36].map((at) => ({ at, size: 4 })),
  },
} as const;

const SHT_NOBITS = 8;

/** @param bytes a sound ELF file; @returns undefined for what is none */
export function elfInput(name: string, bytes: Uint8Array): FuzzInput | undefined {
  if (bytes.length < 64 || bytes[0] !== 0x7f || bytes[1] !== 0x45) return undefined;
  const layout = LAYOUTS[bytes[4] === 2 ? 64 : 32];
  const littleEndian = bytes[5] === 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = ({ at, size }: Field, base = 0): number =>
    size === 8
      ? Number(view.getBigUint64(base + at, littleEndian))
      : size === 4
        ? view.getUint32(base + at, littleEndian)
        : view.getUint16(base + at, littleEndian);
  const [, , countField, namesField] = layout.tableFields;
  const table = read(layout.tableOffset);
  const count = read(countField);
  const tableEnd = table + count * layout.sectionHeaderBytes;
  if (count === 0 || tableEnd > bytes.length) return undefined;

  const parts: Part[] = [{ name: 'header', bytes: bytes.slice(0, layout.headerBytes), isHeader: true }];
  /** By part: the section's index. */
  const sectionOf = [-1];
  const headerOf = (section: number): number => table + section * layout.sectionHeaderBytes;
  const namesHeader = headerOf(Math.min(read(namesField), count - 1));
  const names = read(layout.offset, namesHeader);
  for (let section = 1; section < count; section++) {
    const header = headerOf(section);
    const [offset, size] = [read(layout.offset, header), read(layout.sizeBytes, header)];
    const isStored = read(layout.type, header) !== SHT_NOBITS && size > 0;
    if (!isStored || offset + size > bytes.length) continue;
    parts.push({
      name: textAt(bytes, names + view.getUint32(header, littleEndian)),
      bytes: bytes.slice(offset, offset + size),
      isHeader: false,
    });
    sectionOf.push(section);
  }
  const tablePart = parts.length;
  parts.push({ name: 'section headers', bytes: bytes.slice(table, tableEnd), isHeader: true });

  const sites: Site[] = [];
  const stretches: Stretch[] = [];
  const targets: number[] = [];
  for (const field of layout.tableFields) sites.push({ part: 0, ...field, kind: 'number' });
  for (const at of [4, 5, 16, 18]) sites.push({ part: 0, at, size: at < 16 ? 1 : 2, kind: 'info' });
  for (const section of sectionOf.slice(1)) {
    const start = section * layout.sectionHeaderBytes;
    for (const { at, size } of layout.fields) {
      sites.push({ part: tablePart, at: start + at, size, kind: 'number' });
    }
    stretches.push({ part: tablePart, start, end: start + layout.sectionHeaderBytes });
  }
  findSymbolSites(parts, bytes[4] === 2 ? 24 : 16, sites, stretches);
  findDwarfSites(parts, littleEndian, { sites, stretches, targets });

  return {
    name,
    format: 'elf',
    littleEndian,
    parts,
    sites,
    stretches,
    targets,
    layOut(headers, lengths) {
      const header = headers.get(0);
      const sections = headers.get(tablePart);
      if (header === undefined || sections === undefined) return;
      const starts: number[] = [];
      let end = 0;
      for (const length of lengths) {
        starts.push(end);
        end += length;
      }
      write(header, 0, layout.tableOffset, starts[tablePart], littleEndian);
      sectionOf.forEach((section, part) => {
        if (section < 0) return;
        const base = section * layout.sectionHeaderBytes;
        write(sections, base, layout.offset, starts[part], littleEndian);
        write(sections, base, layout.sizeBytes, lengths[part], littleEndian);
      });
    },
  };
}

/** A few symbols are enough: their records are all alike. */
const MAX_SYMBOLS = 64;

function findSymbolSites(parts: readonly Part[], stride: number, sites: Site[], stretches: Stretch[]): void {
  parts.forEach(({ name, bytes }, part) => {
    if (name !== '.symtab') return;
    for (let i = 0, at = 0; i < MAX_SYMBOLS && at + stride <= bytes.length; i++, at += stride) {
      stretches.push({ part, start: at, end: at + stride });
      sites.push({ part, at, size: 4, kind: 'string' });
      for (const field of stride === 24 ? [8, 16] : [4, 8]) {
        sites.push({ part, at: at + field, size: stride === 24 ? 8 : 4, kind: 'number' });
      }
      sites.push({ part, at: at + (stride === 24 ? 4 : 12), size: 1, kind: 'info' });
      sites.push({ part, at: at + (stride === 24 ? 6 : 14), size: 2, kind: 'number' });
    }
  });
}

function write(
  into: Uint8Array,
  base: number,
  { at, size }: Field,
  value: number,
  littleEndian: boolean,
): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  if (size === 8) view.setBigUint64(base + at, BigInt(value), littleEndian);
  else view.setUint32(base + at, value, littleEndian);
}

function textAt(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = at; i < bytes.length && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]);
  return text;
}
