import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forgedSignature, rsaKey } from '../../test/builders/openpgp-writer.ts';
import { makeTempDir, removeDir } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { judgeSignatures } from './index.ts';
import { rsaKeyBits } from './key-sizes.ts';

const KEYS = fileURLToPath(new URL('./keys/', import.meta.url));
const SHIPPED = readdirSync(KEYS, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(?:pgp|gpg)$/u.test(name))
  .map((name) => join(KEYS, name));

test('the keys that were made', () => {
  const short = rsaKey(1024);
  const long = rsaKey(2048);
  expect(rsaKeyBits(Buffer.concat([short.keyring, long.keyring]))).toEqual(
    new Map([
      [short.fingerprint, 1024],
      [long.fingerprint, 2048],
    ]),
  );
});

test.each([
  ['nothing', new Uint8Array(0)],
  ['text', Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----')],
  ['a packet of indefinite length', Uint8Array.of(0x9b, 4, 0)],
  ['a packet in pieces', Uint8Array.of(0xc6, 0xe1, 4, 0)],
  ['half a length', Uint8Array.of(0xc6, 0xff, 0)],
  ['an empty key', Uint8Array.of(0x98, 0)],
  ['a key without its modulus', Uint8Array.of(0x98, 6, 4, 0, 0, 0, 0, 1)],
])('%s holds none', (_, bytes) => {
  expect(rsaKeyBits(bytes).size).toBe(0);
});

test('what stands before a cut', () => {
  const { keyring, fingerprint } = rsaKey(1024);
  expect([...rsaKeyBits(Buffer.concat([keyring, keyring.subarray(0, 100)])).keys()]).toEqual([fingerprint]);
});

describe('the shipped keyrings', () => {
  let workDir: string;

  beforeAll(async () => {
    workDir = await makeTempDir('key-sizes');
  });

  afterAll(() => removeDir(workDir));

  test('there are some', () => {
    expect(SHIPPED.length).toBeGreaterThan(5);
  });

  test.skipIf(needsTool('gpg')).each(SHIPPED)('%s: as gpg reads it', (keyring) => {
    const flags = [
      '--homedir',
      workDir,
      '--batch',
      '--show-keys',
      '--with-colons',
      '--with-subkey-fingerprint',
    ];
    const output = execFileSync('gpg', [...flags, keyring], { encoding: 'utf8' });
    const keys = [
      ...output.matchAll(/^[ps]ub:[^:]*:(\d+):1:.*\n(?:(?![ps]ub).*\n)*?fpr:+([0-9A-F]{40}):/gmu),
    ];
    const expected = keys.map(([, bits, fingerprint]): [string, number] => [fingerprint, Number(bits)]);
    expect(rsaKeyBits(readFileSync(keyring))).toEqual(new Map(expected));
  });

  test.skipIf(needsTool('gpgv')).each(SHIPPED)('%s: gpgv would use its keys', async (keyring) => {
    for (const fingerprint of rsaKeyBits(readFileSync(keyring)).keys()) {
      const signal = new AbortController().signal;
      const options = { where: 'x', keyrings: [keyring], workDir, signal, allowWeak: false };
      const reports = await judgeSignatures(Buffer.from('x'), forgedSignature(fingerprint), options);
      expect(reports).toEqual([{ verdict: 'bad', signer: fingerprint.slice(-16) }]);
    }
  });
});
