/**
 * A kernel and its modules in C: `--base` beside `pahole --btf_base`, for each kind of file that may be the base. With
 * a pahole of the profile (1.24 to 1.27) the outputs are the same bytes; with another the types are the same classes.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareDeep, decodeBtf, validateBtf } from '../../btf/index.ts';
import { convertKernel } from '../../pipeline/convert.ts';
import type { ConvertedKernel } from '../../pipeline/types.ts';
import { COMPILE_TOOLS, compileUnits } from '../support/compile.ts';
import { typeLines } from '../support/conversion.ts';
import { addBtfSection, paholeBtf, paholeGivesProfile124 } from '../support/pahole.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

/** What a kernel and its modules include. `port` is what a module defines and the kernel knows by name. */
const HEADER = `
typedef unsigned long size_t;
struct list { struct list *next, *prev; };
enum state { DOWN, UP = 7 };
enum mode;
struct port;
struct stats { union { struct { int rx, tx; }; long both; }; int counts[4]; };
struct device {
  struct list siblings;
  const char *name;
  enum state state : 3;
  unsigned int is_on : 1;
  struct port *port;
  enum mode *mode;
  struct stats stats;
  int (*open)(struct device *device, size_t count, ...);
};
struct bus { struct device *first; };
`;

const KERNEL = [
  `${HEADER} struct device root; struct bus buses;
   int start(struct device *device) { return device->name != 0; }
   int count(struct bus *bus) { return bus->first != 0; }`,
  `${HEADER} struct inode { struct bus *bus; size_t size; }; struct inode inodes[3];`,
];

const MODULES: readonly { readonly name: string; readonly units: readonly string[] }[] = [
  {
    name: 'types and functions of its own beside the kernel’s',
    units: [
      `${HEADER} struct driver { struct device device; struct inode *inode; struct list all; };
       struct driver driver;
       static int start(struct device *device) { return device->is_on; }
       int count(struct bus *buses) { return start(buses->first); }
       struct driver *find(struct list *list) { return (struct driver *)list; }`,
    ],
  },
  {
    name: 'a struct that the kernel only declares',
    units: [
      `${HEADER} struct port { struct device *device; int number; };
       int number(struct bus *bus, struct port *port) { return bus->first->port == port; }`,
    ],
  },
  {
    name: 'an enum that the kernel only declares',
    units: [
      `${HEADER} enum mode { SLOW, FAST }; int is_fast(struct device *device) { return *device->mode == FAST; }`,
    ],
  },
  {
    name: 'a name that is another struct than the kernel’s',
    units: [`struct list { int length; }; struct bus { struct list *list; }; struct bus bus;`],
  },
  {
    name: 'two units, of which one declares what the other defines',
    units: [
      `${HEADER} struct port { struct device *device; int number; };
       int number(struct port *port) { return port->number; }`,
      `${HEADER} int is_port(struct device *device) { return device->port != 0; }`,
    ],
  },
];

let folder: string;
let kernel: string;
let kernelBtf: string;

describe.skipIf(needsTool('pahole', 'objcopy', ...COMPILE_TOOLS))('a module beside its kernel', () => {
  beforeAll(async () => {
    folder = await makeTempDir('split');
    kernel = await compileUnits(folder, KERNEL);
    kernelBtf = join(folder, 'kernel.btf');
    await writeFile(kernelBtf, await paholeBtf(kernel));
  });

  afterAll(async () => {
    await removeDir(folder);
  });

  it.each(MODULES)('$name', async ({ units }) => {
    const module = await compileModule(units);
    const { fromDwarf: ours = new Uint8Array(0), base } = await convertModule(module, kernelBtf);
    const theirs = await paholeBtf(module, kernelBtf);
    const whole = decodeBtf(await readFile(kernelBtf));
    const [a, b] = [decodeBtf(ours, whole), decodeBtf(theirs, whole)];
    expect(validateBtf(a).map(({ text }) => text)).toEqual([]);
    expect(base).toMatchObject({ path: kernelBtf, source: 'file', typeCount: whole.typeCount - 1 });
    if (paholeGivesProfile124()) {
      expect(typeLines(a)).toEqual(typeLines(b));
      expect(Buffer.compare(ours, theirs)).toBe(0);
    } else {
      expect(compareDeep(a, b).equalTypes).toBe(true);
    }
  });

  it('whatever file the base is', async () => {
    const module = await compileModule(MODULES[0].units);
    const fromBtf = await convertModule(module, kernelBtf);
    const fromDwarf = await convertModule(module, kernel);
    const withSection = await compileUnits(join(folder, 'native'), KERNEL);
    await addBtfSection(withSection, 'objcopy', await readFile(kernelBtf));
    const fromSection = await convertModule(module, withSection);
    expect([fromBtf, fromDwarf, fromSection].map(({ base }) => base?.source)).toEqual([
      'file',
      'dwarf',
      'section',
    ]);
    expect(fromSection.fromDwarf).toEqual(fromBtf.fromDwarf);
    if (paholeGivesProfile124()) expect(fromDwarf.fromDwarf).toEqual(fromBtf.fromDwarf);
  });
});

async function compileModule(units: readonly string[]): Promise<string> {
  const objects = await Promise.all(
    units.map(async (text, i) => {
      const source = join(folder, `module${i}.c`);
      await writeFile(source, text);
      const object = join(folder, `module${i}.o`);
      const flags = ['-gdwarf-5', '-O1', '-w', '-ffreestanding', '-fno-eliminate-unused-debug-types', '-c'];
      await execa('gcc', [...flags, source, '-o', object]);
      return object;
    }),
  );
  const module = join(folder, 'module.ko');
  await execa('gcc', ['-nostdlib', '-r', '-o', module, ...objects]);
  return module;
}

function convertModule(path: string, base: string): Promise<ConvertedKernel> {
  return convertKernel(path, {
    source: 'dwarf',
    profile: 'pahole-1.24',
    threads: 1,
    base,
    signal: AbortSignal.timeout(60_000),
  });
}
