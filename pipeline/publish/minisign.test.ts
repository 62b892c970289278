import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import {
  generateSigningKey,
  parsePublicKey,
  parseSecretKey,
  secretKeyText,
  signMinisign,
  verifyMinisign,
} from './minisign.ts';

/** Made by `minisign -G -W` for these tests only. */
const SECRET = `untrusted comment: minisign encrypted secret key
RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ1ClARvz/Hf9ZlUc2zCJZHm1ke2ge40NarNvLirM4c6l1GTBDPicQdJTkzY/mv1MC4EIhXeeoGg5vViSmQ/5/8VwM7Gu5L0lAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
`;
const PUBLIC = 'RWRDUKUBG/P8d9JTkzY/mv1MC4EIhXeeoGg5vViSmQ/5/8VwM7Gu5L0l';
const CONTENT = Buffer.from('{"serial":1}\n');
const key = parseSecretKey(SECRET, 'k');
const signature = signMinisign(CONTENT, key, 'serial 1');

it('a secret key holds its public key', () => {
  expect(key.publicKey.text).toBe(PUBLIC);
  expect(parsePublicKey(`untrusted comment: x\n${PUBLIC}\n`, 'k').text).toBe(PUBLIC);
});

it('a key that was made is read again', () => {
  const made = generateSigningKey();
  const again = parseSecretKey(secretKeyText(made), 'k');
  expect(again.publicKey.text).toBe(made.publicKey.text);
  const text = signMinisign(CONTENT, again, 'c');
  expect(verifyMinisign(CONTENT, text, made.publicKey, 'x')).toBe('c');
});

it('a signature of ours verifies and gives its trusted comment', () => {
  expect(verifyMinisign(CONTENT, signature, parsePublicKey(PUBLIC, 'k'), 'x')).toBe('serial 1');
});

describe('what is refused, as archive-signature', () => {
  const flip = (text: string, line: number): string => {
    const lines = text.split('\n');
    const bytes = Buffer.from(lines[line], 'base64');
    bytes[20] ^= 1;
    lines[line] = bytes.toString('base64');
    return lines.join('\n');
  };
  const otherKey = (): string => {
    const bytes = Buffer.from(PUBLIC, 'base64');
    bytes[3] ^= 1;
    return bytes.toString('base64');
  };
  it.each<[string, Uint8Array, string, string, RegExp]>([
    ['other content', Buffer.from('{"serial":2}\n'), signature, PUBLIC, /not over this content/u],
    ['a changed signature', CONTENT, flip(signature, 1), PUBLIC, /not over this content/u],
    ['a changed comment', CONTENT, signature.replace('serial 1', 'serial 2'), PUBLIC, /trusted comment/u],
    ['a changed signature of the comment', CONTENT, flip(signature, 3), PUBLIC, /trusted comment/u],
    ['another key', CONTENT, signature, otherKey(), /signed by key 77FCF31B01A55043/u],
    ['the kind without a hash', CONTENT, signature.replace(/^RURD/mu, 'RWRD'), PUBLIC, /unknown kind/u],
    ['nothing', CONTENT, '', PUBLIC, /no minisign signature/u],
    ['a web page', CONTENT, '<html>\n\n\n', PUBLIC, /no minisign signature/u],
  ])('%s', (_, content, text, publicKey, message) => {
    expect(() => verifyMinisign(content, text, parsePublicKey(publicKey, 'k'), 'x')).toThrow(
      expect.objectContaining({ code: 'archive-signature', message: expect.stringMatching(message) }),
    );
  });
});

describe('keys that are none, as usage', () => {
  const withByte = (at: number, value: number): string => {
    const bytes = Buffer.from(SECRET.split('\n')[1], 'base64');
    bytes[at] = value;
    return `x\n${bytes.toString('base64')}\n`;
  };
  it.each([
    ['an empty file', '', /no minisign secret key/u],
    ['a public key', PUBLIC, /no minisign secret key/u],
    ['an encrypted key', withByte(2, 0x53), /is encrypted/u],
    ['a damaged key', withByte(70, 0), /is damaged/u],
  ])('%s', (_, text, message) => {
    expect(() => parseSecretKey(text, 'k')).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) }),
    );
  });

  it('no public key', () => {
    expect(() => parsePublicKey('RWRD', 'k')).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});

describe.skipIf(needsTool('minisign'))('beside minisign', () => {
  it('minisign takes our signatures, and we take its', async () => {
    const folder = await tempDirForTest('minisign');
    const file = join(folder, 'f');
    writeFileSync(file, CONTENT);
    writeFileSync(`${file}.minisig`, signature);
    const said = execFileSync('minisign', ['-V', '-P', PUBLIC, '-m', file], { encoding: 'utf8' });
    expect(said).toContain('Trusted comment: serial 1');

    writeFileSync(file, 'other');
    expect(() => execFileSync('minisign', ['-V', '-P', PUBLIC, '-m', file], { stdio: 'ignore' })).toThrow();

    writeFileSync(join(folder, 'k'), SECRET);
    execFileSync('minisign', ['-S', '-s', join(folder, 'k'), '-m', file, '-t', 'from minisign'], {
      stdio: 'ignore',
    });
    const theirs = readFileSync(`${file}.minisig`, 'utf8');
    expect(verifyMinisign(Buffer.from('other'), theirs, key.publicKey, 'x')).toBe('from minisign');
  });

  it('a key made by minisign is read', async () => {
    const folder = await tempDirForTest('minisign');
    const [secret, pub] = [join(folder, 'k'), join(folder, 'k.pub')];
    execFileSync('minisign', ['-G', '-W', '-p', pub, '-s', secret], { stdio: 'ignore' });
    const made = parseSecretKey(readFileSync(secret, 'utf8'), secret);
    expect(parsePublicKey(readFileSync(pub, 'utf8'), pub).text).toBe(made.publicKey.text);
  });
});
