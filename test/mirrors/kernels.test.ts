/** The banner in a small vmlinux, as readelf sees it. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { buildKernels, KERNEL_TOOLS, nameKernel } from './kernels.ts';

describe.skipIf(needsTool(...KERNEL_TOOLS, 'readelf'))('kernels of the mirrors', () => {
  it('say which kernel they are, in the bytes of linux_banner and nowhere else', async () => {
    const folder = await tempDirForTest('kernels');
    for (const file of Object.values(await buildKernels(folder)) as string[]) {
      const bytes = await readFile(file);
      const named = nameKernel(bytes, '4.18.0-553.5.1.rt7.346.el8_10.x86_64+debug');
      expect(named).toHaveLength(bytes.length);
      await writeFile(join(folder, 'named'), named);
      const { stdout } = await execa('readelf', ['-p', '.rodata', join(folder, 'named')]);
      expect(stdout).toContain('Linux version 4.18.0-553.5.1.rt7.346.el8_10.x86_64+debug (');
      const symbols = await execa('readelf', ['-sW', join(folder, 'named')]);
      expect(symbols.stdout).toMatch(/OBJECT +GLOBAL +DEFAULT +\d+ linux_banner/u);
      const again = Buffer.from(nameKernel(named, '5.1'));
      expect(again).toHaveLength(bytes.length);
      expect(again.includes('\0Linux version 5.1 (')).toBe(true);
      expect(again.includes('4.18.0')).toBe(false);
    }
  });
});
