/** `btfmill keygen`: a key to sign an archive with. */

import { rm, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { generateSigningKey, keyIdText, secretKeyText } from '../pipeline/publish/minisign.ts';
import { KEY_VARIABLE } from './cli/signing-key.ts';

const HELP = `
Examples:
  npm run keygen -- btfmill.key

FILE gets the secret key, readable by its owner only; FILE.pub the public one, which mirrors need. Both are minisign's,
without a password (as "minisign -G -W" makes them). An existing file is not overwritten.
Exit code ${EXIT.usage} when a file is there already.`;

export function registerKeygen(program: Command): void {
  program
    .command('keygen')
    .argument('<file>', 'where the secret key goes')
    .description('make a key to sign an archive with')
    .addHelpText('after', HELP)
    .action(async (file: string) => {
      const key = generateSigningKey();
      const comment = `untrusted comment: minisign public key ${keyIdText(key.publicKey.keyId)} of a btfmill archive`;
      // The public one first: a secret key whose public key nobody was told stays nowhere.
      await writeNew(`${file}.pub`, `${comment}\n${key.publicKey.text}\n`, 0o644);
      try {
        await writeNew(file, secretKeyText(key), 0o600);
      } catch (thrown) {
        await rm(`${file}.pub`);
        throw thrown;
      }
      process.stdout.write(`${key.publicKey.text}\n`);
      process.stderr.write(
        `secret key in ${file}: name it with "publish --key" or ${KEY_VARIABLE}, and keep a copy\n`,
      );
    });
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new BtfmillError('usage', `${path}: ${isThere ? 'is there already' : 'cannot be written'}`, {
      cause,
    });
  }
}
