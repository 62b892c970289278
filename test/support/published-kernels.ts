/** A record with published kernels and the files that go with it, for tests of what comes after storing. */

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { KernelKey } from '../../crawlers/types.ts';
import type { BtfRecord } from '../../db/index.ts';
import { archivePath } from '../../pipeline/archive-path.ts';
import { debugPackage } from './debug-package.ts';

const AT = '2026-11-20T00:00:00.000Z';

/** A file that stands for the kernel's, and its row. The content is no tar: nobody unpacks it here. */
export function addPublished(
  record: BtfRecord,
  archiveDir: string,
  { distro = 'debian', release = '12', arch = 'x86_64', kernel }: Partial<KernelKey> & { kernel: string },
): KernelKey & { readonly path: string } {
  const key = { distro, release, arch, kernel };
  const path = archivePath(key);
  const content = Buffer.from(`tar of ${path}`);
  mkdirSync(dirname(join(archiveDir, path)), { recursive: true });
  writeFileSync(join(archiveDir, path), content);
  record.transaction(() => {
    const packageId = record.packages.see(debugPackage(kernel, key), AT);
    const id = record.kernels.ensure(key, AT);
    record.kernels.announce(
      id,
      {
        source: 'dwarf',
        trust: 'signed-index',
        buildId: 'ab12',
        btfSha256: sha256(`btf of ${path}`),
        btfSizeBytes: 100,
        profile: 'pahole-1.30',
        toolVersions: { btfmill: '0.1.0' },
        packageId,
      },
      AT,
    );
    const facts = { path, tarSha256: sha256(content), tarSizeBytes: content.length };
    record.kernels.markPublished(id, { ...facts, typeCount: 3, typesByKind: { INT: 3 } }, AT);
  });
  return { ...key, path };
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
