/** Random kernels and modules: the module's split BTF says what its whole BTF says, and nothing that the kernel's says. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Btf, compareDeep, decodeBtf, indexBase, splitBtf, validateBtf } from '../../btf/index.ts';
import { writeDwarfElf } from '../builders/dwarf-writer.ts';
import { convertUnits } from '../support/conversion.ts';
import { paholeBtf, paholeGivesProfile124 } from '../support/pahole.ts';
import { tempDirForTest } from '../support/temp.ts';
import { needs, needsTool } from '../support/tools.ts';
import {
  BASE_TYPE_COUNT,
  type Shape,
  UNITS,
  UNITS_WITHOUT_FORWARDS,
  unitsOf,
} from '../support/type-graphs.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);

interface Programs {
  readonly kernel: readonly (readonly Shape[])[];
  readonly module: readonly (readonly Shape[])[];
}

/** A kernel's units, and a module's: some of the kernel's units (its headers), then its own. */
function programs(units: typeof UNITS): fc.Arbitrary<Programs> {
  return fc
    .tuple(units, units, fc.nat(4))
    .map(([kernel, own, shared]) => ({ kernel, module: [...kernel.slice(0, shared), ...own] }));
}

function convert(units: Programs['kernel']): Btf {
  return convertUnits(unitsOf(units), {}, {}, 'pahole-1.24');
}

/** The module's BTF split from the base's, as one sees it with the base. */
function split(module: Btf, base: Btf): Btf {
  const btf = decodeBtf(splitBtf(module, indexBase(base)).bytes, base);
  expect(validateBtf(btf).map(({ text }) => text)).toEqual([]);
  return btf;
}

function ownTypes(btf: Btf): number {
  return btf.typeCount - btf.firstId;
}

describe('random modules', () => {
  it('become sound split BTF; of themselves nothing is left', () => {
    fc.assert(
      fc.property(programs(UNITS), (shapes) => {
        const [kernel, whole] = [convert(shapes.kernel), convert(shapes.module)];
        split(whole, kernel);
        expect(ownTypes(split(whole, whole))).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('without forward declarations: the classes of the module, less those of the kernel', () => {
    fc.assert(
      fc.property(programs(UNITS_WITHOUT_FORWARDS), (shapes) => {
        const [kernel, whole] = [convert(shapes.kernel), convert(shapes.module)];
        const btf = split(whole, kernel);
        const { layers, duplicatesB } = compareDeep(whole, btf);
        for (const { onlyA, onlyB } of Object.values(layers))
          expect({ onlyA, onlyB }).toEqual({ onlyA: [], onlyB: [] });
        expect(duplicatesB).toBe(0);
        const news = Object.values(compareDeep(whole, kernel).layers).flatMap(({ onlyA }) => onlyA);
        expect(ownTypes(btf)).toBe(news.length);
      }),
      { numRuns: RUNS },
    );
  });
});

describe.skipIf(needsTool('pahole') || needs(paholeGivesProfile124(), 'pahole is none of 1.24 to 1.27'))(
  'random modules beside pahole --btf_base',
  () => {
    it('are the same classes, and the same bytes if no unit has a type twice', async () => {
      const folder = await tempDirForTest('split-graphs');
      const [file, baseFile] = [join(folder, 'module'), join(folder, 'base.btf')];
      let identical = 0;
      await fc.assert(
        fc.asyncProperty(programs(UNITS_WITHOUT_FORWARDS), async (shapes) => {
          const kernel = convert(shapes.kernel);
          await writeFile(baseFile, kernel.bytes);
          await writeFile(file, writeDwarfElf({}, unitsOf(shapes.module)));
          const theirs = await paholeBtf(file, baseFile);
          const ours = split(convert(shapes.module), kernel);
          const { layers } = compareDeep(ours, decodeBtf(theirs, kernel));
          for (const { onlyA, onlyB } of Object.values(layers))
            expect({ onlyA, onlyB }).toEqual({ onlyA: [], onlyB: [] });
          // btf__dedup takes no part of one unit twice for one part of the base (btf_dedup_is_equiv).
          if (shapes.module.some(hasRepeats)) return;
          expect(Buffer.compare(ours.bytes, theirs)).toBe(0);
          identical++;
        }),
        { numRuns: Math.ceil(RUNS / 3) },
      );
      expect(identical).toBeGreaterThan(0);
    });
  },
);

/** Whether two shapes of a unit came out as one type. */
function hasRepeats(unit: readonly Shape[]): boolean {
  return convert([unit]).typeCount - 1 < BASE_TYPE_COUNT + unit.length;
}
