import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../../test/support/temp.ts';
import { BlockWriter } from './block-writer.ts';

describe('BlockWriter', () => {
  it.each([
    ['nothing', []],
    ['less than a block', [1, 7, 500]],
    ['chunks across block borders', [4 * 1024 * 1024 - 1, 3, 9 * 1024 * 1024, 1]],
  ])('writes %s', async (_, sizes) => {
    const path = join(await tempDirForTest('writer'), 'x');
    const handle = await open(path, 'w');
    const writer = new BlockWriter(handle);
    const chunks = sizes.map((size, i) => Buffer.alloc(size, i + 1));
    const scratch = Buffer.alloc(Math.max(0, ...sizes));
    for (const chunk of chunks) {
      chunk.copy(scratch);
      await writer.write(scratch.subarray(0, chunk.length));
    }
    await writer.finish();
    await handle.close();
    expect((await readFile(path)).equals(Buffer.concat(chunks))).toBe(true);
  });

  it('throws what the file system says', async () => {
    const handle = await open(join(await tempDirForTest('writer'), 'x'), 'w');
    const writer = new BlockWriter(handle);
    await handle.close();
    await writer.write(Buffer.alloc(5 * 1024 * 1024));
    await expect(writer.finish()).rejects.toThrow(/EBADF|closed/u);
  });

  it('reports a full disk', async () => {
    const handle = await open('/dev/full', 'w');
    const writer = new BlockWriter(handle);
    await writer.write(Buffer.alloc(100));
    await expect(writer.finish()).rejects.toMatchObject({ code: 'ENOSPC' });
    await handle.close();
  });
});
