/** What the fuzzer damages: files from the builders, and small programs in every dialect the compilers here speak. */

import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { convertDwarf } from '../../dwarf/index.ts';
import { memorySource, openElf } from '../../elf/index.ts';
import { buildProgram, PROGRAM_NAMES, TOOLCHAINS, toolsOf } from '../support/programs.ts';
import { findTool } from '../support/tools.ts';
import { builtFiles } from './built-files.ts';

export interface CorpusFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Debug sections that no conversion looks at would only dilute the damage. */
const UNREAD = ['line', 'aranges', 'rnglists', 'ranges', 'frame'];

interface Dialect {
  readonly toolchain: keyof typeof TOOLCHAINS;
  readonly flags: readonly string[];
  /** Objects instead of a linked program. */
  readonly relocatable?: boolean;
  /** `dwz` over the result. */
  readonly dwz?: boolean;
}

const DIALECTS: readonly Dialect[] = [
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-O2'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-4', '-O2'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-2', '-gstrict-dwarf', '-O0'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-gdwarf64', '-O1'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-4', '-fdebug-types-section'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-fdebug-types-section'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-gz=zlib'] },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-O2'], relocatable: true },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-O2'], dwz: true },
  { toolchain: 'gcc x86_64', flags: ['-gdwarf-5', '-O2', '-flto', '-ffat-lto-objects'] },
  { toolchain: 'clang x86_64', flags: ['-gdwarf-5', '-O2'] },
  { toolchain: 'clang x86_64', flags: ['-gdwarf-4', '-O0'] },
  { toolchain: 'gcc i386', flags: ['-gdwarf-4', '-O2'] },
  { toolchain: 'gcc s390x', flags: ['-gdwarf-5', '-O2'] },
  { toolchain: 'gcc s390x', flags: ['-gdwarf-4', '-O2'], relocatable: true },
  { toolchain: 'gcc arm64', flags: ['-gdwarf-5', '-O2'], relocatable: true },
];

/** Builds all that can be built here; `say` gets a word about what cannot. */
export async function buildCorpus(folder: string, say: (message: string) => void): Promise<CorpusFile[]> {
  const files: CorpusFile[] = builtFiles();
  for (const [number, dialect] of DIALECTS.entries()) {
    const toolchain = TOOLCHAINS[dialect.toolchain];
    const program = PROGRAM_NAMES[number % PROGRAM_NAMES.length];
    const name = `${program}, ${dialect.toolchain} ${[...dialect.flags, ...(dialect.relocatable ? ['-r'] : []), ...(dialect.dwz ? ['dwz'] : [])].join(' ')}`;
    const missing = [...toolsOf(toolchain), ...(dialect.dwz ? ['dwz'] : [])].filter(
      (tool) => findTool(tool) === undefined,
    );
    if (missing.length > 0) {
      say(`left out: ${name}: no ${missing.join(', ')}`);
      continue;
    }
    try {
      files.push({ name, bytes: await buildOne(join(folder, String(number)), dialect, program) });
    } catch (error) {
      say(`left out: ${name}: ${(error as Error).message.split('\n', 1)[0]}`);
    }
  }
  return [...files, ...files.flatMap(asBtf)];
}

async function buildOne(
  folder: string,
  { toolchain: key, flags, relocatable, dwz }: Dialect,
  program: (typeof PROGRAM_NAMES)[number],
): Promise<Uint8Array> {
  const toolchain = TOOLCHAINS[key];
  await mkdir(folder, { recursive: true });
  const output = await buildProgram({
    program,
    toolchain,
    flags,
    output: join(folder, 'program'),
    ...(relocatable ? { linkFlags: ['-Wl,-r'] } : {}),
  });
  if (dwz) await execa('dwz', [output]);
  // Nothing is taken out of objects: their relocations and section symbols refer to everything.
  if (relocatable) return readFile(output);
  const remove = UNREAD.flatMap((name) => ['--remove-section', `.debug_${name}`]);
  await execa(toolchain.objcopy, ['--only-keep-debug', ...remove, output, `${output}.essence`]);
  return readFile(`${output}.essence`);
}

/** Its BTF, of a file that can be converted. */
function asBtf({ name, bytes }: CorpusFile): CorpusFile[] {
  try {
    return [{ name: `BTF of ${name}`, bytes: convertDwarf(openElf(memorySource(bytes))).bytes }];
  } catch {
    return [];
  }
}
