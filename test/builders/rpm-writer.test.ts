import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { programBytes } from '../support/program-bytes.ts';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { type CpioForm, SYMLINK } from './cpio-writer.ts';
import type { Compression } from './deb-writer.ts';
import { rpmPackage } from './rpm-writer.ts';

const COMPRESSIONS: readonly Compression[] = ['none', 'gz', 'xz', 'zst', 'bz2', 'lzma'];
const FORMS: readonly CpioForm[] = ['newc', 'crc', 'stripped'];

describe.skipIf(needsTool('rpm', 'rpm2archive', 'tar', 'gzip', 'xz', 'zstd', 'bzip2'))(
  'packages by hand, read by rpm',
  () => {
    it.each(FORMS.flatMap((form) => COMPRESSIONS.map((compression) => [form, compression] as const)))(
      '%s in %s',
      async (form, compression) => {
        const folder = await tempDirForTest('rpm-writer');
        const path = join(folder, 'x.rpm');
        const bytes = await rpmPackage({
          form,
          compression,
          files: [
            { name: './usr/a', data: Buffer.from('not a kernel') },
            { name: './usr/lib/b', mode: SYMLINK, data: Buffer.from('../a') },
            { name: './usr/lib/c', data: Buffer.from('nor this') },
          ],
        });
        await writeFile(path, bytes);
        const { stdout: digests } = await execa('rpm', ['--dbpath', folder, '-K', '--verbose', path]);
        expect(digests).toMatch(
          /Header SHA256 digest: OK\n.*SHA1 digest: OK\n.*Payload SHA256 digest: OK\n.*MD5 digest: OK/u,
        );
        const tar = await programBytes('rpm2archive', ['--nocompression'], { input: bytes });
        const { stdout: list } = await execa('tar', ['--list', '--verbose'], { input: tar });
        expect(list).toMatch(
          /root\/root +12 1970-01-01 \d+:\d+ \.\/usr\/a\n.* \.\/usr\/lib\/b -> \.\.\/a\n.* 8 .* \.\/usr\/lib\/c$/u,
        );
      },
    );
  },
);
