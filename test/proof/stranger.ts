/**
 * A stranger who reads a published archive or a copy of one by its documentation alone: timestamp, manifest, the first
 * bytes of each index, files. Nothing of btfmill but the signature's arithmetic is used.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parsePublicKey, verifyMinisign } from '../../pipeline/publish/minisign.ts';

export interface ReadState {
  readonly serial: number;
  /** SHA-256 of every published kernel file by its path. */
  readonly kernels: ReadonlyMap<string, string>;
  /** Files of the manifest that are no index and are of another serial by now. */
  readonly newer: readonly string[];
}

interface Entry {
  readonly path: string;
  readonly change: string;
  readonly size: number;
  readonly sha256: string;
}

/** Throws with the first thing that does not fit. Undefined when nothing has been published there. */
export async function readAsStranger(archive: string, publicKeyFile: string): Promise<ReadState | undefined> {
  const timestampBytes = await readOrUndefined(join(archive, 'timestamp.json'));
  if (timestampBytes === undefined) return undefined;
  const signature = await readFile(join(archive, 'timestamp.json.minisig'), 'utf8');
  const key = parsePublicKey(await readFile(publicKeyFile, 'utf8'), publicKeyFile);
  verifyMinisign(timestampBytes, signature, key, archive);
  const { serial, manifest } = JSON.parse(timestampBytes.toString()) as { serial: number; manifest: Entry };
  const { files } = JSON.parse((await readChecked(archive, manifest)).toString()) as { files: Entry[] };

  const kernels = new Map<string, string>();
  const newer: string[] = [];
  for (const file of files) {
    if (file.change === 'append') {
      for (const [path, sha256] of await readIndex(archive, file)) kernels.set(path, sha256);
    } else if (file.change === 'fixed') {
      await readChecked(archive, file);
    } else if (sha256Of(await readFile(join(archive, file.path))) !== file.sha256) {
      newer.push(file.path);
    }
  }
  return { serial, kernels, newer };
}

async function readIndex(archive: string, file: Entry): Promise<Map<string, string>> {
  const kernels = new Map<string, string>();
  const plane = file.path.replace(/^index\//u, '').replace(/\.jsonl$/u, '');
  for (const line of (await readChecked(archive, file)).toString().split('\n').slice(0, -1)) {
    const entry = JSON.parse(line) as { kernel: string; size: number; sha256: string };
    const path = `${plane}/${entry.kernel}.btf.tar.xz`;
    await readChecked(archive, { path, change: 'fixed', size: entry.size, sha256: entry.sha256 });
    kernels.set(path, entry.sha256);
  }
  return kernels;
}

/** The file, of which only the first `size` bytes count when it is appended to. */
async function readChecked(archive: string, { path, change, size, sha256 }: Entry): Promise<Buffer> {
  const whole = await readFile(join(archive, path));
  const bytes = change === 'append' ? whole.subarray(0, size) : whole;
  if (bytes.length !== size || sha256Of(bytes) !== sha256) {
    throw new Error(
      `${path} in ${dirname(join(archive, path))} has ${whole.length} bytes and is not what was signed`,
    );
  }
  return bytes;
}

async function readOrUndefined(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
