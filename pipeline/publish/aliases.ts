/** The names under which programs look for what lies under another name (archive-layout.md, "Other names"). */

import { lstat, mkdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { crawlerFor } from '../../crawlers/index.ts';
import type { Plane } from './names.ts';

/** Of architectures, everywhere. */
const ARCH_ALIASES: ReadonlyMap<string, string> = new Map([
  ['aarch64', 'arm64'],
  ['amd64', 'x86_64'],
]);

/** Alias → what is meant, both relative to the archive; only of what the archive has, sorted by alias. */
export function aliasesOf(planes: readonly Plane[]): ReadonlyMap<string, string> {
  const aliases = new Map<string, string>();
  for (const distro of new Set(planes.map((plane) => plane.distro))) {
    const releases = new Set(planes.filter((plane) => plane.distro === distro).map(({ release }) => release));
    const names = crawlerFor(distro)?.otherNames;
    for (const other of names?.distro ?? []) aliases.set(other, distro);
    for (const [other, release] of names?.releases ?? []) {
      if (releases.has(release) && !releases.has(other))
        aliases.set(`${distro}/${other}`, `${distro}/${release}`);
    }
  }
  for (const { distro, release, arch } of planes) {
    for (const [other, meant] of ARCH_ALIASES) {
      if (arch === meant) aliases.set(`${distro}/${release}/${other}`, `${distro}/${release}/${arch}`);
    }
  }
  return new Map([...aliases].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Makes the aliases symbolic links. A name that something else has stays as it is; those are given back.
 * Throws `io-failed`, `disk-full`.
 */
export async function linkAliases(
  archiveDir: string,
  aliases: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const [alias, meant] of aliases) {
    const path = join(archiveDir, alias);
    const target = relative(dirname(alias), meant);
    const stats = await lstat(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    if (stats !== undefined && !stats.isSymbolicLink()) {
      taken.push(alias);
      continue;
    }
    if (stats !== undefined && (await readlink(path)) === target) continue;
    await mkdir(dirname(path), { recursive: true });
    const temporary = join(dirname(path), `.alias.${process.pid}.tmp`);
    await rm(temporary, { force: true });
    await symlink(target, temporary);
    await rename(temporary, path);
  }
  return taken;
}
