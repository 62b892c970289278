import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type HashName, rsaKey } from '../../test/builders/openpgp-writer.ts';
import { makeTempDir, removeDir } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { type DetachedOptions, verifyDetached } from './index.ts';

const DATA = Buffer.from('<repomd/>\n'.repeat(10_000));
const AT = new Date('2020-01-01T00:00:00Z');

describe.skipIf(needsTool('gpgv'))('verifyDetached', () => {
  const key = rsaKey(2048);
  const stranger = rsaKey(2048);
  let folder: string;

  beforeAll(async () => {
    folder = await makeTempDir('detached');
  });

  afterAll(() => removeDir(folder));

  function options(keyring: Uint8Array, more: Partial<DetachedOptions> = {}): DetachedOptions {
    const path = join(folder, 'keyring.pgp');
    writeFileSync(path, keyring);
    const signal = new AbortController().signal;
    return { where: 'repomd.xml', keyrings: [path], workDir: join(folder, 'work'), signal, ...more };
  }

  test.each([3, 4] as const)('a version %i signature: who and when', async (version) => {
    const signature = key.sign(DATA, { version, at: AT });
    const verified = await verifyDetached(DATA, signature, options(key.keyring));
    expect(verified).toEqual({ signer: key.fingerprint, signedAt: AT });
    expect(readdirSync(join(folder, 'work'))).toEqual([]);
  });

  test('a signature that says it is older than its key', async () => {
    const at = new Date(0);
    const verified = await verifyDetached(DATA, key.sign(DATA, { at }), options(key.keyring));
    expect(verified).toEqual({ signer: key.fingerprint, signedAt: at });
  });

  test('without a keyring nobody is trusted, nor whom the user trusts otherwise', async () => {
    const home = process.env['GNUPGHOME'];
    const users = join(folder, 'users-home');
    mkdirSync(users, { mode: 0o700 });
    writeFileSync(join(users, 'trustedkeys.gpg'), key.keyring);
    process.env['GNUPGHOME'] = users;
    try {
      const verified = verifyDetached(DATA, key.sign(DATA), options(key.keyring, { keyrings: [] }));
      await expect(verified).rejects.toMatchObject({
        code: 'index-signature',
        message: expect.stringMatching(/unknown-key [0-9A-F]{16}/),
      });
    } finally {
      if (home === undefined) delete process.env['GNUPGHOME'];
      else process.env['GNUPGHOME'] = home;
    }
  });

  test('armoured, and the data in pieces', async () => {
    const armoured = Buffer.from(
      `-----BEGIN PGP SIGNATURE-----\n\n${Buffer.from(key.sign(DATA)).toString('base64')}\n-----END PGP SIGNATURE-----\n`,
    );
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < DATA.length; at += 999) yield DATA.subarray(at, at + 999);
    }
    const { signer } = await verifyDetached(pieces(), armoured, options(key.keyring));
    expect(signer).toBe(key.fingerprint);
  });

  test('one good signature is enough beside a stranger’s', async () => {
    const both = Buffer.concat([stranger.sign(DATA), key.sign(DATA)]);
    expect((await verifyDetached(DATA, both, options(key.keyring))).signer).toBe(key.fingerprint);
  });

  test.each<[string, Uint8Array, Uint8Array, RegExp]>([
    ['other data', DATA.subarray(1), key.sign(DATA), /^repomd\.xml: .*\(bad [0-9A-F]{16}\)$/u],
    ['no data', new Uint8Array(0), key.sign(DATA), /bad/u],
    ['a stranger', DATA, stranger.sign(DATA), /unknown-key/u],
    ['no signature', DATA, new Uint8Array(0), /no readable signature/u],
    ['something else in its place', DATA, DATA, /no readable signature/u],
    ['a key in its place', DATA, key.keyring, /no readable signature/u],
  ])('%s → the caller’s code', async (_, data, signature, message) => {
    const expected = { code: 'package-signature', message: expect.stringMatching(message) };
    const asked = options(key.keyring, { code: 'package-signature' });
    await expect(verifyDetached(data, signature, asked)).rejects.toMatchObject(expected);
    await expect(verifyDetached(data, signature, options(key.keyring))).rejects.toMatchObject({
      code: 'index-signature',
    });
  });

  test('what the data’s source throws is thrown', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield DATA;
      throw new Error('source broke');
    }
    await expect(verifyDetached(broken(), key.sign(DATA), options(key.keyring))).rejects.toThrow(
      'source broke',
    );
  });

  test('stops when told to, though the data never ends', async () => {
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let i = 0; ; i++) {
        if (i === 10) controller.abort();
        yield DATA;
      }
    }
    const asked = options(key.keyring, { signal: controller.signal });
    await expect(verifyDetached(endless(), key.sign(DATA), asked)).rejects.toMatchObject({ code: 'aborted' });
  });

  describe('weak cryptography (keys/README.md)', () => {
    // What gpgv itself holds against a key's own signature over its name: MD5 only.
    test.each<[HashName | undefined, boolean]>([
      ['SHA256', true],
      ['SHA1', true],
      [undefined, true],
      ['MD5', false],
    ])('a key that vouches for itself with %s: %s', async (selfHash, isUsable) => {
      const own = rsaKey(2048, selfHash);
      const result = verifyDetached(DATA, own.sign(DATA), options(own.keyring));
      if (isUsable) expect((await result).signer).toBe(own.fingerprint);
      else await expect(result).rejects.toMatchObject({ code: 'index-signature' });
    });

    test.each([3, 4] as const)('SHA-1 counts on request only (version %i)', async (version) => {
      const signature = key.sign(DATA, { version, hash: 'SHA1' });
      await expect(verifyDetached(DATA, signature, options(key.keyring))).rejects.toMatchObject({
        message: expect.stringContaining('weak'),
      });
      const { signer } = await verifyDetached(DATA, signature, options(key.keyring, { allowWeak: true }));
      expect(signer).toBe(key.fingerprint);
      await expect(
        verifyDetached(DATA.subarray(1), signature, options(key.keyring, { allowWeak: true })),
      ).rejects.toMatchObject({ message: expect.stringContaining('bad') });
    });

    test.each([3, 4] as const)('a short RSA key counts on request only (version %i)', async (version) => {
      const short = rsaKey(1024);
      const signature = short.sign(DATA, { version });
      await expect(verifyDetached(DATA, signature, options(short.keyring))).rejects.toMatchObject({
        message: expect.stringMatching(new RegExp(`weak ${short.fingerprint}`, 'u')),
      });
      const { signer } = await verifyDetached(DATA, signature, options(short.keyring, { allowWeak: true }));
      expect(signer).toBe(short.fingerprint);
      // One of another keyring does not shorten the others.
      const both = Buffer.concat([short.keyring, key.keyring]);
      expect((await verifyDetached(DATA, key.sign(DATA), options(both))).signer).toBe(key.fingerprint);
    });

    test.each([3, 4] as const)('MD5 never counts (version %i)', async (version) => {
      const signature = key.sign(DATA, { version, hash: 'MD5' });
      await expect(
        verifyDetached(DATA, signature, options(key.keyring, { allowWeak: true })),
      ).rejects.toMatchObject({ code: 'index-signature' });
    });

    test.skipIf(needsTool('gpg', 'gpgconf'))('DSA keys count on request only', async () => {
      const home = join(folder, 'home');
      mkdirSync(home, { mode: 0o700 });
      const gpg = (...args: readonly string[]) =>
        execFileSync(
          'gpg',
          ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', ...args],
          {
            stdio: ['ignore', 'pipe', 'ignore'],
          },
        );
      try {
        gpg('--passphrase', '', '--quick-generate-key', 'old', 'dsa2048', 'sign', 'never');
        const keyring = gpg('--export', 'old');
        writeFileSync(join(folder, 'data'), DATA);
        const signature = gpg(
          '--output',
          '-',
          '--digest-algo',
          'SHA256',
          '--detach-sign',
          join(folder, 'data'),
        );
        await expect(verifyDetached(DATA, signature, options(keyring))).rejects.toMatchObject({
          message: expect.stringContaining('weak'),
        });
        await verifyDetached(DATA, signature, options(keyring, { allowWeak: true }));
      } finally {
        execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
      }
    });
  });
});
