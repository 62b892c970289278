import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { DISK_MARGIN_BYTES, ensureDiskSpace } from './disk-space.ts';

describe('ensureDiskSpace', () => {
  it('passes while there is room and names both numbers when there is not', async () => {
    const { bavail, bsize } = await statfs(tmpdir());
    const free = bavail * bsize;
    await ensureDiskSpace(tmpdir(), Math.max(0, free / 2 - DISK_MARGIN_BYTES), 'half');
    await expect(ensureDiskSpace(tmpdir(), free + 1, 'too much')).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(
        /^no room for too much in .*: needs \d+ MiB and a margin of 256 MiB, has \d+ MiB$/u,
      ),
    });
  });
});
