/** Keyring files as gpgv takes them: binary. Armoured ones (RFC 9580 §6) are decoded. */

import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';

const BLOCK = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g;

/**
 * Absolute path of a file that gpgv reads the same keys from: `path` itself, or a binary copy in `workDir`.
 * Throws `usage` when the file cannot be read or holds no key.
 *
 * @param name file name for a copy, unique within `workDir`
 */
export async function binaryKeyring(path: string, workDir: string, name: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new BtfmillError('usage', `keyring ${path} cannot be read`, { cause: error });
  }
  // Every OpenPGP packet starts with the top bit set, a keybox file with a length; armour starts with a dash or text.
  const isBinary = bytes.length > 0 && (bytes[0] >= 0x80 || bytes[0] === 0);
  if (isBinary) return resolve(path);

  const blocks = [...bytes.toString('latin1').matchAll(BLOCK)].map(([, block]) => decodeBlock(block));
  if (blocks.length === 0) throw new BtfmillError('usage', `keyring ${path} holds no OpenPGP key`);
  const copy = join(workDir, name);
  await writeFile(copy, Buffer.concat(blocks));
  return copy;
}

/** Headers end at the first blank line; a last line that starts with `=` is a checksum that nobody needs. */
function decodeBlock(block: string): Buffer {
  const lines = block.split('\n').map((line) => line.trim());
  const blank = lines.indexOf('');
  const data = lines.slice(blank + 1).filter((line) => !line.startsWith('='));
  return Buffer.from(data.join(''), 'base64');
}
