/** Where the archive's signing key is: a file, never a flag's value, which every user of the machine can read. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BtfmillError } from '../../errors/index.ts';
import {
  parsePublicKey,
  parseSecretKey,
  type PublicKey,
  type SigningKey,
} from '../../pipeline/publish/minisign.ts';
import { readIfThere } from '../../pipeline/read-if-there.ts';
import { refuseInArchive } from './places.ts';

/** Name of the systemd credential (`LoadCredential=btfmill-signing-key:/path`). */
export const CREDENTIAL = 'btfmill-signing-key';

/** Names the key's file for programs that cannot be given flags. */
export const KEY_VARIABLE = 'BTFMILL_SIGNING_KEY_FILE';

/**
 * The key of the file that `--key` names, else of the one in the environment, else of systemd's credential; undefined
 * when none of them is there. Throws `usage` for a file that is named and cannot be used, or lies in the archive that
 * it is to sign.
 */
export async function findSigningKey(
  named: string | undefined,
  env: NodeJS.ProcessEnv,
  archiveDir: string,
): Promise<SigningKey | undefined> {
  const path = named ?? nonEmpty(env[KEY_VARIABLE]);
  if (path !== undefined) {
    refuseInArchive(archiveDir, 'the secret key', path);
    return parseSecretKey(await readNamed(path), path);
  }
  const folder = nonEmpty(env.CREDENTIALS_DIRECTORY);
  if (folder === undefined) return undefined;
  const credential = join(folder, CREDENTIAL);
  const bytes = await readIfThere(credential);
  return bytes === undefined ? undefined : parseSecretKey(bytes.toString('utf8'), credential);
}

/** A public key as it is, or the file that holds it. Throws `usage`. */
export async function findPublicKey(textOrPath: string): Promise<PublicKey> {
  const isKey = /^RW[A-Za-z0-9+/]{54}$/u.test(textOrPath);
  return parsePublicKey(isKey ? textOrPath : await readNamed(textOrPath), textOrPath);
}

async function readNamed(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new BtfmillError('usage', `${path}: the key cannot be read`, { cause });
  }
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
