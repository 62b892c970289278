import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { type Compression, debPackage } from './deb-writer.ts';

const COMPRESSIONS: readonly Compression[] = ['none', 'gz', 'xz', 'zst', 'bz2', 'lzma'];

describe.skipIf(needsTool('dpkg-deb', 'gzip', 'xz', 'zstd', 'bzip2'))(
  'packages by hand, read by dpkg-deb',
  () => {
    it.each(COMPRESSIONS)('data.tar in %s', async (compression) => {
      const file = join(await tempDirForTest('deb-writer'), 'x.deb');
      const bytes = await debPackage({
        name: 'linux-image-6.1.0-1-amd64-dbg',
        version: '6.1.1-1',
        architecture: 'amd64',
        compression,
        entries: [
          { name: './usr/', type: 'dir' },
          { name: './usr/vmlinux', data: new TextEncoder().encode('not a kernel') },
          { name: './usr/link', type: 'symlink', linkName: 'vmlinux' },
        ],
      });
      await writeFile(file, bytes);
      const { stdout: fields } = await execa('dpkg-deb', ['--field', file, 'Package', 'Version']);
      expect(fields).toBe('Package: linux-image-6.1.0-1-amd64-dbg\nVersion: 6.1.1-1');
      const { stdout: list } = await execa('dpkg-deb', ['--contents', file]);
      expect(list).toMatch(
        /-rw-r--r-- root\/root +12 1970-01-01 \d+:\d+ \.\/usr\/vmlinux\n.* \.\/usr\/link -> vmlinux/u,
      );
    });
  },
);
