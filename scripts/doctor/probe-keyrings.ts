/** Which keyrings the package carries, by distribution. */

import type { Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { KeyringFinding } from './report.ts';

/** One finding per folder of `keysFolder`; each folder is named for the distribution whose keyrings it holds. */
export async function probeKeyrings(keysFolder: string): Promise<KeyringFinding[]> {
  const findings: KeyringFinding[] = [];
  for (const entry of await readdirIfThere(keysFolder)) {
    if (!entry.isDirectory()) continue;
    const files: string[] = [];
    const unusable: string[] = [];
    for (const name of (await readdir(path.join(keysFolder, entry.name))).toSorted()) {
      if (!/\.(?:pgp|gpg|asc)$/.test(name)) continue;
      const usable = await holdsPublicKeys(path.join(keysFolder, entry.name, name));
      (usable ? files : unusable).push(name);
    }
    findings.push({ distro: entry.name, files, unusable });
  }
  return findings.toSorted((a, b) => a.distro.localeCompare(b.distro));
}

async function readdirIfThere(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** RFC 9580 §4.2: a keyring starts with a public-key packet (tag 6, old or new format), or is armored. */
async function holdsPublicKeys(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(36), 0, 36, 0);
    const start = buffer.subarray(0, bytesRead);
    const tag = start[0] ?? 0;
    if ((tag & 0xc0) === 0xc0) return (tag & 0x3f) === 6;
    if ((tag & 0x80) !== 0) return ((tag >> 2) & 0x0f) === 6;
    return start.toString('latin1') === '-----BEGIN PGP PUBLIC KEY BLOCK-----';
  } finally {
    await handle.close();
  }
}
