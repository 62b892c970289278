import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BtfBuilder, decodeBtf } from '../btf/index.ts';
import { writeElf } from '../test/builders/elf-writer.ts';
import { typeLines } from '../test/support/conversion.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { type LoadOptions, type LoadedBtf, loadBtf } from './load-btf.ts';

/** `int` has another id in each of the bases. */
function base(...before: readonly string[]): Uint8Array {
  const b = new BtfBuilder();
  for (const name of before) b.addInt(name, 8);
  b.addInt('int', 4, 1);
  return b.build();
}

/** What a module built apart from its kernel carries: split from what it needs of the kernel alone. */
function split(): Uint8Array {
  const b = new BtfBuilder({ base: decodeBtf(base()) });
  b.addTypedef('number', 1);
  return b.build();
}

async function load(bytes: Uint8Array, options: Partial<LoadOptions> = {}): Promise<LoadedBtf> {
  const file = join(await tempDirForTest('load'), 'file');
  await writeFile(file, bytes);
  const signal = AbortSignal.timeout(60_000);
  return loadBtf(file, { profile: 'pahole-1.30', threads: 1, signal, ...options });
}

function module(...sections: readonly [string, Uint8Array][]): Uint8Array {
  return writeElf({ sections: sections.map(([name, data]) => ({ name, data })) });
}

describe('the split BTF of a module', () => {
  const kernel = decodeBtf(base());

  it('is read with the base that one names', async () => {
    for (const bytes of [split(), module(['.BTF', split()])])
      expect(typeLines((await load(bytes, { base: kernel })).btf)).toEqual(['TYPEDEF number: int']);
  });

  it('is read with its own .BTF.base, whatever else is named', async () => {
    const bytes = module(['.BTF', split()], ['.BTF.base', base()]);
    const other = decodeBtf(base('u64', 'pointer'));
    for (const options of [{}, { base: other }]) {
      const { btf, source } = await load(bytes, options);
      expect(typeLines(btf)).toEqual(['TYPEDEF number: int']);
      expect(source).toBe('section');
    }
  });

  it('is refused without a base', async () => {
    await expect(load(module(['.BTF', split()]))).rejects.toMatchObject({ code: 'usage' });
  });
});
