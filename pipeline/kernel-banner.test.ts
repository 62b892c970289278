import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { memorySource, openElf } from '../elf/index.ts';
import {
  type ElfFile as ElfDescription,
  type ElfSymbol,
  SHT,
  writeElf,
} from '../test/builders/elf-writer.ts';
import { nameKernel } from '../test/mirrors/kernels.ts';
import { buildProgram, TOOLCHAINS, toolsOf } from '../test/support/programs.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { needsTool } from '../test/support/tools.ts';
import { readBannerInThread } from './compute.ts';
import { readKernelBanner } from './kernel-banner.ts';

const KERNEL = '4.18.0-553.5.1.rt7.346.el8_10.x86_64+debug';
const BANNER = `Linux version ${KERNEL} (mockbuild@x) (gcc (GCC) 8.5.0) #1 SMP\n\0`;
const ADDRESS = 0xffffffff81e00000n;

function bannerOf(description: ElfDescription): string | undefined {
  return readKernelBanner(openElf(memorySource(writeElf(description))));
}

function rodata(text: string, name = '.rodata') {
  return { name, address: ADDRESS, data: Buffer.from(text, 'latin1') };
}

function symbol(value: number, size: number): ElfSymbol {
  return { name: 'linux_banner', type: 'object', section: '.rodata', value: ADDRESS + BigInt(value), size };
}

describe('readKernelBanner', () => {
  const decoy = 'Linux version 2.6.32-1 (decoy)\0';

  it('reads the banner that the symbol names, and no other', () => {
    const sections = [rodata(decoy + BANNER)];
    expect(bannerOf({ sections, symbols: [symbol(decoy.length, BANNER.length)] })).toBe(KERNEL);
  });

  it.each([
    ['no symbols', {}],
    ['no such symbol', { symbols: [{ name: 'linux_banner2', section: '.rodata', value: ADDRESS }] }],
    ['a symbol that lies elsewhere', { symbols: [symbol(-100, 10)] }],
    ['a symbol at other bytes', { symbols: [symbol(0, 10)] }],
  ])('searches .rodata when there is %s', (_what, more) => {
    expect(bannerOf({ sections: [{ name: '.text' }, rodata(`......\0${BANNER}`)], ...more })).toBe(KERNEL);
  });

  it('searches .rodata when the symbol table is damaged', () => {
    const bytes = writeElf({ sections: [rodata(BANNER)], symbols: [symbol(0, 10)] });
    const file = openElf(memorySource(bytes));
    const strings = file.sections.find(({ name }) => name === '.strtab');
    bytes[(strings?.offset ?? 0) + (strings?.sizeBytes ?? 0) - 1] = 0x41;
    expect(readKernelBanner(file)).toBe(KERNEL);
  });

  it.each([-9, -1, 0, 1, 60])('finds one %i bytes from the edge of what is read at once', (shift) => {
    const before = 'x'.repeat((1 << 20) + shift);
    expect(bannerOf({ sections: [rodata(before + BANNER)] })).toBe(KERNEL);
  });

  it.each(['Linux version %s (%s@%s)\0', 'Linux version \0', 'Linux version 6.1\0', `version ${KERNEL} (x)`])(
    'does not take %j for a banner',
    (text) => {
      expect(bannerOf({ sections: [rodata(text)] })).toBeUndefined();
      expect(bannerOf({ sections: [rodata(text + BANNER)] })).toBe(KERNEL);
    },
  );

  it('takes the longest release there is, and no longer one', () => {
    const longest = `6${'x'.repeat(63)}`;
    expect(bannerOf({ sections: [rodata(`Linux version ${longest} (a)`)] })).toBe(longest);
    expect(bannerOf({ sections: [rodata(`Linux version ${longest}x (a)`)] })).toBeUndefined();
  });

  it('is not held up by a section full of beginnings', () => {
    const bytes = writeElf({ sections: [rodata('Linux version '.repeat(400_000) + BANNER)] });
    const file = openElf(memorySource(bytes));
    const start = performance.now();
    expect(readKernelBanner(file)).toBe(KERNEL);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it('has none of a file whose .rodata was stripped, nor of one without', () => {
    const nobits = { ...rodata(''), type: SHT.NOBITS, raw: { size: 4096 } };
    expect(bannerOf({ sections: [nobits], symbols: [symbol(0, 100)] })).toBeUndefined();
    expect(bannerOf({ sections: [rodata(BANNER, '.comment')] })).toBeUndefined();
    expect(bannerOf({})).toBeUndefined();
  });
});

const CASES = ['gcc x86_64', 'gcc i386', 'gcc s390x', 'gcc arm64'] as const;

describe.each(CASES)('the banner of a program by %s', (name) => {
  const toolchain = TOOLCHAINS[name];
  it.skipIf(needsTool(...toolsOf(toolchain)))('is read, stripped of symbols or not', async () => {
    const folder = await tempDirForTest('banner');
    const signal = new AbortController().signal;
    const built = await buildProgram({ program: 'kernel', toolchain, output: join(folder, 'built') });
    const vmlinux = join(folder, 'vmlinux');
    await writeFile(vmlinux, nameKernel(await readFile(built), KERNEL));
    expect(await readBannerInThread(vmlinux, signal)).toBe(KERNEL);

    const stripped = join(folder, 'stripped');
    await execa(toolchain.objcopy, ['--strip-all', vmlinux, stripped]);
    expect(await readBannerInThread(stripped, signal)).toBe(KERNEL);

    // What find-debuginfo makes of an installed file: sections that are loaded lose their bytes.
    const debug = join(folder, 'debug');
    await execa(toolchain.objcopy, ['--only-keep-debug', vmlinux, debug]);
    expect(await readBannerInThread(debug, signal)).toBeUndefined();
  });
});

it('says so when the file is no ELF file', async () => {
  const folder = await tempDirForTest('banner');
  const path = join(folder, 'text');
  await copyFile(new URL(import.meta.url), path);
  await expect(readBannerInThread(path, new AbortController().signal)).rejects.toMatchObject({
    code: 'elf-malformed',
  });
});
