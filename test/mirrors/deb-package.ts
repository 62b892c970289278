/** Debian packages, made with dpkg-deb. */

import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

export interface DebTree {
  /** Text of DEBIAN/control. */
  readonly control: string;
  /** Content by path in the package, without a slash in front; a string is the path of a file that is copied. */
  readonly files: ReadonlyMap<string, Uint8Array | string>;
  /** Targets of symbolic links by path. */
  readonly links?: ReadonlyMap<string, string>;
}

/** Compressions of data.tar that dpkg-deb makes. */
export type DpkgCompression = 'xz' | 'zstd' | 'gzip' | 'none';

/** Builds it at `output`, owned by root. */
export async function buildDeb(tree: DebTree, compression: DpkgCompression, output: string): Promise<void> {
  const root = `${output}.tree`;
  const files = new Map<string, Uint8Array | string>([
    ['DEBIAN/control', Buffer.from(tree.control)],
    ...tree.files,
  ]);
  for (const [path, content] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    if (typeof content === 'string') await execa('cp', [content, join(root, path)]);
    else await writeFile(join(root, path), content);
  }
  for (const [path, target] of tree.links ?? []) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await symlink(target, join(root, path));
  }
  await mkdir(dirname(output), { recursive: true });
  await execa('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', root, output]);
  await rm(root, { recursive: true });
}
