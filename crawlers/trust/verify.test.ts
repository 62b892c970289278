import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTempDir, removeDir } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import {
  DEBIAN_KEYRING,
  DEBIAN_REMOVED_KEYRING,
  FEDORA_KEYRINGS,
  type VerifiedText,
  verifyInline,
} from './index.ts';

const signal = new AbortController().signal;
let workDir: string;

beforeAll(async () => {
  workDir = await makeTempDir('gpgv');
});

afterAll(() => removeDir(workDir));

const TEXT = 'Suite: test\n- dashed\n-----BEGIN PGP SIGNATURE-----\ntrailing  \n\nü';

describe.skipIf(needsTool('gpgv'))('real indexes', () => {
  // dists/bookworm-security/InRelease of security.debian.org, 18 Nov 2026: signed by two subkeys.
  const inRelease = readFileSync(new URL('./fixtures/InRelease.bookworm-security', import.meta.url));

  test('Debian’s signature holds with the shipped keys', async () => {
    const verified = await verifyInline(inRelease, {
      where: 'x',
      keyrings: [DEBIAN_KEYRING],
      workDir,
      signal,
    });
    expect(verified.signer).toBe('AC530D520F2F3269F5E98313A48449044AAD5C5D');
    expect(verified.signedAt).toEqual(new Date('2026-11-18T22:17:42Z'));
    expect(verified.text).toMatch(/^Origin: Debian\n/);
    expect(verified.text).not.toContain('PGP');
  });

  test('one changed letter → index-signature, naming the signers', async () => {
    const changed = Buffer.from(inRelease);
    changed[inRelease.indexOf('amd64')] += 1;
    await expect(
      verifyInline(changed, { where: 'x', keyrings: [DEBIAN_KEYRING], workDir, signal }),
    ).rejects.toMatchObject({
      code: 'index-signature',
      message: expect.stringContaining('bad 54404762BBB6E853'),
    });
  });

  test('keys of releases 8 to 10 do not vouch for today’s', async () => {
    await expect(
      verifyInline(inRelease, { where: 'x', keyrings: [DEBIAN_REMOVED_KEYRING], workDir, signal }),
    ).rejects.toMatchObject({ message: expect.stringContaining('unknown-key') });
  });
});

describe.skipIf(needsTool('gpgv', 'gpg', 'gpgconf'))('own keys', () => {
  let folder: string;
  let home: string;

  const gpg = (...args: readonly string[]) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--pinentry-mode', 'loopback', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  const makeKey = (user: string, expire = 'never') =>
    gpg(
      '--faked-system-time',
      '20200101T000000',
      '--passphrase',
      '',
      '--quick-generate-key',
      user,
      'rsa2048',
      'sign',
      expire,
    );
  const exportKey = (user: string, ...flags: readonly string[]) => {
    const path = join(folder, `${user}${flags.join('')}.pgp`);
    writeFileSync(path, gpg(...flags, '--export', user));
    return path;
  };
  const sign = (at: string, ...flags: readonly string[]) => {
    writeFileSync(join(folder, 'text'), TEXT);
    const time = ['--faked-system-time', at];
    return gpg(...time, ...flags, '--output', '-', '--clear-sign', join(folder, 'text'));
  };
  beforeAll(async () => {
    folder = await makeTempDir('trust');
    home = join(folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    makeKey('trusted');
    makeKey('stranger');
    makeKey('short', '2y');
  });

  afterAll(async () => {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'all']);
    await removeDir(folder);
  });

  test('the text is the signed one, escapes undone', async () => {
    const verified = await verify(sign('20240101T000000', '-u', 'trusted'), exportKey('trusted'));
    expect(verified.text).toBe('Suite: test\n- dashed\n-----BEGIN PGP SIGNATURE-----\ntrailing\n\nü');
    expect(verified.signedAt).toEqual(new Date('2024-01-01T00:00:00Z'));
  });

  test('an armoured keyring is one as well, and several are taken together', async () => {
    const signed = sign('20240101T000000', '-u', 'trusted');
    const armoured = exportKey('trusted', '--armor');
    await verify(signed, armoured);
    await verify(signed, exportKey('stranger'), armoured);
  });

  test('one good signature is enough beside an unknown signer', async () => {
    await verify(sign('20240101T000000', '-u', 'stranger', '-u', 'trusted'), exportKey('trusted'));
  });

  test('an unknown signer alone → index-signature', async () => {
    await expect(
      verify(sign('20240101T000000', '-u', 'stranger'), exportKey('trusted')),
    ).rejects.toMatchObject({ code: 'index-signature', message: expect.stringContaining('unknown-key') });
  });

  test('a key that has expired since holds for what it signed before', async () => {
    const keyring = exportKey('short');
    await verify(sign('20210101T000000', '-u', 'short'), keyring);

    // Whoever has not heard that the key was prolonged must not take what it signs then.
    const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(gpg('--with-colons', '-k', 'short').toString())?.[1] ?? '';
    gpg('--faked-system-time', '20210601T000000', '--quick-set-expire', fingerprint, '10y');
    await expect(verify(sign('20230101T000000', '-u', 'short'), keyring)).rejects.toMatchObject({
      code: 'index-signature',
      message: expect.stringContaining('expired-key'),
    });
  });

  test('SHA-1 proves nothing', async () => {
    await expect(
      verify(sign('20240101T000000', '--digest-algo', 'SHA1', '-u', 'trusted'), exportKey('trusted')),
    ).rejects.toMatchObject({ message: expect.stringContaining('weak') });
  });

  test('a key that certifies itself with SHA-1 only, as Ubuntu’s does, counts for what it signs with better', async () => {
    const self = ['--cert-digest-algo', 'SHA1', '--allow-weak-digest-algos', '--passphrase', ''];
    gpg(...self, '--quick-generate-key', 'old-fashioned', 'rsa2048', 'sign', 'never');
    const signed = sign('20400101T000000', '--digest-algo', 'SHA512', '-u', 'old-fashioned');
    const packets = execFileSync('gpg', ['--list-packets', exportKey('old-fashioned')], { encoding: 'utf8' });
    expect(packets).toMatch(/digest algo 2,/);
    await verify(signed, exportKey('old-fashioned'));
  });

  test('text smuggled in around the signed block → index-signature', async () => {
    const signed = sign('20240101T000000', '-u', 'trusted').toString();
    const keyring = exportKey('trusted');
    for (const smuggled of [`Suite: evil\n${signed}`, `${signed}Suite: evil\n`, signed + signed]) {
      await expect(verify(Buffer.from(smuggled), keyring)).rejects.toMatchObject({ code: 'index-signature' });
    }
  });

  test('a keyring that is none → usage', async () => {
    const signed = sign('20240101T000000', '-u', 'trusted');
    writeFileSync(join(folder, 'no-keys'), 'hello');
    await expect(verify(signed, join(folder, 'no-keys'))).rejects.toMatchObject({ code: 'usage' });
    await expect(verify(signed, join(folder, 'absent'))).rejects.toMatchObject({ code: 'usage' });
  });

  test('temporary files lie in the given folder only, made if need be, and nothing is left there', async () => {
    const own = join(folder, 'deep', 'own');
    const keyring = exportKey('trusted', '--armor');
    const signed = sign('20240101T000000', '-u', 'trusted');
    const before = process.env['TMPDIR'];
    // Where nothing can be written: who still asks for the system's folder fails.
    process.env['TMPDIR'] = join(folder, 'no-such-folder');
    try {
      await verifyInline(signed, { where: 'x', keyrings: [keyring], workDir: own, signal });
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    }
    expect(readdirSync(own)).toEqual([]);
  });

  test('no gpgv → tool-missing', async () => {
    const signed = sign('20240101T000000', '-u', 'trusted');
    const keyring = exportKey('trusted');
    const path = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      await expect(verify(signed, keyring)).rejects.toMatchObject({ code: 'tool-missing', exitCode: 2 });
    } finally {
      process.env['PATH'] = path;
    }
  });
});

test.skipIf(needsTool('gpg'))(
  'the shipped keyrings hold the keys that keys/README.md lists, and no other',
  () => {
    const readme = readFileSync(new URL('./keys/README.md', import.meta.url), 'utf8');
    const listed = [...readme.matchAll(/`([0-9A-F]{40})`/g)].map(([, fingerprint]) => fingerprint);
    const shipped: string[] = [];
    const keys = fileURLToPath(new URL('./keys/', import.meta.url));
    for (const name of readdirSync(keys, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(pgp|gpg)$/.test(name)) continue;
      const keyring = join(keys, name);
      expect(readme).toContain(`\`${name}\``);
      const output = execFileSync('gpg', ['--show-keys', '--with-colons', keyring], { encoding: 'utf8' });
      for (const [, fingerprint] of output.matchAll(/^pub:.*\n(?:.*\n)*?fpr:+([0-9A-F]{40}):/gm)) {
        shipped.push(fingerprint);
      }
    }
    expect(shipped.length).toBeGreaterThan(10);
    expect(listed.toSorted(byText)).toEqual(shipped.toSorted(byText));
  },
);

test('every keyring that the code names is there', () => {
  const named = [DEBIAN_KEYRING, DEBIAN_REMOVED_KEYRING, ...FEDORA_KEYRINGS.values()];
  for (const keyring of named) expect(existsSync(keyring), keyring).toBe(true);
  expect(FEDORA_KEYRINGS.size).toBe(40);
});

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function verify(bytes: Uint8Array, ...keyrings: readonly string[]): Promise<VerifiedText> {
  return verifyInline(bytes, { where: 'x', keyrings, workDir, signal });
}
