import { describe, expect, it } from 'vitest';
import { formatErrorOf } from '../test/support/conversion.ts';
import { byteWriter } from '../test/builders/byte-writer.ts';
import { ShapeTable } from './shapes.ts';

const ENCODING = { version: 5, addressBytes: 8, offsetBytes: 4 };
const DW_TAG_BASE_TYPE = 0x24;
const DW_AT_BYTE_SIZE = 0x0b;
const DW_FORM_IMPLICIT_CONST = 0x21;

interface Section {
  readonly bytes: Uint8Array;
  /** Of each declaration. */
  readonly offsets: readonly number[];
}

/** Tables of declarations without attributes, one behind the other. */
function tables(count: number, declarations: number): Section {
  const out = byteWriter(true);
  const offsets: number[] = [];
  for (let table = 0; table < count; table++) {
    for (let code = 1; code <= declarations; code++) {
      offsets.push(out.length);
      out.uleb(code);
      out.bytes(Uint8Array.of(DW_TAG_BASE_TYPE, 0, 0, 0));
    }
    out.u8(0);
  }
  return { bytes: out.toBytes(), offsets };
}

describe('ShapeTable', () => {
  it('refuses tables that overlap without end, and takes some that do', () => {
    const { bytes, offsets } = tables(1, 10_000);
    const shapes = new ShapeTable(bytes, ENCODING);
    for (let i = 0; i < 20; i++) expect(shapes.table(offsets[i])[10_000]).toBeGreaterThan(0);
    const error = formatErrorOf(() => {
      for (let i = 20; i < 2000; i++) shapes.table(offsets[i]);
    });
    expect(error).toMatchObject({
      code: 'dwarf-malformed',
      location: { format: 'dwarf', section: '.debug_abbrev', offset: expect.any(Number) as number },
    });
    expect(error.location.offset).toBeLessThan(offsets[1000]);
  });

  it('refuses single codes that are far from all others, table after table', () => {
    const out = byteWriter(true);
    out.uleb((1 << 20) - 1);
    out.bytes(Uint8Array.of(DW_TAG_BASE_TYPE, 0, 0, 0, 0));
    const one = out.toBytes();
    const bytes = Uint8Array.from({ length: one.length * 1000 }, (_, i) => one[i % one.length]);
    const shapes = new ShapeTable(bytes, ENCODING);
    expect(
      formatErrorOf(() => {
        for (let at = 0; at < bytes.length; at += one.length) shapes.table(at);
      }),
    ).toMatchObject({ code: 'dwarf-malformed' });
  });

  it.each([false, true])(
    'reads a table once that many units share, in whatever order they come (read as one: %s)',
    (isJoined) => {
      const perTable = 1000;
      const { bytes, offsets } = tables(20, perTable);
      const shapes = new ShapeTable(bytes, ENCODING, { isJoined, isPlain: true });
      const starts = offsets.filter((_, i) => i % perTable === 0);
      // In order, then in turns: read each time, the section's 100 kB would be 100 MB.
      for (const start of starts) shapes.table(start);
      for (let unit = 0; unit < 20_000; unit++) shapes.table(starts[(unit * 7) % starts.length]);
      const kept = starts.map((start) => shapes.table(start));
      expect(starts.map((start) => shapes.table(start))).toEqual(kept);
      expect(new Set(kept.map((table) => table[1]))).toEqual(new Set([kept[0][1]]));
    },
  );

  it('tells declarations apart by every byte of a constant, and numbers that are written in more bytes', () => {
    const constants = [5n, 5n + (1n << 8n), 5n + (1n << 20n), 5n + (1n << 40n)];
    const out = byteWriter(true);
    constants.forEach((value, i) => {
      out.uleb(i + 1);
      out.bytes(Uint8Array.of(DW_TAG_BASE_TYPE, 0, DW_AT_BYTE_SIZE, DW_FORM_IMPLICIT_CONST));
      out.sleb(value);
      out.bytes(Uint8Array.of(0, 0));
    });
    // The first one again, its tag in two bytes.
    out.uleb(constants.length + 1);
    out.bytes(Uint8Array.of(DW_TAG_BASE_TYPE | 0x80, 0, 0, DW_AT_BYTE_SIZE, DW_FORM_IMPLICIT_CONST));
    out.sleb(constants[0]);
    out.bytes(Uint8Array.of(0, 0, 0));
    const table = new ShapeTable(out.toBytes(), ENCODING).table(0);
    const used = [...table].filter((shape) => shape !== 0);
    expect(new Set(used).size).toBe(constants.length + 1);
  });
});
