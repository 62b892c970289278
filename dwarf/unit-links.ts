/** Where references from one unit into another lead, for units that are read as one (see join.ts). */

import type { DwarfSections, InfoPart, UnitHeader } from './sections.ts';
import { ShapeTable } from './shapes.ts';

export class UnitLinks {
  private readonly sections: DwarfSections;
  /** By offset, which is also the order of the parts. */
  private readonly units: readonly UnitHeader[];
  /** By signature in hexadecimal: the first type unit of each. */
  private readonly typeUnits = new Map<string, UnitHeader>();
  private readonly tables = new Map<string, ShapeTable>();
  /** Units that others refer to, in the order in which that was seen. */
  readonly used: UnitHeader[] = [];
  private readonly isUsed: Uint8Array;
  private lastStart = 0;
  private lastEnd = 0;
  readonly supplement: InfoPart | undefined;
  /** What messages call the supplementary file. */
  readonly supplementName: string;

  constructor(sections: DwarfSections, units: readonly UnitHeader[], supplementName: string) {
    this.sections = sections;
    this.units = units;
    this.isUsed = new Uint8Array(units.length);
    this.supplementName = supplementName;
    this.supplement = units.find(({ part }) => part.isSupplement)?.part;
    for (const unit of units) {
      if (unit.typeOffset === 0) continue;
      const signature = signatureText(unit.signatureLow, unit.signatureHigh);
      if (!this.typeUnits.has(signature)) this.typeUnits.set(signature, unit);
    }
  }

  /** The unit whose DIEs are around `offset`, or undefined. */
  unitAt(offset: number): UnitHeader | undefined {
    const unit = this.units[this.indexAt(offset)];
    return unit !== undefined && offset >= unit.rootOffset ? unit : undefined;
  }

  /** Notes that the DIE at `offset` is referred to from another unit. */
  use(offset: number): void {
    if (offset >= this.lastStart && offset < this.lastEnd) return;
    const index = this.indexAt(offset);
    if (index >= this.units.length) return;
    this.lastStart = this.units[index].offset;
    this.lastEnd = this.units[index].end;
    if (this.isUsed[index] === 1) return;
    this.isUsed[index] = 1;
    this.used.push(this.units[index]);
  }

  /** First unit that ends behind `offset`. */
  private indexAt(offset: number): number {
    let low = 0;
    let high = this.units.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.units[middle].end <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the type with this signature is, or -1. */
  typeOffset(signatureLow: number, signatureHigh: number): number {
    return this.typeUnits.get(signatureText(signatureLow, signatureHigh))?.typeOffset ?? -1;
  }

  /** False for a further type unit of a signature: it is the same type again (DWARF 5 §7.32). */
  isFirstOfItsSignature(unit: UnitHeader): boolean {
    return (
      unit.typeOffset === 0 ||
      this.typeUnits.get(signatureText(unit.signatureLow, unit.signatureHigh)) === unit
    );
  }

  shapeTable(unit: UnitHeader): ShapeTable {
    const { version, addressBytes, offsetBytes, part } = unit;
    const key = `${version} ${addressBytes} ${offsetBytes} ${part.isSupplement}`;
    let table = this.tables.get(key);
    if (table === undefined) {
      // Plain shapes take names from where the main file's strings are.
      table = new ShapeTable(this.sections.abbrev, unit, { isJoined: true, isPlain: !part.isSupplement });
      this.tables.set(key, table);
    }
    return table;
  }
}

function signatureText(low: number, high: number): string {
  return `${high.toString(16)}_${low.toString(16)}`;
}
