import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { array, assert, asyncProperty, double, nat, record } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HashName, rsaKey, type SignOptions } from '../test/builders/openpgp-writer.ts';
import { type HeaderEntry, rpmPackage, type RpmSpec } from '../test/builders/rpm-writer.ts';
import { buildRpm } from '../test/support/rpm-build.ts';
import { makeTempDir, removeDir } from '../test/support/temp.ts';
import { findTool, needsTool } from '../test/support/tools.ts';
import { BtfmillError } from '../errors/index.ts';
import { type RpmSignature, verifyRpm, type VerifyRpmOptions } from './rpm-signature.ts';

let folder: string;

beforeAll(async () => {
  folder = await makeTempDir('rpm-signature');
});

afterAll(() => removeDir(folder));

function optionsFor(keyring: string, more: Partial<VerifyRpmOptions> = {}): VerifyRpmOptions {
  const signal = new AbortController().signal;
  return { keyrings: [keyring], allowWeak: false, workDir: join(folder, 'work'), signal, ...more };
}

/** Whether rpm takes the package for signed by the key in the armoured file. */
async function rpmAccepts(rpm: string, armouredKey: string): Promise<boolean> {
  const db = join(folder, `db-${createHash('sha1').update(armouredKey).digest('hex')}`);
  await mkdir(db, { recursive: true });
  await execa('rpmkeys', ['--dbpath', db, '--import', armouredKey]);
  const { stdout } = await execa('rpmkeys', ['--dbpath', db, '--checksig', rpm], { reject: false });
  return stdout.endsWith(': digests signatures OK');
}

describe.skipIf(needsTool('rpmbuild', 'rpmsign', 'rpmkeys', 'gpg', 'gpgconf', 'gpgv', 'xz'))(
  'packages signed by rpmsign',
  () => {
    const home = () => join(folder, 'home');
    const keys = { rsa: 'rsa3072', eddsa: 'ed25519', stranger: 'rsa2048' } as const;
    let unsigned: string;

    const gpg = (...args: readonly string[]) =>
      execa('gpg', ['--homedir', home(), '--batch', '--quiet', '--pinentry-mode', 'loopback', ...args]);
    const keyring = (user: keyof typeof keys) => join(folder, `${user}.asc`);

    beforeAll(async () => {
      await mkdir(home(), { mode: 0o700 });
      for (const [user, kind] of Object.entries(keys)) {
        await gpg('--passphrase', '', '--quick-generate-key', user, kind, 'sign', 'never');
        await gpg('--armor', '--output', join(folder, `${user}.asc`), '--export', user);
      }
      const tree = join(folder, 'tree');
      await mkdir(tree);
      await writeFile(join(tree, 'vmlinux'), Buffer.alloc(300_000, 'a kernel, as it were'));
      unsigned = await buildRpm(folder, {
        name: 'kernel-debuginfo',
        version: '6.9.5',
        release: '200.fc40',
        arch: 'aarch64',
        tree,
        files: ['/vmlinux'],
        payload: 'w3T.xzdio',
      });
    });

    afterAll(() => execa('gpgconf', ['--homedir', home(), '--kill', 'all']));

    async function signed(user: keyof typeof keys, ...flags: readonly string[]): Promise<string> {
      const path = join(folder, `${user}${flags.join('')}.rpm`);
      await writeFile(path, await readFile(unsigned));
      await execa(
        'rpmsign',
        ['--addsign', ...flags, '-D', `_gpg_name ${user}`, '-D', `__gpg ${findTool('gpg')}`, path],
        {
          env: { GNUPGHOME: home() },
        },
      );
      return path;
    }

    it.each([
      ['rsa', []],
      ['eddsa', []],
      ['rsa', ['--rpmv3']],
      ['eddsa', ['--rpmv3']],
    ] as const)('%s %j: the header’s signature, and by it the payload', async (user, flags) => {
      const path = await signed(user, ...flags);
      expect(await rpmAccepts(path, keyring(user))).toBe(true);
      const { stdout } = await gpg('--with-colons', '--list-keys', user);
      const fingerprint = /^fpr:+([0-9A-F]{40}):/mu.exec(stdout)?.[1];
      const verified = await verifyRpm(path, optionsFor(keyring(user)));
      expect(verified).toEqual({ covers: 'whole', signer: fingerprint, signedAt: expect.any(Date) });
      expect(Math.abs(verified.signedAt.getTime() - Date.now())).toBeLessThan(3_600_000);
    });

    it('not signed at all', async () => {
      await expect(verifyRpm(unsigned, optionsFor(keyring('rsa')))).rejects.toMatchObject({
        code: 'package-signature',
        message: 'rpm: no good signature of a trusted key (it is not signed)',
      });
    });

    it('signed by a stranger', async () => {
      const path = await signed('stranger', '--rpmv3');
      expect(await rpmAccepts(path, keyring('rsa'))).toBe(false);
      await expect(verifyRpm(path, optionsFor(keyring('rsa')))).rejects.toMatchObject({
        code: 'package-signature',
        message: expect.stringMatching(/\(unknown-key [0-9A-F]{16}, unknown-key [0-9A-F]{16}\)$/u),
      });
    });

    it.each([
      ['header', 'package-digest', (bytes: Buffer) => bytes.indexOf('200.fc40', 2000)],
      ['payload', 'package-digest', (bytes: Buffer) => bytes.length - 50],
    ] as const)('a changed %s → %s', async (_, code, place) => {
      const bytes = await readFile(await signed('rsa', '--rpmv3'));
      bytes[place(bytes)] ^= 1;
      const path = join(folder, 'changed.rpm');
      await writeFile(path, bytes);
      expect(await rpmAccepts(path, keyring('rsa'))).toBe(false);
      await expect(verifyRpm(path, optionsFor(keyring('rsa')))).rejects.toMatchObject({
        code,
        retryable: false,
      });
    });

    it('a cut payload', async () => {
      const bytes = await readFile(await signed('rsa'));
      const path = join(folder, 'cut.rpm');
      await writeFile(path, bytes.subarray(0, -1));
      await expect(verifyRpm(path, optionsFor(keyring('rsa')))).rejects.toMatchObject({
        code: 'package-digest',
        message: expect.stringMatching(
          /^rpm payload: sha256 is [0-9a-f]{64}, the package says "[0-9a-f]{64}"$/u,
        ),
      });
    });
  },
);

describe.skipIf(needsTool('gpgv'))('packages signed by hand', () => {
  const key = rsaKey(2048);
  const stranger = rsaKey(2048);
  const short = rsaKey(1024);
  const at = new Date('2019-03-04T05:06:07Z');
  let path: string;

  beforeAll(async () => {
    path = join(folder, 'hand.rpm');
    await writeFile(join(folder, 'key.pgp'), key.keyring);
    await writeFile(join(folder, 'short.pgp'), short.keyring);
  });

  type Signing = NonNullable<RpmSpec['sign']>;

  async function verify(
    spec: Partial<RpmSpec>,
    more: Partial<VerifyRpmOptions> = {},
    change: (bytes: Buffer) => void = () => undefined,
  ): Promise<RpmSignature> {
    const files = [{ name: './vmlinux', data: Buffer.alloc(100_000, 'kernel') }];
    const bytes = Buffer.from(await rpmPackage({ files, compression: 'gz', ...spec }));
    change(bytes);
    await writeFile(path, bytes);
    return verifyRpm(path, { ...optionsFor(join(folder, 'key.pgp')), ...more });
  }

  const blob = (tag: number, value: Uint8Array): HeaderEntry => ({ tag, type: 'BIN', value });
  const overHeader =
    (tag: number, by = key, options: SignOptions = {}): Signing =>
    (main) => [blob(tag, by.sign(main, { at, ...options }))];
  const overWhole =
    (tag: number, by = key, options: SignOptions = {}): Signing =>
    (main, payload) => [blob(tag, by.sign(Buffer.concat([main, payload]), { at, ...options }))];
  const both =
    (...signings: readonly Signing[]): Signing =>
    (main, payload) =>
      signings.flatMap((sign) => sign(main, payload));
  const without = (...tags: readonly number[]): Pick<RpmSpec, 'changeMain'> => ({
    changeMain: (entries) => entries.filter(({ tag }) => !tags.includes(tag)),
  });
  /** As rpm made them before 4.14. */
  const old = without(5092, 5093);

  describe.each([3, 4] as const)('version %i signature packets', (version) => {
    it.each([267, 268])('over the header, in tag %i', async (tag) => {
      const sign = overHeader(tag, key, { version });
      expect(await verify({ sign })).toEqual({ covers: 'whole', signer: key.fingerprint, signedAt: at });
      expect(await verify({ sign, ...old })).toEqual({
        covers: 'header',
        signer: key.fingerprint,
        signedAt: at,
      });
    });

    it.each([1002, 1005])('over header and payload, in tag %i', async (tag) => {
      const sign = overWhole(tag, key, { version });
      expect(await verify({ sign, ...old })).toMatchObject({ covers: 'whole', signer: key.fingerprint });
      expect(await verify({ sign: both(overHeader(268), sign), ...old })).toMatchObject({ covers: 'whole' });
    });
  });

  it.skipIf(needsTool('rpmkeys', 'gpg', 'gpgconf'))('rpm takes the same', async () => {
    const home = join(folder, 'home-of-armour');
    const armoured = join(folder, 'key.asc');
    await mkdir(home, { mode: 0o700 });
    const flags = ['--homedir', home, '--batch', '--quiet'];
    await execa('gpg', [...flags, '--import', join(folder, 'key.pgp')]);
    await execa('gpg', [...flags, '--armor', '--output', armoured, '--export']);
    await execa('gpgconf', ['--homedir', home, '--kill', 'all']);
    for (const version of [3, 4] as const) {
      await verify({
        sign: both(overHeader(268, key, { version }), overWhole(1002, key, { version })),
        ...old,
      });
      expect(await rpmAccepts(path, armoured)).toBe(true);
    }
  });

  describe('several, in tag 278', () => {
    const encoded =
      (...signatures: readonly ((main: Uint8Array) => Uint8Array | string)[]): Signing =>
      (main) => [
        {
          tag: 278,
          type: 'STRING_ARRAY',
          value: signatures.map((make) => {
            const made = make(main);
            return typeof made === 'string' ? made : Buffer.from(made).toString('base64');
          }),
        },
      ];
    const good = (main: Uint8Array) => key.sign(main, { at });
    const strange = (main: Uint8Array) => stranger.sign(main);
    /** Of a version that no gpgv reads yet. */
    const coming = (main: Uint8Array) => Uint8Array.from(good(main), (byte, i) => (i === 3 ? 6 : byte));

    it('one good one is enough', async () => {
      expect(await verify({ sign: encoded(strange, coming, good) })).toEqual({
        covers: 'whole',
        signer: key.fingerprint,
        signedAt: at,
      });
    });

    it('as version 6 packages have them', async () => {
      expect(await verify({ sign: encoded(coming, good), version: 6 })).toMatchObject({ covers: 'whole' });
    });

    it('none good', async () => {
      await expect(verify({ sign: encoded(strange) })).rejects.toMatchObject({
        code: 'package-signature',
        message: expect.stringContaining('unknown-key'),
      });
      await expect(verify({ sign: encoded(coming) })).rejects.toMatchObject({ code: 'package-signature' });
    });

    it.each([
      ['no base64', encoded(() => 'not base64!'), /^rpm signature header: signature 0 is not base64$/u],
      [
        'nine',
        encoded(...Array.from({ length: 9 }, () => strange)),
        /^rpm signature header: 9 signatures, of at most 8$/u,
      ],
      [
        'more than any has',
        encoded(() => 'A'.repeat(200_000)),
        /^rpm signature header: a signature of 200000 bytes, of at most 131072$/u,
      ],
    ])('%s', async (_, sign, message) => {
      await expect(verify({ sign })).rejects.toMatchObject({
        code: 'package-malformed',
        message: expect.stringMatching(message),
      });
    });
  });

  it('a text that is nearly base64 takes no longer than another of its length', async () => {
    const text = `A${' '.repeat(120_000)}!`;
    const sign: Signing = () => [{ tag: 278, type: 'STRING_ARRAY', value: [text] }];
    const start = performance.now();
    await expect(verify({ sign })).rejects.toMatchObject({ code: 'package-malformed' });
    expect(performance.now() - start).toBeLessThan(2000);
  });

  it('a signature of 1 MB, which gpgv need not see', async () => {
    const sign: Signing = (main) => [blob(1002, Buffer.alloc(1_000_000, key.sign(main)))];
    await expect(verify({ sign, ...old })).rejects.toMatchObject({
      code: 'package-malformed',
      message: 'rpm signature header: a signature of 1000000 bytes, of at most 131072',
    });
  });

  it('a signature of another type', async () => {
    const sign: Signing = () => [{ tag: 268, type: 'STRING', value: 'signed' }];
    await expect(verify({ sign })).rejects.toMatchObject({
      code: 'package-malformed',
      message: expect.stringMatching(/^rpm signature header\+0x[0-9a-f]+: tag 268: type 6, not 7$/u),
    });
  });

  it('bytes that are no signature', async () => {
    const sign: Signing = () => [blob(268, Buffer.from('signed'))];
    await expect(verify({ sign })).rejects.toMatchObject({
      code: 'package-signature',
      message: expect.stringContaining('no readable signature'),
    });
  });

  it('a signature over another header, all digests as they should be', async () => {
    const sign: Signing = (main) => [blob(268, key.sign(main.subarray(1)))];
    await expect(verify({ sign })).rejects.toMatchObject({
      code: 'package-signature',
      message: expect.stringMatching(/\(bad [0-9A-F]{16}\)$/u),
    });
  });

  describe('packages of before payload digests', () => {
    it('a payload that is not the signed one', async () => {
      const sign = both(overHeader(268), overWhole(1002));
      const spoil = (bytes: Buffer) => {
        bytes[bytes.length - 1] ^= 1;
      };
      await expect(verify({ sign, ...old }, {}, spoil)).rejects.toMatchObject({
        code: 'package-signature',
        message: expect.stringContaining('bad'),
      });
      await expect(verify({ sign: overWhole(1002), ...old }, {}, spoil)).rejects.toMatchObject({
        code: 'package-signature',
      });
    });

    it('a payload that a stranger signed, under a header that a trusted key did', async () => {
      const sign = both(overHeader(268), overWhole(1002, stranger));
      expect(await verify({ sign, ...old })).toMatchObject({ covers: 'header', signer: key.fingerprint });
    });

    it('a header that a stranger signed, and a good signature over everything', async () => {
      const sign = both(overHeader(268, stranger), overWhole(1002));
      expect(await verify({ sign, ...old })).toMatchObject({ covers: 'whole', signer: key.fingerprint });
    });
  });

  describe('digests', () => {
    const sign = overHeader(268);
    const withDigest = (hex: string, algorithm: number): Pick<RpmSpec, 'changeMain'> => ({
      changeMain: (entries) => [
        ...entries.filter(({ tag }) => tag !== 5092 && tag !== 5093),
        { tag: 5092, type: 'STRING_ARRAY', value: [hex] },
        { tag: 5093, type: 'INT32', value: [algorithm] },
      ],
    });

    it.each([
      [8, 'sha256'],
      [9, 'sha384'],
      [10, 'sha512'],
    ])('of the payload: %i is %s', async (number, algorithm) => {
      const payload = Buffer.from('0707');
      const damagePayload = () => payload;
      const hex = createHash(algorithm).update(payload).digest('hex');
      expect(await verify({ sign, damagePayload, ...withDigest(hex.toUpperCase(), number) })).toMatchObject({
        covers: 'whole',
      });
      await expect(verify({ sign, ...withDigest(hex, number) })).rejects.toMatchObject({
        code: 'package-digest',
        message: expect.stringContaining(`rpm payload: ${algorithm} is`),
      });
    });

    it.each([1, 2, 99])('number %i proves nothing about the payload', async (number) => {
      expect(await verify({ sign, ...withDigest('00', number) })).toMatchObject({ covers: 'header' });
    });

    it.each([
      [269, 'sha1'],
      [273, 'sha256'],
    ])('of the header, tag %i (%s)', async (_, algorithm) => {
      // Both stand in the signature header as hexadecimal text; the package is otherwise as it was signed.
      const spoil = (bytes: Buffer) => {
        const main = bytes.indexOf(Buffer.from([0x8e, 0xad, 0xe8, 1]), 100);
        const length = 16 + 16 * bytes.readUInt32BE(main + 8) + bytes.readUInt32BE(main + 12);
        const hex = createHash(algorithm)
          .update(bytes.subarray(main, main + length))
          .digest('hex');
        const at = bytes.indexOf(hex);
        expect(at).toBeGreaterThan(0);
        bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
      };
      await expect(verify({ sign }, {}, spoil)).rejects.toMatchObject({
        code: 'package-digest',
        message: expect.stringContaining(`rpm main header: ${algorithm} is`),
      });
    });
  });

  describe('weak cryptography (crawlers/trust/keys/README.md)', () => {
    it.each<[string, typeof key, HashName, string]>([
      ['SHA-1', key, 'SHA1', 'key.pgp'],
      ['a short RSA key', short, 'SHA256', 'short.pgp'],
    ])('%s counts on request only', async (_, by, hash, keyring) => {
      const keyrings = [join(folder, keyring)];
      for (const version of [3, 4] as const) {
        const sign = overHeader(268, by, { hash, version });
        await expect(verify({ sign }, { keyrings })).rejects.toMatchObject({
          code: 'package-signature',
          message: expect.stringContaining('weak'),
        });
        const verified = await verify({ sign }, { keyrings, allowWeak: true });
        expect(verified).toMatchObject({ covers: 'whole', signer: by.fingerprint });
      }
    });

    it('MD5 never counts', async () => {
      const sign = overHeader(268, key, { hash: 'MD5' });
      await expect(verify({ sign }, { allowWeak: true })).rejects.toMatchObject({
        code: 'package-signature',
      });
    });
  });

  it('stops when told to', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(verify({ sign: overHeader(268) }, { signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });

  it('is not there at all', async () => {
    await expect(
      verifyRpm(join(folder, 'absent.rpm'), optionsFor(join(folder, 'key.pgp'))),
    ).rejects.toMatchObject({ code: 'io-failed' });
  });

  it('any change is found, or is where no signature reaches', async () => {
    const files = [{ name: './vmlinux', data: Buffer.from('kernel') }];
    const original = await rpmPackage({ files, sign: both(overHeader(268), overWhole(1002)), ...old });
    const main = Buffer.from(original).indexOf(Buffer.from([0x8e, 0xad, 0xe8, 1]), 100);
    const change = record({
      at: double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: nat(255),
    });
    const options = optionsFor(join(folder, 'key.pgp'));
    await assert(
      asyncProperty(array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
        const bytes = Uint8Array.from(original);
        for (const { at, byte } of changes) bytes[Math.floor(at * bytes.length)] = byte;
        await writeFile(path, bytes);
        const result = await verifyRpm(path, options).catch((error: unknown) => error);
        if (result instanceof Error) {
          expect(result).toBeInstanceOf(BtfmillError);
          expect((result as BtfmillError).code).toMatch(/^package-(?:malformed|signature|digest)$/u);
          return;
        }
        expect(result).toMatchObject({ signer: key.fingerprint });
        if ((result as RpmSignature).covers === 'whole') {
          expect(bytes.subarray(main)).toEqual(original.subarray(main));
        }
      }),
      { numRuns: 60 },
    );
  });
});
