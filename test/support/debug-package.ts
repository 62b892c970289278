/** A debug package as an index might describe it, for tests of what comes after the index. */

import { createHash } from 'node:crypto';
import type { DebugPackage } from '../../crawlers/types.ts';

/** Every kernel's package has a digest of its own. */
export function debugPackage(kernel: string, more: Partial<DebugPackage> = {}): DebugPackage {
  return {
    distro: 'debian',
    release: '12',
    arch: 'x86_64',
    kernel,
    packageName: `linux-image-${kernel}-dbg`,
    packageVersion: '6.1.1-1',
    format: 'deb',
    url: `http://mirror.test/${kernel}.deb`,
    sizeBytes: 100,
    digest: `sha256:${createHash('sha256').update(kernel).digest('hex')}`,
    indexUrl: 'http://mirror.test/Packages',
    suite: 'bookworm',
    trust: 'signed-index',
    ...more,
  };
}
