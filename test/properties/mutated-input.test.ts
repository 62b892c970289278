/**
 * Whatever the bytes, reading them ends soon in a value or a FormatError: never in another error, a crash or a hang.
 * Real programs are damaged at random; fast-check prints the seed and the smallest damage that still fails.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBtf, validateBtf } from '../../btf/index.ts';
import { convertDwarf } from '../../dwarf/index.ts';
import { FormatError, memorySource, openElf } from '../../elf/index.ts';
import { ATE, die, form, ref, unit, writeDwarfElf } from '../builders/dwarf-writer.ts';
import { buildProgram, type ProgramName, TOOLCHAINS, type Toolchain, toolsOf } from '../support/programs.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

/** Per property; more of them make it a fuzzer: `FUZZ_RUNS=100000 npx vitest run test/properties`. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 400);

/** Far above what any of these files takes, far below a hang. */
const MAX_MS = 5000;

interface Damage {
  /** Part of the file's length. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Cuts the file here instead. */
  readonly isCut: boolean;
}

const BAD_BYTES = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc
    .constantFrom([0xff], [0xff, 0xff, 0xff, 0xff], [0], [0x7f], [0x80, 0x80, 0x80, 0x80])
    .map((bytes) => Uint8Array.from(bytes)),
);

const DAMAGE: fc.Arbitrary<Damage[]> = fc.array(
  fc.record({
    // Without bias: fast-check's own would hit the ELF header nearly every time.
    at: fc.noBias(fc.integer({ min: 0, max: 0xffffff })).map((n) => n / 0x1000000),
    bytes: BAD_BYTES,
    isCut: fc.integer({ min: 0, max: 19 }).map((n) => n === 0),
  }),
  { minLength: 1, maxLength: 3 },
);

function damaged(whole: Uint8Array, damage: readonly Damage[]): Uint8Array {
  let bytes = Uint8Array.from(whole);
  for (const { at, bytes: bad, isCut } of damage) {
    const offset = Math.floor(at * bytes.length);
    if (isCut) bytes = bytes.slice(0, offset);
    else bytes.set(bad.subarray(0, Math.max(0, bytes.length - offset)), offset);
  }
  return bytes;
}

/** Runs `read`; true when it gave a value. Fails for anything that is neither a value nor a FormatError in time. */
function survives(read: () => unknown): boolean {
  const start = performance.now();
  try {
    read();
    return true;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    expect(error.message).toMatch(/^(elf|dwarf|btf)( \.?\w+)?(\+0x[0-9a-f]+)?: /u);
    return false;
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
      let values = 0;
      convert(small);
      fc.assert(
        fc.property(DAMAGE, (damage) => {
          if (survives(() => convert(damaged(small, damage)))) values += 1;
        }),
        { numRuns: RUNS },
      );
      // Harmless damage (unread attributes, names) and harmful damage have both been tried.
      expect(values).toBeGreaterThan(20);
      expect(values).toBeLessThan(RUNS);
    });

    it('BTF', async () => {
      const file = await buildProgram({
        program: 'names',
        toolchain: TOOLCHAINS['gcc x86_64'],
        output: join(folder, 'btf'),
      });
      const { bytes } = convertDwarf(openElf(memorySource(await readFile(file))));
      fc.assert(
        fc.property(DAMAGE, (damage) => {
          survives(() => validateBtf(decodeBtf(damaged(bytes, damage))));
        }),
        { numRuns: RUNS },
      );
    });
  },
);

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
