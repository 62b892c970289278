/** A throw-away OpenPGP key in a GNUPGHOME of its own, made and used with gpg. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface Signer {
  /** Public key, binary: what `--keyring` wants. */
  readonly keyring: string;
  /** GNUPGHOME and user id of the key, for programs that call gpg themselves. */
  readonly home: string;
  readonly user: string;
  /** Clear-signs a file (InRelease from Release). `at` backdates the signature. */
  clearSign(input: string, output: string, options?: { readonly at?: Date }): Promise<void>;
  /** Signs a file with the one key; the signature, armoured, goes to a file of its own (repomd.xml.asc). */
  detachSign(input: string, output: string): Promise<void>;
  /** Stops gpg's agent; the folder is the caller's to remove. */
  close(): Promise<void>;
}

/** What rpm-based distributions sign with, and what is quickest to make. */
export type KeyAlgorithm = 'rsa2048' | 'ed25519';

/** Every key given clear-signs: the first is the one in `keyring`, the others are strangers to whoever trusts it. */
export async function createSigner(
  folder: string,
  strangers = 0,
  algorithm: KeyAlgorithm = 'ed25519',
): Promise<Signer> {
  const home = join(folder, 'gnupg');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const users = Array.from({ length: strangers + 1 }, (_, i) => `key${i}@example.invalid`);
  const gpg = async (...args: readonly string[]): Promise<void> => {
    await execa('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', ...args]);
  };
  // Made in the past, so that signatures can be backdated.
  const birth = ['--faked-system-time', '20240101T000000'];
  for (const user of users) {
    await gpg(...birth, '--passphrase', '', '--quick-generate-key', user, algorithm, 'sign', 'never');
  }
  const keyring = join(folder, 'test-keyring.gpg');
  await gpg('--export', '--output', keyring, users[0]);
  return {
    keyring,
    home,
    user: users[0],
    async clearSign(input, output, options = {}) {
      const when = options.at === undefined ? [] : ['--faked-system-time', gpgTime(options.at)];
      const signers = users.flatMap((user) => ['--local-user', user]);
      await gpg(
        ...when,
        '--yes',
        ...signers,
        '--digest-algo',
        'SHA512',
        '--output',
        output,
        '--clear-sign',
        input,
      );
    },
    async detachSign(input, output) {
      const how = ['--yes', '--local-user', users[0], '--digest-algo', 'SHA512', '--armor'];
      await gpg(...how, '--output', output, '--detach-sign', input);
    },
    async close() {
      await execa('gpgconf', ['--homedir', home, '--kill', 'all'], { reject: false });
    },
  };
}

function gpgTime(date: Date): string {
  return date.toISOString().replace(/[-:]|\.\d+Z$/gu, '');
}
