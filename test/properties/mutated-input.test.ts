/**
 * Whatever the bytes, reading them ends soon in a value or a FormatError: never in another error, a crash or a hang.
 * Real programs are damaged at random; fast-check prints the seed and the smallest damage that still fails.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBtf } from '../../btf/index.ts';
import { convertDwarf } from '../../dwarf/index.ts';
import { FormatError, memorySource, openElf } from '../../elf/index.ts';
import { ATE, die, form, ref, unit, writeDwarfElf } from '../builders/dwarf-writer.ts';
import { builtFiles } from '../fuzz/built-files.ts';
import { btfInput } from '../fuzz/btf-input.ts';
import { elfInput } from '../fuzz/elf-input.ts';
import { examine } from '../fuzz/examine.ts';
import { assemble, type FuzzInput } from '../fuzz/input.ts';
import { mutate } from '../fuzz/mutate.ts';
import { Random } from '../fuzz/random.ts';
import { buildProgram, type ProgramName, TOOLCHAINS, type Toolchain, toolsOf } from '../support/programs.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

/** Per property. `npm run fuzz` is the same for as long as one likes. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 400);

/** Far above what any of these files takes, far below a hang. */
const MAX_MS = 5000;

const BUILT = builtFiles().map(({ name, bytes }) => elfInput(name, bytes) ?? btfInput(name, bytes));
const REFERENCE = decodeBtf(
  builtFiles().find(({ name }) => name === 'built: BTF, all kinds')?.bytes ?? new Uint8Array(),
);

/** Damages it at random, `RUNS` times; @returns how many were still read to the end */
function countValues(input: FuzzInput, other: FuzzInput): number {
  let values = 0;
  fc.assert(
    fc.property(fc.noBias(fc.nat()), (seed) => {
      const damaged = assemble(input, mutate(input, other, new Random(seed)));
      const start = performance.now();
      const { code } = examine(input.format, damaged, REFERENCE);
      expect(performance.now() - start).toBeLessThan(MAX_MS);
      if (code === 'ok') values += 1;
    }),
    { numRuns: RUNS },
  );
  return values;
}

/** Runs `read`. Fails for anything that is neither a value nor a FormatError in time. */
function survives(read: () => unknown): void {
  const start = performance.now();
  try {
    read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(error.message).toMatch(/^(elf|dwarf|btf)( \.?\w+)?(\+0x[0-9a-f]+)?: /u);
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_MS);
  }
}

function convert(bytes: Uint8Array): void {
  const converted = convertDwarf(openElf(memorySource(bytes)));
  // What comes out of damaged input may say nonsense, but it says it in well-formed BTF.
  decodeBtf(converted.bytes);
}

interface Sample {
  readonly name: string;
  readonly program: ProgramName;
  readonly toolchain: Toolchain;
  readonly flags: readonly string[];
}

const SAMPLES: readonly Sample[] = [
  {
    name: 'gcc, DWARF 5',
    program: 'names',
    toolchain: TOOLCHAINS['gcc x86_64'],
    flags: ['-gdwarf-5', '-O2'],
  },
  {
    name: 'gcc, DWARF 4',
    program: 'kernel',
    toolchain: TOOLCHAINS['gcc x86_64'],
    flags: ['-gdwarf-4', '-O2'],
  },
  {
    name: 'clang, DWARF 5',
    program: 'kernel',
    toolchain: TOOLCHAINS['clang x86_64'],
    flags: ['-gdwarf-5', '-O2'],
  },
];

describe.skipIf(needsTool(...SAMPLES.flatMap(({ toolchain }) => toolsOf(toolchain))))(
  'damaged programs',
  () => {
    let folder: string;

    beforeAll(async () => {
      folder = await makeTempDir('properties');
    });

    afterAll(async () => {
      await removeDir(folder);
    });

    it.each(SAMPLES)('$name', async ({ name, ...options }) => {
      const file = await buildProgram({ ...options, output: join(folder, name.replaceAll(/\W/gu, '')) });
      const small = await readEssence(file, options.toolchain.objcopy);
      convert(small);
      const input = elfInput(name, small);
      if (input === undefined) throw new Error('the sample is no ELF file');
      const values = countValues(input, BUILT[0] ?? input);
      // Harmless damage (unread attributes, names) and harmful damage have both been tried.
      expect(values).toBeGreaterThan(RUNS / 20);
      expect(values).toBeLessThan(RUNS);
    });
  },
);

describe('damaged files from the builders', () => {
  it.each(BUILT.map((input) => [input?.name, input] as const))('%s', (_name, input) => {
    if (input === undefined) throw new Error('a builder made what is no input');
    expect(countValues(input, input)).toBeLessThan(RUNS);
  });
});

describe('random DWARF', () => {
  it('of a few DIEs with any tag, attribute, form and value', () => {
    const attribute = fc.record({
      code: fc.oneof(fc.integer({ min: 1, max: 0x8c }), fc.constantFrom(0x2107, 0x3fff)),
      form: fc.integer({ min: 0, max: 0x2d }),
      value: fc.uint8Array({ minLength: 0, maxLength: 9 }),
    });
    const node = fc.record({
      tag: fc.integer({ min: 0, max: 0x4c }),
      attributes: fc.array(attribute, { maxLength: 4 }),
      hasChildren: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(node, { maxLength: 6 }), fc.integer({ min: 2, max: 5 }), (nodes, version) => {
        const dies = nodes.map(({ tag, attributes, hasChildren }) =>
          die(
            tag,
            Object.fromEntries(attributes.map(({ code, form: which, value }) => [code, form(which, value)])),
            [],
            undefined,
            { hasChildren, unterminated: hasChildren },
          ),
        );
        const int = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');
        const user = die('typedef', { name: 'int_t', type: ref('int') });
        const bytes = writeDwarfElf({ version }, [unit([int, ...dies, user])]);
        survives(() => convert(bytes));
      }),
      { numRuns: 2 * RUNS },
    );
  });
});

/** The damage is to hit what is read: code, data and the debug sections that no conversion looks at are left out. */
async function readEssence(file: string, objcopy: string): Promise<Uint8Array> {
  const unread = ['line', 'aranges', 'loclists', 'rnglists', 'loc', 'ranges', 'frame'];
  const flags = unread.flatMap((name) => ['--remove-section', `.debug_${name}`]);
  await execa(objcopy, ['--only-keep-debug', ...flags, file, `${file}.essence`]);
  return readFile(`${file}.essence`);
}
